# SPDX-License-Identifier: Apache-2.0
"""Pipelines in stages: from a text to an embedding of a picture, to a picture, to a larger one."""

from __future__ import annotations

import torch
from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP
from transformers import CLIPVisionModel

from examples.tiny import stable_diffusion, text, unclip, vision
from examples.tiny.family import hinted, mask, normals, part, picture

PRIOR = part(unclip.prior)
TEXT = {
    "prompt": "a photo of a cat",
    "tokenizer": part(text.clip_tokenizer),
    "text_encoder": part(text.clip_text_projected),
}
IMAGES = {
    "image_encoder": part(vision.clip_vision),
    "image_processor": part(vision.clip_image_processor),
    "feature_extractor": part(vision.clip_image_processor),
}
SAMPLE = part(
    "UnCLIPScheduler",
    prediction_type="sample",
    variance_type="fixed_small_log",
    clip_sample_range=5.0,
)

MOVQ = part(
    "VQModel",
    block_out_channels=(32, 32),
    down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
    latent_channels=4,
    num_vq_embeddings=16,
    vq_embed_dim=4,
    norm_num_groups=32,
    norm_type="spatial",
)
IF_UNET = part(
    "UNet2DConditionModel",
    sample_size=16,
    in_channels=3,
    out_channels=6,
    block_out_channels=(8, 16),
    layers_per_block=1,
    down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
    up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
    mid_block_type="UNetMidBlock2DSimpleCrossAttn",
    cross_attention_dim=32,
    encoder_hid_dim=32,
    attention_head_dim=4,
    norm_num_groups=4,
    resnet_time_scale_shift="scale_shift",
)
SUPER = IF_UNET.but(in_channels=6, class_embed_type="timestep", class_embeddings_concat=True)
LEARNED = part("DDPMScheduler", variance_type="learned_range", clip_sample=True)

IF = {
    "unet": IF_UNET,
    "scheduler": LEARNED,
    "image_noising_scheduler": part("DDPMScheduler"),
    "height": 16,
    "width": 16,
    "prompt_embeds": normals(1, 7, 32),
    "negative_prompt_embeds": normals(1, 7, 32, seed=1),
    "image": picture(16),
    "original_image": picture(16, seed=2),
    "mask_image": mask(16),
    "strength": 1.0,
}
KANDINSKY_UNET = IF_UNET.but(
    sample_size=8,
    in_channels=4,
    out_channels=8,
    encoder_hid_dim=None,
)


def multilingual() -> MultilingualCLIP:
    """The text encoder of Kandinsky 2.1."""
    return MultilingualCLIP(
        MCLIPConfig(
            vocab_size=len(text.clip_tokenizer()),
            transformerDimensions=32,
            imageDimSize=32,
            hidden_size=32,
            intermediate_size=32,
            num_attention_heads=4,
            num_hidden_layers=1,
        )
    )


def plain_vision() -> CLIPVisionModel:
    """CLIP's picture encoder without its projection."""
    return CLIPVisionModel(vision.clip_vision().config)


