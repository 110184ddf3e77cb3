# SPDX-License-Identifier: Apache-2.0
"""`StableDiffusionInpaintPipeline`: half of a picture is painted anew."""

from __future__ import annotations

import numpy as np
from diffusers import StableDiffusionInpaintPipeline
from verdict import repeats, show

import reprorng
from examples.tiny import pictures, stable_diffusion


def run(seed: int) -> np.ndarray:
    """The picture of a seed."""
    pipeline = StableDiffusionInpaintPipeline(**stable_diffusion.components())
    return pipeline(
        "a cat in the photo",
        image=pictures.gradient(),
        mask_image=pictures.right_half(),
        height=pictures.SIZE,
        width=pictures.SIZE,
        strength=0.9,
        num_inference_steps=5,
        generator=reprorng.Generator(seed),
        output_type="np",
    ).images


if __name__ == "__main__":
    show(repeats(run))
