# SPDX-License-Identifier: Apache-2.0
"""`FluxPipeline`."""

from __future__ import annotations

import numpy as np
from diffusers import FluxPipeline
from verdict import repeats, show

import reprorng
from examples.tiny import flux


def run(seed: int) -> np.ndarray:
    """The picture of a seed."""
    pipeline = FluxPipeline(**flux.components())
    return pipeline(
        "a photo of the red moon",
        height=16,
        width=16,
        num_inference_steps=4,
        generator=reprorng.Generator(seed),
        output_type="np",
    ).images


if __name__ == "__main__":
    show(repeats(run))
