# SPDX-License-Identifier: Apache-2.0
"""Flux, whose latents are packed in patches."""

from __future__ import annotations

from examples.tiny import stable_diffusion
from examples.tiny.family import mask, normals, part, picture

TRANSFORMER = part(
    "FluxTransformer2DModel",
    in_channels=16,
    num_layers=1,
    num_single_layers=1,
    attention_head_dim=16,
    num_attention_heads=2,
    joint_attention_dim=32,
    pooled_projection_dim=32,
    axes_dims_rope=(4, 4, 8),
)
SHARED = {
    "transformer": TRANSFORMER,
    "vae": part(
        stable_diffusion.autoencoder,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.1,
    ),
    "controlnet": part(
        "FluxControlNetModel",
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
    ),
    "scheduler": part("FlowMatchEulerDiscreteScheduler"),
    "height": 16,
    "width": 16,
    "prompt_embeds": normals(1, 7, 32),
    "negative_prompt_embeds": normals(1, 7, 32, seed=1),
    "pooled_prompt_embeds": normals(1, 32),
    "negative_pooled_prompt_embeds": normals(1, 32, seed=1),
    "image": picture(16),
    "control_image": picture(16, seed=2),
    "mask_image": mask(16),
    "strength": 1.0,
    "max_area": 256,
    "_auto_resize": False,
}
CONTROL = {"transformer": TRANSFORMER.but(in_channels=32, out_channels=16)}

PIPELINES = {
    "FluxPipeline": {},
    "FluxImg2ImgPipeline": {},
    "FluxInpaintPipeline": {},
    "FluxFillPipeline": {"transformer": TRANSFORMER.but(in_channels=48, out_channels=16)},
    "FluxControlPipeline": CONTROL,
    "FluxControlImg2ImgPipeline": CONTROL,
    "FluxControlInpaintPipeline": CONTROL,
    "FluxControlNetPipeline": {},
    "FluxControlNetImg2ImgPipeline": {},
    "FluxControlNetInpaintPipeline": {},
    "FluxKontextPipeline": {},
    "FluxKontextInpaintPipeline": {},
}
