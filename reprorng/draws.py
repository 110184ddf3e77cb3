# SPDX-License-Identifier: Apache-2.0
"""The draws: torch's random functions as methods over a source of plans.

`Generator` inherits them and the module functions call them, so that each exists once. Here lives
what they take, as torch has it; how memory is then filled is in `fills`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Final, SupportsIndex, cast

import numpy as np
import torch
from typing_extensions import Unpack

from reprorng import adapter, arguments, choices, draw, ops, shortcut
from reprorng.arguments import Options
from reprorng.fills import FILLS, Number
from reprorng.source import Place, Source

_NUMBERS: Final = (int, float, np.integer, np.floating)


class Draws(Source):
    """Torch's random functions; `Options` lists the keywords they share.

    Attributes:
        INSTEAD: What to do for what cannot be set.
    """

    # A misspelt position would be one more attribute, and nobody would know that it moved nothing.
    __slots__ = ("__weakref__",)

    INSTEAD: str

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute that there is.

        Raises:
            AttributeError: there is none of that name, or it cannot be set.
        """
        try:
            object.__setattr__(self, name, value)
        except AttributeError:
            raise AttributeError(
                f"{name!r} of a {type(self).__name__} cannot be set, only 'position' can; "
                f"{self.INSTEAD}"
            ) from None

    @abstractmethod
    def in_graph(self) -> torch.Tensor | Place:
        """By what graphs find this source when they run, see `ops.record`."""

    # New tensors

    def randn(self, *size: Any, **options: Unpack[Options]) -> torch.Tensor:
        """Normal numbers, mean 0 and variance 1, in float32, float16, bfloat16 or float64."""
        return self._new("normal", size, options)

    def rand(self, *size: Any, **options: Unpack[Options]) -> torch.Tensor:
        """Uniform numbers in [0, 1), in float32, float16, bfloat16 or float64."""
        return self._new("uniform", size, options)

    def bits(self, *size: Any, **options: Unpack[Options]) -> torch.Tensor:
        """Raw words: uint32 by default, uint64, or their bits as int32 or int64."""
        shape, options = _sized(size, options)
        arguments.check_options(options)
        arguments.check_dtype("bits", arguments.dtype_from(options, torch.uint32))
        tensor = draw.target(shape, options, torch.uint32)
        self._fill("bits", tensor, backend=options.get("backend"))
        return draw.finish(tensor, options)

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
        first, last = arguments.first_and_last(low, high)
        tensor = draw.target(shape, keywords, torch.int64)
        self._fill("integers", tensor, first, last, backend=keywords.get("backend"))
        return draw.finish(tensor, keywords)

    def randperm(self, n: SupportsIndex, **options: Unpack[Options]) -> torch.Tensor:
        """A random permutation of the integers from 0 to n - 1: the order of n 64-bit words."""
        count = arguments.count_of(n, "n")
        arguments.check_options(options)
        tensor = draw.target((count,), options, torch.int64)
        self._fill("permutation", tensor, backend=options.get("backend"))
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
            TypeError: both are numbers and there is no size, or there is one beside a tensor; or
                one is complex.
            RuntimeError: a standard deviation is negative, or the shapes do not go together.
        """
        arguments.check_options(options)
        mean, std = _moment(mean, "mean"), _moment(std, "std")
        tensors = [value for value in (mean, std) if isinstance(value, torch.Tensor)]
        if size is not None and any(tensor.dim() > 0 for tensor in tensors):
            raise TypeError("a size goes with a mean and a std that are both numbers")
        if size is not None or not tensors:
            mean, std = _number(mean, "mean"), _number(std, "std")
            tensors = []
            shape = arguments.size_from((), size)
            default = torch.get_default_dtype()
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
        self._fill("normal", tensor, mean, std, backend=options.get("backend"))
        return draw.finish(tensor, options)

    def bernoulli(
        self,
        input: torch.Tensor,
        p: torch.Tensor | float | None = None,
        *,
        out: torch.Tensor | None = None,
        backend: str | None = None,
    ) -> torch.Tensor:
        """1 with the probability `p`, or that which `input` has in its place, and 0 otherwise."""
        arguments.check_tensor(input, "input")
        if p is None:
            choices.check_probabilities(input)
        options: Options = {"out": out, "device": input.device}
        shape = tuple(input.shape)
        empty = torch.empty_like(input) if out is None else draw.target(shape, options, input.dtype)
        return self.bernoulli_(empty, input if p is None else p, backend=backend)

    def multinomial(
        self,
        input: torch.Tensor,
        num_samples: SupportsIndex,
        replacement: bool = False,
        *,
        out: torch.Tensor | None = None,
        backend: str | None = None,
    ) -> torch.Tensor:
        """Indices of `input`, row by row, as probable as its numbers are large."""
        shape = choices.multinomial_shape(input, num_samples, replacement)
        options: Options = {"out": out, "dtype": torch.int64, "device": input.device}
        tensor = draw.target(shape, options, torch.int64)
        return self._fill("multinomial", tensor, input, float(replacement), backend=backend)

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
        if _are(mean, std, 0.0, 1.0) and shortcut.fill(self, "normal", tensor, backend):
            return tensor
        arguments.check_tensor(tensor, "tensor")
        values = _number(mean, "mean"), _number(std, "std")
        return self._fill("normal", tensor, *values, backend=backend)

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
        if _are(low, high, 0.0, 1.0) and shortcut.fill(self, "uniform", tensor, backend):
            return tensor
        arguments.check_tensor(tensor, "tensor")
        values = _number(low, "low"), _number(high, "high")
        return self._fill("uniform", tensor, *values, backend=backend)

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
        first, last = arguments.first_and_last(low, high)
        return self._fill("integers", tensor, first, last, backend=backend)

    def bernoulli_(
        self,
        tensor: torch.Tensor,
        p: torch.Tensor | float = 0.5,
        *,
        backend: str | None = None,
    ) -> torch.Tensor:
        """Fill `tensor` with 1 with the probability `p`, which it broadcasts, and 0 otherwise.

        Raises:
            TypeError: its dtype is complex, or `p` is no number and no tensor of floats.
            RuntimeError: it cannot be written, or a probability is not in [0, 1].
        """
        arguments.check_tensor(tensor, "tensor")
        if isinstance(p, torch.Tensor):
            choices.check_probabilities(p)
        return self._fill("bernoulli", tensor, _moment(p, "p"), backend=backend)

    # What they share

    __torch_function__: Any = classmethod(adapter.dispatch)

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
        self._fill(kind, tensor, backend=options.get("backend"))
        return draw.finish(tensor, options)

    def _new(self, kind: str, size: tuple[Any, ...], options: Options) -> torch.Tensor:
        """A new tensor, or `out`, of the next elements of `kind`."""
        plain = shortcut.draw(self, kind, size, options)
        if plain is not None:
            return plain
        size, options = _sized(size, options)
        arguments.check_options(options)
        default = torch.get_default_dtype()
        arguments.check_dtype(kind, arguments.dtype_from(options, default))
        tensor = draw.target(size, options, default)
        self._fill(kind, tensor, backend=options.get("backend"))
        return draw.finish(tensor, options)

    def _fill(
        self, fill: str, tensor: torch.Tensor, *values: Number, backend: str | None
    ) -> torch.Tensor:
        """`tensor`, filled in one of the ways of `fills`: now, or when what is compiled runs."""
        if torch.compiler.is_compiling():
            ops.record(tensor, self.in_graph(), fill, values, backend)
        else:
            FILLS[fill](self, tensor, *values, backend=backend)
        return tensor


def _sized(size: tuple[Any, ...], options: Options) -> tuple[tuple[int, ...], Options]:
    """The shape, which may be the keyword `size`, and the other keywords."""
    keyword = options.pop("size", None)  # type: ignore[typeddict-item]
    return arguments.size_from(size, keyword), options


def _randint_arguments(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, Any, Any]:
    """`low`, `high` and `size`, taken from `args` and, what is missing there, from `options`."""
    given = list(args)
    named = {name: options[name] for name in ("low", "high", "size") if name in options}
    size = options.pop("size") if "size" in options else given.pop() if given else None
    high = options.pop("high") if "high" in options else given.pop() if given else None
    low = options.pop("low") if "low" in options else given.pop() if given else 0
    if given or size is None or high is None:
        shown = ", ".join([*map(repr, args), *(f"{name}={named[name]!r}" for name in named)])
        raise TypeError(f"randint takes (high, size) or (low, high, size), not ({shown})")
    return low, high, size


def _moment(value: Number, name: str) -> Number:
    if not isinstance(value, torch.Tensor):
        return _number(value, name)
    if value.is_complex():
        raise TypeError(f"{name} must be real, not {value.dtype}")
    return value


def _are(a: Any, b: Any, first: float, second: float) -> bool:
    """Whether two arguments are these numbers, as floats, which defaults are."""
    return type(a) is float and type(b) is float and a == first and b == second


def _number(value: Any, name: str) -> Number:
    """`value` as torch will use it: a number, or a tensor of one."""
    if type(value) is float:
        return value
    if isinstance(value, torch.Tensor):
        if value.dim() > 0 or value.is_complex() or value.is_meta:
            raise TypeError(f"{name} must be a number, not a {value.dtype} {list(value.shape)}")
        # Its value is not known while a graph is recorded; in float64 it will be the same number.
        return value.double() if torch.compiler.is_compiling() else float(value)
    if not isinstance(value, _NUMBERS):
        raise TypeError(f"{name} must be a number, not {value!r} ({type(value).__name__})")
    return float(value)
