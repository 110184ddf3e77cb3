# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: NPY002  # the global generator of NumPy is what is watched
"""What a call does to random numbers: which global states it moves, and who draws what.

This knows nothing of how draws are redirected: it compares the states of torch, NumPy and Python
before and after, and counts torch's draws by whom they ask.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

import reprorng

_NAMES = ["bernoulli", "multinomial", "normal", "poisson", "rand", "randint", "randn", "randperm"]
_LIKE = ["rand_like", "randint_like", "randn_like"]
_METHODS = [
    *("bernoulli", "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_"),
    *("multinomial", "normal_", "random_", "uniform_"),
]
DRAWS = {getattr(torch, name) for name in _NAMES + _LIKE} | {
    getattr(torch.Tensor, name) for name in _METHODS
}
"""Torch's functions that draw."""


class DrawCounter(TorchFunctionMode):
    """Counts torch's draws while it is entered: with ours, with torch's, with no generator."""

    def __init__(self) -> None:
        """Nothing has been counted yet."""
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Count `func` if it draws, and do what it does."""
        kwargs = dict(kwargs or {})
        if func in DRAWS:
            self.counts[_source((*args, *kwargs.values()))] += 1
        return func(*args, **kwargs)


def _source(arguments: Sequence[Any]) -> str:
    if any(isinstance(argument, reprorng.Generator) for argument in arguments):
        return "ours"
    if any(isinstance(argument, torch.Generator) for argument in arguments):
        return "torch's"
    return "global"


@contextmanager
def global_states(seed: int) -> Iterator[None]:
    """Put all global generators in a known state, and give back the one they had."""
    saved = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(saved[0])
        np.random.set_state(saved[1])
        random.setstate(saved[2])


def _states() -> dict[str, bytes]:
    kind, key, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": repr((kind, key.tobytes(), rest)).encode(),
        "python": repr(random.getstate()).encode(),
    }


@dataclass(frozen=True)
class Seen:
    """What was seen of one call.

    Attributes:
        digest: A hash of every bit it returned.
        moved: The global states it changed.
        ours: Draws of torch's functions with a generator of ours.
        foreign: Those with a `torch.Generator`.
        unguided: Those with no generator.
        words: 32-bit words our generators gave.
    """

    digest: str
    moved: tuple[str, ...]
    ours: int
    foreign: int
    unguided: int
    words: int

    @property
    def leaks(self) -> bool:
        """Whether anything was drawn from another source than our generators."""
        return bool(self.moved or self.foreign or self.unguided)


def watch(
    call: Callable[[Any], Any], generator: reprorng.Generator | list[reprorng.Generator], seed: int
) -> Seen:
    """Call with a generator, or a list of them, and say what happened.

    Args:
        call: What is called.
        generator: Its argument.
        seed: Where the global generators start, so that who uses them gives itself away.
    """
    generators = generator if isinstance(generator, list) else [generator]
    start = sum(g.position for g in generators)
    with global_states(seed), DrawCounter() as counter:
        before = _states()
        result = call(generator)
        after = _states()
    counts = counter.counts
    return Seen(
        digest=digest(result),
        moved=tuple(name for name in before if before[name] != after[name]),
        ours=counts["ours"],
        foreign=counts["torch's"],
        unguided=counts["global"],
        words=sum(g.position for g in generators) - start,
    )


def digest(value: Any) -> str:
    """A hash of every bit of nested results."""
    hasher = hashlib.blake2b(digest_size=16)
    _feed(hasher, value)
    return hasher.hexdigest()


def _feed(hasher: Any, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        value = value.detach().contiguous()
        hasher.update(f"{value.dtype}{tuple(value.shape)}".encode())
        hasher.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(value, np.ndarray) and value.dtype != object:
        hasher.update(
            f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()
        )
    elif isinstance(value, Mapping):
        _feed(hasher, list(value.items()))
    elif isinstance(value, (list, tuple, np.ndarray)):
        hasher.update(f"[{len(value)}]".encode())
        for item in value:
            _feed(hasher, item)
    elif value is None or isinstance(value, (str, int, float, bool)):
        hasher.update(repr(value).encode())
    elif hasattr(value, "tobytes"):  # a picture of PIL
        hasher.update(f"{value.mode}{value.size}".encode() + value.tobytes())
    else:
        raise TypeError(f"nobody knows the bits of a {type(value).__name__}")
