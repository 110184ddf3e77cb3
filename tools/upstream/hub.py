# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the tiny models and tokenizers that the tests load from the hub, made here.

`python -m tools.upstream.hub FOLDER` fills a cache as the hub's client would have. Weights are
random; vocabularies are single characters and the special tokens, so that there is a number for any
prompt. What depends on a certain number for a word, as an expected image may, fails in every mode.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch
import transformers as tf

_SEED = 0
_CHARACTERS = [chr(code) for code in range(33, 127)]
_SPACE = "▁"
"""SentencePiece's, for the start of a word."""

_LENGTH = 77
"""The longest prompt of CLIP, which the others take as well where a test has no other."""

_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}{{ part.text }}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def clip(folder: Path) -> None:
    """A tokenizer in which the end of the text has the highest number, as CLIP's has."""
    pieces = [*_bytes(), *(f"{piece}</w>" for piece in _bytes())]
    vocabulary = _numbered([*pieces, "<|startoftext|>", "<|endoftext|>"])
    tf.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=_LENGTH).save_pretrained(folder)


def t5(folder: Path) -> None:
    """A tokenizer and both models of 32 channels."""
    t5_tokenizer(folder)
    config = tf.T5Config(
        vocab_size=_T5_SIZE, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4
    )
    tf.T5ForConditionalGeneration(config).save_pretrained(folder)


def t5_tokenizer(folder: Path) -> None:
    """The tokenizer alone."""
    pieces = ["<pad>", "</s>", "<unk>", _SPACE, *_CHARACTERS]
    tf.T5Tokenizer(vocab=[(piece, 0.0) for piece in pieces]).save_pretrained(folder)


def umt5(folder: Path) -> None:
    """A model of 32 channels and T5's tokenizer."""
    t5_tokenizer(folder)
    config = tf.UMT5Config(
        vocab_size=_T5_SIZE, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4
    )
    tf.UMT5EncoderModel(config).save_pretrained(folder)


def qwen(folder: Path) -> None:
    """A tokenizer with a chat template."""
    special = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
    special += ["<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]
    vocabulary = _numbered([*_bytes(), "<|endoftext|>", *special])
    tokenizer = tf.Qwen2Tokenizer(
        vocab=vocabulary, merges=[], additional_special_tokens=special, chat_template=_CHAT
    )
    tokenizer.save_pretrained(folder)
    # `AutoTokenizer` asks whose it is.
    tf.Qwen2Config().save_pretrained(folder)


def gemma(folder: Path) -> None:
    """A tokenizer of no more than eight numbers, for models that have no more."""
    vocabulary = _numbered(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", _SPACE, "a", "b"])
    tokenizer = tf.GemmaTokenizer(
        vocab=vocabulary, merges=[], model_max_length=_LENGTH, add_bos_token=True
    )
    tokenizer.save_pretrained(folder)
    tf.GemmaConfig().save_pretrained(folder)


def bert(folder: Path) -> None:
    """A tokenizer and a model of 32 channels."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *_CHARACTERS, *(f"##{piece}" for piece in _CHARACTERS)]
    tokenizer = tf.BertTokenizer(vocab=_numbered(pieces), model_max_length=_LENGTH)
    tokenizer.save_pretrained(folder)
    config = tf.BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=37,
    )
    tf.BertModel(config).save_pretrained(folder)


def roberta(folder: Path) -> None:
    """A tokenizer."""
    vocabulary = _numbered(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *_bytes()])
    tokenizer = tf.RobertaTokenizer(vocab=vocabulary, merges=[], model_max_length=_LENGTH)
    tokenizer.save_pretrained(folder)


def xlm_roberta(folder: Path) -> None:
    """A tokenizer."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", _SPACE, *_CHARACTERS, "<mask>"]
    vocabulary = [(piece, 0.0) for piece in pieces]
    tf.XLMRobertaTokenizer(vocab=vocabulary, model_max_length=_LENGTH).save_pretrained(folder)


def llama_tokenizer(folder: Path) -> None:
    """A tokenizer."""
    vocabulary = _numbered(["<unk>", "<s>", "</s>", _SPACE, *_CHARACTERS])
    tokenizer = tf.LlamaTokenizer(vocab=vocabulary, merges=[], pad_token="</s>", add_bos_token=True)
    tokenizer.save_pretrained(folder)


def llama(folder: Path) -> None:
    """A tokenizer and a model of 16 channels."""
    llama_tokenizer(folder)
    config = tf.LlamaConfig(
        vocab_size=128,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    tf.LlamaForCausalLM(config).save_pretrained(folder)


_T5_SIZE: Final = 256

STAND_INS: Final[dict[str, Callable[[Path], None]]] = {
    "hf-internal-testing/tiny-random-clip": clip,
    "hf-internal-testing/tiny-random-t5": t5,
    "hf-internal-testing/tiny-random-T5Model": t5,
    "hf-internal-testing/tiny-random-T5ForConditionalGeneration": t5,
    "hf-internal-testing/tiny-random-umt5": umt5,
    "hf-internal-testing/tiny-random-Qwen2VLForConditionalGeneration": qwen,
    "hf-internal-testing/dummy-gemma": gemma,
    "hf-internal-testing/tiny-random-BertModel": bert,
    "hf-internal-testing/tiny-random-roberta": roberta,
    "hf-internal-testing/tiny-random-LlamaForCausalLM": llama,
    "finetrainers/dummy-hunyaunvideo": lambda folder: llama_tokenizer(folder / "tokenizer"),
    "YiYiXu/tiny-random-mclip-base": xlm_roberta,
}
"""By the name on the hub, what writes the files."""


def fill(home: Path) -> None:
    """Write all stand-ins into a cache of the hub's client.

    Args:
        home: What `HF_HOME` will name.
    """
    for name, write in STAND_INS.items():
        repository = home / "hub" / f"models--{name.replace('/', '--')}"
        snapshot = repository / "snapshots" / _REVISION
        snapshot.mkdir(parents=True, exist_ok=True)
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(_REVISION)
        torch.manual_seed(_SEED)
        write(snapshot)


_REVISION = "0" * 40


def _bytes() -> list[str]:
    """A printable character for each byte, as byte-level vocabularies have them since GPT-2."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [*map(chr, printable), *(chr(256 + i) for i in range(len(others)))]


def _numbered(pieces: list[str]) -> dict[str, int]:
    return {piece: number for number, piece in enumerate(pieces)}


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    fill(Path(sys.argv[1]))
