# SPDX-License-Identifier: Apache-2.0
"""The same numbers as NumPy arrays: every function is that of `reprorng`, tensor for array.

A separate module, so that neither side has to guess which of the two a caller means.

Example:
    >>> import reprorng, reprorng.numpy
    >>> x = reprorng.numpy.randn(2, 3, seed=0)
    >>> x.dtype, bool((x == reprorng.randn(2, 3, seed=0).numpy()).all())
    (dtype('float32'), True)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray

from reprorng import arguments, functional

Array: TypeAlias = NDArray[Any]

_OPTIONS = ("generator", "seed", "stream", "position", "size", "backend")
_BOUNDS = ("low", "high")
# Torch's default float type can be changed, and this module's cannot.
_DEFAULTS = {functional.randn: torch.float32, functional.rand: torch.float32}
_NAMES = (
    *("float32", "float16", "float64", "int64", "int32", "int16", "int8"),
    *("uint64", "uint32", "uint16", "uint8", "bool"),
)
_KINDS = {functional.randn: "normal", functional.rand: "uniform", functional.bits: "bits"}
# Integers, of which any of these holds some, are the others' kind.
_DTYPES = {functional.randint: _NAMES, functional.randperm: _NAMES} | {
    function: tuple(n for n in _NAMES if getattr(torch, n) in arguments.DTYPES[kind])
    for function, kind in _KINDS.items()
}
"""The names of NumPy's dtypes that the arrays of each function can have."""


def randn(
    *size: Any, dtype: DTypeLike | None = None, out: Array | None = None, **options: Any
) -> Array:
    """Normal numbers, mean 0 and variance 1; see `reprorng.randn`.

    Args:
        *size: The shape, as integers or as one sequence.
        dtype: float32 (the default), float16 or float64.
        out: An array of that shape to fill instead; it fixes the dtype.
        **options: See `reprorng.functional.From`; also `backend`.

    Returns:
        An array of that shape.

    Raises:
        TypeError: an argument is of the wrong type, or the dtype is none of the above.
        ValueError: `out` is read-only.
        RuntimeError: `out` has another shape or dtype, or overlaps itself.
    """
    return _draw(functional.randn, size, dtype, out, options)


def rand(
    *size: Any, dtype: DTypeLike | None = None, out: Array | None = None, **options: Any
) -> Array:
    """Uniform numbers in [0, 1); see `reprorng.rand`.

    Args:
        *size: The shape, as integers or as one sequence.
        dtype: float32 (the default), float16 or float64.
        out: An array of that shape to fill instead; it fixes the dtype.
        **options: See `reprorng.functional.From`; also `backend`.

    Returns:
        An array of that shape.

    Raises:
        TypeError: an argument is of the wrong type, or the dtype is none of the above.
        ValueError: `out` is read-only.
        RuntimeError: `out` has another shape or dtype, or overlaps itself.
    """
    return _draw(functional.rand, size, dtype, out, options)


def bits(
    *size: Any, dtype: DTypeLike | None = None, out: Array | None = None, **options: Any
) -> Array:
    """Raw words; see `reprorng.bits`.

    Args:
        *size: The shape, as integers or as one sequence.
        dtype: uint32 (the default) or uint64, or their bits as int32 or int64.
        out: An array of that shape to fill instead; it fixes the dtype.
        **options: See `reprorng.functional.From`; also `backend`.

    Returns:
        An array of that shape.

    Raises:
        TypeError: an argument is of the wrong type, or the dtype is none of the above.
        ValueError: `out` is read-only.
        RuntimeError: `out` has another shape or dtype, or overlaps itself.
    """
    return _draw(functional.bits, size, dtype, out, options)


