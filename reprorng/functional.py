# SPDX-License-Identifier: Apache-2.0
"""The module functions: torch's random functions with a generator, or with no state at all.

Each takes `generator=`, or `seed=` with `stream=` and `position=`, or neither: then it draws from
the default generator, which `manual_seed` seeds. All other keywords are those of
`arguments.Options`.
"""

from __future__ import annotations

from typing import Any, Final, SupportsIndex, TypedDict

import torch
from typing_extensions import Unpack

from reprorng import shortcut
from reprorng.arguments import Options
from reprorng.draws import Draws
from reprorng.generator import Generator
from reprorng.source import Place

default_generator = Generator()
"""What draws come from when neither a generator nor a seed is given; seeded by the system.

A forked process inherits its state: workers that draw need a generator each, for example
`generator.fold_in(worker_id)`.
"""


class From(TypedDict, total=False):
    """The keywords that say where numbers come from.

    Attributes:
        generator: A generator, whose position the draw moves.
        seed: A seed, for a draw that depends on nothing but its arguments.
        stream: With `seed`, the stream; 0 by default.
        position: With `seed`, the position; 0 by default.
    """

    generator: Generator | None
    seed: SupportsIndex | None
    stream: SupportsIndex
    position: SupportsIndex


class DrawOptions(Options, From, total=False):
    """The keywords of a function that makes a tensor."""


class _Seeded(Place, Draws):
    """The draws of a stateless call."""

    def in_graph(self) -> Place:
        """The place itself: it has no state that a graph would have to find."""
        return self


_ELSEWHERE: Final = frozenset(("seed", "stream", "position"))
"""The keywords that name another source than a generator."""


def _source(options: Any) -> Draws:
    """What the keywords name; they are removed from `options`.

    Raises:
        TypeError: there is both a generator and a seed, or a stream or position without a seed, or
            the generator is none of ours.
    """
    if not options:
        return default_generator
    generator = options.pop("generator", None)
    if type(generator) is Generator and _ELSEWHERE.isdisjoint(options):
        return generator
    seed = options.pop("seed", None)
    place = _place(options) if options else {}
    if seed is not None:
        if generator is not None:
            raise TypeError("give a generator or a seed, not both")
        return _Seeded(seed, **place)
    if place:
        raise TypeError("stream and position go with a seed")
    if generator is None:
        return default_generator
    if not isinstance(generator, Draws):
        raise TypeError(
            f"generator must be a reprorng.Generator, not {type(generator).__module__}."
            f"{type(generator).__qualname__}"
        )
    return generator


def _place(options: Any) -> dict[str, Any]:
    return {name: options.pop(name) for name in ("stream", "position") if name in options}


def manual_seed(seed: SupportsIndex) -> Generator:
    """Seed the default generator, and return it.

    Args:
        seed: An integer in [-2^63, 2^64).

    Raises:
        TypeError: it is no integer.
        ValueError: it is out of range.

    Examples:
        >>> generator = manual_seed(0)
        >>> a = randn(2)
        >>> bool((randn(2, generator=manual_seed(0)) == a).all())
        True
    """
    return default_generator.manual_seed(seed)


def randn(*size: Any, **options: Unpack[DrawOptions]) -> torch.Tensor:
    """Normal numbers with mean 0 and variance 1, by Box-Muller (see `docs/spec.md`).

    The largest magnitude is 6.7637 in float32 and the 16-bit types, 9.4926 in float64. float16 and
    bfloat16 are the float32 numbers, rounded.

    Args:
        *size: The shape, as integers or as one sequence.
        **options: See `From` and `arguments.Options`. dtype: float32, float16, bfloat16 or float64.

    Returns:
        A tensor of that shape.

    Raises:
        TypeError: an argument is of the wrong type, or the dtype is none of the above.
        ValueError: the seed, stream, layout or backend is unknown or out of range.
        RuntimeError: the size is negative, or `out` does not fit.
        OverflowError: the stream ends before the last number.

    Examples:
        >>> randn(3, seed=0)
        tensor([-0.9247, -0.9911, -0.6176])
    """
    if not options:  # at once, for two more calls would take a tenth of what a small draw does
        plain = shortcut.draw(default_generator, "normal", size, options)
        if plain is not None:
            return plain
    return _source(options).randn(*size, **options)  # type: ignore[misc]


def rand(*size: Any, **options: Unpack[DrawOptions]) -> torch.Tensor:
    """Uniform numbers in [0, 1): the highest bits of a word as a fraction, never 1.

    Args:
        *size: The shape, as integers or as one sequence.
        **options: See `From` and `arguments.Options`. dtype: float32 (24 bits), float16 (11),
            bfloat16 (8) or float64 (53).

    Returns:
        A tensor of that shape.

    Raises:
        TypeError: an argument is of the wrong type, or the dtype is none of the above.
        ValueError: the seed, stream, layout or backend is unknown or out of range.
        RuntimeError: the size is negative, or `out` does not fit.
        OverflowError: the stream ends before the last number.

    Examples:
        >>> rand(3, seed=0)
        tensor([0.3990, 0.8805, 0.7357])
    """
    if not options:
        plain = shortcut.draw(default_generator, "uniform", size, options)
        if plain is not None:
            return plain
    return _source(options).rand(*size, **options)  # type: ignore[misc]


