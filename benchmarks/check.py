# SPDX-License-Identifier: Apache-2.0
"""Wrong code is never timed: bits are checked first, of small draws and of large ones."""

from __future__ import annotations

import torch

import reprorng
from benchmarks.cases import DTYPES
from benchmarks.machine import cores
from benchmarks.progress import track
from benchmarks.scaling import thread_numbers
from reprorng import _core
from reprorng.testing import check_backend
from tools.sources import digest

LARGE_BYTES = 1 << 25
"""From here on a draw goes past the caches, if the memory was there before."""

ODD = 5
"""Elements more than that, so that no vector length divides their number."""

PIECE = 1 << 12
"""Elements of a large draw that the reference repeats, at its start, middle and end."""


class WrongBitsError(RuntimeError):
    """A backend's bits are not what they must be, so nothing of it is timed."""


class StaleError(RuntimeError):
    """What is compiled is not what the sources say, so a result would be of no commit."""


def check_built() -> None:
    """Raise StaleError unless the compiled kernels are those of the sources."""
    if digest() != _core.SOURCES:
        raise StaleError(
            "not timed, for the compiled kernels are not those of csrc: `make bench` builds them"
        )


def check_bits() -> dict[str, int]:
    """Check whatever can be timed here against the known answers and the reference, which is not.

    Returns:
        How many draws of each equal the reference.

    Raises:
        WrongBitsError: one does not.
    """
    compared = {}
    found = reprorng.backends.available()
    runnable = [name for name, why in found.items() if why is None and name != "reference"]
    for name in track(runnable, description="checking bits"):
        try:
            compared[name] = check_backend(reprorng.backends.get(name))
        except AssertionError as error:
            raise WrongBitsError(f"not timed, for its bits are wrong: {error}") from error
    # What is large is compared with the reference in parts; drawn by itself it would take minutes.
    large = [
        (name, kind, getattr(torch, dtype))
        for name in runnable
        for kind in ("normal", "uniform")
        for dtype in DTYPES
    ]
    for name, kind, dtype in track(large, description="checking large draws"):
        check_large(name, kind, dtype)
    return compared


def check_large(backend: str, kind: str, dtype: torch.dtype, bytes: int = LARGE_BYTES) -> None:
    """Check a draw that several threads share, into new memory and into old, past the caches.

    Args:
        backend: Who draws it.
        kind: `"normal"` or `"uniform"`.
        dtype: Its type.
        bytes: How large it is at least.

    Raises:
        WrongBitsError: it depends on the memory or the number of threads, or differs from the
            reference.
    """
    function = reprorng.randn if kind == "normal" else reprorng.rand
    count = bytes // dtype.itemsize + ODD
    devices = reprorng.backends.get(backend).devices
    device = "cpu" if "cpu" in devices else devices[0]
    what = f"not timed: {kind} {dtype} of {backend}"

    def draw(out: torch.Tensor | None) -> torch.Tensor:
        return function(count, seed=0, dtype=dtype, device=device, backend=backend, out=out)

    new = draw(None)
    old = torch.empty_like(new)
    before = torch.get_num_threads()
    try:
        for threads in thread_numbers(cores() if device == "cpu" else 1):
            torch.set_num_threads(threads)
            if not _same(draw(old.zero_()), new):
                raise WrongBitsError(
                    f"{what}: {count} elements depend on the number of threads or on the memory"
                )
    finally:
        torch.set_num_threads(before)
    words = 2 if dtype is torch.float64 else 1
    for start in (0, count // 2, max(0, count - PIECE)):
        piece = new[start : start + PIECE].cpu()
        expected = function(
            piece.numel(), seed=0, position=start * words, dtype=dtype, backend="reference"
        )
        if not _same(piece, expected):
            raise WrongBitsError(f"{what}: the reference has others from element {start} on")


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))
