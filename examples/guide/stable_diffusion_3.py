# SPDX-License-Identifier: Apache-2.0
"""`StableDiffusion3Pipeline`: all noise is in the first latents."""

from __future__ import annotations

import numpy as np
from diffusers import StableDiffusion3Pipeline
from verdict import repeats, show

import reprorng
from examples.tiny import stable_diffusion_3


def run(seed: int) -> np.ndarray:
    """The picture of a seed."""
    pipeline = StableDiffusion3Pipeline(**stable_diffusion_3.components())
    return pipeline(
        "a painting of a blue dog",
        num_inference_steps=4,
        generator=reprorng.Generator(seed),
        output_type="np",
    ).images


if __name__ == "__main__":
    show(repeats(run))
