# SPDX-License-Identifier: Apache-2.0
"""Videos made by transformers, each with an autoencoder of its own."""

from __future__ import annotations

from typing import Any

import torch

from examples.tiny import stable_diffusion, text
from examples.tiny.family import film, hinted, normals, part, picture, prompts


class Watcher(torch.nn.Module):
    """Stands in for a checker of safety, to which everything is safe."""

    def check_text_safety(self, prompt: str) -> bool:
        """Of any text."""
        return True

    def check_video_safety(self, video: Any) -> Any:
        """Of any video, which is given back."""
        return video


FLOW = part("FlowMatchEulerDiscreteScheduler")

LATTE = {
    "transformer": part(
        "LatteTransformer3DModel",
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        out_channels=8,
        num_layers=1,
        cross_attention_dim=16,
        attention_bias=True,
        sample_size=8,
        patch_size=2,
        activation_fn="gelu-approximate",
        norm_type="ada_norm_single",
        norm_elementwise_affine=False,
        num_embeds_ada_norm=1000,
        caption_channels=32,
        video_length=2,
    ),
    "vae": part(stable_diffusion.autoencoder),
    "scheduler": part("DDIMScheduler", clip_sample=False),
    "eta": 1.0,
    "video_length": 2,
    "height": 16,
    "width": 16,
    **prompts(32),
}
ALLEGRO = {
    "transformer": part(
        "AllegroTransformer3DModel",
        num_attention_heads=2,
        attention_head_dim=24,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        cross_attention_dim=48,
        sample_width=8,
        sample_height=8,
        sample_frames=2,
        caption_channels=32,
    ),
    "vae": part(
        "AutoencoderKLAllegro",
        down_block_types=("AllegroDownBlock3D",) * 4,
        up_block_types=("AllegroUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
    ),
    "scheduler": part("EulerAncestralDiscreteScheduler"),
    "num_frames": 8,
    "height": 16,
    "width": 16,
    "output_type": "latent",
    **prompts(32),
}
MOCHI = {
    "transformer": part(
        "MochiTransformer3DModel",
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        pooled_projection_dim=16,
        in_channels=12,
        text_embed_dim=32,
        time_embed_dim=4,
    ),
    "vae": part(
        "AutoencoderKLMochi",
        encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32),
        layers_per_block=(1, 1, 1, 1, 1),
    ),
    "scheduler": FLOW,
    "num_frames": 7,
    "height": 16,
    "width": 16,
    "output_type": "latent",
    **prompts(32),
}
COGVIDEO = {
    "transformer": part(
        "CogVideoXTransformer3DModel",
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=4,
        out_channels=4,
        time_embed_dim=4,
        text_embed_dim=32,
        num_layers=1,
        sample_width=2,
        sample_height=2,
        sample_frames=9,
        max_text_seq_length=7,
    ),
    "vae": part(
        "AutoencoderKLCogVideoX",
        down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
    ),
    "scheduler": part("CogVideoXDPMScheduler"),
    "num_frames": 9,
    "height": 16,
    "width": 16,
    "image": picture(16),
    "video": film(9, 16),
    "control_video": film(9, 16),
    "strength": 1.0,
    **prompts(32),
}
IMAGE_TO_VIDEO = {
    "transformer": COGVIDEO["transformer"].but(in_channels=8, use_rotary_positional_embeddings=True)
}
LTX = {
    "transformer": part(
        "LTXVideoTransformer3DModel",
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=16,
        cross_attention_dim=32,
        num_layers=1,
        caption_channels=32,
    ),
    "vae": part(
        "AutoencoderKLLTXVideo",
        latent_channels=8,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1),
        timestep_conditioning=True,
    ),
    "latent_upsampler": hinted(in_channels=8, mid_channels=32, num_blocks_per_stage=1),
    "scheduler": FLOW,
    "num_frames": 9,
    "height": 32,
    "width": 32,
    "image": picture(32),
    "video": film(9, 32),
    "strength": 1.0,
    "decode_timestep": 0.05,
    "decode_noise_scale": 0.025,
    **prompts(32),
}
HUNYUAN_BLOCKS = {
    "in_channels": 4,
    "out_channels": 4,
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "num_layers": 1,
    "num_single_layers": 1,
    "num_refiner_layers": 1,
    "patch_size": 1,
    "text_embed_dim": 32,
    "pooled_projection_dim": 16,
    "rope_axes_dim": (4, 4, 4),
}
HUNYUAN_TRANSFORMER = part("HunyuanVideoTransformer3DModel", **HUNYUAN_BLOCKS)
HUNYUAN_VAE = part(
    "AutoencoderKLHunyuanVideo",
    latent_channels=4,
    down_block_types=("HunyuanVideoDownBlock3D",) * 4,
    up_block_types=("HunyuanVideoUpBlock3D",) * 4,
    block_out_channels=(8, 8, 8, 8),
    layers_per_block=1,
    norm_num_groups=4,
)
HUNYUAN = {
    "transformer": HUNYUAN_TRANSFORMER,
    "vae": HUNYUAN_VAE,
    "scheduler": FLOW,
    "num_frames": 5,
    "height": 16,
    "width": 16,
    "image": picture(16),
    **prompts(32, pooled=16),
}
HUNYUAN_15 = {
    "transformer": part(
        "HunyuanVideo15Transformer3DModel",
        in_channels=9,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=1,
        num_refiner_layers=1,
        text_embed_dim=32,
        text_embed_2_dim=32,
        image_embed_dim=32,
        rope_axes_dim=(4, 4, 4),
        target_size=16,
    ),
    "vae": part(
        "AutoencoderKLHunyuanVideo15",
        latent_channels=4,
        block_out_channels=(32, 32, 32, 32, 32),
        layers_per_block=1,
    ),
    "guider": part("ClassifierFreeGuidance"),
    "scheduler": FLOW,
    "num_frames": 5,
    "height": 16,
    "width": 16,
    "image": picture(16),
    **prompts(32),
    **{f"{key}_2": value for key, value in prompts(32).items()},
}
KANDINSKY_BLOCKS = {
    "in_text_dim": 32,
    "in_text_dim2": 32,
    "time_dim": 16,
    "model_dim": 24,
    "ff_dim": 16,
    "num_text_blocks": 1,
    "num_visual_blocks": 1,
    "axes_dims": (2, 4, 6),
}
KANDINSKY_5 = {
    "transformer": part("Kandinsky5Transformer3DModel", **KANDINSKY_BLOCKS),
    "vae": HUNYUAN_VAE,
    "scheduler": FLOW,
    "num_frames": 5,
    "height": 16,
    "width": 16,
    "image": picture(16),
    "strength": 1.0,
    **{
        f"{sign}{key}": value
        for sign in ("", "negative_")
        for key, value in {
            "prompt_embeds_qwen": normals(1, 7, 32),
            "prompt_embeds_clip": normals(1, 32),
            "prompt_cu_seqlens": torch.tensor([0, 7], dtype=torch.int32),
        }.items()
    },
}
FAMILIES = [
    (LATTE, {"LattePipeline": {}}),
    (ALLEGRO, {"AllegroPipeline": {}}),
    (MOCHI, {"MochiPipeline": {}}),
    (
        COGVIDEO,
        {
            "CogVideoXPipeline": {},
            "CogVideoXImageToVideoPipeline": IMAGE_TO_VIDEO,
            "CogVideoXVideoToVideoPipeline": {},
            "CogVideoXFunControlPipeline": {
                **IMAGE_TO_VIDEO,
                "scheduler": part("CogVideoXDDIMScheduler"),
            },
        },
    ),
    (
        LTX,
        {
            "LTXPipeline": {},
            "LTXImageToVideoPipeline": {},
            "LTXConditionPipeline": {"video": None, "image": [picture(32)], "frame_index": 0},
            "LTXLatentUpsamplePipeline": {},
            "LTXI2VLongMultiPromptPipeline": {
                "prompt": "a cat",
                "tokenizer": part(text.t5_tokenizer),
                "text_encoder": part(text.t5_text),
                "decode_horizontal_tiles": 1,
                "decode_vertical_tiles": 1,
                "decode_overlap": 0,
            },
        },
    ),
    (
        HUNYUAN,
        {
            "HunyuanVideoPipeline": {},
            "HunyuanSkyreelsImageToVideoPipeline": {
                "transformer": HUNYUAN_TRANSFORMER.but(in_channels=8)
            },
        },
    ),
    (HUNYUAN_15, {"HunyuanVideo15Pipeline": {}}),
    (
        KANDINSKY_5,
        {
            "Kandinsky5T2VPipeline": {},
            "Kandinsky5T2IPipeline": {"vae": part(stable_diffusion.autoencoder)},
        },
    ),
]
