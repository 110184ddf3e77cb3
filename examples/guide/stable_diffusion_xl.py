# SPDX-License-Identifier: Apache-2.0
"""`StableDiffusionXLPipeline` with a scheduler that adds noise at every step."""

from __future__ import annotations

import numpy as np
from diffusers import EulerAncestralDiscreteScheduler, StableDiffusionXLPipeline
from verdict import repeats, show

import reprorng
from examples.tiny import stable_diffusion_xl


def run(seed: int) -> np.ndarray:
    """The picture of a seed."""
    pipeline = StableDiffusionXLPipeline(**stable_diffusion_xl.components())
    pipeline.scheduler = EulerAncestralDiscreteScheduler.from_config(pipeline.scheduler.config)
    return pipeline(
        "a photo of a squirrel on the moon",
        num_inference_steps=4,
        generator=reprorng.Generator(seed),
        output_type="np",
    ).images


if __name__ == "__main__":
    show(repeats(run))
