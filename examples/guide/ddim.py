# SPDX-License-Identifier: Apache-2.0
"""`DDIMPipeline`, two steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diffusers import DDIMPipeline
from verdict import repeats, show

import reprorng

DIGITS = Path(__file__).parents[1] / "digits"


def run(seed: int) -> np.ndarray:
    """The digit of a seed."""
    ddim = DDIMPipeline.from_pretrained(DIGITS)
    generator = reprorng.Generator(seed)
    return ddim(num_inference_steps=2, generator=generator, output_type="np").images


if __name__ == "__main__":
    print("sum of all pixels:", np.abs(run(0)).sum())
    show(repeats(run))
