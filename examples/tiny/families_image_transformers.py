# SPDX-License-Identifier: Apache-2.0
"""Pictures made by transformers, of many makers."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ChromaTransformer2DModel

from examples.tiny import stable_diffusion
from examples.tiny.family import part, pictures, prompts

VAE = part(stable_diffusion.autoencoder)
VAE_16 = VAE.but(
    latent_channels=16, shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False
)
FLOW = part("FlowMatchEulerDiscreteScheduler")
SDE = part("DPMSolverMultistepScheduler", algorithm_type="sde-dpmsolver++", solver_order=1)

PIXART = {
    "transformer": part(
        "PixArtTransformer2DModel",
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        cross_attention_dim=16,
        caption_channels=32,
        sample_size=8,
    ),
    "vae": VAE,
    "scheduler": SDE,
    "pag_applied_layers": ["blocks.1"],
    "use_resolution_binning": False,
    **prompts(32),
    **pictures(16),
}
AURA = {
    "transformer": part(
        "AuraFlowTransformer2DModel",
        sample_size=8,
        num_mmdit_layers=1,
        num_single_dit_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=32,
        caption_projection_dim=16,
        pos_embed_max_size=16,
    ),
    "vae": VAE,
    "scheduler": FLOW,
    **prompts(32),
    **pictures(16),
}
LUMINA = {
    "transformer": part(
        "LuminaNextDiT2DModel",
        sample_size=8,
        hidden_size=16,
        num_layers=1,
        num_attention_heads=2,
        num_kv_heads=1,
        multiple_of=8,
        cross_attention_dim=32,
    ),
    "vae": VAE,
    "scheduler": FLOW,
    **prompts(32),
    **pictures(16),
}
LUMINA_2 = {
    "transformer": part(
        "Lumina2Transformer2DModel",
        sample_size=8,
        in_channels=4,
        hidden_size=24,
        num_layers=1,
        num_refiner_layers=1,
        num_attention_heads=2,
        num_kv_heads=1,
        multiple_of=8,
        axes_dim_rope=(4, 4, 4),
        axes_lens=(128, 128, 128),
        cap_feat_dim=32,
    ),
    "vae": VAE.but(shift_factor=0.1),
    "scheduler": FLOW,
    **prompts(32, masks=torch.bool),
    **pictures(16),
}
COGVIEW = {
    "num_layers": 1,
    "attention_head_dim": 8,
    "num_attention_heads": 2,
    "text_embed_dim": 32,
    "time_embed_dim": 8,
    "condition_dim": 4,
    "pos_embed_max_size": 8,
    "sample_size": 8,
}
COGVIEW_4 = part("CogView4Transformer2DModel", **COGVIEW, rope_axes_dim=(8, 8))
COGVIEWS = {
    "vae": VAE_16,
    "scheduler": FLOW,
    **prompts(32, tokens=16),
    **pictures(16),
}
SANA_BLOCKS = {
    "in_channels": 4,
    "out_channels": 4,
    "num_attention_heads": 2,
    "attention_head_dim": 8,
    "num_cross_attention_heads": 2,
    "cross_attention_head_dim": 8,
    "cross_attention_dim": 16,
    "caption_channels": 32,
    "num_layers": 1,
    "sample_size": 8,
}
SANA = {
    "transformer": part("SanaTransformer2DModel", **SANA_BLOCKS),
    "controlnet": part("SanaControlNetModel", **SANA_BLOCKS),
    "vae": part(
        "AutoencoderDC",
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types=("ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "EfficientViTBlock"),
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        encoder_layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1),
        encoder_qkv_multiscales=((), (5,)),
        decoder_qkv_multiscales=((), (5,)),
    ),
    "scheduler": FLOW,
    "pag_applied_layers": ["blocks.0"],
    "use_resolution_binning": False,
    "complex_human_instruction": None,
    **prompts(32),
    **pictures(32),
}
SPRINT = {
    "scheduler": part("SCMScheduler"),
    "transformer": SANA["transformer"].but(guidance_embeds=True, qk_norm="rms_norm_across_heads"),
}
HUNYUAN_BLOCKS = {
    "sample_size": 8,
    "patch_size": 2,
    "in_channels": 4,
    "num_attention_heads": 2,
    "attention_head_dim": 8,
    "hidden_size": 16,
    "cross_attention_dim": 32,
    "cross_attention_dim_t5": 32,
    "pooled_projection_dim": 16,
    "text_len": 7,
    "text_len_t5": 7,
}
HUNYUAN = {
    "transformer": part("HunyuanDiT2DModel", **HUNYUAN_BLOCKS, num_layers=2),
    "controlnet": part("HunyuanDiT2DControlNetModel", **HUNYUAN_BLOCKS, transformer_num_layers=2),
    "vae": VAE,
    "scheduler": part("DDPMScheduler"),
    "pag_applied_layers": ["blocks.1"],
    "use_resolution_binning": False,
    **prompts(32),
    **{
        f"{sign}{name}_2": prompts(32)[f"{sign}{name}"]
        for sign in ("", "negative_")
        for name in ("prompt_embeds", "prompt_attention_mask")
    },
    **pictures(16),
}


def chroma(**config: Any) -> ChromaTransformer2DModel:
    """A transformer whose configuration tells, as a published one does, that it is undistilled."""
    model = ChromaTransformer2DModel(**config)
    model.register_to_config(guidance_embeds=False)
    return model


CHROMA = {
    "transformer": part(
        chroma,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        axes_dims_rope=(4, 4, 8),
        approximator_num_channels=8,
        approximator_hidden_dim=8,
        approximator_layers=1,
    ),
    "vae": VAE.but(shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False),
    "scheduler": FLOW,
    **prompts(32, masks=torch.bool),
    **pictures(16),
}
FAMILIES = [
    (PIXART, {"PixArtAlphaPipeline": {}, "PixArtSigmaPipeline": {}, "PixArtSigmaPAGPipeline": {}}),
    (AURA, {"AuraFlowPipeline": {}}),
    (LUMINA, {"LuminaPipeline": {}}),
    (LUMINA_2, {"Lumina2Pipeline": {}}),
    (
        COGVIEWS,
        {
            "CogView3PlusPipeline": {
                "transformer": part("CogView3PlusTransformer2DModel", **COGVIEW),
                "scheduler": part("CogVideoXDPMScheduler"),
            },
            "CogView4Pipeline": {"transformer": COGVIEW_4},
            "CogView4ControlPipeline": {"transformer": COGVIEW_4.but(in_channels=32)},
        },
    ),
    (
        SANA,
        {
            "SanaPipeline": {"scheduler": SDE},
            "SanaPAGPipeline": {},
            "SanaControlNetPipeline": {},
            "SanaSprintPipeline": SPRINT,
            "SanaSprintImg2ImgPipeline": SPRINT,
        },
    ),
    (
        HUNYUAN,
        {"HunyuanDiTPipeline": {}, "HunyuanDiTPAGPipeline": {}, "HunyuanDiTControlNetPipeline": {}},
    ),
    (CHROMA, {"ChromaPipeline": {}, "ChromaImg2ImgPipeline": {}, "ChromaInpaintPipeline": {}}),
]
