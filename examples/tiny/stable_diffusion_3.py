# SPDX-License-Identifier: Apache-2.0
"""Stable Diffusion 3, of 16×16 pixels: a transformer that reads three text encoders."""

from __future__ import annotations

from typing import Any

from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel

from examples.tiny import stable_diffusion
from examples.tiny.text import WIDTH, clip_text_projected, clip_tokenizer, t5_text, t5_tokenizer
from examples.tiny.weights import fixed_weights


def components() -> dict[str, Any]:
    """What `StableDiffusion3Pipeline` is made of."""
    return {
        "tokenizer": clip_tokenizer(),
        "tokenizer_2": clip_tokenizer(),
        "tokenizer_3": t5_tokenizer(),
        "text_encoder": clip_text_projected(),
        "text_encoder_2": clip_text_projected(),
        "text_encoder_3": t5_text(2 * WIDTH),
        "transformer": transformer(),
        "vae": stable_diffusion.autoencoder(
            shift_factor=0.06, scaling_factor=1.5, use_quant_conv=False, use_post_quant_conv=False
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
    }


@fixed_weights
def transformer() -> SD3Transformer2DModel:
    """Two joint blocks. The features of both CLIP encoders lie side by side, as wide as T5's."""
    return SD3Transformer2DModel(
        sample_size=stable_diffusion.LATENT_SIZE,
        in_channels=stable_diffusion.LATENT_CHANNELS,
        out_channels=stable_diffusion.LATENT_CHANNELS,
        patch_size=1,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=2 * WIDTH,
        pooled_projection_dim=2 * WIDTH,
        caption_projection_dim=8 * 4,
        pos_embed_max_size=2 * stable_diffusion.LATENT_SIZE,
    )
