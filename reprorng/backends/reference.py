# SPDX-License-Identifier: Apache-2.0
"""The reference backend: the specification as short NumPy code, slow and exact.

Read `docs/spec.md` beside it; the sections of both have the same names and order. Every operation
is on whole arrays, integers wrap, and every floating-point operation is rounded once, to nearest
even, whatever machine this runs on.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from reprorng.plan import Plan
from reprorng.spec import (
    FLOAT32,
    FLOAT64,
    PHILOX_M0,
    PHILOX_M1,
    PHILOX_ROUNDS,
    PHILOX_W0,
    PHILOX_W1,
    Transform,
)

Array: TypeAlias = NDArray[Any]

_UNIFORM_BITS = {"float32": 24, "float16": 11, "bfloat16": 8, "float64": 53}
_CHUNK = 1 << 16


class ReferenceBackend:
    """The specification, executed."""

    name = "reference"
    devices: tuple[str, ...] = ("cpu",)

    def why_not(self) -> str | None:
        """It runs wherever NumPy does."""
        return None

    def fill(self, plan: Plan, out: torch.Tensor) -> None:
        """Write the elements of `plan` to `out`, a piece at a time.

        Args:
            plan: What to draw.
            out: A contiguous one-dimensional CPU tensor of `plan.count` elements.
        """
        raw = out.view(torch.int16) if out.dtype == torch.bfloat16 else out
        memory = raw.numpy()
        for start in range(0, plan.count, _CHUNK):
            piece = memory[start : start + _CHUNK]
            piece[:] = elements(plan, plan.first + start, len(piece)).view(piece.dtype)


def elements(plan: Plan, first: int, count: int) -> Array:
    """Elements `first` to `first + count - 1` of the plan's kind; bfloat16 as its bits."""
    if plan.words_per_element == 2:
        w = words(plan.key, plan.stream, 2 * first, 2 * count).astype(np.uint64)
        return _from_words(plan, w[0::2] | w[1::2] << np.uint64(32), first, FLOAT64)
    return _from_words(plan, words(plan.key, plan.stream, first, count), first, FLOAT32)


def _from_words(plan: Plan, w: Array, first: int, transform: Transform) -> Array:
    match plan.kind:
        case "bits":
            return w
        case "integers":
            return integers(w, plan.low, plan.span)
        case "uniform":
            values = uniform(w, _UNIFORM_BITS[plan.dtype])
        case _:
            before, after = first % 2, (first + len(w)) % 2
            drawn = _with_partners(plan, w, first, before, after)
            pairs = rotate(radius(drawn[0::2], transform), drawn[1::2], transform)
            values = np.stack(pairs, axis=-1).reshape(-1)[before : before + len(w)]
    if plan.dtype == "bfloat16":
        return to_bfloat16(values)
    return values.astype(plan.dtype)


def _with_partners(plan: Plan, w: Array, first: int, before: int, after: int) -> Array:
    """`w` extended to whole pairs: half a pair needs both of its words."""
    bits = Plan(
        plan.algorithm,
        plan.key,
        plan.stream,
        0,
        0,
        "bits",
        "uint64" if plan.words_per_element == 2 else "uint32",
    )
    head = elements(bits, first - 1, 1) if before else w[:0]
    tail = elements(bits, first + len(w), 1) if after else w[:0]
    return np.concatenate([head, w, tail])


# The stream


