# SPDX-License-Identifier: Apache-2.0
"""The arguments of draws, checked before a word is used.

Each error is of the type torch's users expect, and names what was given and what is allowed.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, SupportsIndex, TypedDict

import torch
from torch._subclasses.fake_tensor import FakeTensor

from reprorng.device import AnyDevice
from reprorng.plan import WORDS_PER_ELEMENT
from reprorng.state import as_integer

DTYPE_NAMES: Final = {getattr(torch, dtype): dtype for _, dtype in WORDS_PER_ELEMENT}
"""Plans know dtypes by name."""

UNSIGNED: Final = {torch.int32: torch.uint32, torch.int64: torch.uint64}
"""The dtypes whose bits may be words, beside the unsigned ones themselves."""

DTYPES: Final = {
    kind: [dtype for dtype, name in DTYPE_NAMES.items() if (kind, name) in WORDS_PER_ELEMENT]
    + (list(UNSIGNED) if kind == "bits" else [])
    for kind, _ in WORDS_PER_ELEMENT
}
"""What the elements of each kind can be."""

_PYTHON_DTYPES: Final = {float: torch.float64, int: torch.int64, bool: torch.bool}

_INTEGER_DTYPES: Final = (
    *(torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64),
    *(torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz),
)
"""Those that hold 0, 1 and what lies around them; a scale, such as float8_e8m0fnu, has no 0."""


def size_from(args: Sequence[Any], size: Any = None) -> tuple[int, ...]:
    """The shape given as `randn(2, 3)`, `randn((2, 3))`, `randn(size=(2, 3))` or `randn(size=2)`.

    Raises:
        TypeError: it was given twice or not at all, or holds something that is no integer.
        RuntimeError: a dimension is negative.
    """
    if size is not None and args:
        raise TypeError(f"the size was given twice: as {tuple(args)} and as size={size!r}")
    if size is None and not args:
        raise TypeError("a size is needed, for example (2, 3)")
    if size is not None:
        given = size if isinstance(size, Iterable) else (size,)
    else:
        given = args[0] if _is_only_sequence(args) else args
    try:
        shape = tuple(as_integer(dimension, "a dimension") for dimension in given)
    except TypeError:
        raise TypeError(f"a size is integers, not {given!r}") from None
    if any(dimension < 0 for dimension in shape):
        raise RuntimeError(f"a size cannot have a negative dimension: {list(shape)}")
    return shape


def _is_only_sequence(args: Sequence[Any]) -> bool:
    return len(args) == 1 and isinstance(args[0], Sequence)


class Options(TypedDict, total=False):
    """The keywords every function that makes a tensor takes, with torch's meaning.

    Attributes:
        out: A tensor of the right shape to fill instead; it also fixes dtype and device.
        dtype: The element type; torch's default float type unless the function says otherwise.
        layout: Only `torch.strided`.
        device: Where the tensor lives; torch's default device.
        pin_memory: Whether its memory is pinned, as in `torch.empty`.
        memory_format: How it lies in memory; the values are the same in all formats.
        requires_grad: Whether autograd records operations on it.
        backend: The name of a backend to force.
    """

    out: torch.Tensor | None
    dtype: torch.dtype | None
    layout: torch.layout | None
    device: torch.device | str | int | None
    pin_memory: bool | None
    memory_format: torch.memory_format | None
    requires_grad: bool
    backend: str | None


def check_options(options: Options | dict[str, Any], *, without: Collection[str] = ()) -> None:
    """Raise unless the keywords are those of `Options` and go together.

    Args:
        options: The keywords; a dtype that is a type of Python's becomes torch's of that name.
        without: Those of `Options` that the function does not take.

    Raises:
        TypeError: there is another keyword, or a dtype or `out` is of the wrong type.
        ValueError: the layout is not strided.
    """
    allowed = [name for name in Options.__annotations__ if name not in without]
    unknown = [name for name in options if name not in allowed]
    if unknown:
        raise TypeError(f"unknown keyword {unknown[0]!r}; allowed: {', '.join(allowed)}")
    dtype, layout, out = options.get("dtype"), options.get("layout"), options.get("out")
    if isinstance(dtype, type) and dtype in _PYTHON_DTYPES:
        options["dtype"] = dtype = _PYTHON_DTYPES[dtype]
    if dtype is not None and not isinstance(dtype, torch.dtype):
        raise TypeError(f"dtype must be a torch.dtype, not {dtype!r}")
    if layout not in {None, torch.strided}:
        raise ValueError(f"layout must be torch.strided, not {layout}")
    if out is not None:
        check_tensor(out, "out")


def check_tensor(value: Any, name: str) -> None:
    """Raise TypeError unless `value` is a tensor, RuntimeError if it is a nest of tensors."""
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, not {type(value).__name__}")
    if value.is_nested:
        raise RuntimeError(f"{name} must not be nested; draw for each tensor of its unbind()")


def check_values(value: torch.Tensor | float, name: str, tensor: torch.Tensor) -> None:
    """Raise RuntimeError where what `tensor` is to be made from is a tensor without numbers."""
    if not isinstance(value, torch.Tensor):
        return
    check_tensor(value, name)
    without = isinstance(value, FakeTensor) or (value.is_meta and not tensor.is_meta)
    if without or value.is_quantized or value.layout is not torch.strided:
        raise RuntimeError(
            f"{name} must be a strided tensor with numbers that can be read on {tensor.device}, "
            f"not a {value.layout} {type(value).__name__} of {value.dtype} on {value.device}"
        )


def dtype_from(options: Options, default: torch.dtype) -> torch.dtype:
    """The dtype asked for: by name, by that of `out`, or the default.

    Raises:
        RuntimeError: a gradient was asked for, and the dtype has none.
    """
    dtype, out = options.get("dtype"), options.get("out")
    chosen = dtype if dtype is not None else default if out is None else out.dtype
    if options.get("requires_grad") and not chosen.is_floating_point:
        raise RuntimeError(f"only floating point tensors have gradients, and this is {chosen}")
    return chosen


def check_dtype(kind: str, dtype: torch.dtype) -> None:
    """Raise TypeError, naming what is allowed, unless `kind` has `dtype`."""
    if dtype not in DTYPES[kind]:
        allowed = ", ".join(map(str, DTYPES[kind]))
        raise TypeError(f"{kind} has no dtype {dtype}; allowed: {allowed}")


def check_out(
    out: torch.Tensor, size: tuple[int, ...], dtype: torch.dtype | None, device: Any
) -> None:
    """Raise RuntimeError unless `out` has this shape, and this dtype and device if given.

    One that requires grad is refused as well, as torch does: that a tensor no longer depends on
    others is to be expected of a draw in place alone.
    """
    if out.requires_grad and torch.is_grad_enabled():
        raise RuntimeError("out requires grad, which no draw has; fill it under torch.no_grad()")
    if out.shape != size:
        raise RuntimeError(f"out has shape {list(out.shape)}, but size {list(size)} was asked for")
    if dtype is not None and out.dtype != dtype:
        raise RuntimeError(f"out has dtype {out.dtype}, but {dtype} was asked for")
    if device is not None and not isinstance(device, AnyDevice):
        wanted = torch.device(device)
        if wanted.type != out.device.type or wanted.index not in {None, out.device.index or 0}:
            raise RuntimeError(f"out is on {out.device}, but device {wanted} was asked for")


def check_writable(tensor: torch.Tensor) -> None:
    """Raise RuntimeError unless every element of `tensor` is memory of its own to write.

    The words are torch's own where torch refuses the same.
    """
    check_not_transformed()
    if tensor.layout is not torch.strided:
        raise RuntimeError(f"a tensor to fill must be strided, not {tensor.layout}")
    compiling = torch.compiler.is_compiling()
    # What depends on other tensors no longer does; the operator of a graph cannot tell autograd.
    if tensor.requires_grad and torch.is_grad_enabled() and (compiling or tensor.is_leaf):
        raise RuntimeError(
            "a tensor that requires grad is being used in an in-place operation; "
            "fill it under torch.no_grad()"
        )
    if compiling:
        return  # There is no memory yet; the rest will be asked when there is.
    check_not_recorded()
    if tensor.is_inference() and not torch.is_inference_mode_enabled():
        raise RuntimeError("an inference tensor can only be written inside torch.inference_mode()")
    if overlaps_itself(tensor):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            f"single memory location (shape {list(tensor.shape)}, strides {tensor.stride()}); "
            "clone() it first"
        )
    check_memory(tensor)


def check_memory(tensor: torch.Tensor) -> None:
    """Raise RuntimeError where there is no memory behind a tensor; one on meta needs none."""
    wrapped = type(tensor).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__
    functional = torch._is_functional_tensor(tensor)
    if wrapped or functional or tensor._is_zerotensor() or _is_freed(tensor):
        raise RuntimeError(
            f"a tensor to fill must have memory of its own, and this {type(tensor).__name__} of "
            f"shape {list(tensor.shape)} has none"
        )


def overlaps_itself(tensor: torch.Tensor) -> bool:
    """Whether two elements of a strided tensor share memory."""
    if tensor.is_contiguous() or tensor.numel() == 0:
        return False
    reach = sum(s * (n - 1) for s, n in zip(tensor.stride(), tensor.shape, strict=True))
    if tensor.numel() > reach + 1:
        return True
    reach = 0
    for stride, length in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if length > 1:
            if stride <= reach:
                break
            reach += stride * (length - 1)
    else:
        return False
    # Strides may interleave without meeting, which only the places themselves tell.
    places = torch.zeros(1, dtype=torch.int64, device="cpu")
    for stride, length in zip(tensor.stride(), tensor.shape, strict=True):
        steps = torch.arange(length, dtype=torch.int64, device="cpu") * stride
        places = (places[:, None] + steps).flatten()
    return len(torch.unique(places)) < len(places)


def check_not_transformed() -> None:
    """Raise RuntimeError where a draw would be shared by a batch."""
    if torch._C._functorch.maybe_current_level() is not None:
        raise RuntimeError(
            "a draw inside a torch.func transform would be the same for all its inputs; draw before"
        )


def check_not_recorded() -> None:
    """Raise RuntimeError where a draw would be recorded once and replayed."""
    proxies = torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.PROXY)
    if proxies is not None or torch._C._get_tracing_state() is not None:
        raise RuntimeError("a draw cannot be traced into a graph: it would be the same in each run")


def _is_freed(tensor: torch.Tensor) -> bool:
    if tensor.numel() == 0 or tensor.is_meta:
        return False
    if tensor.is_contiguous():
        reach = tensor.numel() - 1
    else:
        reach = sum(s * (n - 1) for s, n in zip(tensor.stride(), tensor.shape, strict=True))
    needed = (tensor.storage_offset() + reach + 1) * tensor.element_size()
    return tensor.untyped_storage().nbytes() < needed


def first_and_last(low: Any, high: Any) -> tuple[int, int]:
    """The first and the last value of [low, high).

    Raises:
        TypeError: a bound is no integer.
    """
    # Most are plain already, and a compiler that need not look into one leaves it variable.
    if type(low) is int and type(high) is int:
        return low, high - 1
    try:
        return operator.index(low), operator.index(high) - 1
    except TypeError:
        raise TypeError(f"bounds must be integers, not {low!r} and {high!r}") from None


def integer_span(first: int, last: int, dtype: torch.dtype) -> int:
    """The number of integers from `first` to `last`, modulo 2^64, all of which must fit `dtype`.

    Raises:
        RuntimeError: there are none, or they leave int64 or `dtype`.
    """
    if first > last:
        raise RuntimeError(f"low must be less than high, but low={first} and high={last + 1}")
    lowest, highest = integer_limits(dtype)
    if first < lowest or last > highest:
        raise RuntimeError(
            f"[{first}, {last + 1}) is out of bounds for {dtype}, in which integers are drawn "
            f"from {lowest} to {highest}"
        )
    return (last - first + 1) % (1 << 64)


def integer_limits(dtype: torch.dtype) -> tuple[int, int]:
    """The integers every one of which `dtype` holds, within int64.

    Raises:
        TypeError: it holds none, or not all from 0 on.
    """
    if dtype not in _INTEGER_DTYPES:
        raise TypeError(
            f"integers have no dtype {dtype}; allowed: bool, integer and float dtypes that hold 0 "
            "and 1, and are not quantized"
        )
    if dtype is torch.bool:
        return 0, 1
    if dtype.is_floating_point:
        exact = int(2 / torch.finfo(dtype).eps)
        return -exact, exact
    limits = torch.iinfo(dtype)
    return max(limits.min, -(1 << 63)), min(limits.max, (1 << 63) - 1)


def count_of(value: SupportsIndex, name: str) -> int:
    """`value` as an integer of at least 0.

    Raises:
        TypeError: it is no integer.
        RuntimeError: it is negative.
    """
    count = as_integer(value, name)
    if count < 0:
        raise RuntimeError(f"{name} must be at least 0, not {count}")
    return count
