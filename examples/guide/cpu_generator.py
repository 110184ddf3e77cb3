# SPDX-License-Identifier: Apache-2.0
"""A CPU generator. Ours needs no device; one that names it reports it and draws the same.

But diffusers takes the device at its word: for a pipeline on a GPU it has noise made on the CPU and
copied. Without a device the same noise is made on the GPU.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diffusers import DDIMPipeline
from verdict import Claims, repeats, same, show

import reprorng

DIGITS = Path(__file__).parents[1] / "digits"


def sample(generator: reprorng.Generator) -> np.ndarray:
    """A digit, made on the CPU."""
    pipeline = DDIMPipeline.from_pretrained(DIGITS)
    return pipeline(num_inference_steps=2, generator=generator, output_type="np").images


def run(seed: int) -> np.ndarray:
    """The digit of a seed, from a generator that is bound to the CPU."""
    return sample(reprorng.Generator(seed, device="cpu"))


def claims() -> Claims:
    """What the device of a generator decides of its numbers: nothing."""
    return {
        "with and without a device: the same": same(run(0), sample(reprorng.Generator(0))),
    }


if __name__ == "__main__":
    show(repeats(run) | claims())
