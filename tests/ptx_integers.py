# SPDX-License-Identifier: Apache-2.0
"""Integer arithmetic on lanes that NumPy lacks or defines in another way than PTX."""

from __future__ import annotations

from typing import Any

import numpy as np
from ptx_floats import Array


def _wide(a: Array) -> np.dtype[Any]:
    return np.dtype(f"{a.dtype.kind}{2 * a.itemsize}")


def multiply_wide(a: Array, b: Array) -> Array:
    """The whole product, in twice the bits."""
    return a.astype(_wide(a)) * b.astype(_wide(a))


def multiply_high(a: Array, b: Array) -> Array:
    """The high half of the product."""
    if a.itemsize < 8:
        return (multiply_wide(a, b) >> (8 * a.itemsize)).astype(a.dtype)
    high = _multiply_high_u64(a.view(np.uint64), b.view(np.uint64)).view(a.dtype)
    if a.dtype.kind == "i":
        # As unsigned, a negative factor is 2^64 more.
        high = high - np.where(a < 0, b, 0) - np.where(b < 0, a, 0)
    return high


def _multiply_high_u64(a: Array, b: Array) -> Array:
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    a0, a1, b0, b1 = a & low, a >> half, b & low, b >> half
    first = a1 * b0 + (a0 * b0 >> half)  # below 2^64, as the next one is
    second = a0 * b1 + (first & low)
    return a1 * b1 + (first >> half) + (second >> half)


def shift_left(a: Array, n: Array) -> Array:
    """A shift by any number of bits."""
    bits = 8 * a.itemsize
    return np.where(n < bits, a << np.minimum(n, bits - 1).astype(a.dtype), a.dtype.type(0))


def shift_right(a: Array, n: Array) -> Array:
    """A shift by any number of bits, with copies of the sign if there is one."""
    bits = 8 * a.itemsize
    shifted = a >> np.minimum(n, bits - 1).astype(a.dtype)
    return shifted if a.dtype.kind == "i" else np.where(n < bits, shifted, a.dtype.type(0))


def _join(low: Array, high: Array) -> Array:
    return high.astype(np.uint64) << np.uint64(32) | low.astype(np.uint64)


def funnel(a: Array, b: Array, n: Array, *, left: bool, wrap: bool) -> Array:
    """The high word of `b` and `a` together shifted left, or the low word shifted right."""
    count = (n & np.uint32(31) if wrap else np.minimum(n, np.uint32(32))).astype(np.uint64)
    both = _join(a, b)
    moved = (both << count) >> np.uint64(32) if left else both >> count
    return moved.astype(np.uint32)


def lop3(a: Array, b: Array, c: Array, table: Array) -> Array:
    """For each bit, the one in `table` that three bits number."""
    result = np.zeros(1, np.uint32)
    for row in range(8):
        term = (a if row & 4 else ~a) & (b if row & 2 else ~b) & (c if row & 1 else ~c)
        result = result | np.where(table >> np.uint32(row) & np.uint32(1), term, np.uint32(0))
    return result


def permute(a: Array, b: Array, selector: Array) -> Array:
    """Bytes of `b` and `a` together, or copies of their signs, as each digit says."""
    both, eight = _join(a, b), np.uint64(8)
    result = np.zeros(1, np.uint64)
    for byte in range(4):
        control = (selector >> np.uint32(4 * byte)).astype(np.uint64)
        chosen = both >> (control & np.uint64(7)) * eight & np.uint64(0xFF)
        sign = np.uint64(0xFF) * (chosen >> np.uint64(7))
        chosen = np.where(control & eight, sign, chosen)
        result = result | chosen << np.uint64(8 * byte)
    return result.astype(np.uint32)
