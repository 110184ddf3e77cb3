# SPDX-License-Identifier: Apache-2.0
"""Stable Diffusion XL, and Kolors, which has its UNet."""

from __future__ import annotations

from examples.tiny import stable_diffusion_xl
from examples.tiny.families_stable_diffusion import ADAPTER, CROSS_FIRST, XS
from examples.tiny.families_stable_diffusion import SHARED as STABLE_DIFFUSION
from examples.tiny.family import normals, part

UNET = part(stable_diffusion_xl.unet)
UNION = {
    "controlnet": part(
        "ControlNetUnionModel",
        **stable_diffusion_xl.CONDITIONS,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        attention_head_dim=4,
        conditioning_embedding_out_channels=(8, 8),
        num_trans_channel=8,
        num_trans_head=2,
        num_proj_channel=8,
    ),
    "control_mode": [0],
}

SHARED = {
    **STABLE_DIFFUSION,
    "unet": UNET,
    "controlnet": part(stable_diffusion_xl.controlnet),
    "prompt_embeds": normals(1, 7, 64),
    "negative_prompt_embeds": normals(1, 7, 64, seed=1),
    "pooled_prompt_embeds": normals(1, 32),
    "negative_pooled_prompt_embeds": normals(1, 32, seed=1),
}

PIPELINES = {
    "StableDiffusionXLPipeline": {},
    "StableDiffusionXLImg2ImgPipeline": {},
    "StableDiffusionXLInpaintPipeline": {"unet": UNET.but(in_channels=9)},
    "StableDiffusionXLInstructPix2PixPipeline": {"unet": UNET.but(in_channels=8)},
    "StableDiffusionXLControlNetPipeline": {},
    "StableDiffusionXLControlNetImg2ImgPipeline": {},
    "StableDiffusionXLControlNetInpaintPipeline": {},
    "StableDiffusionXLControlNetUnionPipeline": UNION,
    "StableDiffusionXLControlNetUnionImg2ImgPipeline": UNION,
    "StableDiffusionXLControlNetUnionInpaintPipeline": UNION,
    "StableDiffusionXLPAGPipeline": {},
    "StableDiffusionXLPAGImg2ImgPipeline": {},
    "StableDiffusionXLPAGInpaintPipeline": {},
    "StableDiffusionXLControlNetPAGPipeline": {},
    "StableDiffusionXLControlNetPAGImg2ImgPipeline": {},
    "StableDiffusionXLAdapterPipeline": {"unet": UNET.but(**CROSS_FIRST), "adapter": ADAPTER},
    "StableDiffusionXLControlNetXSPipeline": {
        "unet": UNET.but(layers_per_block=2),
        "controlnet": XS.but(cross_attention_dim=64),
    },
    "KolorsPipeline": {},
    "KolorsPAGPipeline": {},
    "TextToVideoZeroSDXLPipeline": {"num_inference_steps": 4, "t0": 1, "t1": 2},
}
