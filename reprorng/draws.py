# SPDX-License-Identifier: Apache-2.0
"""The draws: torch's random functions as methods over a source of plans.

`Generator` inherits them and the module functions call them, so that each exists once. What they
add to a plain fill, a shift, a scale, a range, is one rounded operation after another in float32 or
float64 (`docs/spec.md`, "Scaled draws"), and so the same on every device.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, SupportsIndex, cast

import numpy as np
import torch
from typing_extensions import Unpack

from reprorng import arguments, draw
from reprorng.arguments import Options
from reprorng.plan import Plan

_UNSIGNED = {torch.int32: torch.uint32, torch.int64: torch.uint64}


class Draws(ABC):
    """Torch's random functions; `Options` lists the keywords they share."""

    @abstractmethod
    def reserve(
        self, count: int, kind: str, dtype: str, *, low: int = 0, span: int = 0
    ) -> AbstractContextManager[Plan]:
        """The plan of the next elements; they count as drawn unless the block raises."""

    # New tensors

    def randn(self, *size: Any, **options: Unpack[Options]) -> torch.Tensor:
        """Normal numbers, mean 0 and variance 1, in float32, float16, bfloat16 or float64."""
        return draw.new(self, "normal", *_sized(size, options))

    def rand(self, *size: Any, **options: Unpack[Options]) -> torch.Tensor:
        """Uniform numbers in [0, 1), in float32, float16, bfloat16 or float64."""
        return draw.new(self, "uniform", *_sized(size, options))

    def bits(self, *size: Any, **options: Unpack[Options]) -> torch.Tensor:
        """Raw words: uint32 by default, uint64, or their bits as int32 or int64."""
        shape, options = _sized(size, options)
        arguments.check_options(options)
        out = options.get("out")
        dtype = arguments.dtype_from(options, torch.uint32)
        unsigned = _UNSIGNED.get(dtype, dtype)
        options["dtype"] = unsigned
        if out is not None:
            arguments.check_out(out, shape, dtype, options.get("device"))
            options["out"] = out.view(unsigned)
        drawn = draw.new(self, "bits", shape, options)
        return drawn.view(dtype) if out is None else out

    def randint(self, *args: Any, **options: Any) -> torch.Tensor:
        """Integers in [low, high): `randint(high, size)` or `randint(low, high, size)`.

        Each takes 64 bits of the stream. A range of n values is uniform up to a bias below
        n / 2^64.

        Args:
            *args: `(high, size)` or `(low, high, size)`; they can be keywords as well.
            **options: See `Options`. The dtype is int64 by default; others hold the same integers,
                which must all fit.

        Raises:
            TypeError: a bound or the size is no integer, or missing.
            RuntimeError: the range is empty, or does not fit the dtype.
        """
        low, high, size = _randint_arguments(args, options)
        shape = arguments.size_from((size,))
        arguments.check_options(options)
        keywords = cast(Options, options)
        dtype = arguments.dtype_from(keywords, torch.int64)
        first, span = arguments.integer_range(low, high, dtype)
        tensor = draw.target(shape, keywords, torch.int64)
        self._integers_(tensor, first, span, keywords.get("backend"))
        return draw.finish(tensor, keywords)

    def randperm(self, n: SupportsIndex, **options: Unpack[Options]) -> torch.Tensor:
        """A random permutation of the integers from 0 to n - 1: the order of n 64-bit words."""
        count = arguments.count_of(n, "n")
        arguments.check_options(options)
        arguments.integer_range(0, max(count, 1), arguments.dtype_from(options, torch.int64))
        tensor = draw.target((count,), options, torch.int64)
        if tensor.is_meta:
            return tensor
        keys = torch.empty(count, dtype=torch.uint64, device="cpu")
        draw.fill_(self, "bits", keys, backend=options.get("backend"))
        # Torch sorts signed integers only; flipping the sign bit keeps the order.
        signed = keys.view(torch.int64) ^ torch.iinfo(torch.int64).min
        with torch.no_grad():
            tensor.copy_(torch.argsort(signed, stable=True))
        return draw.finish(tensor, options)

    def normal(
        self,
        mean: torch.Tensor | float = 0.0,
        std: torch.Tensor | float = 1.0,
        size: Any = None,
        **options: Unpack[Options],
    ) -> torch.Tensor:
        """Normal numbers of a mean and a standard deviation, as `torch.normal`.

        Args:
            mean: A number, or a tensor of means.
            std: A number, or a tensor of standard deviations, at least 0.
            size: The shape, if both are numbers; otherwise they are broadcast together.
            **options: See `Options`.

        Raises:
            TypeError: both are numbers and there is no size, or there is one beside a tensor.
            RuntimeError: a standard deviation is negative, or the shapes do not go together.
        """
        arguments.check_options(options)
        mean, std = _moment(mean, "mean"), _moment(std, "std")
        _check_std(std)
        tensors = [value for value in (mean, std) if isinstance(value, torch.Tensor)]
        if not tensors:
            shape = arguments.size_from((), size)
            default = torch.get_default_dtype()
        elif size is not None:
            raise TypeError("a size goes with a mean and a std that are both numbers")
        else:
            shapes = (t.shape for t in tensors)
            shape = tuple(torch.broadcast_shapes(*shapes))  # type: ignore[no-untyped-call]
            default = tensors[0].dtype
            if options.get("out") is None and options.get("device") is None:
                options["device"] = tensors[0].device
        arguments.check_dtype("normal", arguments.dtype_from(options, default))
        tensor = draw.target(shape, options, default)
        for moment in tensors:
            if moment.device != tensor.device and moment.dim() > 0:
                raise RuntimeError(
                    f"mean and std must be on {tensor.device}, and one is on {moment.device}"
                )
        self._normal_(tensor, mean, std, options.get("backend"))
        return draw.finish(tensor, options)

    def randn_like(self, input: torch.Tensor, **options: Unpack[Options]) -> torch.Tensor:
        """`randn` of the shape, dtype, device and memory format of `input`."""
        return self._like("normal", input, options)

    def rand_like(self, input: torch.Tensor, **options: Unpack[Options]) -> torch.Tensor:
        """`rand` of the shape, dtype, device and memory format of `input`."""
        return self._like("uniform", input, options)

    # Tensors in place

    def normal_(
        self,
        tensor: torch.Tensor,
        mean: float = 0.0,
        std: float = 1.0,
        *,
        backend: str | None = None,
    ) -> torch.Tensor:
        """Fill `tensor` with normal numbers of a mean and a standard deviation.

        Raises:
            TypeError: its dtype is not one of `randn`.
            RuntimeError: it cannot be written, or `std` is negative.
        """
        arguments.check_tensor(tensor, "tensor")
        mean, std = _number(mean, "mean"), _number(std, "std")
        _check_std(std)
        return self._normal_(tensor, mean, std, backend)

    def uniform_(
        self,
        tensor: torch.Tensor,
        low: float = 0.0,
        high: float = 1.0,
        *,
        backend: str | None = None,
    ) -> torch.Tensor:
        """Fill `tensor` with uniform numbers in [low, high).

        Raises:
            TypeError: its dtype is not one of `rand`.
            RuntimeError: it cannot be written, or `low` and `high` are no finite range.
        """
        arguments.check_tensor(tensor, "tensor")
        arguments.check_dtype("uniform", tensor.dtype)
        low, high = _number(low, "low"), _number(high, "high")
        limit = torch.finfo(tensor.dtype).max
        if not (-limit <= low <= high <= limit and high - low <= limit):
            raise RuntimeError(
                f"[low, high) must be a finite range of {tensor.dtype}, not [{low}, {high})"
            )
        draw.fill_(self, "uniform", tensor, backend=backend)
        if (low, high) == (0, 1):
            return tensor
        with torch.no_grad():
            scaled = tensor.to(_compute_dtype(tensor.dtype)).mul_(high - low).add_(low)
            tensor.copy_(scaled)
            # Rounding may have reached `high`, which a half-open range leaves out.
            return tensor.clamp_(max=_below(high, tensor.dtype)) if low < high else tensor

    def random_(
        self,
        tensor: torch.Tensor,
        low: int | None = None,
        high: int | None = None,
        *,
        backend: str | None = None,
    ) -> torch.Tensor:
        """Fill `tensor` with integers: `random_(t, low, high)`, `random_(t, high)`, `random_(t)`.

        Without bounds they are all the integers from 0 that the dtype holds exactly.

        Raises:
            TypeError: a bound is no integer, or the dtype is complex.
            RuntimeError: it cannot be written, or the range is empty or does not fit the dtype.
        """
        arguments.check_tensor(tensor, "tensor")
        if low is None and high is None:
            low, high = 0, arguments.integer_limits(tensor.dtype)[1] + 1
        elif low is None:
            low = 0
        elif high is None:
            low, high = 0, low
        first, span = arguments.integer_range(low, high, tensor.dtype)
        arguments.check_writable(tensor)
        self._integers_(tensor, first, span, backend)
        return tensor

    # What they share

    def _like(self, kind: str, input: torch.Tensor, options: Options) -> torch.Tensor:
        arguments.check_tensor(input, "input")
        arguments.check_options(options, without=["out"])
        if input.layout is not torch.strided:
            raise RuntimeError(f"input must be strided, not {input.layout}")
        dtype = arguments.dtype_from(options, input.dtype)
        arguments.check_dtype(kind, dtype)
        device = options.get("device")
        tensor = torch.empty_like(
            input,
            dtype=dtype,
            device=input.device if device is None else device,
            pin_memory=bool(options.get("pin_memory")),
            memory_format=options.get("memory_format") or torch.preserve_format,
        )
        draw.fill_(self, kind, tensor, backend=options.get("backend"))
        return draw.finish(tensor, options)

    def _normal_(
        self,
        tensor: torch.Tensor,
        mean: torch.Tensor | float,
        std: torch.Tensor | float,
        backend: str | None,
    ) -> torch.Tensor:
        numbers = not isinstance(mean, torch.Tensor) and not isinstance(std, torch.Tensor)
        arguments.check_dtype("normal", tensor.dtype)
        if numbers and (mean, std) == (0, 1):
            return draw.fill_(self, "normal", tensor, backend=backend)
        arguments.check_writable(tensor)
        # `tensor` may share memory with a mean or std, and 16 bits are too few to scale in.
        compute = _compute_dtype(tensor.dtype)
        drawn = torch.empty(tensor.shape, dtype=compute, device=tensor.device)
        draw.fill_(self, "normal", drawn, backend=backend)
        with torch.no_grad():
            return tensor.copy_(drawn.mul_(_as(std, drawn)).add_(_as(mean, drawn)))

    def _integers_(self, tensor: torch.Tensor, first: int, span: int, backend: str | None) -> None:
        direct = tensor.dtype is torch.int64
        drawn = tensor if direct else torch.empty_like(tensor, dtype=torch.int64)
        draw.fill_(self, "integers", drawn, backend=backend, low=first, span=span)
        if not direct:
            with torch.no_grad():
                tensor.copy_(drawn)


