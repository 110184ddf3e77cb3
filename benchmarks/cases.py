# SPDX-License-Identifier: Apache-2.0
"""What is timed: the same job for us and for each peer, into a buffer that is already touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

import reprorng

Job = Callable[[], object]

# 16 x 64 x 64, 16 x 128 x 128 and larger: a latent of SD3 or Flux at 512 and at 1024 pixels.
SIZES = (1 << 16, 1 << 18, 1 << 20, 1 << 22)
DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


@dataclass(frozen=True)
class Case:
    """One comparison: `ours` against `peers`, all writing `count` elements."""

    kind: str
    dtype: str
    count: int
    ours: dict[str, Job]
    peers: dict[str, Job]


def cases() -> Iterator[Case]:
    """Every comparison."""
    for count in SIZES:
        yield normal(torch.float32, count)
    for dtype in DTYPES[1:]:
        yield normal(dtype, 1 << 20)
    for dtype in DTYPES:
        yield uniform(dtype, 1 << 20)


def normal(dtype: torch.dtype, count: int) -> Case:
    """Normal numbers, on every instruction set this machine has."""
    x, y = (torch.zeros(count, dtype=dtype) for _ in range(2))
    peers: dict[str, Job] = {"torch": lambda: y.normal_()}
    if dtype is torch.float32:
        philox = np.random.Generator(np.random.Philox(0))
        z = np.zeros(count, np.float32)
        peers["numpy Philox"] = lambda: philox.standard_normal(dtype=np.float32, out=z)
        w = torch.zeros(count, dtype=dtype)
        peers["memset"] = lambda: w.zero_()
    return Case("normal", dtype_name(dtype), count, _ours(reprorng.normal_, x), peers)


def uniform(dtype: torch.dtype, count: int) -> Case:
    """Uniform numbers."""
    x, y = (torch.zeros(count, dtype=dtype) for _ in range(2))
    ours = _ours(reprorng.uniform_, x)
    return Case("uniform", dtype_name(dtype), count, ours, {"torch": lambda: y.uniform_()})


def _ours(fill: Callable[..., object], x: torch.Tensor) -> dict[str, Job]:
    generator = reprorng.Generator(0)
    found = reprorng.backends.available()
    names = [name for name, reason in found.items() if name.startswith("cpu:") and reason is None]
    if x.numel() > 1 << 20:
        # The portable path is for correctness; its speed does not depend on the size.
        names.remove("cpu:scalar")

    def job(name: str) -> Job:
        return lambda: fill(x, generator=generator, backend=name)

    return {name: job(name) for name in names}


def dtype_name(dtype: torch.dtype) -> str:
    """The name of a dtype without `torch.`."""
    return str(dtype).removeprefix("torch.")
