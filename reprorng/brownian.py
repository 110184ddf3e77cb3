# SPDX-License-Identifier: Apache-2.0
"""Brownian motion any part of which can be asked for, in any order, without keeping the rest.

`docs/spec.md`, "Brownian motion", defines every bit. `docs/diffusers.md` says which schedulers ask;
nothing here knows of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from numbers import Real
from typing import Any, Final, NamedTuple, SupportsIndex

import numpy as np
import torch

from reprorng import arguments
from reprorng.functional import randn
from reprorng.state import as_seed

CELLS: Final = 1 << 32
"""Into how many parts the interval is cut, at one of whose ends every time lies."""

FIRST_WORD: Final = 1 << 63
"""Where in its stream a node begins: no generator of the same seed ever comes this far."""

# So that in float32 nothing can overflow, and nothing but a zero can be less than 2^-120.
_LEAST: Final = 2.0**-64
_MOST: Final = 2.0**64


class _Part(NamedTuple):
    """A node of the tree: an interval, in cells, and what the motion adds in it."""

    number: int
    low: int
    high: int
    increment: torch.Tensor


class BrownianTree:
    """A Brownian motion W on [t0, t1]: `tree(ta, tb)` is W(tb) - W(ta), the same on every device.

    Each increment is normal with mean 0 and variance |tb - ta|, and increments over disjoint
    intervals are independent; so are the elements. Whatever is asked, in any order and any number
    of times, belongs to the one motion of the seed: increments of adjacent intervals add up, but
    for rounding, which is below 2^-18 √(tb - ta) in float32. Nothing is kept between queries: a
    query draws at most 64 tensors, and holds a few at a time.

    The increment over an interval of length h is halved by Lévy's construction: W changes by
    D/2 ± Z √h / 2 in its two halves, where D is the change in both and Z a normal number. So the
    increments of all intervals that repeated halving gives follow from a number for each, as in the
    virtual Brownian tree of Li et al. (2020), "Scalable Gradients for Stochastic Differential
    Equations"; see also Jelinčič, Foster and Kidger (2024), "Single-seed generation of Brownian
    paths and integrals for adaptive and high order SDE solvers". Here these numbers need no
    splitting of keys: node n, whose halves are 2n and 2n + 1, takes `randn(size, seed=seed,
    stream=n, position=2**63)`. Node 1 is the interval itself, and its change is that normal number
    of stream 0 times √(t1 - t0). Times are rounded to (t1 - t0) 2^-32, exactly and to nearest.

    Each tensor operation is one correctly rounded addition or multiplication, by numbers from the
    host that float32 holds. So increments do not depend on the device, and a smaller tensor is the
    beginning of a larger one, in row-major order.

    Args:
        seed: An integer in [-2^63, 2^64).
        size: The shape of an increment.
        t0: Where the motion begins.
        t1: Where it ends: `t1 - t0` is between 2^-64 and 2^64.
        dtype: float32, float16, bfloat16 or float64; torch's default dtype if it is None. 16 bits
            are float32, rounded once; float64 is another motion, drawn and computed in float64.
        device: Where increments are made; torch's default device if it is None.

    Raises:
        TypeError: an argument is of the wrong type, or the dtype is none of the above.
        ValueError: the seed, or `t1 - t0`, is out of range.
        RuntimeError: the size is negative.

    Examples:
        >>> tree = BrownianTree(0, (3,), 0.0, 4.0)
        >>> tree(0.0, 4.0)
        tensor([-3.7683, -0.4820, -3.2721])
        >>> tree(0.0, 1.5) + tree(1.5, 4.0)
        tensor([-3.7683, -0.4820, -3.2721])
        >>> bool((tree(1.5, 0.0) == -tree(0.0, 1.5)).all())
        True
    """

    def __init__(
        self,
        seed: SupportsIndex,
        size: Sequence[int] | int,
        t0: float,
        t1: float,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        """See the class."""
        self.seed = as_seed(seed)
        self.size = arguments.size_from((size,))
        self.t0, self.t1 = _as_time(t0, "t0"), _as_time(t1, "t1")
        if not _LEAST <= self.t1 - self.t0 <= _MOST:
            raise ValueError(
                f"t1 - t0 must be in [2**-64, 2**64], and t0 is {self.t0} and t1 is {self.t1}"
            )
        options = arguments.Options(dtype=dtype)
        arguments.check_options(options)
        self.dtype = arguments.dtype_from(options, torch.get_default_dtype())
        arguments.check_dtype("normal", self.dtype)
        self.device = None if device is None else torch.device(device)

    def __repr__(self) -> str:
        """An expression that makes an equal tree."""
        device = "" if self.device is None else f", device={str(self.device)!r}"
        return (
            f"BrownianTree({self.seed}, {self.size}, {self.t0}, {self.t1}, dtype={self.dtype}"
            f"{device})"
        )

    def __call__(self, ta: float, tb: float) -> torch.Tensor:
        """W(tb) - W(ta).

        Args:
            ta: A time in [t0, t1], as a number or a tensor of one.
            tb: Another one; it may be before `ta`.

        Returns:
            A tensor of the size, dtype and device of the tree.

        Raises:
            TypeError: a time is no number.
            ValueError: a time is outside [t0, t1].
        """
        if torch.compiler.is_compiling():
            return run_at_once(self.__call__, ta, tb)
        first, last = self._cell(ta, "ta"), self._cell(tb, "tb")
        if first <= last:
            return self._increment(first, last).to(self.dtype)
        return self._increment(last, first).neg_().to(self.dtype)

    def _cell(self, time: Any, name: str) -> int:
        """The end of a cell that is nearest to a time."""
        value = _as_time(time, name)
        if not self.t0 <= value <= self.t1:
            raise ValueError(f"{name} must be in [{self.t0}, {self.t1}], not {value}")
        start = Fraction(self.t0)
        return round((Fraction(value) - start) * CELLS / (Fraction(self.t1) - start))

    def _increment(self, first: int, last: int) -> torch.Tensor:
        """The sum of the nodes that make up the cells from `first` to `last`."""
        total = torch.zeros(self.size, dtype=compute_dtype(self.dtype), device=self.device)
        length = self.t1 - self.t0
        whole = self._normal(0).mul_(as_scalar(math.sqrt(length), self.dtype))
        parts = [_Part(1, 0, CELLS, whole)] if first < last else []
        while parts:
            part = parts.pop()
            if _is_within(part, first, last):
                total.add_(part.increment)
                continue
            span = length * ((part.high - part.low) / CELLS)
            away = self._normal(part.number).mul_(as_scalar(math.sqrt(span) / 2, self.dtype))
            half = part.increment * 0.5
            middle = (part.low + part.high) // 2
            halves = []
            if first < middle:
                halves.append(_Part(2 * part.number, part.low, middle, half + away))
            if last > middle:
                halves.append(_Part(2 * part.number + 1, middle, part.high, half - away))
            # The next to be looked at is one that needs no halving, so that none has to wait.
            parts += sorted(halves, key=lambda one: _is_within(one, first, last))
        return total

    def _normal(self, node: int) -> torch.Tensor:
        return randn(
            self.size,
            seed=self.seed,
            stream=node,
            position=FIRST_WORD,
            dtype=compute_dtype(self.dtype),
            device=self.device,
        )


def run_at_once(function: Callable[..., torch.Tensor], *args: Any) -> torch.Tensor:
    """Call a function while a graph is recorded, outside of it.

    A compiler that saw the arithmetic could contract a product and a sum.
    """
    torch._dynamo.skip_frame()
    return torch._dynamo.disable(function)(*args)  # type: ignore[no-any-return, no-untyped-call]


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """What is computed in where `dtype` is asked for."""
    return torch.float64 if dtype is torch.float64 else torch.float32


def as_scalar(value: float, dtype: torch.dtype) -> float:
    """`value` as a tensor of `dtype` holds it, whatever a device would make of Python's number."""
    return value if dtype is torch.float64 else float(np.float32(value))


def _is_within(part: _Part, first: int, last: int) -> bool:
    return first <= part.low and part.high <= last


def _as_time(value: Any, name: str) -> float:
    """A number, or a tensor of one, as a float.

    Raises:
        TypeError: it is neither.
        ValueError: no float is as large.
    """
    is_number = isinstance(value, Real)
    if isinstance(value, torch.Tensor):
        is_number = value.dim() == 0 and not value.is_complex() and not value.is_meta
    if not is_number:
        raise TypeError(f"{name} must be a number, not {value!r} ({type(value).__name__})")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} must be a number that a float holds, not {value}") from None
