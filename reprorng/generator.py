# SPDX-License-Identifier: Apache-2.0
"""The `Generator`: a seed, a stream and a position, and the draws that move the position."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any, SupportsIndex

import torch

from reprorng import _core, arguments, ops
from reprorng.backends import Backend
from reprorng.device import ANY_DEVICE, AnyDevice
from reprorng.draws import Draws
from reprorng.plan import Plan, make_plan
from reprorng.source import Reservation
from reprorng.spec import ALGORITHM
from reprorng.state import State, as_algorithm, as_integer, as_position, as_seed, as_uint64


class Generator(Draws):
    """A source of noise that is the same, bit for bit, on every device.

    It is accepted wherever torch or diffusers take a `torch.Generator`, and needs no device: the
    numbers are made where the tensor lives. Its whole state is `(algorithm, seed, stream,
    position)`. Threads may share one; each draw takes words of its own.

    Args:
        seed: An integer in [-2^63, 2^64), negative ones wrap as in `torch.manual_seed`. None takes
            64 bits of system entropy, which `initial_seed()` tells.
        stream: One of the 2^64 independent streams of the seed, in [0, 2^64).
        position: Words of the stream to skip, in [0, 2^64].
        algorithm: The algorithm id, which names every bit that follows.
        device: None, or the `device` of a generator without one, for "any device"; or a torch
            device for `device` to report, for code that insists on one. It decides no number, but
            diffusers takes it at its word: with "cpu" noise is made there and copied, and with
            "cuda" a pipeline on the CPU raises ValueError.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: `seed` or `stream` is out of range, or `algorithm` is unknown.
        OverflowError: `position` is out of range.

    Examples:
        >>> import torch
        >>> g = Generator(1234)
        >>> torch.randn(2, 2, generator=g).shape
        torch.Size([2, 2])
        >>> g
        Generator(seed=1234, stream=0, position=4, algorithm='philox4x32-10/v1')
    """

    __slots__ = ("_algorithm", "_device", "_ticket", "cursor")

    INSTEAD = "manual_seed(seed) starts another seed, load_state_dict(state) takes over a state"

    def __init__(
        self,
        seed: SupportsIndex | None = None,
        *,
        stream: SupportsIndex = 0,
        position: SupportsIndex = 0,
        algorithm: str = ALGORITHM,
        device: torch.device | AnyDevice | str | None = None,
    ) -> None:
        """See the class."""
        self.cursor: _core.Cursor = _core.Cursor(
            seed_or_entropy(seed),
            as_uint64(stream, "stream"),
            as_position(position),
        )
        self._algorithm = as_algorithm(algorithm)
        if isinstance(device, AnyDevice):
            device = None
        self._device = None if device is None else torch.device(device)
        self._ticket = ops.ticket(self)

    # What it is

    @property
    def algorithm(self) -> str:
        """The algorithm id."""
        return self._now().algorithm

    @property
    def stream(self) -> int:
        """The number of the stream, in [0, 2^64)."""
        return self._now().stream

    @ops.settable
    def position(self) -> int:
        """How many 32-bit words of the stream have been used, in [0, 2^64]; it can be set."""
        return self._now().position

    @position.setter
    def position(self, value: SupportsIndex) -> None:
        position = as_position(value)
        self._update(lambda state: replace(state, position=position))

    @property
    def device(self) -> torch.device | AnyDevice:
        """The device asked for, or a stand-in that means "where the data is"."""
        return ANY_DEVICE if self._device is None else self._device

    def initial_seed(self) -> int:
        """The seed, in [0, 2^64)."""
        return self._now().seed

    def __repr__(self) -> str:
        """An expression that makes an equal generator."""
        s = self._now()
        device = "" if self._device is None else f", device={str(self._device)!r}"
        return (
            f"Generator(seed={s.seed}, stream={s.stream}, position={s.position}, "
            f"algorithm={s.algorithm!r}{device})"
        )

    def __eq__(self, other: object) -> bool:
        """Whether both will draw the same numbers from now on."""
        return self._now() == other._now() if isinstance(other, Generator) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    # Its state

    def manual_seed(self, seed: SupportsIndex) -> Generator:
        """Start stream 0 of another seed at position 0: all that follows depends on the seed alone.

        Args:
            seed: An integer in [-2^63, 2^64).

        Returns:
            This generator, as `torch.Generator.manual_seed` does.

        Raises:
            TypeError: it is no integer.
            ValueError: it is out of range.
        """
        number = as_seed(seed)
        self._update(lambda state: State(number, algorithm=state.algorithm))
        return self

    def seed(self) -> int:
        """Start stream 0 of a seed from system entropy, and return that seed."""
        number = secrets.randbits(64)
        self.manual_seed(number)
        return number

    def get_state(self) -> torch.Tensor:
        """The state as a uint8 tensor; `docs/spec.md` lists its bytes."""
        return torch.frombuffer(bytearray(self._now().to_bytes()), dtype=torch.uint8)

    def set_state(self, new_state: torch.Tensor) -> Generator:
        """Take over a state that `get_state` gave.

        Args:
            new_state: A uint8 tensor on the CPU.

        Returns:
            This generator.

        Raises:
            TypeError: it is no uint8 tensor.
            RuntimeError: it is the state of something else, or corrupt.
        """
        if not isinstance(new_state, torch.Tensor):
            raise TypeError(f"a state must be a uint8 tensor, not {type(new_state).__name__}")
        if new_state.dtype != torch.uint8:
            raise TypeError(f"a state must be a uint8 tensor, not {new_state.dtype}")
        state = State.from_bytes(bytes(new_state.cpu().flatten().tolist()))
        self._update(lambda _: state)
        return self

    def state_dict(self) -> dict[str, str | int]:
        """The state as a dictionary that JSON holds exactly."""
        return self._now().to_dict()

    def load_state_dict(self, state_dict: dict[str, str | int]) -> None:
        """Take over a state that `state_dict` gave.

        Raises:
            TypeError: it is no dictionary, or a value is of the wrong type.
            RuntimeError: it is the state of something else, or out of range.
        """
        state = State.from_dict(state_dict)
        self._update(lambda _: state)

    def clone_state(self) -> Generator:
        """A new generator in the same state."""
        return self._with(self._now())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by the state alone, and what a subclass has put beside it."""
        own = (type(self), self._now().to_bytes(), self._device)
        return _rebuild, own, getattr(self, "__dict__", None)

    # Where else it can go

    def advance(self, words: SupportsIndex) -> Generator:
        """Move the position by a number of 32-bit words, which may be negative.

        Returns:
            This generator.

        Raises:
            TypeError: it is no integer.
            OverflowError: that leaves the stream.
        """
        step = as_integer(words, "words")
        self._update(lambda state: replace(state, position=as_position(state.position + step)))
        return self

    def at(self, position: SupportsIndex) -> Generator:
        """A new generator at another position of the same stream.

        Raises:
            TypeError: it is no integer.
            OverflowError: that is outside the stream.
        """
        return self._with(replace(self._now(), position=as_position(position)))

    def fold_in(self, data: SupportsIndex) -> Generator:
        """A new generator for the stream derived from this seed, this stream and `data`.

        The position plays no part, and this generator stays as it is.

        Args:
            data: An integer in [0, 2^64), for example a step or a rank.

        Raises:
            TypeError: it is no integer.
            ValueError: it is out of range.
        """
        return self._with(self._now().fold_in(as_uint64(data, "data")))

    def spawn(self, n_children: SupportsIndex) -> list[Generator]:
        """New generators for derived streams, other ones at every call.

        Each is numbered by two words of this stream, which count as drawn.

        Args:
            n_children: How many.

        Raises:
            TypeError: it is no integer.
            RuntimeError: it is negative.
            OverflowError: the stream ends before the last word.
        """
        count = arguments.count_of(n_children, "n_children")
        while True:
            before = self._now()
            children, after = before.spawn(count)
            if self._move(before, after):
                return [self._with(child) for child in children]

    # How it draws

    def reserve(
        self, count: int, kind: str, dtype: str, *, low: int = 0, span: int = 0
    ) -> Reservation:
        """The plan of the next elements; they count as drawn unless the block raises.

        The words are set aside at once, so that threads never share any. After an error they are
        given back if nobody has drawn in the meantime.

        Args:
            count: How many elements.
            kind: What to draw, see `Plan`.
            dtype: The name of the element type.
            low: For integers, the smallest value.
            span: For integers, how many values.

        Returns:
            What a `with` statement takes the plan from.

        Raises:
            TypeError: there is no such kind, or it has no such dtype.
            OverflowError: the stream ends before the last element.
        """
        while True:
            before = self.cursor.now()
            plan = make_plan(
                *before, count, kind, dtype, low=low, span=span, algorithm=self._algorithm
            )
            moves = self.cursor.move(before, (plan.key, plan.stream, plan.end))
            if moves:
                return Reservation(plan, self.cursor, before, moves)

    def write(self, backend: Backend, plan: Plan, out: torch.Tensor) -> None:
        """Have `backend` write the plan that is reserved.

        Raises:
            RuntimeError: a CUDA graph is being captured, whose replays would all draw these words.
        """
        if out.is_cuda and torch.cuda.is_current_stream_capturing():
            raise RuntimeError(
                "a CUDA graph would draw the same words from a Generator at each replay; draw from "
                "a reprorng.CapturableGenerator, or give a seed if the same words are wanted"
            )
        backend.fill(plan, out)

    def in_graph(self) -> torch.Tensor:
        """The ticket of this generator, see `ops.ticket`."""
        return self._ticket

    def _now(self) -> State:
        ops.leave_graph()
        return State(*self.cursor.now(), self._algorithm)

    def _move(self, before: State, after: State) -> bool:
        """Go from one state to another, unless somebody else has moved in the meantime."""
        moved = self.cursor.move(before.place, after.place) > 0
        if moved:
            self._algorithm = after.algorithm
        return moved

    def _update(self, change: Callable[[State], State]) -> None:
        while True:
            before = self._now()
            if self._move(before, change(before)):
                return

    def _with(self, state: State) -> Generator:
        return Generator(
            state.seed,
            stream=state.stream,
            position=state.position,
            algorithm=state.algorithm,
            device=self._device,
        )


def seed_or_entropy(seed: SupportsIndex | None) -> int:
    """The seed of a new generator, in [0, 2^64).

    Raises:
        TypeError: it is no integer; a device, which torch's generators take there, is told so.
        ValueError: it is out of range.
    """
    if seed is None:
        return secrets.randbits(64)
    if isinstance(seed, (str, torch.device)):
        raise TypeError(
            f"seed must be an integer, not {seed!r}; a device is given as device={str(seed)!r}"
        )
    return as_seed(seed)


def _rebuild(cls: type[Generator], state: bytes, device: torch.device | None) -> Generator:
    generator = cls.__new__(cls)
    Generator.__init__(generator, 0, device=device)  # a subclass may want other arguments
    generator._update(lambda _: State.from_bytes(state))
    return generator
