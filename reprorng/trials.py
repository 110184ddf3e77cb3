# SPDX-License-Identifier: Apache-2.0
"""The draws by which `testing.check_backend` tries a backend, each with its right answer.

Apart from `testing`, which draws and compares: here is what to draw, and why just that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import torch

from reprorng.backends.reference import ReferenceBackend
from reprorng.plan import STREAM_WORDS, WORDS_PER_ELEMENT, Plan, make_plan

# What vector loops leave over, in all combinations with a lane; then lengths around the elements of
# a block of vectors on today's processors, and an even one beyond a program of the GPU kernels.
_SHORT: Final = range(1, 34)
_LONG: Final = (64, 191, 193, 1025, 4098)
# Around zero; where a signed and an unsigned 32-bit word overflow, as a position and as a block
# number; where a signed 64-bit position overflows; before the end.
_STARTS: Final = (0, 1 << 31, 1 << 32, 1 << 33, 1 << 34, 1 << 63, STREAM_WORDS - (1 << 14))
# Where a carry falls inside a draw, this many elements before it: out of 32 bits of words, of
# elements of two words, of blocks and of pairs of blocks.
_CARRIES: Final = (1 << 32, 1 << 33, 1 << 34, 1 << 35)
_BEFORE: Final = 37
RANGES: Final = (
    (-5, 1),
    (-5, (1 << 32) - 1),
    (-5, 1 << 32),
    (-5, (1 << 32) + 1),
    (-(1 << 62), (1 << 63) + 1),
    (-(1 << 63), (1 << 64) - 1),
    (-(1 << 63), 0),
)
"""The first value and the number of values of the smallest range of integers, of those around 32
bits, of one that a signed number does not hold, and of the largest; 0 stands for 2^64."""

# Draws at the same time, each long enough to be split among threads, and so to take a while.
_AT_ONCE: Final = 16
_AT_ONCE_COUNT: Final = (1 << 18) + 5


def answered() -> Iterator[tuple[Plan, bytes]]:
    """Plans of up to a few thousand elements, and the bytes each must give."""
    for longest, counts in _runs():
        expected = _answer(longest)
        width = len(expected) // longest.count
        for count in counts:
            yield replace(longest, count=count), expected[: count * width]


def answered_at_once() -> list[tuple[Plan, bytes]]:
    """Longer plans, each of another stream, to draw at the same time."""
    kernels = list(WORDS_PER_ELEMENT)
    plans = [
        _plan(kernels[i % len(kernels)], _BEFORE * i, _AT_ONCE_COUNT, stream=i)
        for i in range(_AT_ONCE)
    ]
    return [(plan, _answer(plan)) for plan in plans]


def _runs() -> Iterator[tuple[Plan, Sequence[int]]]:
    """The longest plan from each place, and how many elements are drawn from there.

    A longer draw begins with a shorter one, so the reference need not answer for both.
    """
    for low, span in RANGES:
        plan = _plan(("integers", "int64"), 0, 193)
        yield replace(plan, low=low, span=span), (193,)
    for kernel, words in WORDS_PER_ELEMENT.items():
        for count in (1, 2, 3, 9, 193):
            yield _plan(kernel, STREAM_WORDS - count * words, count), (count,)
        for carry in _CARRIES:
            yield _plan(kernel, carry - _BEFORE * words, 191), (191,)
    for start in _STARTS:
        for lane in range(4):
            counts = (*_SHORT, *_LONG) if start == 0 or lane == 0 else _LONG
            for kernel, words in WORDS_PER_ELEMENT.items():
                yield _plan(kernel, start + lane * words, counts[-1], stream=lane), counts


def _plan(kernel: tuple[str, str], position: int, count: int, *, stream: int = 0) -> Plan:
    """A plan of a seed that depends on the position, and whose seed and stream fill all 64 bits."""
    low, span = (-5, 1_000_003) if kernel[0] == "integers" else (0, 0)
    seed, stream = 0x0123456789ABCDEF ^ position, 0xFEDCBA9876543210 ^ stream
    return make_plan(seed, stream, position, count, *kernel, low=low, span=span)


def _answer(plan: Plan) -> bytes:
    out = torch.empty(plan.count, dtype=getattr(torch, plan.dtype))
    ReferenceBackend().fill(plan, out)
    elements = out.view(getattr(torch, f"uint{8 * out.itemsize}")).numpy()
    return elements.astype(elements.dtype.newbyteorder("<")).tobytes()
