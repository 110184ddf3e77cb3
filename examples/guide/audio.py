# SPDX-License-Identifier: Apache-2.0
"""A sound: `StableAudioPipeline`, whose scheduler takes its noise from a Brownian motion."""

from __future__ import annotations

import numpy as np
from diffusers import StableAudioPipeline
from verdict import repeats, show

import reprorng
from examples.tiny import stable_audio


def run(seed: int) -> np.ndarray:
    """The two channels of a seed."""
    pipeline = StableAudioPipeline(**stable_audio.components())
    return pipeline(
        "the sound of a dog",
        audio_end_in_s=2.0,
        num_inference_steps=4,
        generator=reprorng.Generator(seed),
        output_type="np",
    ).audios


if __name__ == "__main__":
    show(repeats(run))
