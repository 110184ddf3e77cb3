# SPDX-License-Identifier: Apache-2.0
"""Tokenizers made of a handful of words, and text encoders to match."""

from __future__ import annotations

import string

from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from examples.tiny.weights import fixed_weights

WORDS = (
    "a",
    "an",
    "the",
    "of",
    "on",
    "in",
    "photo",
    "painting",
    "astronaut",
    "riding",
    "cat",
    "dog",
    "squirrel",
    "horse",
    "mars",
    "moon",
    "red",
    "blue",
    "sound",
)
CHARACTERS = string.ascii_lowercase + string.digits + string.punctuation
LENGTH = 16
"""Tokens of a prompt."""
WIDTH = 32
"""Features of a token."""


def clip_tokenizer(length: int = LENGTH) -> CLIPTokenizer:
    """Byte pairs: the words are one token each, and any other text is spelled."""
    endings = [character + "</w>" for character in CHARACTERS]
    merges = list(dict.fromkeys(pair for word in WORDS for pair in _pairs(word)))
    merged = [left + right for left, right in merges]
    tokens = dict.fromkeys([*CHARACTERS, *endings, *merged, "<|startoftext|>", "<|endoftext|>"])
    return CLIPTokenizer(
        vocab={token: number for number, token in enumerate(tokens)},
        merges=merges,
        model_max_length=length,
    )


def _pairs(word: str) -> list[tuple[str, str]]:
    """The merges that make one token of a word, from its front to its end."""
    letters = [*word[:-1], word[-1] + "</w>"]
    return [("".join(letters[:cut]), letters[cut]) for cut in range(1, len(letters))]


def t5_tokenizer(length: int = LENGTH) -> T5Tokenizer:
    """Unigrams: the words are likelier than their spelling."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    words = [("▁" + word, -2.0) for word in WORDS]
    characters = [(character, -5.0) for character in "▁" + CHARACTERS]
    return T5Tokenizer(vocab=[*special, *words, *characters], extra_ids=0, model_max_length=length)


def _clip_config(width: int, length: int) -> CLIPTextConfig:
    tokenizer = clip_tokenizer()
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        max_position_embeddings=length,
        hidden_size=width,
        intermediate_size=width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        hidden_act="gelu",
    )


@fixed_weights
def clip_text(width: int = WIDTH, length: int = LENGTH) -> CLIPTextModel:
    """The text encoder of Stable Diffusion."""
    return CLIPTextModel(_clip_config(width, length))


@fixed_weights
def clip_text_projected(width: int = WIDTH, length: int = LENGTH) -> CLIPTextModelWithProjection:
    """The text encoder whose pooled output has a projection."""
    return CLIPTextModelWithProjection(_clip_config(width, length))


@fixed_weights
def t5_text(width: int = WIDTH) -> T5EncoderModel:
    """The encoder half of T5."""
    return T5EncoderModel(
        T5Config(
            vocab_size=len(t5_tokenizer()),
            d_model=width,
            d_kv=8,
            d_ff=width,
            num_layers=2,
            num_heads=4,
            relative_attention_num_buckets=8,
            relative_attention_max_distance=16,
            dropout_rate=0.0,
        )
    )
