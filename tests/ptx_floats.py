# SPDX-License-Identifier: Apache-2.0
"""Floating-point arithmetic on lanes, each operation rounded once, to nearest even.

Sums, products and square roots of NumPy are IEEE 754's, so only what NumPy lacks is here. The
reference backend has an fma as well; this one shares neither code nor method with it, so that one
can check the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Rsqrt: TypeAlias = Callable[[Array], Array]
"""The relative error of `rsqrt.approx` for each float32 argument, as float64."""

RSQRT_ERROR = 2.0**-22.9
"""The largest that NVIDIA documents."""


def fma32(a: Array, b: Array, c: Array) -> Array:
    """The exact a * b + c in float32.

    The product is exact in double precision, and rounding the double sum once more goes wrong only
    where that sum lies halfway between two floats and is not exact: a halfway point is a double,
    so no other sum can have crossed one. Below the normal floats, where halfway points are
    elsewhere, every sum is looked at.
    """
    product = a.astype(np.float64) * b.astype(np.float64)
    addend = c.astype(np.float64)
    total = np.asarray(product + addend)
    halfway = (total.view(np.uint64) & np.uint64(0x1FFFFFFF)) == np.uint64(0x10000000)
    doubtful = halfway | (np.abs(total) < 2.0**-126)
    if doubtful.any():
        product, addend = (np.broadcast_to(x, total.shape)[doubtful] for x in (product, addend))
        total[doubtful] = _towards_exact(product, addend, total[doubtful])
    return total.astype(np.float32)


def _towards_exact(a: Array, b: Array, total: Array) -> Array:
    """An even `total` that is not exactly a + b, moved to its odd neighbour on that side."""
    _, error = _two_sum(a, b)
    even = (total.view(np.uint64) & np.uint64(1)) == 0
    neighbour = np.nextafter(total, np.copysign(np.inf, error))
    return np.where((np.abs(error) > 0) & even, neighbour, total)


def fma64(a: Array, b: Array, c: Array) -> Array:
    """The exact a * b + c in float64.

    With error-free sums and products, the exact value is s + t + q of falling size. It lies between
    s + t and the sum of s and the neighbour of t on the side of q; where both round to the same
    number, so does the exact value. Elsewhere, and where a product or its error could leave the
    range of doubles, rational numbers decide.
    """
    a, b, c = np.broadcast_arrays(a, b, c)
    high, low = _two_product(a, b)
    s, rest = _two_sum(high, c)
    t, q = _two_sum(rest, low)
    result = np.where(t == 0, s, s + t)  # with t = 0, s has the right sign of a zero
    beyond = s + np.nextafter(t, np.copysign(np.inf, q))
    certain = (q == 0) | (result == beyond)
    doubtful = ~(certain & _moderate(a) & _moderate(b))
    if doubtful.any():
        triples = zip(a[doubtful].tolist(), b[doubtful].tolist(), c[doubtful].tolist(), strict=True)
        result[doubtful] = [_fma_rational(*triple) for triple in triples]
    return result


def _moderate(x: Array) -> Array:
    magnitude = np.abs(x)
    return (x == 0) | ((magnitude > 2.0**-400) & (magnitude < 2.0**400))


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """The rounded sum and its error: Knuth, The Art of Computer Programming 2, 4.2.2."""
    total = a + b
    of_b = total - a
    of_a = total - of_b
    return total, (a - of_a) + (b - of_b)


def _two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """The rounded product and its error: Dekker, Numerische Mathematik 18, 1971."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    error = product - a_high * b_high
    error = error - a_low * b_high
    error = error - a_high * b_low
    return product, a_low * b_low - error


def _halves(x: Array) -> tuple[Array, Array]:
    scaled = x * (2.0**27 + 1)
    high = scaled - (scaled - x)
    return high, x - high


def _fma_rational(a: float, b: float, c: float) -> float:
    if not (math.isfinite(a) and math.isfinite(b)):
        return a * b + c
    if not math.isfinite(c):
        return c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        # a * b is exact here: it is a zero, or it is -c.
        return a * b + c
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def flush(x: Array) -> Array:
    """Subnormal float32 numbers replaced by a zero of their sign."""
    return np.where(np.abs(x) < np.float32(2.0**-126), np.copysign(np.float32(0), x), x)


