# SPDX-License-Identifier: Apache-2.0
"""Encoders of pictures."""

from __future__ import annotations

from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from examples.tiny.text import WIDTH
from examples.tiny.weights import fixed_weights

SIZE = 16
"""Pixels of a side."""


def clip_image_processor(size: int = SIZE) -> CLIPImageProcessor:
    """What scales a picture to what the encoder reads."""
    return CLIPImageProcessor(
        size={"shortest_edge": size}, crop_size={"height": size, "width": size}
    )


@fixed_weights
def clip_vision(width: int = WIDTH, size: int = SIZE) -> CLIPVisionModelWithProjection:
    """CLIP's picture encoder, with its projection."""
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            image_size=size,
            patch_size=size // 4,
            hidden_size=width,
            intermediate_size=width,
            projection_dim=width,
            num_hidden_layers=2,
            num_attention_heads=4,
        )
    )
