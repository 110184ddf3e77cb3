# SPDX-License-Identifier: Apache-2.0
"""Wrong code is never timed: bits are checked first, of small draws and of large ones."""

from __future__ import annotations

import torch
from rich.progress import track

import reprorng
from benchmarks.cases import DTYPES
from benchmarks.machine import cores
from reprorng.testing import check_backend

LARGE = (1 << 22) + 5
"""Elements that several threads share, and that no vector length divides."""

PIECE = 1 << 12
"""Elements of a large draw that the reference repeats, at its start, middle and end."""


class WrongBitsError(RuntimeError):
    """A backend's bits are not what they must be, so nothing of it is timed."""


def check_bits() -> dict[str, int]:
    """Check every backend that can run here against the known answers and the reference.

    Returns:
        How many draws of each equal the reference.

    Raises:
        WrongBitsError: one does not.
    """
    compared = {}
    runnable = [name for name, why in reprorng.backends.available().items() if why is None]
    for name in track(runnable, description="checking bits"):
        try:
            compared[name] = check_backend(reprorng.backends.get(name))
        except AssertionError as error:
            raise WrongBitsError(f"not timed, for its bits are wrong: {error}") from error
    for dtype in track(DTYPES, description="checking large draws"):
        check_large(getattr(torch, dtype))
    return compared


def check_large(dtype: torch.dtype, count: int = LARGE) -> None:
    """Check a draw that several threads share.

    Args:
        dtype: The type of its normals.
        count: How many elements.

    Raises:
        WrongBitsError: it depends on the number of threads, or differs from the reference.
    """
    before = torch.get_num_threads()
    draws = []
    try:
        for threads in (1, cores()):
            torch.set_num_threads(threads)
            draws.append(reprorng.randn(count, seed=0, dtype=dtype))
    finally:
        torch.set_num_threads(before)
    if not _same(*draws):
        raise WrongBitsError(f"not timed: {count} {dtype} depend on the number of threads")
    words = 2 if dtype is torch.float64 else 1
    for start in (0, count // 2, max(0, count - PIECE)):
        piece = draws[0][start : start + PIECE]
        expected = reprorng.randn(
            piece.numel(), seed=0, position=start * words, dtype=dtype, backend="reference"
        )
        if not _same(piece, expected):
            raise WrongBitsError(f"not timed: {dtype} differ from the reference from {start} on")


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))