def minimum(a: Array, b: Array) -> Array:
    """The lesser, with -0 below +0; the other one where one is a NaN."""
    lesser = (a < b) | ((a == b) & np.signbit(a)) | np.isnan(b)
    return np.where(lesser, a, b)


def maximum(a: Array, b: Array) -> Array:
    """The greater, with -0 below +0; the other one where one is a NaN."""
    greater = (a > b) | ((a == b) & ~np.signbit(a)) | np.isnan(b)
    return np.where(greater, a, b)


def fma16(a: Array, b: Array, c: Array) -> Array:
    """The exact a * b + c in float16."""
    return _fma_to_odd(*(x.astype(np.float64) for x in (a, b, c))).astype(np.float16)


def fma_bfloat16(a: Array, b: Array, c: Array) -> Array:
    """The exact a * b + c of bfloat16 numbers, given and returned as their bits."""
    return double_to_bfloat16(
        _fma_to_odd(*(from_bfloat16(x).astype(np.float64) for x in (a, b, c)))
    )


def _fma_to_odd(a: Array, b: Array, c: Array) -> Array:
    """The sum of an exact product, so rounded that rounding it to far fewer bits is right."""
    product = a * b
    return _towards_exact(product, c, product + c)


def double_to_bfloat16(x: Array) -> Array:
    """The bits of each float64 rounded once to bfloat16; of a NaN some NaN's."""
    single = x.astype(np.float32)
    even = (single.view(np.uint32) & np.uint32(1)) == 0
    neighbour = np.nextafter(single, np.where(single < x, np.float32(np.inf), -np.float32(np.inf)))
    return to_bfloat16(np.where((single != x) & ~np.isnan(x) & even, neighbour, single))


def to_bfloat16(x: Array) -> Array:
    """The bits of each float32 rounded to bfloat16; of a NaN some NaN's."""
    bits = x.view(np.uint32)
    upper = (bits >> np.uint32(16)).astype(np.uint16)
    lower = bits & np.uint32(0xFFFF)
    up = (lower > 0x8000) | ((lower == 0x8000) & (upper & np.uint16(1) == 1))
    return np.where(np.isnan(x), np.uint16(0x7FFF), upper + up.astype(np.uint16))


def from_bfloat16(bits: Array) -> Array:
    """The float32 with the value of each bfloat16, which is given as its bits."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def to_integer(x: Array, rounding: Callable[[Array], Array], dtype: Any) -> Array:
    """Each float rounded to an integer and clamped to the range of `dtype`.

    A NaN becomes 0 if neither side has 64 bits, and else the integer with only its highest bit set.
    """
    limits = np.iinfo(dtype)
    whole = rounding(x.astype(np.float64))
    wide = x.itemsize == 8 or limits.bits == 64
    nan = np.asarray(1 << (limits.bits - 1) if wide else 0, np.uint64).astype(dtype)
    below, above = whole <= limits.min, whole >= limits.max  # the limits rounded to double
    inside = np.where(below | above | np.isnan(x), 0, whole).astype(dtype)
    conditions = [np.isnan(x), below, above]
    return np.select(conditions, [nan, dtype(limits.min), dtype(limits.max)], inside)


def rsqrt_approx(x: Array, policy: Rsqrt) -> Array:
    """An approximation of 1 / sqrt(x) as bad as `policy` says, subnormal numbers flushed.

    What it rounds to float32 is off by the policy's relative error and by 2^-52.
    """
    flushed = flush(x)
    exact = 1 / np.sqrt(np.abs(flushed.astype(np.float64)))
    result = np.copysign(exact * (1 + policy(x)), flushed).astype(np.float32)
    return np.where(flushed < 0, np.float32(np.nan), result)


def nearest(x: Array) -> Array:
    """No error but the rounding."""
    return np.zeros(x.shape)


def lowest(x: Array) -> Array:
    """As far below as is documented."""
    return np.full(x.shape, -RSQRT_ERROR)


def highest(x: Array) -> Array:
    """As far above as is documented."""
    return np.full(x.shape, RSQRT_ERROR)


def scattered(seed: int) -> Rsqrt:
    """Errors all over the documented range, a function of the argument and of `seed`."""

    def policy(x: Array) -> Array:
        mixed = x.view(np.uint32).astype(np.uint64) ^ np.uint64(seed)
        for _ in range(3):
            mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        return RSQRT_ERROR * (2.0**-31 * (mixed >> np.uint64(32)).astype(np.float64) - 1)

    return policy
