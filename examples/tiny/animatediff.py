# SPDX-License-Identifier: Apache-2.0
"""AnimateDiff, videos of 16×16 pixels: Stable Diffusion with layers that look along time."""

from __future__ import annotations

from typing import Any

from diffusers import MotionAdapter, UNetMotionModel

from examples.tiny import stable_diffusion
from examples.tiny.text import clip_text, clip_tokenizer
from examples.tiny.weights import fixed_weights


def components() -> dict[str, Any]:
    """What `AnimateDiffPipeline` is made of."""
    adapter = motion_adapter()
    return {
        "tokenizer": clip_tokenizer(),
        "text_encoder": clip_text(),
        "unet": unet(adapter),
        "motion_adapter": adapter,
        "vae": stable_diffusion.autoencoder(),
        "scheduler": stable_diffusion.scheduler(),
    }


@fixed_weights
def unet(adapter: MotionAdapter) -> UNetMotionModel:
    """Stable Diffusion's U-Net with the layers of an adapter.

    Left to the pipeline, this would draw weights, to be overwritten, from the global generator.
    """
    return UNetMotionModel.from_unet2d(stable_diffusion.unet(), adapter)


@fixed_weights
def motion_adapter() -> MotionAdapter:
    """The layers along time, for the levels of `stable_diffusion.unet`."""
    return MotionAdapter(
        block_out_channels=(8, 16),
        motion_layers_per_block=1,
        motion_norm_num_groups=4,
        motion_num_attention_heads=2,
        motion_max_seq_length=16,
        use_motion_mid_block=False,
    )
