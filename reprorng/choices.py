# SPDX-License-Identifier: Apache-2.0
"""Choices with given probabilities: `bernoulli` and `multinomial`.

They are made of normal and uniform numbers by operations that have one result on every device
(`docs/spec.md`, "Choices"): comparisons, float64 arithmetic rounded once, and sums of integers,
whose order does not matter. A running sum of probabilities would depend on its order, and so on the
device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, SupportsIndex

import torch

from reprorng import arguments, draw
from reprorng.source import Source

UNIFORM_BITS: Final = 24
"""Those of a float32 uniform number."""

EXACT_BITS: Final = 53
"""Integers up to 2 to this power are float64 numbers, and so are their sums."""

_PROBABILITIES: Final = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
_WITH_FLOAT64: Final = ("cpu", "cuda")
_ENTRIES_AT_ONCE: Final = 1 << 20


def check_probabilities(input: torch.Tensor, dims: Sequence[int] | None = None) -> None:
    """Raise unless a tensor may hold probabilities, whatever they are.

    Raises:
        TypeError: it is no tensor, or its dtype is no float.
        RuntimeError: it has another number of dimensions than `dims` allows.
    """
    arguments.check_tensor(input, "input")
    if input.dtype not in _PROBABILITIES:
        allowed = ", ".join(map(str, _PROBABILITIES))
        raise TypeError(f"probabilities have no dtype {input.dtype}; allowed: {allowed}")
    if dims is not None and input.dim() not in dims:
        raise RuntimeError(
            f"input must have {' or '.join(map(str, dims))} dimensions, not shape "
            f"{list(input.shape)}"
        )


def multinomial_shape(
    input: torch.Tensor, num_samples: SupportsIndex, replacement: bool
) -> tuple[int, ...]:
    """The shape of the indices that `multinomial` draws.

    Raises:
        TypeError: `input` is no tensor of floats, `num_samples` no integer, or `replacement` no
            bool.
        RuntimeError: `input` has not 1 or 2 dimensions, or `num_samples` is below 1 or more than
            there are categories to choose from.
    """
    check_probabilities(input, dims=(1, 2))
    if not isinstance(replacement, bool):
        raise TypeError(f"replacement must be a bool, not {replacement!r}")
    count = arguments.count_of(num_samples, "num_samples")
    categories = input.shape[-1]
    if count < 1 or categories < (1 if replacement else count):
        raise RuntimeError(
            f"num_samples must be at least 1, and without replacement at most the number of "
            f"categories, {categories}; it is {count}"
        )
    return (*input.shape[:-1], count)


def bernoulli(
    source: Source, tensor: torch.Tensor, p: torch.Tensor | float, *, backend: str | None
) -> None:
    """Fill `tensor` with 1 where a float32 uniform number is below `p`, which it broadcasts, or 0.

    Raises:
        TypeError: the dtype of `tensor` is complex.
        RuntimeError: it cannot be written, or a probability is not in [0, 1].
    """
    arguments.integer_limits(tensor.dtype)
    arguments.check_writable(tensor)
    arguments.check_values(p, "p", tensor)
    if isinstance(p, torch.Tensor):
        if _is_known(p) and not bool((right := (p >= 0) & (p <= 1)).all()):
            wrong = p.detach()[~right][0].item()
            raise RuntimeError(f"a probability must be in [0, 1], and one is {wrong}")
        compared = torch.promote_types(torch.float32, p.dtype)
        p = p.detach().expand(tensor.shape).to(tensor.device, compared)
    elif 0 <= p <= 1:
        # The next number that a uniform one can be, which float32 holds; so it is not rounded.
        p = math.ceil(math.ldexp(p, UNIFORM_BITS)) / 2**UNIFORM_BITS
    else:
        raise RuntimeError(f"a probability must be in [0, 1], not {p}")
    if tensor.is_meta:
        return
    drawn = draw.new(tensor.shape, torch.float32, tensor.device)
    with draw.filled(source, "uniform", drawn, backend=backend):
        tensor.copy_((drawn.to(p.dtype) if isinstance(p, torch.Tensor) else drawn) < p)


def multinomial(
    source: Source,
    tensor: torch.Tensor,
    weights: torch.Tensor,
    replacement: float,
    *,
    backend: str | None,
) -> None:
    """Fill `tensor` with indices that are as probable as `weights` are large, row by row.

    Args:
        source: What to draw from.
        tensor: Of int64, of shape (n,) or (rows, n).
        weights: Of shape (categories,) or (rows, categories).
        replacement: Whether an index may be drawn again in its row.
        backend: The name of a backend to force.

    Raises:
        RuntimeError: `tensor` cannot be written, or a weight is negative or not finite, or there
            are too few above 0 in a row.
    """
    arguments.check_writable(tensor)
    arguments.check_values(weights, "input", tensor)
    if tensor.is_meta:
        return
    rows = weights.detach().reshape(-1, weights.shape[-1])
    _check_weights(rows, 1 if replacement else tensor.shape[-1])
    device = weights.device if weights.device.type in _WITH_FLOAT64 else torch.device("cpu")
    if replacement:
        drawn = draw.new((len(rows), tensor.shape[-1]), torch.float64, device)
        with draw.filled(source, "uniform", drawn, backend=backend):
            tensor.copy_(_by_share(rows.to(device), drawn).view(tensor.shape))
    else:
        drawn = draw.new((*rows.shape, 2), torch.float32, device)
        with draw.filled(source, "normal", drawn, backend=backend):
            tensor.copy_(_by_race(rows.to(device), drawn, tensor.shape[-1]).view(tensor.shape))


def _by_race(weights: torch.Tensor, normals: torch.Tensor, count: int) -> torch.Tensor:
    """The categories of each row in the order in which they arrive, the first `count` of them.

    Arrivals are exponential, at a rate of the weight: half the sum of two squared normals, divided
    by it. So each next one is the first of those left, with a probability of its share in them.
    """
    at_once = max(1, _ENTRIES_AT_ONCE // weights.shape[1])
    first = []
    parts = zip(torch.split(weights, at_once), torch.split(normals, at_once), strict=True)
    for some, pairs in parts:
        squares = pairs.double()
        squares.mul_(squares)
        speeds = some.double() / squares[..., 0].add_(squares[..., 1])
        # Not even one so small that its quotient is 0 comes after one that never arrives.
        speeds.masked_fill_(some == 0, -1.0)
        if count == 1:
            first.append(speeds.argmax(-1, keepdim=True))
        else:
            order = speeds.sort(dim=-1, descending=True, stable=True).indices
            first.append(order[:, :count])
    return torch.cat(first)


def _by_share(weights: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """The categories whose shares of the sum uniform numbers fall into.

    The weights are made integers that add up exactly in any order.
    """
    room = EXACT_BITS - (weights.shape[1] - 1).bit_length()
    parts = weights.double() / weights.amax(-1, keepdim=True).double()
    # Of integers torch itself promises the same sums in every run.
    ends = parts.mul_(2.0**room).floor_().long().cumsum(-1).double()
    return torch.searchsorted(ends, uniform.mul_(ends[:, -1:]), right=True)


def _check_weights(rows: torch.Tensor, needed: int) -> None:
    """Raise RuntimeError unless the weights of each row are such that `needed` can be chosen."""
    if not _is_known(rows):
        return
    right = ((rows >= 0) & (rows < math.inf)).all()
    enough = ((rows > 0).sum(-1) >= needed).all()
    # One wait for the device, and the words that torch has for the first.
    right, enough = torch.stack([right, enough]).tolist()
    if not right:
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not enough:
        raise RuntimeError(
            f"invalid multinomial distribution: {needed} of a row's categories are to be chosen, "
            "and fewer than that have a probability above 0"
        )


def _is_known(values: torch.Tensor) -> bool:
    """Whether there are numbers to look at: while a CUDA graph is captured, there are none yet."""
    return not values.is_meta and not (values.is_cuda and torch.cuda.is_current_stream_capturing())
