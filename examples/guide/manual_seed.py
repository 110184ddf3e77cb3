# SPDX-License-Identifier: Apache-2.0
"""`manual_seed` returns a generator, at its start; one that has been used is further on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diffusers import DDIMPipeline
from verdict import Claims, repeats, same, show

import reprorng

DIGITS = Path(__file__).parents[1] / "digits"


def sample(generator: reprorng.Generator) -> np.ndarray:
    """A digit."""
    pipeline = DDIMPipeline.from_pretrained(DIGITS)
    return pipeline(num_inference_steps=2, generator=generator, output_type="np").images


def run(seed: int) -> np.ndarray:
    """The digit of a seed."""
    return sample(reprorng.manual_seed(seed))


def claims() -> Claims:
    """What using a generator twice gives, and what seeding it again."""
    generator = reprorng.manual_seed(0)
    first, second = sample(generator), sample(generator)
    return {
        "used again, the generator gives another image": not same(first, second),
        "seeded again, it gives the first": same(first, sample(generator.manual_seed(0))),
        "so does a generator of its own": same(first, sample(reprorng.Generator(0))),
    }


if __name__ == "__main__":
    show(repeats(run) | claims())
