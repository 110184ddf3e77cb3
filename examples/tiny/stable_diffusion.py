# SPDX-License-Identifier: Apache-2.0
"""Stable Diffusion, of 16×16 pixels: what its pipelines and their kin are made of."""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel

from examples.tiny.text import WIDTH, clip_text, clip_tokenizer
from examples.tiny.weights import fixed_weights

LATENT_CHANNELS = 4
LATENT_SIZE = 8
PIXELS = 16
"""Of a side; the autoencoder halves it."""


def components() -> dict[str, Any]:
    """What `StableDiffusionPipeline` and its image-to-image and inpainting forms are made of."""
    return {
        "tokenizer": clip_tokenizer(),
        "text_encoder": clip_text(),
        "unet": unet(),
        "vae": autoencoder(),
        "scheduler": scheduler(),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }


def scheduler() -> DDIMScheduler:
    """The noise levels Stable Diffusion was trained with."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


@fixed_weights
def unet(in_channels: int = LATENT_CHANNELS, **config: Any) -> UNet2DConditionModel:
    """A U-Net of two levels; `config` overrides or adds to its configuration."""
    return UNet2DConditionModel(
        **{
            "sample_size": LATENT_SIZE,
            "in_channels": in_channels,
            "out_channels": LATENT_CHANNELS,
            "layers_per_block": 1,
            "block_out_channels": (8, 16),
            "norm_num_groups": 4,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "cross_attention_dim": WIDTH,
            "attention_head_dim": 4,
            **config,
        }
    )


@fixed_weights
def autoencoder(latent_channels: int = LATENT_CHANNELS, **config: Any) -> AutoencoderKL:
    """Two levels, the lower one of half the size; `config` overrides or adds to it."""
    return AutoencoderKL(
        **{
            "in_channels": 3,
            "out_channels": 3,
            "latent_channels": latent_channels,
            "layers_per_block": 1,
            "block_out_channels": (8, 8),
            "norm_num_groups": 4,
            "down_block_types": ("DownEncoderBlock2D",) * 2,
            "up_block_types": ("UpDecoderBlock2D",) * 2,
            "sample_size": PIXELS,
            **config,
        }
    )


@fixed_weights
def controlnet(**config: Any) -> ControlNetModel:
    """The half of `unet` that reads a control image; `config` overrides or adds to it."""
    return ControlNetModel(
        **{
            "in_channels": LATENT_CHANNELS,
            "layers_per_block": 1,
            "block_out_channels": (8, 16),
            "norm_num_groups": 4,
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "cross_attention_dim": WIDTH,
            "attention_head_dim": 4,
            "conditioning_embedding_out_channels": (8, 8),
            **config,
        }
    )
