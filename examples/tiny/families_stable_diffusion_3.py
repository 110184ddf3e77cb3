# SPDX-License-Identifier: Apache-2.0
"""Stable Diffusion 3, and AuraFlow."""

from __future__ import annotations

from examples.tiny import stable_diffusion
from examples.tiny.family import mask, normals, part, picture

CONTROLNET = part(
    "SD3ControlNetModel",
    sample_size=8,
    patch_size=1,
    in_channels=16,
    num_layers=1,
    attention_head_dim=8,
    num_attention_heads=4,
    joint_attention_dim=64,
    caption_projection_dim=32,
    pooled_projection_dim=64,
    out_channels=16,
    pos_embed_max_size=16,
)
SHARED = {
    "transformer": part(
        "SD3Transformer2DModel",
        sample_size=8,
        patch_size=1,
        in_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=64,
        caption_projection_dim=32,
        pooled_projection_dim=64,
        out_channels=16,
        pos_embed_max_size=16,
    ),
    "vae": part(
        stable_diffusion.autoencoder,
        latent_channels=16,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.1,
    ),
    "controlnet": CONTROLNET,
    "scheduler": part("FlowMatchEulerDiscreteScheduler"),
    "pag_applied_layers": "blocks.0",
    "height": 16,
    "width": 16,
    "prompt_embeds": normals(1, 7, 64),
    "negative_prompt_embeds": normals(1, 7, 64, seed=1),
    "pooled_prompt_embeds": normals(1, 64),
    "negative_pooled_prompt_embeds": normals(1, 64, seed=1),
    "image": picture(16),
    "control_image": picture(16, seed=2),
    "mask_image": mask(16),
    "control_mask": mask(16),
    "strength": 1.0,
}

PIPELINES = {
    "StableDiffusion3Pipeline": {},
    "StableDiffusion3Img2ImgPipeline": {},
    "StableDiffusion3InpaintPipeline": {},
    "StableDiffusion3PAGPipeline": {},
    "StableDiffusion3PAGImg2ImgPipeline": {},
    "StableDiffusion3ControlNetPipeline": {},
    "StableDiffusion3ControlNetInpaintingPipeline": {
        "controlnet": CONTROLNET.but(extra_conditioning_channels=1)
    },
}
