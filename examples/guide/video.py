# SPDX-License-Identifier: Apache-2.0
"""A video: `AnimateDiffPipeline`, four frames."""

from __future__ import annotations

import numpy as np
from diffusers import AnimateDiffPipeline
from verdict import repeats, show

import reprorng
from examples.tiny import animatediff


def run(seed: int) -> np.ndarray:
    """The frames of a seed."""
    pipeline = AnimateDiffPipeline(**animatediff.components())
    return pipeline(
        "a horse on the moon",
        num_frames=4,
        num_inference_steps=4,
        generator=reprorng.Generator(seed),
        output_type="np",
    ).frames


if __name__ == "__main__":
    show(repeats(run))