def philox4x32_10(key: int, stream: int, blocks: Array) -> Array:
    """The four words of each block.

    Args:
        key: The 64-bit key.
        stream: The upper 64 bits of the counter.
        blocks: The lower 64 bits of the counter, uint64, shape (n,).

    Returns:
        The words, uint32, shape (n, 4).
    """
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    streams = np.full_like(blocks, stream)
    c0, c1 = blocks & low, blocks >> half
    c2, c3 = streams & low, streams >> half
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(PHILOX_ROUNDS):
        p0, p1 = c0 * np.uint64(PHILOX_M0), c2 * np.uint64(PHILOX_M1)
        c0, c1, c2, c3 = (
            (p1 >> half) ^ c1 ^ np.uint64(k0),
            p1 & low,
            (p0 >> half) ^ c3 ^ np.uint64(k1),
            p0 & low,
        )
        k0, k1 = (k0 + PHILOX_W0) & 0xFFFFFFFF, (k1 + PHILOX_W1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def words(key: int, stream: int, position: int, count: int) -> Array:
    """Words `position` to `position + count - 1` of a stream, uint32, shape (count,)."""
    skip = position % 4
    blocks = np.arange(-(-(skip + count) // 4), dtype=np.uint64) + np.uint64(position // 4)
    return philox4x32_10(key, stream, blocks).reshape(-1)[skip : skip + count]


# The kinds


def uniform(w: Array, bits: int) -> Array:
    """The highest `bits` bits of each word over 2^bits, in the float as wide as the word."""
    real = np.float32 if w.dtype == np.uint32 else np.float64
    shift = w.dtype.type(8 * w.dtype.itemsize - bits)
    values: Array = (w >> shift).astype(real) * real(2.0**-bits)
    return values


def integers(w: Array, low: int, span: int) -> Array:
    """`low` plus the high half of the 128-bit product of each 64-bit word and `span`, int64."""
    values = w if span == 0 else np.array([int(x) * span >> 64 for x in w], dtype=np.uint64)
    return (values + np.uint64(low % (1 << 64))).view(np.int64)


def to_bfloat16(x: Array) -> Array:
    """The bits of each finite float32 rounded to bfloat16, to nearest even, uint16."""
    bits = x.view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16)).astype(np.uint16)


# The transform


def radius(w: Array, transform: Transform) -> Array:
    """sqrt(-2 ln u) of each word, u = (w + 1/2) / 2^bits."""
    unsigned, signed, real = _types(transform)
    g = fma(w.view(signed).astype(real), real(transform.scale), real(transform.half))
    one = unsigned(transform.one)
    bits: Array = g.view(unsigned)
    shift = (np.where(g < 0, one, bits) ^ one) & unsigned(transform.exponent)
    z = (bits + shift).view(real)
    h = np.minimum(np.abs(z), real(2) - z)
    series = fma(horner(h, transform.log), h * h, h)
    return np.sqrt(fma(shift.astype(real), real(transform.log4), series))


def rotate(r: Array, w: Array, transform: Transform) -> tuple[Array, Array]:
    """`r` times the cosine and the sine of the angle of each word."""
    unsigned, signed, real = _types(transform)
    residual = ((w << unsigned(2)) | unsigned(2)).view(signed).astype(real)
    angle = real(transform.angle)
    v = residual * angle
    lost = fma(residual, angle, -v)
    y = fma(v, v, -real(transform.centre))
    signed_r = np.where(w >> unsigned(transform.bits - 1), -r, r)
    along = fma(signed_r, horner(y, transform.cos), signed_r)
    bend = fma(v, horner(y, transform.sin), lost)
    across = fma(r, v, r * bend)
    swap = (w >> unsigned(transform.bits - 2)) & unsigned(1) != 0
    return np.where(swap, across, along), np.where(swap, along, across)


def horner(t: Array, coefficients: tuple[float, ...]) -> Array:
    """c[0] + t (c[1] + t (c[2] + ...)), one fma a step."""
    total = np.full_like(t, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = fma(total, t, t.dtype.type(c))
    return total


def _types(transform: Transform) -> tuple[type, type, type]:
    if transform.bits == 32:
        return np.uint32, np.int32, np.float32
    return np.uint64, np.int64, np.float64


# Exact fused multiply-add


def fma(a: Array, b: Array, c: Array) -> Array:
    """The exact a * b + c, rounded once, in float32 or float64.

    The exact value is brought to double precision by rounding to odd, after which the last rounding
    cannot go wrong: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved
    algorithms using rounding to odd", IEEE Transactions on Computers 57(4), 2008.
    """
    if np.result_type(a) == np.float32:
        product = np.multiply(a, b, dtype=np.float64)  # exact: 24 + 24 bits fit in 53
        return _round_to_odd(*_two_sum(product, np.asarray(c, np.float64))).astype(np.float32)
    high, low = _two_product(a, b)
    middle, bottom = _two_sum(np.asarray(c, np.float64), low)
    top, rest = _two_sum(high, middle)
    return top + _round_to_odd(*_two_sum(bottom, rest))


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _two_product(a: Array, b: Array) -> tuple[Array, Array]:
    split = 2.0**27 + 1
    ah = split * a - (split * a - a)
    bh = split * b - (split * b - b)
    al, bl = a - ah, b - bh
    p = a * b
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _round_to_odd(s: Array, error: Array) -> Array:
    bits = np.ascontiguousarray(s).view(np.int64)
    step = np.where((error > 0) == (s > 0), 1, -1)
    return np.where((error != 0) & (bits & 1 == 0), bits + step, bits).view(np.float64)
