# SPDX-License-Identifier: Apache-2.0
"""Tiny pipelines built from tables: what a family of pipelines shares, and what each has alone.

A table maps the names of parameters to values, for the constructor of a pipeline and for its call
alike; each pipeline picks those it asks for. A value that is a `Part` is built first. So a whole
family, some of whose members take a dozen components, is a table of a few lines.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import diffusers
import numpy as np
import torch
from torch import nn

import reprorng

Table = Mapping[str, Any]

COMMON: Table = {
    "prompt": None,
    "negative_prompt": None,
    "num_inference_steps": 2,
    "output_type": "np",
    "safety_checker": None,
    "requires_safety_checker": False,
    "watermarker": None,
    "add_watermarker": False,
}
"""What is the same in all families, unless they say otherwise."""


class Absent(Exception):
    """The installed diffusers or transformers has no such class."""


@dataclass(frozen=True)
class Part:
    """A component: a class of diffusers by name, and what its constructor gets.

    Attributes:
        name: The name of the class, or a function that returns the component. None is the class
            that the pipeline's constructor names, which may be one that diffusers does not export.
        config: The keywords of either.
    """

    name: str | Callable[..., Any] | None
    config: Table = field(default_factory=dict)

    def but(self, **changes: Any) -> Part:
        """The same with another configuration."""
        return Part(self.name, {**self.config, **changes})

    def __call__(self) -> Any:
        """The component, with weights that are the same each time, ready for inference.

        Raises:
            Absent: there is no such class.
        """
        make = find(self.name) if isinstance(self.name, str) else self.name
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            with _unset_is_nan():
                component = make(**{key: built(value) for key, value in self.config.items()})
            return _awake(component) if isinstance(component, nn.Module) else component


@contextmanager
def _unset_is_nan() -> Iterator[None]:
    """Memory that is never written is NaN in here, not what was there before."""
    before = torch.get_deterministic_debug_mode()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)


def _awake(model: nn.Module) -> nn.Module:
    """The model for inference, no weight of which is 0, which would hide all that leads to it.

    ControlNets, for example, begin with an output of 0. Nor is any left as its memory was, like
    the padding token of Lumina's transformer: a checkpoint would set it.
    """
    for weight in model.parameters():
        if not weight.any() or weight.isnan().any():
            nn.init.normal_(weight, std=0.1)
    return model.eval()


def part(name: str | Callable[..., Any], /, **config: Any) -> Part:
    """A component of diffusers, or what a function returns."""
    return Part(name, config)


def hinted(**config: Any) -> Part:
    """A component of the class that the pipeline's constructor asks for."""
    return Part(None, config)


def find(name: str) -> Any:
    """The class of diffusers of that name.

    Raises:
        Absent: the installed version has none, or it needs a package that is not there.
    """
    found = getattr(diffusers, name, None)
    if found is None:
        raise Absent(f"diffusers {diffusers.__version__} has no {name}")
    if "dummy" in found.__module__:
        raise Absent(f"{name} needs a package that is not installed")
    return found


def built(value: Any) -> Any:
    """What a table's value stands for: a part becomes a component, all else is itself."""
    if isinstance(value, Part):
        return value()
    if isinstance(value, list):
        return [built(item) for item in value]
    return value


@dataclass(frozen=True)
class Recipe:
    """How one pipeline is built and called.

    Attributes:
        name: The name of its class.
        shared: The table of its family.
        own: What differs for it; every key is a parameter of its constructor or of its call.
    """

    name: str
    shared: Table
    own: Table

    def build(self) -> Any:
        """The pipeline.

        Raises:
            Absent: the installed diffusers lacks the class or one of its components.
            TypeError: a key of its own is no parameter.
        """
        cls = find(self.name)
        parameters = _parameters(cls.__init__)
        stray = self.own.keys() - parameters.keys() - _parameters(cls.__call__).keys()
        if stray:
            raise TypeError(f"{self.name} takes no {', '.join(sorted(stray))}")
        hints = typing.get_type_hints(cls.__init__)
        given = {
            key: _named(value, hints.get(key)) for key, value in self._pick(parameters).items()
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # for a pipeline that makes some of its components itself
            pipeline = cls(**{key: built(value) for key, value in given.items()})
        if hasattr(pipeline, "set_progress_bar_config"):
            pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def call(self, pipeline: Any, generator: Any, **changes: Any) -> Any:
        """What the pipeline returns when it is given its inputs and a generator."""
        parameters = _parameters(type(pipeline).__call__)
        given = {key: built(value) for key, value in self._pick(parameters).items()}
        return pipeline(**{**given, "generator": generator, **changes})

    def _pick(self, parameters: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
        table = {**COMMON, **self.shared, **self.own}
        picked = {key: table[key] for key in parameters if key in table}
        for key, parameter in parameters.items():
            if key not in picked and parameter.default is parameter.empty:
                picked[key] = None  # Embeddings are given instead of what would make them.
        return picked


def _named(value: Any, hint: Any) -> Any:
    """A part without a class has that of the hint, or the first class it allows."""
    if isinstance(value, Part) and value.name is None:
        return Part((*typing.get_args(hint), hint)[0], value.config)
    return value


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = inspect.signature(function).parameters
    return {key: p for key, p in found.items() if p.kind in kinds and key != "self"}


def normals(*shape: int, seed: int = 0) -> torch.Tensor:
    """Embeddings of no meaning: normal numbers, always the same."""
    return reprorng.randn(*shape, seed=seed)


def prompts(
    width: int, pooled: int | None = None, tokens: int = 7, masks: torch.dtype = torch.int64
) -> Table:
    """A prompt and a negative one, embedded, and their masks, by all the names pipelines use."""
    table: dict[str, Any] = {}
    for seed, sign in enumerate(("", "negative_")):
        table[f"{sign}prompt_embeds"] = normals(1, tokens, width, seed=seed)
        if pooled is not None:
            table[f"{sign}pooled_prompt_embeds"] = normals(1, pooled, seed=seed)
        for name in ("prompt_attention_mask", "prompt_embeds_mask"):
            table[f"{sign}{name}"] = torch.ones(1, tokens, dtype=masks)
    return table


def pictures(size: int) -> Table:
    """A picture to start from, one to be led by, and the part to paint anew."""
    return {
        "image": picture(size),
        "control_image": picture(size, seed=2),
        "mask_image": mask(size),
        "strength": 1.0,
        "height": size,
        "width": size,
    }


def picture(size: int, channels: int = 3, seed: int = 1) -> torch.Tensor:
    """A square picture of noise in [0, 1)."""
    return reprorng.rand(1, channels, size, size, seed=seed)


def mask(size: int) -> torch.Tensor:
    """The upper half of a square picture."""
    rows = (torch.arange(size) < size // 2).float()
    return rows[None, None, :, None].expand(1, 1, size, size).clone()


def film(frames: int, size: int) -> list[Any]:
    """A video of `frames` pictures, as PIL has them."""
    from PIL import Image

    values = (reprorng.rand(frames, size, size, 3, seed=2).numpy() * 255).astype(np.uint8)
    return [Image.fromarray(frame) for frame in values]
