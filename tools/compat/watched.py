# SPDX-License-Identifier: Apache-2.0
"""Runs that are watched: what noise they drew, and that they left everybody else's state alone."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import reprorng


class NotHere(Exception):
    """The reason why something cannot be checked with what is installed."""


class Recorder(reprorng.Generator):
    """A generator that keeps a hash of all the normal numbers it gave, in their order."""

    def __init__(self, seed: int = 0) -> None:
        """Start with nothing given."""
        super().__init__(seed)
        self._sha256 = hashlib.sha256()

    def randn(self, *size: Any, **options: Any) -> torch.Tensor:
        """As that of the class above."""
        noise = super().randn(*size, **options)
        self._sha256.update(raw(noise))
        return noise

    def noise_hash(self) -> str:
        """SHA-256 of what was given so far; its first half, which is enough to tell."""
        return self._sha256.hexdigest()[:32]


def raw(values: Any) -> bytes:
    """The bytes of a tensor or an array in row-major order, little-endian."""
    if isinstance(values, torch.Tensor):
        flat = values.detach().cpu().reshape(-1).contiguous()
        values = flat.view(getattr(torch, f"uint{8 * flat.element_size()}")).numpy()
    array = np.ascontiguousarray(values)
    return array.astype(array.dtype.newbyteorder("<")).tobytes()


def same(what: str, found: Any, expected: Any) -> None:
    """Raise AssertionError unless both have the same bytes."""
    if raw(found) != raw(expected):
        raise AssertionError(f"{what}: other bits")


def untouched(seed: int, run: Callable[[], Any]) -> Any:
    """What `run` gives, while torch, NumPy and Python have global generators of this seed.

    Raises:
        AssertionError: it moved one of them.
    """
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global one is what is watched
    random.seed(seed)
    before = _global_states()
    result = run()
    moved = [name for name, state in _global_states().items() if state != before[name]]
    if moved:
        raise AssertionError(f"the global state of {', '.join(moved)} was used")
    return result


def _global_states() -> dict[str, Any]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "NumPy": (name, keys.tobytes(), *rest),
        "Python": random.getstate(),
    }


def repeated(what: str, run: Callable[[Recorder], Any]) -> str:
    """The hash of the noise that `run` draws from a generator of seed 0.

    It is run twice, with other global seeds each time.

    Raises:
        AssertionError: the runs differ in a bit of what they give or draw, a global state was used,
            or nothing was drawn.
    """
    recorders = Recorder(), Recorder()
    first, second = (
        untouched(seed, lambda generator=generator: run(generator))
        for seed, generator in enumerate(recorders)
    )
    if not np.isfinite(first).all():
        raise AssertionError(f"{what}: not finite")
    same(f"{what}, repeated", second, first)
    hashes = [generator.noise_hash() for generator in recorders]
    if hashes[0] != hashes[1]:
        raise AssertionError(f"{what}, repeated: other noise")
    if recorders[0].position == 0:
        raise AssertionError(f"{what}: nothing was drawn from the generator")
    return hashes[0]
