# SPDX-License-Identifier: Apache-2.0
"""Stable Diffusion 1 and 2, and the pipelines around its UNet."""

from __future__ import annotations

from examples.tiny import stable_diffusion
from examples.tiny.family import mask, normals, part, picture

UNET = part(stable_diffusion.unet)
VAE = part(stable_diffusion.autoencoder)
CROSS_FIRST = {
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
ADAPTER = part(
    "T2IAdapter",
    channels=[8, 16],
    num_res_blocks=1,
    downscale_factor=2,
    adapter_type="light_adapter",
)
XS = part(
    "ControlNetXSAdapter",
    conditioning_embedding_out_channels=(4, 8),
    sample_size=8,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
    block_out_channels=(4, 8),
    base_block_out_channels=(8, 16),
    num_attention_heads=2,
    max_norm_num_groups=4,
    cross_attention_dim=32,
)
LEDITS = {}
STOCHASTIC = part("EulerAncestralDiscreteScheduler")
DDIM = part("DDIMScheduler", clip_sample=False)
LCM = {"scheduler": part("LCMScheduler"), "unet": UNET.but(time_cond_proj_dim=8)}

SHARED = {
    "unet": UNET,
    "vae": VAE,
    "controlnet": part(stable_diffusion.controlnet),
    "scheduler": STOCHASTIC,
    "pag_applied_layers": "mid",
    "height": 16,
    "width": 16,
    "prompt_embeds": normals(1, 7, 32),
    "negative_prompt_embeds": normals(1, 7, 32, seed=1),
    "image": picture(16),
    "control_image": picture(16, seed=2),
    "mask_image": mask(16),
    "strength": 1.0,
    "eta": 1.0,
}

PIPELINES = {
    "StableDiffusionPipeline": {},
    "StableDiffusionImg2ImgPipeline": {},
    "StableDiffusionInpaintPipeline": {"unet": UNET.but(in_channels=9)},
    "StableDiffusionInpaintPipelineLegacy": {},
    "StableDiffusionInstructPix2PixPipeline": {"unet": UNET.but(in_channels=8)},
    "StableDiffusionDepth2ImgPipeline": {
        "unet": UNET.but(in_channels=5),
        "depth_map": normals(1, 8, 8),
    },
    "StableDiffusionUpscalePipeline": {
        "unet": UNET.but(in_channels=7, num_class_embeds=350),
        "low_res_scheduler": part("DDPMScheduler"),
        "image": picture(8),
    },
    "StableDiffusionLatentUpscalePipeline": {
        # The condition of its steps is 128 features of a noise level and those of the prompt.
        "unet": UNET.but(in_channels=8, out_channels=5, time_cond_proj_dim=128 + 16),
        "scheduler": part("EulerDiscreteScheduler"),
        "image": picture(16),
        "pooled_prompt_embeds": normals(1, 16),
        "negative_pooled_prompt_embeds": normals(1, 16, seed=1),
    },
    "StableDiffusionControlNetPipeline": {},
    "StableDiffusionControlNetImg2ImgPipeline": {},
    "StableDiffusionControlNetInpaintPipeline": {},
    "StableDiffusionControlNetXSPipeline": {
        "unet": UNET.but(layers_per_block=2, use_linear_projection=True),
        "controlnet": XS,
    },
    "StableDiffusionAdapterPipeline": {"unet": UNET.but(**CROSS_FIRST), "adapter": ADAPTER},
    "StableDiffusionPAGPipeline": {},
    "StableDiffusionPAGImg2ImgPipeline": {},
    "StableDiffusionPAGInpaintPipeline": {},
    "StableDiffusionControlNetPAGPipeline": {},
    "StableDiffusionControlNetPAGInpaintPipeline": {},
    "StableDiffusionPanoramaPipeline": {"scheduler": DDIM},
    "StableDiffusionSAGPipeline": {"scheduler": DDIM},
    "StableDiffusionLDM3DPipeline": {"vae": VAE.but(in_channels=6, out_channels=6)},
    "StableDiffusionParadigmsPipeline": {"scheduler": part("DDIMParallelScheduler"), "eta": 0.0},
    "LatentConsistencyModelPipeline": LCM,
    "LatentConsistencyModelImg2ImgPipeline": LCM,
    "StableDiffusionModelEditingPipeline": {},
    "StableDiffusionAttendAndExcitePipeline": {
        "token_indices": [1],
        "max_iter_to_alter": 1,
        "attn_res": (4, 4),
    },
    "StableDiffusionDiffEditPipeline": {
        "num_inference_steps": 3,
        "scheduler": DDIM,
        "inverse_scheduler": part("DDIMInverseScheduler"),
        "image_latents": normals(1, 2, 4, 8, 8),
        "mask_image": mask(8),
    },
}