PRIORS = {
    "prior_prior": PRIOR,
    "prior_image_encoder": part(vision.clip_vision),
    "prior_image_processor": part(vision.clip_image_processor),
    "prior_text_encoder": part(text.clip_text_projected),
    "prior_tokenizer": part(text.clip_tokenizer),
    "prior_scheduler": SAMPLE,
    "prior_num_inference_steps": 2,
}
KANDINSKY = {
    "prompt": "a photo of a cat",
    "tokenizer": part(text.clip_tokenizer, length=77),
    "text_encoder": part(multilingual),
    "unet": KANDINSKY_UNET.but(
        encoder_hid_dim=32,
        encoder_hid_dim_type="text_image_proj",
        addition_embed_type="text_image",
        addition_embed_type_num_heads=2,
    ),
    "movq": MOVQ,
    "scheduler": part("DDIMScheduler", clip_sample=False),
    **PRIORS,
    "height": 16,
    "width": 16,
    "image_embeds": normals(1, 32),
    "negative_image_embeds": normals(1, 32, seed=1),
    "image": picture(16),
    "mask_image": mask(16),
    "strength": 1.0,
}
KANDINSKY_2_2 = {
    **KANDINSKY,
    "unet": KANDINSKY_UNET.but(
        encoder_hid_dim=32, encoder_hid_dim_type="image_proj", addition_embed_type="image"
    ),
    "scheduler": LEARNED,
    "hint": picture(64),
}
TEXT_PRIOR = {
    "image": normals(1, 32),
    "strength": 1.0,
    "output_type": "pt",
    **TEXT,
    **IMAGES,
    "prior": PRIOR,
    "scheduler": SAMPLE,
}
HINTED = {
    "unet": KANDINSKY_UNET.but(
        in_channels=8,
        encoder_hid_dim=32,
        encoder_hid_dim_type="image_proj",
        addition_embed_type="image_hint",
    )
}
INPAINT = {"in_channels": 9}
UNCLIP = {
    **TEXT,
    **IMAGES,
    "text_proj": part(unclip.text_projection),
    "prior": PRIOR,
    "decoder": part(unclip.decoder),
    "super_res_first": part(unclip.super_resolution),
    "super_res_last": part(unclip.super_resolution),
    "prior_scheduler": SAMPLE,
    "decoder_scheduler": part("UnCLIPScheduler", variance_type="learned_range"),
    "super_res_scheduler": part("UnCLIPScheduler"),
    "decoder_num_inference_steps": 2,
    "super_res_num_inference_steps": 2,
    "prior_num_inference_steps": 2,
    "image_embeddings": normals(1, 32),
}
STABLE_UNCLIP = {
    "unet": part(
        stable_diffusion.unet,
        class_embed_type="projection",
        projection_class_embeddings_input_dim=64,
    ),
    "vae": part(stable_diffusion.autoencoder),
    "scheduler": part("EulerAncestralDiscreteScheduler"),
    "image_normalizer": hinted(embedding_dim=32),
    "image_noising_scheduler": part("DDPMScheduler"),
    **PRIORS,
    "prior": PRIOR,
    "prior_text_encoder": part(text.clip_text_projected),
    "prior_tokenizer": part(text.clip_tokenizer),
    **IMAGES,
    **TEXT,
    "text_encoder": part(text.clip_text),
    "height": 16,
    "width": 16,
    "image": picture(16),
    "noise_level": 10,
}
KANDINSKY_3 = {
    "unet": part(
        "Kandinsky3UNet",
        time_embedding_dim=8,
        groups=4,
        attention_head_dim=4,
        layers_per_block=2,
        block_out_channels=(8, 16),
        cross_attention_dim=8,
        encoder_hid_dim=32,
    ),
    "movq": MOVQ,
    "scheduler": part("DDPMScheduler"),
    "prompt_embeds": normals(1, 7, 32),
    "negative_prompt_embeds": normals(1, 7, 32, seed=1),
    "attention_mask": torch.ones(1, 7),
    "negative_attention_mask": torch.ones(1, 7),
    "height": 16,
    "width": 16,
    "image": picture(16),
    "strength": 1.0,
}
CASCADE_UNET = part(
    "StableCascadeUNet",
    in_channels=4,
    out_channels=4,
    timestep_ratio_embedding_dim=8,
    conditioning_dim=16,
    block_out_channels=(8, 16),
    num_attention_heads=(2, 2),
    down_num_layers_per_block=(1, 1),
    up_num_layers_per_block=(1, 1),
    clip_text_pooled_in_channels=32,
    clip_seq=1,
)
VQGAN = hinted(bottleneck_blocks=1, embed_dim=8, num_vq_embeddings=16)
CASCADE = {
    "prior": CASCADE_UNET.but(clip_text_in_channels=32, clip_image_in_channels=32),
    "decoder": CASCADE_UNET.but(effnet_in_channels=4, patch_size=2),
    "vqgan": VQGAN,
    "scheduler": part("DDPMWuerstchenScheduler"),
    **PRIORS,
    "prior_prior": CASCADE_UNET.but(clip_text_in_channels=32, clip_image_in_channels=32),
    "prior_scheduler": part("DDPMWuerstchenScheduler"),
    "prior_image_encoder": None,
    "height": 128,
    "width": 128,
    "image_embeddings": normals(1, 4, 3, 3),
    "prompt_embeds": normals(1, 7, 32),
    "negative_prompt_embeds": normals(1, 7, 32, seed=1),
    "prompt_embeds_pooled": normals(1, 1, 32),
    "negative_prompt_embeds_pooled": normals(1, 1, 32, seed=1),
}
WUERSTCHEN = {
    **TEXT,
    "text_encoder": part(text.clip_text),
    "scheduler": part("DDPMWuerstchenScheduler"),
    "vqgan": VQGAN,
    **PRIORS,
    "prior_scheduler": part("DDPMWuerstchenScheduler"),
    "prior_text_encoder": part(text.clip_text),
    "prior": hinted(c_in=4, c=8, c_cond=32, c_r=8, depth=1, nhead=2),
    "prior_prior": hinted(c_in=4, c=8, c_cond=32, c_r=8, depth=1, nhead=2),
    "decoder": hinted(
        c_r=8,
        c_cond=32,
        c_hidden=[8, 8],
        nhead=[-1, 2],
        blocks=[1, 1],
        level_config=["CT", "CTA"],
        inject_effnet=[False, True],
        effnet_embd=4,
        clip_embd=32,
    ),
    "height": 128,
    "width": 128,
    "image_embeddings": normals(1, 4, 3, 3),
}
SHAP_E = {
    **TEXT,
    **IMAGES,
    "image_encoder": part(plain_vision),
    "prior": part(
        "PriorTransformer",
        num_attention_heads=2,
        attention_head_dim=4,
        embedding_dim=16,
        num_embeddings=16,
        embedding_proj_dim=32,
        time_embed_dim=16,
        num_layers=1,
        clip_embed_dim=32,
        additional_embeddings=0,
        time_embed_act_fn="gelu",
        norm_in_type="layer",
        encoder_hid_proj_type=None,
        added_emb_type=None,
    ),
    "scheduler": part(
        "HeunDiscreteScheduler",
        beta_schedule="exp",
        prediction_type="sample",
        use_karras_sigmas=True,
        clip_sample=True,
    ),
    "shap_e_renderer": hinted(
        param_shapes=((8, 93), (8, 8), (8, 8), (8, 8)), d_latent=16, d_hidden=8, n_output=12
    ),
    "frame_size": 4,
    "image": picture(16),
    "output_type": "latent",
}
FAMILIES = [
    (
        KANDINSKY,
        {
            "KandinskyPipeline": {},
            "KandinskyImg2ImgPipeline": {},
            "KandinskyInpaintPipeline": {"unet": KANDINSKY["unet"].but(**INPAINT)},
            "KandinskyCombinedPipeline": {},
            "KandinskyImg2ImgCombinedPipeline": {"image": [picture(16)]},
            "KandinskyInpaintCombinedPipeline": {"unet": KANDINSKY["unet"].but(**INPAINT)},
        },
    ),
    (
        KANDINSKY_2_2,
        {
            "KandinskyV22Pipeline": {},
            "KandinskyV22Img2ImgPipeline": {},
            "KandinskyV22InpaintPipeline": {"unet": KANDINSKY_2_2["unet"].but(**INPAINT)},
            "KandinskyV22ControlnetPipeline": HINTED,
            "KandinskyV22ControlnetImg2ImgPipeline": HINTED,
            "KandinskyV22CombinedPipeline": {},
            "KandinskyV22Img2ImgCombinedPipeline": {},
            "KandinskyV22InpaintCombinedPipeline": {"unet": KANDINSKY_2_2["unet"].but(**INPAINT)},
        },
    ),
    (
        TEXT_PRIOR,
        {
            "KandinskyPriorPipeline": {},
            "KandinskyV22PriorPipeline": {},
            "KandinskyV22PriorEmb2EmbPipeline": {},
        },
    ),
    (
        STABLE_UNCLIP,
        {
            "StableUnCLIPPipeline": {},
            "StableUnCLIPImg2ImgPipeline": {},
        },
    ),
    (KANDINSKY_3, {"Kandinsky3Pipeline": {}, "Kandinsky3Img2ImgPipeline": {}}),
    (
        CASCADE,
        {
            "StableCascadePriorPipeline": {"text_encoder": part(text.clip_text_projected)},
            "StableCascadeDecoderPipeline": {},
            "StableCascadeCombinedPipeline": {
                "prompt_embeds": None,
                "prompt_embeds_pooled": None,
                "negative_prompt_embeds": None,
                "negative_prompt_embeds_pooled": None,
                "prompt": "a cat",
                "tokenizer": part(text.clip_tokenizer),
                "text_encoder": part(text.clip_text_projected),
            },
        },
    ),
    (
        WUERSTCHEN,
        {
            "WuerstchenPriorPipeline": {},
            "WuerstchenDecoderPipeline": {},
            "WuerstchenCombinedPipeline": {},
        },
    ),
    (SHAP_E, {"ShapEPipeline": {}, "ShapEImg2ImgPipeline": {}}),
    (UNCLIP, {"UnCLIPPipeline": {}, "UnCLIPImageVariationPipeline": {}}),
    (
        IF,
        {
            "IFPipeline": {},
            "IFImg2ImgPipeline": {},
            "IFInpaintingPipeline": {},
            "IFSuperResolutionPipeline": {"unet": SUPER},
            "IFImg2ImgSuperResolutionPipeline": {"unet": SUPER},
            "IFInpaintingSuperResolutionPipeline": {"unet": SUPER},
        },
    ),
]
