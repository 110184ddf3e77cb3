# SPDX-License-Identifier: Apache-2.0
"""Flux, of 16×16 pixels: a transformer of double and single blocks over packed latents."""

from __future__ import annotations

from typing import Any

from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel

from examples.tiny import stable_diffusion
from examples.tiny.text import WIDTH, clip_text, clip_tokenizer, t5_text, t5_tokenizer
from examples.tiny.weights import fixed_weights

PACKED = 2 * 2
"""Latent pixels that the pipeline packs into one token."""


def components() -> dict[str, Any]:
    """What `FluxPipeline` and its image-to-image and inpainting forms are made of."""
    return {
        "tokenizer": clip_tokenizer(),
        "tokenizer_2": t5_tokenizer(),
        "text_encoder": clip_text(),
        "text_encoder_2": t5_text(),
        "transformer": transformer(),
        "vae": stable_diffusion.autoencoder(
            shift_factor=0.1, scaling_factor=0.4, use_quant_conv=False, use_post_quant_conv=False
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
    }


@fixed_weights
def transformer() -> FluxTransformer2DModel:
    """One block of each sort."""
    return FluxTransformer2DModel(
        in_channels=stable_diffusion.LATENT_CHANNELS * PACKED,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=WIDTH,
        axes_dims_rope=(4, 4, 8),
    )
