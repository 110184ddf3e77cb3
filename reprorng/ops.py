# SPDX-License-Identifier: Apache-2.0
"""A draw as an operator, `torch.ops.reprorng.draw_`, for what `torch.compile` compiles.

A compiler that saw the arithmetic could contract a product and a sum, and one that saw a generator
would draw once what every run must draw anew. It sees a call that writes memory, which runs as any
other draw does. Nothing but graphs calls it: an operator costs microseconds.
"""

from __future__ import annotations

import itertools
import secrets
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

import torch

from reprorng.arguments import check_writable
from reprorng.fills import FILLS, Number
from reprorng.source import Place, Source

# The source is a generator, named by its ticket, or the place that the integers are; an argument of
# the fill is a number, or the tensor at its index. Nothing writes a ticket, but draws that seem to
# are kept in order, and kept. A CUDA graph would repeat at each replay what it drew when captured.
_library: Final = torch.library.Library("reprorng", "DEF")  # type: ignore[no-untyped-call]
_library.define(  # type: ignore[no-untyped-call]
    "draw_(Tensor(a!) out, Tensor(b!)? ticket, SymInt[] place, str fill, Scalar[] numbers, "
    "Tensor?[] tensors, str? backend) -> ()",
    tags=(torch.Tag.cudagraph_unsafe,),
)

_live: Final[WeakValueDictionary[int, Source]] = WeakValueDictionary()
# A ticket that was saved in one process names nobody in another.
_handles: Final = itertools.count(secrets.randbits(62))


def ticket(source: Source) -> torch.Tensor:
    """A tensor by which graphs find `source` when they run, as long as it lives.

    Args:
        source: A source with a state.

    Returns:
        An int64 tensor of one element on the CPU, another one for each call.
    """
    if torch.compiler.is_compiling():
        torch._dynamo.skip_frame()  # what counts up would be compiled anew for each number
    handle = next(_handles)
    _live[handle] = source
    # Of memory that is there, so that no mode which is on just now (of fake tensors, of traces, of
    # a default device) makes something else of it. Inference is the one that has to be left.
    memory = array("q", [handle])
    if torch.is_inference_mode_enabled():
        with torch.inference_mode(False):
            return torch.frombuffer(memory, dtype=torch.int64)
    return torch.frombuffer(memory, dtype=torch.int64)


def leave_graph() -> None:
    """Have the caller run at once: while a graph is recorded, states are not yet what they seem."""
    if torch.compiler.is_compiling():
        torch._dynamo.graph_break()


if TYPE_CHECKING:
    settable = property
else:

    class settable(property):
        """A property for setters that leave the graph: torch 2.9 looks into no other one."""

        def __set__(self, instance: object, value: object) -> None:
            """Set it at once."""
            leave_graph()
            super().__set__(instance, value)


def record(
    out: torch.Tensor,
    name: torch.Tensor | Place,
    fill: str,
    values: Sequence[Number],
    backend: str | None,
) -> None:
    """Put one of `FILLS` into the graph that is being recorded.

    Args:
        out: What to fill.
        name: The ticket of the source, or the source itself if it is a place.
        fill: Which one.
        values: Its arguments.
        backend: The name of a backend to force.

    Raises:
        RuntimeError: `out` requires grad, or this is inside a transform of `torch.func`.
    """
    check_writable(out)
    if out.is_meta:
        return
    ticket, place = (None, name.to_integers()) if isinstance(name, Place) else (name, [])
    numbers = [0 if isinstance(value, torch.Tensor) else value for value in values]
    tensors = [value if isinstance(value, torch.Tensor) else None for value in values]
    torch.ops.reprorng.draw_.default(out, ticket, place, fill, numbers, tensors, backend)


def _draw_(  # noqa: PLR0913  # the schema has that many
    out: torch.Tensor,
    ticket: torch.Tensor | None,
    place: Sequence[int],
    fill: str,
    numbers: Sequence[float],
    tensors: Sequence[torch.Tensor | None],
    backend: str | None,
) -> None:
    check_writable(out)
    source = Place.from_integers(place) if ticket is None else _bearer(ticket)
    values = [n if t is None else t for n, t in zip(numbers, tensors, strict=True)]
    FILLS[fill](source, out, *values, backend=backend)


def _bearer(ticket: torch.Tensor) -> Source:
    source = _live.get(int(ticket))
    if source is None:
        raise RuntimeError(
            "the generator this graph draws from is gone: a graph can be run as long as the "
            "generator lives, and in the process it was recorded in"
        )
    return source


def _fake(*_: object) -> None:
    """Nothing is drawn while a graph is recorded."""


_library.impl("draw_", _draw_, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
torch.library.register_fake("reprorng::draw_", _fake, lib=_library)
