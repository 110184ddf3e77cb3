# SPDX-License-Identifier: Apache-2.0
"""`StableDiffusionControlNetPipeline`, steered by a picture."""

from __future__ import annotations

import numpy as np
from diffusers import StableDiffusionControlNetPipeline
from verdict import repeats, show

import reprorng
from examples.tiny import pictures, stable_diffusion


def run(seed: int) -> np.ndarray:
    """The picture of a seed."""
    pipeline = StableDiffusionControlNetPipeline(
        **stable_diffusion.components(), controlnet=stable_diffusion.controlnet()
    )
    return pipeline(
        "a photo of a horse",
        image=pictures.gradient(),
        num_inference_steps=4,
        generator=reprorng.Generator(seed),
        output_type="np",
    ).images


if __name__ == "__main__":
    show(repeats(run))
