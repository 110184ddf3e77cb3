# SPDX-License-Identifier: Apache-2.0
"""What is timed: which numbers, how many, into which memory, on how many threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

DTYPES = ("float32", "bfloat16", "float16", "float64")

LATENT_512 = 4 * 64 * 64
LATENT_1024 = 4 * 128 * 128
FLUX_1024 = 16 * 128 * 128
VIDEO = 16 * 21 * 60 * 104
"""A latent of 81 frames of 832 by 480 pixels."""

SMALL = (4, 256, 4096)
SIZES = (*SMALL, LATENT_512, LATENT_1024, FLUX_1024, 1 << 20, VIDEO, 1 << 22, 1 << 24, 1 << 26)
QUICK_SIZES = (4, LATENT_512, FLUX_1024, 1 << 20)
TYPE_SIZES = (LATENT_1024, FLUX_1024, 1 << 20, 1 << 22)
FRESH_SIZES = (LATENT_512, FLUX_1024, 1 << 20, 1 << 22, 1 << 24, 1 << 26)
MAPPED_SIZES = (FLUX_1024, 1 << 20, 1 << 22, 1 << 24)
THREADED_SIZES = (LATENT_512, LATENT_1024, FLUX_1024, 1 << 20, 1 << 22, 1 << 24, 1 << 26)
QUICK_THREADED_SIZES = (FLUX_1024, 1 << 22)
THREADED_TYPE_SIZES = (FLUX_1024, 1 << 22)
GPU_SIZES = (1 << 16, 1 << 20, 1 << 24, 1 << 26)


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
        kind: `"normal"` or `"uniform"`.
        dtype: The name of the element type.
        count: How many elements.
        memory: `"touched"`, a buffer written before, `"fresh"`, allocated by each draw, or
            `"mapped"`, that and new from the system.
        threads: How many threads each contestant may use.
        device: Where the numbers are wanted.
    """

    kind: str
    dtype: str
    count: int
    memory: str = "touched"
    threads: int = 1
    device: str = "cpu"

    @property
    def torch_dtype(self) -> torch.dtype:
        """The element type."""
        found = getattr(torch, self.dtype)
        assert isinstance(found, torch.dtype)
        return found

    @property
    def fresh(self) -> bool:
        """Whether each draw allocates its memory."""
        return self.memory != "touched"

    def buffer(self) -> torch.Tensor:
        """Memory for all contestants of a touched case, one after another."""
        count = 0 if self.fresh else self.count
        return torch.zeros(count, dtype=self.torch_dtype, device=self.device)


def cpu_cases(threads: int, *, full: bool) -> Iterator[Case]:
    """The comparisons on the CPU.

    Args:
        threads: How many threads; on several, only what gains by them.
        full: Every size and type, or a choice that takes a minute.
    """
    return _threaded_cases(threads, full) if threads > 1 else _serial_cases(full)


def _serial_cases(full: bool) -> Iterator[Case]:
    for count in SIZES if full else QUICK_SIZES:
        yield Case("normal", "float32", count)
    for count in FRESH_SIZES if full else (1 << 20,):
        yield Case("normal", "float32", count, "fresh")
    for count in TYPE_SIZES if full else (FLUX_1024,):
        for dtype in DTYPES[1:]:
            yield Case("normal", dtype, count)
        for dtype in DTYPES if full else DTYPES[:1]:
            yield Case("uniform", dtype, count)


def _threaded_cases(threads: int, full: bool) -> Iterator[Case]:
    for count in THREADED_SIZES if full else QUICK_THREADED_SIZES:
        yield Case("normal", "float32", count, threads=threads)
    for count in THREADED_TYPE_SIZES if full else ():
        for dtype in DTYPES[1:]:
            yield Case("normal", dtype, count, threads=threads)
        yield Case("uniform", "float32", count, threads=threads)


def mapped_cases(*, full: bool) -> Iterator[Case]:
    """The comparisons for a process that has the system map each tensor anew."""
    for count in MAPPED_SIZES if full else (1 << 20,):
        yield Case("normal", "float32", count, "mapped")


def gpu_cases(*, full: bool) -> Iterator[Case]:
    """The comparisons on the current GPU."""
    for count in GPU_SIZES if full else GPU_SIZES[1:3]:
        for dtype in DTYPES:
            yield Case("normal", dtype, count, device="cuda")
        yield Case("uniform", "float32", count, device="cuda")
