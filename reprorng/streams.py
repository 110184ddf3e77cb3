# SPDX-License-Identifier: Apache-2.0
"""One seed, many images: a generator of its own for each."""

from __future__ import annotations

from typing import SupportsIndex

from reprorng import arguments
from reprorng.generator import Generator
from reprorng.state import as_seed, as_uint64


def generators(
    seed: SupportsIndex, n: SupportsIndex, *, first: SupportsIndex = 0
) -> list[Generator]:
    """A generator for each image of a batch: that of image k draws from stream k of the seed.

    An image that has a stream of its own is the same alone and in any batch, in the initial latents
    and in every step. Image 0 is that of `Generator(seed)`, image k that of
    `Generator(seed, stream=k)`.

    Args:
        seed: An integer in [-2^63, 2^64).
        n: How many images.
        first: The number of the first one, in [0, 2^64): for the second batch of four it is 4.

    Returns:
        A list of `n` generators at position 0, as diffusers' pipelines take it.

    Raises:
        TypeError: an argument is no integer.
        ValueError: `seed` is out of range, or a stream would be.
        RuntimeError: `n` is negative.

    Examples:
        >>> four = generators(1234, 4)
        >>> four[0] == Generator(1234), four[3] == Generator(1234, stream=3)
        (True, True)
        >>> four[2:] == generators(1234, 2, first=2)
        True
    """
    key, count, start = as_seed(seed), arguments.count_of(n, "n"), as_uint64(first, "first")
    as_uint64(start + max(count, 1) - 1, "the last stream")
    return [Generator(key, stream=start + k) for k in range(count)]
