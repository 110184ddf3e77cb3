# SPDX-License-Identifier: Apache-2.0
"""UnCLIP, of 16×16 pixels: noise in a prior, a decoder and super-resolution."""

from __future__ import annotations

from typing import Any

from diffusers import PriorTransformer, UnCLIPScheduler, UNet2DConditionModel, UNet2DModel
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel

from examples.tiny import stable_diffusion
from examples.tiny.text import LENGTH, WIDTH, clip_text_projected, clip_tokenizer
from examples.tiny.weights import fixed_weights

SMALL = 8
LARGE = 16
"""Pixels of a side, out of the decoder and after super-resolution."""
TIME_WIDTH = 32


def components() -> dict[str, Any]:
    """What `UnCLIPPipeline` is made of."""
    return {
        "tokenizer": clip_tokenizer(),
        "text_encoder": clip_text_projected(),
        "text_proj": text_projection(),
        "prior": prior(),
        "decoder": decoder(),
        "super_res_first": super_resolution(),
        "super_res_last": super_resolution(),
        "prior_scheduler": UnCLIPScheduler(prediction_type="sample", clip_sample_range=5.0),
        "decoder_scheduler": UnCLIPScheduler(variance_type="learned_range"),
        "super_res_scheduler": UnCLIPScheduler(),
    }


@fixed_weights
def prior() -> PriorTransformer:
    """From the embedding of a text to that of a picture."""
    return PriorTransformer(
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=1,
        embedding_dim=WIDTH,
        num_embeddings=LENGTH,
    )


@fixed_weights
def text_projection() -> UnCLIPTextProjModel:
    """What the decoder reads of the embeddings."""
    return UnCLIPTextProjModel(
        clip_embeddings_dim=WIDTH, time_embed_dim=TIME_WIDTH, cross_attention_dim=WIDTH
    )


def decoder() -> UNet2DConditionModel:
    """A U-Net over pixels that predicts their variance too."""
    return stable_diffusion.unet(
        in_channels=3,
        out_channels=6,
        sample_size=SMALL,
        class_embed_type="identity",
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        resnet_time_scale_shift="scale_shift",
    )


@fixed_weights
def super_resolution() -> UNet2DModel:
    """A U-Net that reads noise and the small picture, enlarged."""
    return UNet2DModel(
        sample_size=LARGE,
        in_channels=6,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("ResnetDownsampleBlock2D", "ResnetDownsampleBlock2D"),
        up_block_types=("ResnetUpsampleBlock2D", "ResnetUpsampleBlock2D"),
    )
