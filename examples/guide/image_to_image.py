# SPDX-License-Identifier: Apache-2.0
"""`StableDiffusionImg2ImgPipeline`: the encoded picture and its noise are of one generator."""

from __future__ import annotations

import numpy as np
from diffusers import StableDiffusionImg2ImgPipeline
from verdict import repeats, show

import reprorng
from examples.tiny import pictures, stable_diffusion


def run(seed: int) -> np.ndarray:
    """The picture of a seed."""
    pipeline = StableDiffusionImg2ImgPipeline(**stable_diffusion.components())
    return pipeline(
        "a painting of mars",
        image=pictures.gradient(),
        strength=0.8,
        num_inference_steps=5,
        generator=reprorng.Generator(seed),
        output_type="np",
    ).images


if __name__ == "__main__":
    show(repeats(run))
