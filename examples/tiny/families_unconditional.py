# SPDX-License-Identifier: Apache-2.0
"""Pipelines that are given no text: pictures from nothing, from a class, from a picture; sound."""

from __future__ import annotations

from examples.tiny import stable_diffusion, text
from examples.tiny.family import mask, part, picture

UNET = part(
    "UNet2DModel",
    sample_size=8,
    block_out_channels=(8, 16),
    layers_per_block=1,
    down_block_types=("DownBlock2D", "AttnDownBlock2D"),
    up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    norm_num_groups=4,
    attention_head_dim=4,
)
VQ = part(
    "VQModel",
    block_out_channels=(8, 8),
    down_block_types=("DownEncoderBlock2D",) * 2,
    up_block_types=("UpDecoderBlock2D",) * 2,
    latent_channels=3,
    num_vq_embeddings=16,
    norm_num_groups=4,
)
MARIGOLD = {
    "unet": part(stable_diffusion.unet, in_channels=8),
    "scheduler": part("LCMScheduler"),
    "text_encoder": part(text.clip_text, length=77),
    "tokenizer": part(text.clip_tokenizer),
    "prediction_type": "depth",
    "processing_resolution": 0,
    "ensemble_size": 1,
    "image": picture(16),
}

SHARED = {
    "unet": UNET,
    "vqvae": VQ,
    "vae": part(stable_diffusion.autoencoder),
}

PIPELINES = {
    "DDPMPipeline": {"scheduler": part("DDPMScheduler")},
    "DDIMPipeline": {"scheduler": part("DDIMScheduler"), "eta": 1.0},
    "PNDMPipeline": {"scheduler": part("PNDMScheduler"), "num_inference_steps": 4},
    "KarrasVePipeline": {"scheduler": part("KarrasVeScheduler")},
    "ScoreSdeVePipeline": {"scheduler": part("ScoreSdeVeScheduler")},
    "RePaintPipeline": {
        "scheduler": part("RePaintScheduler"),
        "image": picture(8),
        "mask_image": mask(8),
        "jump_length": 1,
        "jump_n_sample": 2,
    },
    "LDMPipeline": {"scheduler": part("DDIMScheduler")},
    "LDMSuperResolutionPipeline": {
        "unet": UNET.but(in_channels=6),
        "scheduler": part("DDIMScheduler"),
        "image": picture(8),
    },
    "LDMTextToImagePipeline": {
        "unet": part(stable_diffusion.unet),
        "vqvae": part(stable_diffusion.autoencoder),
        "scheduler": part("DDIMScheduler"),
        "prompt": "a cat",
        "tokenizer": part(text.clip_tokenizer),
        "bert": part(text.clip_text, length=77),
        "height": 16,
        "width": 16,
    },
    "ConsistencyModelPipeline": {
        "unet": UNET.but(num_class_embeds=8),
        "scheduler": part("CMStochasticIterativeScheduler"),
    },
    "DiTPipeline": {
        "transformer": part(
            "DiTTransformer2DModel",
            num_attention_heads=2,
            attention_head_dim=4,
            in_channels=4,
            out_channels=8,
            num_layers=1,
            sample_size=8,
            num_embeds_ada_norm=1000,
        ),
        "scheduler": part("DDIMScheduler"),
        "class_labels": [1],
    },
    "DanceDiffusionPipeline": {
        "unet": part(
            "UNet1DModel",
            sample_size=64,
            sample_rate=64,
            block_out_channels=(32, 32),
            extra_in_channels=64,
            use_timestep_embedding=False,
            flip_sin_to_cos=True,
            down_block_types=("DownBlock1DNoSkip", "DownBlock1D"),
            up_block_types=("UpBlock1D", "UpBlock1DNoSkip"),
        ),
        "scheduler": part("IPNDMScheduler"),
        "audio_length_in_s": 1.0,
    },
    "MarigoldDepthPipeline": MARIGOLD,
    "MarigoldNormalsPipeline": {**MARIGOLD, "prediction_type": "normals"},
    "MarigoldIntrinsicsPipeline": {
        **MARIGOLD,
        "prediction_type": "intrinsics",
        "unet": part(stable_diffusion.unet, in_channels=12, out_channels=8),
        "target_properties": {
            "target_names": ["albedo", "roughness"],
            "albedo": {"prediction_space": "srgb"},
        },
    },
}
