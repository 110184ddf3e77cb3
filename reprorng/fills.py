# SPDX-License-Identifier: Apache-2.0
"""The ways to fill a tensor: the kinds, shifted and scaled, permutations and choices.

What they add to a plain fill is one rounded operation after another in float32 or float64
(`docs/spec.md`, "Scaled draws"), and so the same on every device. Apart from `draws` because a
compiler must not see into them: it may contract a product and a sum, and each of them is therefore
one call of the operator in `ops`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch

from reprorng import arguments, choices, draw
from reprorng.source import Source

Number = torch.Tensor | float


def bits(source: Source, tensor: torch.Tensor, *, backend: str | None) -> None:
    """Fill `tensor` with words.

    Raises:
        TypeError: its dtype has not 32 or 64 bits.
        RuntimeError: it cannot be written.
    """
    words = tensor.view(arguments.UNSIGNED.get(tensor.dtype, tensor.dtype))
    draw.fill_(source, "bits", words, backend=backend)


def uniform(
    source: Source,
    tensor: torch.Tensor,
    low: Number = 0.0,
    high: Number = 1.0,
    *,
    backend: str | None,
) -> None:
    """Fill `tensor` with uniform numbers in [low, high).

    Raises:
        TypeError: its dtype has no uniform numbers.
        RuntimeError: it cannot be written, or `low` and `high` are no finite range.
    """
    low, high = float(low), float(high)
    if low == 0 and high == 1:
        draw.fill_(source, "uniform", tensor, backend=backend)
        return
    arguments.check_dtype("uniform", tensor.dtype)
    limit = torch.finfo(tensor.dtype).max
    if not (-limit <= low <= high <= limit and high - low <= limit):
        raise RuntimeError(
            f"[low, high) must be a finite range of {tensor.dtype}, not [{low}, {high})"
        )
    arguments.check_writable(tensor)
    if tensor.is_meta:
        return
    in_place = draw.may_write(tensor)
    values = tensor if in_place else draw.new(tensor.shape, tensor.dtype, tensor.device)
    with draw.filled(source, "uniform", values, backend=backend):
        with torch.no_grad():
            values.copy_(values.to(_compute_dtype(tensor.dtype)).mul_(high - low).add_(low))
            # Rounding may have reached `high`, which a half-open range leaves out.
            if low < high:
                values.clamp_(max=_below(high, tensor.dtype))
        if not in_place:
            tensor.copy_(values)


def normal(
    source: Source,
    tensor: torch.Tensor,
    mean: Number = 0.0,
    std: Number = 1.0,
    *,
    backend: str | None,
) -> None:
    """Fill `tensor` with normal numbers of a mean and a standard deviation, which it broadcasts.

    Raises:
        TypeError: its dtype has no normal numbers.
        RuntimeError: it cannot be written, or a standard deviation is negative.
    """
    numbers = not isinstance(mean, torch.Tensor) and not isinstance(std, torch.Tensor)
    if numbers and mean == 0 and std == 1:
        draw.fill_(source, "normal", tensor, backend=backend)
        return
    arguments.check_dtype("normal", tensor.dtype)
    arguments.check_writable(tensor)
    arguments.check_values(mean, "mean", tensor)
    arguments.check_values(std, "std", tensor)
    _check_std(std)
    if tensor.is_meta:
        return
    # `tensor` may share memory with a mean or std, and 16 bits are too few to scale in.
    drawn = draw.new(tensor.shape, _compute_dtype(tensor.dtype), tensor.device)
    with draw.filled(source, "normal", drawn, backend=backend):
        with torch.no_grad():
            drawn.mul_(_as(std, drawn)).add_(_as(mean, drawn))
        tensor.copy_(drawn)


def integers(
    source: Source, tensor: torch.Tensor, first: int, last: int, *, backend: str | None
) -> None:
    """Fill `tensor` with integers from `first` to `last`, which its dtype must hold.

    Raises:
        TypeError: the dtype is complex.
        RuntimeError: it cannot be written, or the range is empty or does not fit the dtype.
    """
    span = arguments.integer_span(first, last, tensor.dtype)
    if tensor.dtype is torch.int64:
        draw.fill_(source, "integers", tensor, backend=backend, low=first, span=span)
        return
    arguments.check_writable(tensor)
    if tensor.is_meta:
        return
    drawn = draw.new(tensor.shape, torch.int64, tensor.device)
    with draw.filled(source, "integers", drawn, backend=backend, low=first, span=span):
        tensor.copy_(drawn)


def permutation(source: Source, tensor: torch.Tensor, *, backend: str | None) -> None:
    """Fill a vector with the integers from 0 in the order of as many 64-bit words.

    Raises:
        RuntimeError: it cannot be written, or its dtype does not hold all the integers.
    """
    count = tensor.numel()
    arguments.integer_span(0, max(count, 1) - 1, tensor.dtype)
    arguments.check_writable(tensor)
    if tensor.is_meta:
        return
    keys = draw.new((count,), torch.uint64, torch.device("cpu"))
    with draw.filled(source, "bits", keys, backend=backend):
        # Torch sorts signed integers only; flipping the sign bit keeps the order.
        signed = keys.view(torch.int64) ^ torch.iinfo(torch.int64).min
        tensor.copy_(torch.argsort(signed, stable=True))


FILLS: Final[dict[str, Callable[..., None]]] = {
    "bits": bits,
    "uniform": uniform,
    "normal": normal,
    "integers": integers,
    "permutation": permutation,
    "bernoulli": choices.bernoulli,
    "multinomial": choices.multinomial,
}
"""By name, as `Draws` asks for them; each takes a source, a tensor, arguments and a backend."""


def _check_std(std: Number) -> None:
    if not isinstance(std, torch.Tensor):
        right = std >= 0
    elif std.is_meta or std.numel() == 0:
        right = True
    else:
        # While a CUDA graph is captured, there are no numbers yet to look at.
        right = (std.is_cuda and torch.cuda.is_current_stream_capturing()) or bool((std >= 0).all())
    if not right:
        raise RuntimeError(f"std must be at least 0, not {std}")


def _compute_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype is torch.float64 else torch.float32


def _as(value: Number, like: torch.Tensor) -> Number:
    return value.detach().to(like) if isinstance(value, torch.Tensor) else value


def _below(high: float, dtype: torch.dtype) -> float:
    """The largest number of `dtype` below `high`."""
    top = torch.tensor(high, dtype=torch.float64, device="cpu")
    rounded = top.to(dtype)
    while rounded.to(torch.float64) >= top:
        lower = torch.tensor(-math.inf, dtype=dtype, device="cpu")
        rounded = torch.nextafter(rounded, lower)
    return rounded.item()
