# SPDX-License-Identifier: Apache-2.0
"""Which calls of torch draw random numbers, and where they were made.

Torch tags the operators that use its generators, and this is the only list there is of them here.
A function that is written in C++ draws only if its own operator is tagged; one that is written in
Python may call anything, and so may one that draws only under some condition. Those run under
`Watch`, which sees each operator they reach.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import FrameType, FunctionType
from typing import Any, Final

import torch
from torch._ops import OpOverload, OpOverloadPacket
from torch.utils._python_dispatch import TorchDispatchMode

Function = Callable[..., Any]

_TAG: Final = torch.Tag.nondeterministic_seeded
UNKNOWN: Final = (FunctionType, OpOverload, OpOverloadPacket)
"""The types of functions of which only `Watch` tells whether they draw."""

_OWN: Final = ("torch", "reprorng")
# Tagged for what operators around them do.
_DRAW_NOTHING: Final = (
    "aten::_nested_tensor_softmax_with_shape",
    "aten::_flash_attention_forward_no_dropout_inplace",
)


@cache
def drawing_names() -> frozenset[str]:
    """The names of torch's operators that use its generators, and of the functions that call them.

    Names, because compilers look into the mode that asks, and cannot tell functions apart.
    """
    names = set()
    for schema in torch._C._jit_get_all_schemas():
        space, _, name = schema.name.partition("::")
        overload = torch._C._get_operation_overload(schema.name, schema.overload_name)
        if space == "aten" and overload is not None and _TAG in overload[2]:
            names.add(name)
    return frozenset(names)


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A scope in which an operator that would use a generator of torch's raises instead.

    Args:
        refusal: The error to raise, given the name of the operator.
    """

    def __init__(self, refusal: Callable[[str], Exception]) -> None:
        """See the class."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._refusal = refusal

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call an operator, unless it draws."""
        kwargs = kwargs or {}
        if _TAG in func.tags and _draws(func, args, kwargs):
            raise self._refusal(str(func))
        return func(*args, **kwargs)


def _draws(func: OpOverload[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a tagged operator draws: not without dropout, in evaluation, or with no memory."""
    arguments = func._schema.arguments
    given = {argument.name: argument.default_value for argument in arguments}
    given |= dict(zip(given, args, strict=False)) | kwargs
    device = given.get("device")
    meta = device is not None and torch.device(device).type == "meta"
    return not (
        func._schema.name in _DRAW_NOTHING
        or any(given.get(name) == 0 for name in ("dropout", "dropout_p"))
        or any(given.get(name) is False for name in ("train", "training"))
        or meta
        or any(isinstance(value, torch.Tensor) and value.is_meta for value in args)
    )


def name_of(function: Function, operator: str) -> str:
    """What users call a function, and the operator that draws in it if that is another one."""
    name = torch.overrides.resolve_name(function)
    if name is None and isinstance(function, FunctionType):
        name = f"{function.__module__}.{function.__qualname__}"
    name = str(name or getattr(function, "__name__", function))
    return (
        name if function.__name__.split(".")[0] in operator.split(".") else f"{name} ({operator})"
    )


def call_site() -> str:
    """Where the call came from: the first place outside torch, and those in diffusers before it."""
    frames = [frame for frame in _frames() if _package(frame) not in _OWN]
    chain = frames[:1] + [frame for frame in frames[1:] if _package(frame) == "diffusers"]
    places = (
        f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}" for frame in chain
    )
    return ",\n  called from ".join(places)


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