def _sized(size: tuple[Any, ...], options: Options) -> tuple[tuple[int, ...], Options]:
    """The shape, which may be the keyword `size`, and the other keywords."""
    keyword = options.pop("size", None)  # type: ignore[typeddict-item]
    return arguments.size_from(size, keyword), options


def _randint_arguments(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, Any, Any]:
    """`low`, `high` and `size`, taken from `args` and, what is missing there, from `options`."""
    given = list(args)
    size = options.pop("size") if "size" in options else given.pop() if given else None
    high = options.pop("high") if "high" in options else given.pop() if given else None
    low = options.pop("low") if "low" in options else given.pop() if given else 0
    if given or size is None or high is None:
        raise TypeError(f"randint takes (high, size) or (low, high, size), not {args}")
    return low, high, size


def _moment(value: torch.Tensor | float, name: str) -> torch.Tensor | float:
    return value if isinstance(value, torch.Tensor) else _number(value, name)


def _number(value: Any, name: str) -> float:
    """`value` as torch will use it: a number, or a tensor of one."""
    if isinstance(value, torch.Tensor):
        if value.dim() > 0 or value.is_complex() or value.is_meta:
            raise TypeError(f"{name} must be a number, not a {value.dtype} {list(value.shape)}")
        return float(value)
    if not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number, not {value!r} ({type(value).__name__})")
    return float(value)


def _check_std(std: torch.Tensor | float) -> None:
    if isinstance(std, torch.Tensor):
        right = std.is_meta or std.numel() == 0 or bool((std >= 0).all())
    else:
        right = std >= 0
    if not right:
        raise RuntimeError(f"std must be at least 0, not {std}")


def _compute_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype is torch.float64 else torch.float32


def _as(value: torch.Tensor | float, like: torch.Tensor) -> torch.Tensor | float:
    return value.to(like) if isinstance(value, torch.Tensor) else value


def _below(high: float, dtype: torch.dtype) -> float:
    """The largest number of `dtype` below `high`."""
    top = torch.tensor(high, dtype=torch.float64, device="cpu")
    rounded = top.to(dtype)
    while rounded.to(torch.float64) >= top:
        lower = torch.tensor(-math.inf, dtype=dtype, device="cpu")
        rounded = torch.nextafter(rounded, lower)
    return rounded.item()