def bits(*size: Any, **options: Unpack[DrawOptions]) -> torch.Tensor:
    """Raw words of the stream.

    Args:
        *size: The shape, as integers or as one sequence.
        **options: See `From` and `arguments.Options`. dtype: uint32 by default, uint64 (two words,
            the first one low), or their bits as int32 or int64.

    Returns:
        A tensor of that shape.

    Raises:
        TypeError: an argument is of the wrong type, or the dtype is none of the above.
        ValueError: the seed, stream, layout or backend is unknown or out of range.
        RuntimeError: the size is negative, or `out` does not fit.
        OverflowError: the stream ends before the last word.

    Examples:
        >>> [f"{word:08x}" for word in bits(4, seed=0).tolist()]
        ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    return _source(options).bits(*size, **options)  # type: ignore[misc]


def randint(*args: Any, **options: Any) -> torch.Tensor:
    """Integers in [low, high): `randint(high, size)` or `randint(low, high, size)`.

    Each is the high half of the product of a 64-bit word with the number n of values, plus low; its
    bias is below n / 2^64.

    Args:
        *args: `(high, size)` or `(low, high, size)`; keywords do as well.
        **options: See `From` and `arguments.Options`. dtype: int64 by default; any integer, bool or
            float type that holds the range.

    Returns:
        A tensor of that size.

    Raises:
        TypeError: a bound or the size is no integer, or missing.
        ValueError: the seed, stream, layout or backend is unknown or out of range.
        RuntimeError: the range is empty or does not fit the dtype, or `out` does not fit.
        OverflowError: the stream ends before the last number.

    Examples:
        >>> randint(10, (5,), seed=0)
        tensor([8, 6, 3, 0, 3])
    """
    return _source(options).randint(*args, **options)


def randperm(n: SupportsIndex, **options: Unpack[DrawOptions]) -> torch.Tensor:
    """A random permutation of the integers from 0 to n - 1.

    It is the stable order of the next n 64-bit words, so any two of the n! orders differ in
    probability only as far as words can be equal.

    Args:
        n: How many.
        **options: See `From` and `arguments.Options`. dtype: int64 by default.

    Returns:
        A tensor of shape (n,).

    Raises:
        TypeError: `n` is no integer.
        ValueError: the seed, stream, layout or backend is unknown or out of range.
        RuntimeError: `n` is negative or too large for the dtype, or `out` does not fit.
        OverflowError: the stream ends before the last word.

    Examples:
        >>> randperm(5, seed=0)
        tensor([3, 4, 2, 1, 0])
    """
    return _source(options).randperm(n, **options)  # type: ignore[misc]


def normal(
    mean: torch.Tensor | float = 0.0,
    std: torch.Tensor | float = 1.0,
    size: Any = None,
    **options: Unpack[DrawOptions],
) -> torch.Tensor:
    """Normal numbers of a mean and a standard deviation, as `torch.normal`.

    Args:
        mean: A number, or a tensor of means.
        std: A number, or a tensor of standard deviations, at least 0.
        size: The shape, if both are numbers; otherwise they are broadcast together.
        **options: See `From` and `arguments.Options`.

    Returns:
        A tensor of that size.

    Raises:
        TypeError: both are numbers and there is no size, or there is one beside a tensor.
        ValueError: the seed, stream, layout or backend is unknown or out of range.
        RuntimeError: a standard deviation is negative, or the shapes do not go together.
        OverflowError: the stream ends before the last number.

    Examples:
        >>> normal(100.0, 0.5, (2,), seed=0)
        tensor([99.5377, 99.5044])
    """
    return _source(options).normal(mean, std, size, **options)  # type: ignore[misc]


def bernoulli(
    input: torch.Tensor, p: torch.Tensor | float | None = None, **options: Any
) -> torch.Tensor:
    """1 with the probability `p`, or that which `input` has in its place, and 0 otherwise.

    It is 1 where a float32 uniform number is below the probability, which is thereby rounded up to
    a multiple of 2^-24.

    Args:
        input: The probabilities; if there is a `p`, only the model of the result.
        p: A probability, or a tensor of them.
        **options: See `From`; also `out` and `backend`.

    Returns:
        A tensor like `input`.

    Raises:
        TypeError: a dtype is none of those of `randn`.
        RuntimeError: a probability is not in [0, 1].

    Examples:
        >>> bernoulli(torch.tensor([0.0, 0.5, 1.0, 0.75]), seed=0)
        tensor([0., 0., 1., 1.])
    """
    return _source(options).bernoulli(input, p, **options)


def multinomial(
    input: torch.Tensor, num_samples: SupportsIndex, replacement: bool = False, **options: Any
) -> torch.Tensor:
    """Indices of `input`, row by row, as probable as its numbers are large.

    The same bits of `input` give the same indices on every device. Without replacement each
    category takes two words, and a longer draw begins with the indices of a shorter one. With
    replacement each index takes two words, and categories below 2^-53 of the largest, times their
    number, are left out.

    Args:
        input: Of shape (categories,) or (rows, categories), not negative; it need not add up to 1.
            float16, bfloat16, float32 or float64.
        num_samples: How many indices in each row.
        replacement: Whether an index may be drawn again.
        **options: See `From`; also `out` and `backend`.

    Returns:
        An int64 tensor of shape (num_samples,) or (rows, num_samples).

    Raises:
        TypeError: `input` is no tensor of such a dtype, or `num_samples` no integer.
        RuntimeError: a number of `input` is negative or not finite, or there are not enough above
            0 to choose from.

    Examples:
        >>> multinomial(torch.tensor([1.0, 0.0, 2.0, 3.0]), 3, seed=0)
        tensor([2, 3, 0])
    """
    return _source(options).multinomial(input, num_samples, replacement, **options)


def randn_like(input: torch.Tensor, **options: Unpack[DrawOptions]) -> torch.Tensor:
    """`randn` of the shape, dtype, device and memory format of `input`.

    Args:
        input: The model.
        **options: See `From` and `arguments.Options`.

    Returns:
        A tensor like `input`.

    Raises:
        TypeError: the dtype is none of those of `randn`.
    """
    return _source(options).randn_like(input, **options)  # type: ignore[misc]


def rand_like(input: torch.Tensor, **options: Unpack[DrawOptions]) -> torch.Tensor:
    """`rand` of the shape, dtype, device and memory format of `input`.

    Args:
        input: The model.
        **options: See `From` and `arguments.Options`.

    Returns:
        A tensor like `input`.

    Raises:
        TypeError: the dtype is none of those of `rand`.
    """
    return _source(options).rand_like(input, **options)  # type: ignore[misc]


def normal_(
    tensor: torch.Tensor, mean: float = 0.0, std: float = 1.0, **options: Any
) -> torch.Tensor:
    """Fill `tensor` with normal numbers of a mean and a standard deviation.

    Args:
        tensor: What to fill, whatever its strides.
        mean: The mean.
        std: The standard deviation, at least 0.
        **options: See `From`; also `backend`.

    Returns:
        `tensor`.

    Raises:
        TypeError: its dtype is none of those of `randn`.
        RuntimeError: it cannot be written, or `std` is negative.
    """
    return _source(options).normal_(tensor, mean, std, **options)


def uniform_(
    tensor: torch.Tensor, low: float = 0.0, high: float = 1.0, **options: Any
) -> torch.Tensor:
    """Fill `tensor` with uniform numbers in [low, high).

    Args:
        tensor: What to fill, whatever its strides.
        low: The smallest possible number.
        high: The bound no number reaches, unless it is `low`.
        **options: See `From`; also `backend`.

    Returns:
        `tensor`.

    Raises:
        TypeError: its dtype is none of those of `rand`.
        RuntimeError: it cannot be written, or `low` and `high` are no finite range.
    """
    return _source(options).uniform_(tensor, low, high, **options)


def bernoulli_(tensor: torch.Tensor, p: torch.Tensor | float = 0.5, **options: Any) -> torch.Tensor:
    """Fill `tensor` with 1 with the probability `p`, which it broadcasts, and 0 otherwise.

    Args:
        tensor: What to fill, of any dtype that is not complex, whatever its strides.
        p: A probability, or a tensor of them.
        **options: See `From`; also `backend`.

    Returns:
        `tensor`.

    Raises:
        TypeError: a dtype is none that is allowed.
        RuntimeError: it cannot be written, or a probability is not in [0, 1].
    """
    return _source(options).bernoulli_(tensor, p, **options)


def random_(
    tensor: torch.Tensor, low: int | None = None, high: int | None = None, **options: Any
) -> torch.Tensor:
    """Fill `tensor` with integers: `random_(t, low, high)`, `random_(t, high)` or `random_(t)`.

    Args:
        tensor: What to fill, whatever its strides.
        low: The smallest integer, or the bound if `high` is missing.
        high: The bound, which is left out.
        **options: See `From`; also `backend`.

    Returns:
        `tensor`.

    Raises:
        TypeError: a bound is no integer.
        RuntimeError: it cannot be written, or the range is empty or does not fit the dtype.
    """
    return _source(options).random_(tensor, low, high, **options)
