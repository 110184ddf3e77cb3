# SPDX-License-Identifier: Apache-2.0
"""The GPU's cases and clock: torch, torch's stateless Philox where there is one, and a memset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

import reprorng
from benchmarks.cases import DTYPES, Case, Job, dtype_name

SIZES = (1 << 16, 1 << 20, 1 << 24, 1 << 26)


def cases() -> Iterator[Case]:
    """Every comparison, on the current GPU."""
    for dtype in DTYPES:
        for count in SIZES:
            yield normal(dtype, count)
    yield uniform(SIZES[-1])


def normal(dtype: torch.dtype, count: int) -> Case:
    """Normal numbers."""
    x, y = (torch.zeros(count, dtype=dtype, device="cuda") for _ in range(2))
    generator = reprorng.Generator(0)
    peers: dict[str, Job] = {"torch": lambda: y.normal_(), "memset": lambda: y.zero_()}
    stateless = _stateless()
    if stateless is not None and dtype is torch.float32:
        key = stateless.key(0, device="cuda")
        peers["torch stateless"] = lambda: stateless.normal_(key, y)
    ours: dict[str, Job] = {"triton": lambda: reprorng.normal_(x, generator=generator)}
    return Case("normal", dtype_name(dtype), count, ours, peers)


def uniform(count: int) -> Case:
    """Uniform numbers."""
    x, y = (torch.zeros(count, device="cuda") for _ in range(2))
    generator = reprorng.Generator(0)
    ours: dict[str, Job] = {"triton": lambda: reprorng.uniform_(x, generator=generator)}
    peers: dict[str, Job] = {"torch": lambda: y.uniform_(), "memset": lambda: y.zero_()}
    return Case("uniform", "float32", count, ours, peers)


def seconds(job: Job, repeats: int) -> float:
    """The time of one job, on the GPU's clock where that is what takes longest."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(repeats):
        job()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1000 / repeats


def _stateless() -> Any:
    """Torch's experimental `torch.func._random`, which newer versions have."""
    try:
        from torch.func import _random
    except ImportError:
        return None
    return _random
