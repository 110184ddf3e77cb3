# SPDX-License-Identifier: Apache-2.0
"""Videos made by image models that have learnt to move."""

from __future__ import annotations

from examples.tiny import animatediff, stable_diffusion, text, vision
from examples.tiny.families_stable_diffusion import DDIM
from examples.tiny.families_stable_diffusion import SHARED as STABLE_DIFFUSION
from examples.tiny.families_stable_diffusion_xl import SHARED as XL
from examples.tiny.family import film, part

CONTROLNET = part(stable_diffusion.controlnet)
XL_INPUTS = {
    key: XL[key]
    for key in (
        "unet",
        "prompt_embeds",
        "negative_prompt_embeds",
        "pooled_prompt_embeds",
        "negative_pooled_prompt_embeds",
    )
}
UNET_3D = part(
    "UNet3DConditionModel",
    sample_size=8,
    block_out_channels=(8, 16),
    layers_per_block=1,
    down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
    up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
    cross_attention_dim=32,
    attention_head_dim=4,
    norm_num_groups=4,
)

PIA_ADAPTER = part(
    "MotionAdapter",
    block_out_channels=(8, 16),
    motion_layers_per_block=1,
    motion_norm_num_groups=4,
    motion_num_attention_heads=2,
    motion_max_seq_length=16,
    use_motion_mid_block=False,
    conv_in_channels=9,
)

SHARED = {
    **STABLE_DIFFUSION,
    "motion_adapter": part(animatediff.motion_adapter),
    "num_frames": 4,
    "video": film(4, 16),
    "conditioning_frames": film(4, 16),
    "decode_chunk_size": 4,
}

PIPELINES = {
    "AnimateDiffPipeline": {},
    "AnimateDiffSDXLPipeline": XL_INPUTS,
    "AnimateDiffVideoToVideoPipeline": {},
    "AnimateDiffControlNetPipeline": {},
    "AnimateDiffVideoToVideoControlNetPipeline": {},
    "AnimateDiffPAGPipeline": {"pag_applied_layers": "mid"},
    "AnimateDiffSparseControlNetPipeline": {
        "controlnet": part(
            "SparseControlNetModel",
            in_channels=4,
            conditioning_channels=4,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlockMotion", "CrossAttnDownBlockMotion"),
            cross_attention_dim=32,
            attention_head_dim=4,
            norm_num_groups=4,
            motion_num_attention_heads=2,
            conditioning_embedding_out_channels=(4, 8),
            use_simplified_condition_embedding=True,
            concat_conditioning_mask=True,
        ),
        "conditioning_frames": film(1, 16),
        "controlnet_frame_indices": [0],
    },
    "PIAPipeline": {
        "unet": part(stable_diffusion.unet),
        "motion_adapter": PIA_ADAPTER,
    },
    "TextToVideoSDPipeline": {"unet": UNET_3D},
    "VideoToVideoSDPipeline": {"unet": UNET_3D},
    "TextToVideoZeroPipeline": {
        "num_inference_steps": 4,
        "t0": 1,
        "t1": 2,
        "scheduler": DDIM,
        "prompt": "a cat",
        "tokenizer": part(text.clip_tokenizer),
        "text_encoder": part(text.clip_text),
    },
    "StableVideoDiffusionPipeline": {
        "image_encoder": part(vision.clip_vision),
        "feature_extractor": part(vision.clip_image_processor),
        "unet": part(
            "UNetSpatioTemporalConditionModel",
            sample_size=8,
            block_out_channels=(32, 32),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
            up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
            cross_attention_dim=32,
            num_attention_heads=(2, 4),
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=24,
        ),
        "vae": part(
            "AutoencoderKLTemporalDecoder",
            block_out_channels=(32, 32),
            down_block_types=("DownEncoderBlock2D",) * 2,
            latent_channels=4,
            sample_size=16,
        ),
        "scheduler": part(
            "EulerDiscreteScheduler",
            timestep_type="continuous",
            prediction_type="v_prediction",
            sigma_min=0.1,
            sigma_max=100.0,
        ),
    },
    "I2VGenXLPipeline": {
        "image_encoder": part(vision.clip_vision),
        "feature_extractor": part(vision.clip_image_processor),
        "unet": part(
            "I2VGenXLUNet",
            sample_size=8,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
            up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
            cross_attention_dim=32,
            attention_head_dim=4,
            norm_num_groups=4,
        ),
        "scheduler": DDIM,
    },
}