def randint(
    *args: Any, dtype: DTypeLike | None = None, out: Array | None = None, **options: Any
) -> Array:
    """Integers in [low, high); see `reprorng.randint`.

    Args:
        *args: `(high, size)` or `(low, high, size)`; keywords do as well.
        dtype: int64 (the default) or another type that holds the range.
        out: An array of that size to fill instead; it fixes the dtype.
        **options: See `reprorng.functional.From`; also `backend`.

    Returns:
        An array of that size.

    Raises:
        TypeError: a bound or the size is no integer, or missing.
        ValueError: `out` is read-only.
        RuntimeError: `out` has another shape or dtype, or overlaps itself; or the range is empty or
            does not fit the dtype.
    """
    return _draw(functional.randint, args, dtype, out, options)


def randperm(
    n: SupportsIndex, *, dtype: DTypeLike | None = None, out: Array | None = None, **options: Any
) -> Array:
    """A random permutation of the integers from 0 to n - 1; see `reprorng.randperm`.

    Args:
        n: How many.
        dtype: int64 (the default) or another type that holds them.
        out: An array of n elements to fill instead; it fixes the dtype.
        **options: See `reprorng.functional.From`; also `backend`.

    Returns:
        An array of shape (n,).

    Raises:
        TypeError: `n` is no integer.
        ValueError: `out` is read-only.
        RuntimeError: `out` has another shape or dtype, or overlaps itself; or `n` is negative or
            too large for the dtype.
    """
    return _draw(functional.randperm, (n,), dtype, out, options)


def _draw(
    function: Callable[..., torch.Tensor],
    args: tuple[Any, ...],
    dtype: DTypeLike | None,
    out: Array | None,
    options: dict[str, Any],
) -> Array:
    allowed = (*_OPTIONS, *_BOUNDS) if function is functional.randint else _OPTIONS
    unknown = options.keys() - allowed
    if unknown:
        raise TypeError(f"unknown keyword {min(unknown)!r}; allowed: {', '.join(allowed)}")
    if out is None:
        default = _DEFAULTS.get(function)
        wanted = default if dtype is None else _asked_for(dtype, function)
        return function(*args, dtype=wanted, device="cpu", **options).numpy()
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy.ndarray, not {type(out).__name__}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    if dtype is not None:
        options["dtype"] = _asked_for(dtype, function)
    _torch_dtype(out.dtype, function)
    # Torch knows no negative strides, none between elements, and no foreign byte order: such arrays
    # get a copy, once their memory, walked forwards and byte by byte, has passed as a tensor.
    if out.dtype.isnative and all(s >= 0 and s % out.itemsize == 0 for s in out.strides):
        function(*args, out=torch.from_numpy(out), **options)
    else:
        steps = tuple(slice(None, None, -1 if stride < 0 else 1) for stride in out.strides)
        forwards = out[(*steps, np.newaxis)]
        if arguments.overlaps_itself(torch.from_numpy(forwards.view(np.uint8))):
            raise RuntimeError(
                "more than one element of out refers to a single memory location (shape "
                f"{list(out.shape)}, strides {out.strides}); copy() it first"
            )
        drawn = np.empty(out.shape, out.dtype.newbyteorder("="))
        function(*args, out=torch.from_numpy(drawn), **options)
        np.copyto(out, drawn)
    return out


def _asked_for(dtype: DTypeLike, function: Callable[..., torch.Tensor]) -> torch.dtype:
    wanted = np.dtype(dtype)
    if not wanted.isnative:
        raise TypeError(
            f"a dtype must have the byte order of this machine, and {wanted.str} has the other; "
            "give an out of that dtype, or change it with astype"
        )
    return _torch_dtype(wanted, function)


def _torch_dtype(dtype: np.dtype[Any], function: Callable[..., torch.Tensor]) -> torch.dtype:
    if dtype.name not in _DTYPES[function]:
        allowed = ", ".join(_DTYPES[function])
        raise TypeError(f"{function.__name__} has no dtype {dtype}; allowed: {allowed}")
    found: torch.dtype = getattr(torch, dtype.name)
    return found
