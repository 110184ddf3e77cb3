# SPDX-License-Identifier: Apache-2.0
"""Stable Diffusion XL, of 16×16 pixels: two text encoders, and sizes as a condition."""

from __future__ import annotations

from typing import Any

from diffusers import ControlNetModel, EulerDiscreteScheduler, UNet2DConditionModel

from examples.tiny import stable_diffusion
from examples.tiny.text import WIDTH, clip_text, clip_text_projected, clip_tokenizer

SIZES = 6
"""Original size, crop and target size, two numbers each."""
SIZE_WIDTH = 8
"""Features of each of them."""
CONDITIONS = {
    "cross_attention_dim": 2 * WIDTH,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": SIZE_WIDTH,
    "projection_class_embeddings_input_dim": SIZES * SIZE_WIDTH + WIDTH,
    "transformer_layers_per_block": 1,
    "use_linear_projection": True,
}


def components() -> dict[str, Any]:
    """What `StableDiffusionXLPipeline` and its image-to-image and inpainting forms are made of."""
    return {
        "tokenizer": clip_tokenizer(),
        "tokenizer_2": clip_tokenizer(),
        "text_encoder": clip_text(),
        "text_encoder_2": clip_text_projected(),
        "unet": unet(),
        "vae": stable_diffusion.autoencoder(),
        "scheduler": EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="leading",
        ),
    }


def unet(**config: Any) -> UNet2DConditionModel:
    """The U-Net of two levels with its further conditions."""
    return stable_diffusion.unet(**CONDITIONS, **config)


def controlnet(**config: Any) -> ControlNetModel:
    """The half of `unet` that reads a control image."""
    return stable_diffusion.controlnet(**CONDITIONS, **config)
