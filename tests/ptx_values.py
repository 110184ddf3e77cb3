# SPDX-License-Identifier: Apache-2.0
"""Types of PTX as NumPy arrays, and operations on arrays of which some bits are undefined.

Operations that only move bits move the undefined ones; from any other a single undefined bit leaves
the whole result undefined, or half of it where two halves are computed. So is a NaN that is
computed: NVIDIA's PTX ISA document says not to rely on its bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from ptx_floats import Array, from_bfloat16

from tools.gpu.ptx import WIDTHS

Compute: TypeAlias = Callable[..., Array]
"""From an array of each source to one of results; each has an element for each lane, or one."""

Undefined: TypeAlias = "Callable[[list[Array], list[Array]], Array]"
"""From the sources and the mask of the undefined bits of each to that mask of the result.

Masks are unsigned integers, or bool for predicates.
"""

BITS = {**WIDTHS, "bf16": 16, "f16x2": 32, "bf16x2": 32, "f32x2": 64}
"""Bits of each type."""

TYPES = {
    "pred": np.dtype(bool),
    **{f"{kind}{n}": np.dtype(f"u{n // 8}") for kind in "ub" for n in (8, 16, 32, 64)},
    **{f"s{n}": np.dtype(f"i{n // 8}") for n in (8, 16, 32, 64)},
    **{f"f{n}": np.dtype(f"f{n // 8}") for n in (16, 32, 64)},
    **{name: np.dtype(f"u{BITS[name] // 8}") for name in ("bf16", "f16x2", "bf16x2", "f32x2")},
}
"""What an array of each type has: bfloat16 and packed numbers are their bits."""

_NUMBERS = {"f16": np.float16, "f32": np.float32, "f64": np.float64}
_NUMBERS |= {"f16x2": np.float16, "f32x2": np.float32, "bf16": np.uint16, "bf16x2": np.uint16}


@dataclass(frozen=True)
class Operation:
    """What an instruction does to registers.

    Attributes:
        result: The type of the destination.
        sources: The type of each source.
        compute: Its result, of the dtype of its type, from those of the sources.
        undefined: Which bits of it are undefined. None: all, where one of a source is.
        makes_nan: Whether a result that is a NaN is a new one, of undefined bits.
        resizes: Whether registers may be wider than the types.
    """

    result: str
    sources: tuple[str, ...]
    compute: Compute
    undefined: Undefined | None = None
    makes_nan: bool = False
    resizes: bool = False

    def __call__(self, sources: list[Array], masks: list[Array | None]) -> tuple[Array, Any]:
        """The result and the mask of its undefined bits, or None if it has none."""
        result = self.compute(*sources)
        mask = None
        if any(m is not None for m in masks):
            zeros = [np.zeros(1, unsigned(s).dtype) for s in sources]
            full = [z if m is None else m for z, m in zip(zeros, masks, strict=True)]
            mask = (self.undefined or self._all_or_nothing)(sources, full)
        if self.makes_nan and (nan := _nan_bits(result, self.result)) is not None:
            mask = nan if mask is None else mask | nan
        return result, mask

    def _all_or_nothing(self, sources: list[Array], masks: list[Array]) -> Array:
        return spread(_any_undefined(masks), TYPES[self.result])


def spread(lanes: Array, dtype: np.dtype[Any]) -> Array:
    """A mask with all bits of the lanes given."""
    ones = ~np.zeros((), bool if dtype.kind == "b" else f"u{dtype.itemsize}")
    return np.where(lanes, ones, ~ones)


def _any_undefined(masks: Iterable[Array]) -> Array:
    lanes: Array = np.zeros(1, bool)
    for mask in masks:
        lanes = lanes | (mask != 0)
    return lanes


def unsigned(x: Array) -> Array:
    """The bits of an array."""
    return x if x.dtype.kind == "b" else x.view(f"u{x.itemsize}")


def _nan_bits(x: Array, kind: str) -> Array | None:
    """All bits of each number that is a NaN, as a mask; None if there is none."""
    numbers = x.view(_NUMBERS[kind])
    nan = np.isnan(from_bfloat16(numbers) if numbers.dtype == np.uint16 else numbers)
    return spread(nan, numbers.dtype).view(unsigned(x).dtype) if nan.any() else None


# How undefined bits travel


def moves(compute: Compute, selectors: int = 0) -> Undefined:
    """For what only moves bits, to places that its last `selectors` sources say."""

    def undefined(sources: list[Array], masks: list[Array]) -> Array:
        moved = len(sources) - selectors
        typed = [m.view(s.dtype) for m, s in zip(masks[:moved], sources[:moved], strict=True)]
        result = unsigned(compute(*typed, *sources[moved:]))
        return result | spread(_any_undefined(masks[moved:]), result.dtype)

    return undefined


def and_mask(sources: list[Array], masks: list[Array]) -> Array:
    """An undefined bit and a 0 are 0."""
    (a, b), (u, v) = sources, masks
    return (u & v) | (u & b) | (v & a)


def or_mask(sources: list[Array], masks: list[Array]) -> Array:
    """An undefined bit or a 1 is 1."""
    return and_mask([~s for s in sources], masks)


def union(sources: list[Array], masks: list[Array]) -> Array:
    """A bit is undefined where that of a source is."""
    result = masks[0]
    for mask in masks[1:]:
        result = result | mask
    return result


def by_half(dtype: np.dtype[Any]) -> Undefined:
    """All or nothing, for each of two numbers of a dtype."""

    def undefined(sources: list[Array], masks: list[Array]) -> Array:
        half = np.dtype(f"u{dtype.itemsize}")
        lanes = _any_undefined(halves(m, half) for m in masks)
        return spread(lanes, half).view(masks[0].dtype).reshape(-1)

    return undefined


def halves(x: Array, dtype: np.dtype[Any]) -> Array:
    """The two numbers in each element, the lower first, shape (n, 2)."""
    return x.reshape(-1, 1).view(dtype)
