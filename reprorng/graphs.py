# SPDX-License-Identifier: Apache-2.0
"""A generator for CUDA graphs, whose position lies where the numbers are made.

A graph freezes what Python knew at its capture, so a `Generator`, whose position is Python's,
would give every replay the same noise. This one is read and moved on by the graph itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, SupportsIndex
from weakref import WeakSet

import torch

from reprorng import ops
from reprorng.backends import Backend
from reprorng.draws import Draws
from reprorng.generator import Generator, seed_or_entropy
from reprorng.plan import STREAM_WORDS, Plan, make_plan
from reprorng.spec import ALGORITHM
from reprorng.state import as_algorithm, as_position, as_uint64


class ReadsPosition(Protocol):
    """What a backend has beside `fill` if its kernels can read a position from device memory."""

    def fill_from(self, plan: Plan, out: torch.Tensor, position: torch.Tensor) -> None:
        """As `fill`, with the position of the plan read when the kernel runs.

        Args:
            plan: What to draw, with the position 0.
            out: As in `fill`.
            position: An int64 tensor of one element on the device of `out`: the bits of the
                position, which is a multiple of `plan.words_per_element`.
        """


class CapturableGenerator(Draws):
    """A generator from which a captured CUDA graph draws other words at each replay.

    The words are those a `Generator` in the same state gives, drawn in the same ways. What is
    captured is to fill, from the position in device memory, and to add to that position: nothing
    waits for the device. Before the capture draw once of each kind and dtype, since a kernel may
    have to be compiled, and order streams that share a generator as for any other tensor.

    The device cannot tell that a stream has ended: after its last word the position is 0 again, and
    a draw across the end has words of no stream behind it.

    Args:
        seed: See `Generator`. A graph freezes it, as it does the stream; so neither can be set.
        stream: See `Generator`.
        position: Words of the stream to skip, in [0, 2^64).
        algorithm: The algorithm id.
        device: Where the position lies, and so where drawing need not wait for it: torch's default
            device if it is None. It decides no number.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: `seed` or `stream` is out of range, or `algorithm` is unknown.
        OverflowError: `position` is out of range.

    Examples:
        >>> g = CapturableGenerator(1234, device="cpu")
        >>> bool((g.randn(5) == Generator(1234).randn(5)).all())
        True
        >>> g.position
        5
    """

    __slots__ = (
        "_algorithm",
        "_drawing",
        "_lock",
        "_position",
        "_seed",
        "_start",
        "_stream",
        "_ticket",
    )

    INSTEAD = "another seed or stream takes another CapturableGenerator"

    def __init__(
        self,
        seed: SupportsIndex | None = None,
        *,
        stream: SupportsIndex = 0,
        position: SupportsIndex = 0,
        algorithm: str = ALGORITHM,
        device: torch.device | str | None = None,
    ) -> None:
        """See the class."""
        ops.leave_graph()
        self._lock = threading.Lock()
        self._drawing = 0  # the thread that has the lock; no thread is 0
        _live.add(self)
        self._seed = seed_or_entropy(seed)
        self._stream = as_uint64(stream, "stream")
        self._algorithm = as_algorithm(algorithm)
        # Inference would make it a tensor that can be written nowhere else.
        with torch.inference_mode(False):
            self._position = torch.tensor(_as_int64(position), dtype=torch.int64, device=device)
        self._start = self._position
        self._ticket = ops.ticket(self)

    # What it is

    @property
    def algorithm(self) -> str:
        """The algorithm id."""
        return self._algorithm

    @property
    def stream(self) -> int:
        """The number of the stream, in [0, 2^64)."""
        return self._stream

    @ops.settable
    def position(self) -> int:
        """How many words have been used, in [0, 2^64): reading waits for the device; can be set."""
        ops.leave_graph()
        return int(self._position) % STREAM_WORDS

    @position.setter
    def position(self, value: SupportsIndex) -> None:
        ops.leave_graph()
        number = _as_int64(value)
        with self._alone():
            self._position.fill_(number)

    @property
    def device(self) -> torch.device:
        """Where the position lies."""
        return self._position.device

    def initial_seed(self) -> int:
        """The seed, in [0, 2^64)."""
        return self._seed

    def __repr__(self) -> str:
        """An expression that makes an equal generator."""
        return (
            f"CapturableGenerator(seed={self._seed}, stream={self._stream}, "
            f"position={self.position}, algorithm={self._algorithm!r}, "
            f"device={str(self.device)!r})"
        )

    # What it can become

    @classmethod
    def from_generator(
        cls, generator: Generator, device: torch.device | str | None = None
    ) -> CapturableGenerator:
        """One that draws what `generator` would draw next.

        Raises:
            TypeError: `generator` is none of ours.
            OverflowError: it has used up its stream.
        """
        if not isinstance(generator, Generator):
            raise TypeError(
                f"generator must be a reprorng.Generator, not {type(generator).__name__}"
            )
        return cls(
            generator.initial_seed(),
            stream=generator.stream,
            position=generator.position,
            algorithm=generator.algorithm,
            device=device,
        )

    def to_generator(self) -> Generator:
        """A `Generator` that draws what this one would draw next; waits for the device."""
        return Generator(
            self._seed, stream=self._stream, position=self.position, algorithm=self._algorithm
        )

    def __reduce__(self) -> tuple[Callable[..., CapturableGenerator], tuple[Any, ...]]:
        """Pickle and copy by the state alone."""
        return CapturableGenerator.from_generator, (self.to_generator(), self.device)

    # How it draws

    @contextmanager
    def reserve(
        self, count: int, kind: str, dtype: str, *, low: int = 0, span: int = 0
    ) -> Iterator[Plan]:
        """The plan of the next elements, at position 0: where they begin, the device knows.

        They count as drawn unless the block raises; another thread waits for its end.

        Raises:
            RuntimeError: this thread is in such a block, whose end it would wait for in vain.
        """
        plan = self._plan(0, count, kind, dtype, low, span)
        with self._alone():
            self._start = self._position
            if count and plan.words_per_element == 2:
                self._start = self._position + (self._position & 1)
            yield plan
            torch.add(self._start, plan.end, out=self._position)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else draws from it or moves it while the block runs.

        Raises:
            RuntimeError: this thread is in such a block, whose end it would wait for in vain.
        """
        if self._drawing == threading.get_ident():
            raise RuntimeError(
                "a draw from a CapturableGenerator cannot draw from it once more, nor move it"
            )
        with self._lock:
            self._drawing = threading.get_ident()
            try:
                yield
            finally:
                self._drawing = 0

    def write(self, backend: Backend, plan: Plan, out: torch.Tensor) -> None:
        """Have `backend` write the plan from where the device knows it to begin.

        A backend that cannot read the position there is told it, which waits for the device.

        Raises:
            RuntimeError: a graph is being captured, in which nothing can wait.
            OverflowError: the position had to be read, and the stream ends before the last element.
        """
        fill_from = getattr(backend, "fill_from", None)
        if fill_from is not None:
            fill_from(plan, out, self._start.to(out.device))
            return
        if self._position.is_cuda and torch.cuda.is_current_stream_capturing():
            raise RuntimeError(
                f"backend {backend.name!r} cannot draw inside a CUDA graph: it would have to wait "
                "for the position"
            )
        position = int(self._position) % STREAM_WORDS
        parts = (plan.count, plan.kind, plan.dtype, plan.low, plan.span)
        backend.fill(self._plan(position, *parts), out)

    def in_graph(self) -> torch.Tensor:
        """The ticket of this generator, see `ops.ticket`."""
        return self._ticket

    def _plan(self, position: int, count: int, kind: str, dtype: str, low: int, span: int) -> Plan:
        return make_plan(
            self._seed,
            self._stream,
            position,
            count,
            kind,
            dtype,
            low=low,
            span=span,
            algorithm=self._algorithm,
        )


def _as_int64(position: SupportsIndex) -> int:
    """The bits of a position as a signed integer."""
    number = as_position(position)
    if number == STREAM_WORDS:
        raise OverflowError("position must be in [0, 2**64): the device cannot tell 2**64 from 0")
    return number - STREAM_WORDS if number >= STREAM_WORDS // 2 else number


_live: Final[WeakSet[CapturableGenerator]] = WeakSet()


def _unlock_all() -> None:
    """Forget who was drawing in the process that this one is a copy of: they are not here."""
    for generator in _live:
        generator._lock = threading.Lock()
        generator._drawing = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)
