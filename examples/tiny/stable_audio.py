# SPDX-License-Identifier: Apache-2.0
"""Stable Audio, of 32 samples in two channels."""

from __future__ import annotations

from typing import Any

from diffusers import (
    AutoencoderOobleck,
    CosineDPMSolverMultistepScheduler,
    StableAudioDiTModel,
    StableAudioProjectionModel,
)

from examples.tiny.text import WIDTH, t5_text, t5_tokenizer
from examples.tiny.weights import fixed_weights

LATENT_CHANNELS = 4
LATENT_LENGTH = 8
SAMPLING_RATE = 16
"""Samples a second; the autoencoder keeps one latent of each four."""


def components() -> dict[str, Any]:
    """What `StableAudioPipeline` is made of; the scheduler adds noise at every step."""
    return {
        "tokenizer": t5_tokenizer(),
        "text_encoder": t5_text(),
        "projection_model": projection(),
        "transformer": transformer(),
        "vae": autoencoder(),
        "scheduler": CosineDPMSolverMultistepScheduler(solver_order=2),
    }


@fixed_weights
def projection() -> StableAudioProjectionModel:
    """What puts text and seconds into one space."""
    return StableAudioProjectionModel(
        text_encoder_dim=WIDTH, conditioning_dim=WIDTH, min_value=0, max_value=8
    )


@fixed_weights
def transformer() -> StableAudioDiTModel:
    """One block."""
    return StableAudioDiTModel(
        sample_size=LATENT_LENGTH,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        num_key_value_attention_heads=2,
        cross_attention_dim=WIDTH,
        cross_attention_input_dim=WIDTH,
        global_states_input_dim=2 * WIDTH,
        time_proj_dim=16,
    )


@fixed_weights
def autoencoder() -> AutoencoderOobleck:
    """Two levels, each of half the rate."""
    return AutoencoderOobleck(
        encoder_hidden_size=8,
        decoder_channels=8,
        decoder_input_channels=LATENT_CHANNELS,
        downsampling_ratios=[2, 2],
        channel_multiples=[1, 2],
        sampling_rate=SAMPLING_RATE,
    )
