# SPDX-License-Identifier: Apache-2.0
"""Videos whose latents are those of Wan's autoencoder, of many makers."""

from __future__ import annotations

from examples.tiny import vision
from examples.tiny.families_cascaded import plain_vision
from examples.tiny.family import film, part, picture, prompts

BLOCKS = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "text_dim": 32,
    "freq_dim": 8,
    "ffn_dim": 16,
    "num_layers": 2,
    "rope_max_seq_len": 32,
}
VAE = part(
    "AutoencoderKLWan",
    base_dim=4,
    z_dim=16,
    dim_mult=[1, 1, 1, 1],
    num_res_blocks=1,
    temperal_downsample=[False, True, True],
)
WAN = part("WanTransformer3DModel", **BLOCKS)
SKYREELS = part("SkyReelsV2Transformer3DModel", **BLOCKS)
FLOW = part("FlowMatchEulerDiscreteScheduler")
UNIPC = part("UniPCMultistepScheduler", use_flow_sigmas=True, prediction_type="flow_prediction")
IMAGE = {
    "image": picture(16),
    "image_encoder": part(plain_vision),
    "image_processor": part(vision.clip_image_processor),
}
IMAGE_BLOCKS = {"in_channels": 36, "image_dim": 32, "added_kv_proj_dim": 24}

SHARED = {
    "transformer": WAN,
    "vae": VAE,
    "scheduler": FLOW,
    "height": 16,
    "width": 16,
    "num_frames": 5,
    "video": film(5, 16),
    "strength": 1.0,
    **IMAGE,
    **prompts(32),
}
FORCING = {
    "transformer": SKYREELS,
    "scheduler": UNIPC,
    "addnoise_condition": 20,
    "base_num_frames": 5,
    "ar_step": 0,
}
MOTIF = {
    "transformer": part(
        "MotifVideoTransformer3DModel",
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=1,
        num_single_layers=1,
        text_embed_dim=32,
        rope_axes_dim=(4, 4, 4),
    ),
    "guider": part("ClassifierFreeGuidance"),
}
HELIOS = {
    "transformer": part(
        "HeliosTransformer3DModel",
        **{k: v for k, v in BLOCKS.items() if k != "rope_max_seq_len"},
        rope_dim=(4, 4, 4),
    ),
    "scheduler": part("HeliosScheduler", stages=1, stage_range=[0, 1]),
    "video": None,
}
PIPELINES = {
    "WanPipeline": {},
    "WanImageToVideoPipeline": {"transformer": WAN.but(**IMAGE_BLOCKS)},
    "WanVideoToVideoPipeline": {},
    "WanVACEPipeline": {
        "transformer": part(
            "WanVACETransformer3DModel", **BLOCKS, vace_layers=[0], vace_in_channels=96
        ),
        "mask": None,
    },
    "LucyEditPipeline": {"transformer": WAN.but(in_channels=32)},
    "ChronoEditPipeline": {
        "transformer": part("ChronoEditTransformer3DModel", **BLOCKS, **IMAGE_BLOCKS)
    },
    "WanAnimatePipeline": {
        "transformer": part(
            "WanAnimateTransformer3DModel",
            **BLOCKS,
            **IMAGE_BLOCKS,
            motion_encoder_channel_sizes={"4": 8, "8": 8, "16": 8},
            motion_encoder_size=16,
            motion_style_dim=8,
            motion_dim=4,
            motion_encoder_dim=8,
            face_encoder_hidden_dim=8,
            face_encoder_num_heads=2,
            inject_face_latents_blocks=2,
        ),
        "scheduler": UNIPC,
        "pose_video": film(5, 16),
        "face_video": film(5, 16),
        "segment_frame_length": 5,
    },
    "SkyReelsV2Pipeline": {"transformer": SKYREELS, "scheduler": UNIPC},
    "SkyReelsV2ImageToVideoPipeline": {
        "transformer": SKYREELS.but(**IMAGE_BLOCKS),
        "scheduler": UNIPC,
    },
    "SkyReelsV2DiffusionForcingPipeline": FORCING,
    "SkyReelsV2DiffusionForcingImageToVideoPipeline": FORCING,
    "SkyReelsV2DiffusionForcingVideoToVideoPipeline": {
        **FORCING,
        "num_frames": 9,
        "overlap_history": 1,
    },
    "AnyFlowPipeline": {
        "transformer": part("AnyFlowTransformer3DModel", **BLOCKS),
        "scheduler": part("FlowMapEulerDiscreteScheduler"),
        "video": None,
    },
    "MotifVideoPipeline": MOTIF,
    "MotifVideoImage2VideoPipeline": {
        **MOTIF,
        "transformer": MOTIF["transformer"].but(image_embed_dim=32),
    },
    "HeliosPipeline": HELIOS,
    "HeliosPyramidPipeline": {
        **HELIOS,
        "scheduler": part("HeliosScheduler", gamma=0.25),
        "pyramid_num_inference_steps_list": [1, 1, 1],
        "height": 64,
        "width": 64,
    },
}
