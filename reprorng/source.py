# SPDX-License-Identifier: Apache-2.0
"""Where plans come from: generators, which have a state, and places, which have none."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import SupportsIndex

import torch

from reprorng import _core
from reprorng.backends import Backend
from reprorng.plan import Plan, make_plan
from reprorng.state import as_integer, as_position, as_seed, as_uint64


class Reservation:
    """A plan whose words are set aside; they are given back if the `with` block raises.

    Args:
        plan: The plan.
        cursor: What was moved on for it.
        before: Where that was.
        moves: The number of that move, from which on there must be no other.
    """

    __slots__ = ("_before", "_cursor", "_moves", "_plan")

    def __init__(
        self, plan: Plan, cursor: _core.Cursor, before: tuple[int, int, int], moves: int
    ) -> None:
        """See the class."""
        self._plan = plan
        self._cursor = cursor
        self._before = before
        self._moves = moves

    def __enter__(self) -> Plan:
        """The plan."""
        return self._plan

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give the words back after an error, unless somebody has drawn in the meantime."""
        if kind is not None:
            self._cursor.undo(self._moves, self._before)


class Source(ABC):
    """Where plans come from.

    Attributes:
        cursor: Where the next elements begin, for `shortcut`, which then asks for no plan.
    """

    __slots__ = ()

    cursor: _core.Cursor | None = None

    @abstractmethod
    def reserve(
        self, count: int, kind: str, dtype: str, *, low: int = 0, span: int = 0
    ) -> AbstractContextManager[Plan]:
        """The plan of the next elements; they count as drawn unless the block raises."""

    def write(self, backend: Backend, plan: Plan, out: torch.Tensor) -> None:
        """Have `backend` write the plan that is reserved."""
        backend.fill(plan, out)


class Place(Source):
    """A place in a stream, where every plan begins: what one stateless call draws from.

    Args:
        seed: An integer in [-2^63, 2^64).
        stream: An integer in [0, 2^64).
        position: An integer in [0, 2^64].

    Raises:
        TypeError: an argument is no integer.
        ValueError: `seed` or `stream` is out of range.
        OverflowError: `position` is out of range.
    """

    def __init__(
        self, seed: SupportsIndex, stream: SupportsIndex = 0, position: SupportsIndex = 0
    ) -> None:
        """See the class."""
        if torch.compiler.is_compiling():
            # Any condition on a number would tie what is compiled to it; the graph will ask.
            self._seed = as_integer(seed, "seed")
            self._stream = as_integer(stream, "stream")
            self._position = as_integer(position, "position")
        else:
            self._seed = as_seed(seed)
            self._stream = as_uint64(stream, "stream")
            self._position = as_position(position)

    @property
    def cursor(self) -> _core.Cursor:  # type: ignore[override]  # nobody sets it
        """A new one for each draw."""
        return _core.Cursor(self._seed, self._stream, self._position)

    def reserve(
        self, count: int, kind: str, dtype: str, *, low: int = 0, span: int = 0
    ) -> AbstractContextManager[Plan]:
        """The plan of the first elements."""
        place = (self._seed, self._stream, self._position)
        return nullcontext(make_plan(*place, count, kind, dtype, low=low, span=span))

    def to_integers(self) -> list[int]:
        """The place as integers that 64 bits hold with their sign: two for each number."""
        numbers = (self._seed, self._stream, self._position)
        return [half for number in numbers for half in (number // 2**32, number % 2**32)]

    @classmethod
    def from_integers(cls, integers: Sequence[int]) -> Place:
        """The place that `to_integers` gave."""
        halves = iter(integers)
        return cls(*(high * 2**32 + low for high, low in zip(halves, halves, strict=True)))
