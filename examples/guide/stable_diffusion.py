# SPDX-License-Identifier: Apache-2.0
"""`StableDiffusionPipeline` with `DDIMScheduler.from_config`, 50 steps, twice: L∞ = 0."""

from __future__ import annotations

import numpy as np
from diffusers import DDIMScheduler, StableDiffusionPipeline
from verdict import repeats, show

import reprorng
from examples.tiny import stable_diffusion


def run(seed: int) -> np.ndarray:
    """The picture of a seed."""
    pipeline = StableDiffusionPipeline(**stable_diffusion.components())
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    return pipeline(
        "a photo of an astronaut riding a horse on mars",
        num_inference_steps=50,
        generator=reprorng.Generator(seed),
        output_type="np",
    ).images


if __name__ == "__main__":
    print("L∞ distance:", np.abs(run(0) - run(0)).max())
    show(repeats(run))
