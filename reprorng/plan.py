# SPDX-License-Identifier: Apache-2.0
"""The `Plan`: everything that decides the bits of one draw, as plain integers and names.

This is the only place that knows how elements lie in a stream. A backend sees a finished plan and
has no policy left to differ in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reprorng.spec import ALGORITHM

STREAM_WORDS: Final = 1 << 64
"""Words in one stream; a position counts them from 0."""

WORDS_PER_ELEMENT: Final = {
    ("bits", "uint32"): 1,
    ("bits", "uint64"): 2,
    ("uniform", "float32"): 1,
    ("uniform", "float16"): 1,
    ("uniform", "bfloat16"): 1,
    ("uniform", "float64"): 2,
    ("normal", "float32"): 1,
    ("normal", "float16"): 1,
    ("normal", "bfloat16"): 1,
    ("normal", "float64"): 2,
    ("integers", "int64"): 2,
}
"""The kinds and their dtypes, with the 32-bit words each element takes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One draw: `count` elements of a kind from a position of a stream.

    Attributes:
        algorithm: The algorithm id; it names the meaning of everything below.
        key: The 64-bit Philox key, which is the seed.
        stream: The upper 64 bits of the Philox counter.
        position: The first word used, a multiple of `words_per_element`.
        count: How many elements, at least 0.
        kind: `"bits"`, `"uniform"`, `"normal"` or `"integers"`.
        dtype: The name of the element type, for example `"float32"`.
        low: For integers, the smallest value.
        span: For integers, how many values; 0 stands for 2^64.
    """

    algorithm: str
    key: int
    stream: int
    position: int
    count: int
    kind: str
    dtype: str
    low: int = 0
    span: int = 0

    @property
    def kernel(self) -> str:
        """The kind and dtype in one name, for example `"normal_float32"`."""
        return f"{self.kind}_{self.dtype}"

    @property
    def words_per_element(self) -> int:
        """How many 32-bit words each element takes."""
        return WORDS_PER_ELEMENT[self.kind, self.dtype]

    @property
    def first(self) -> int:
        """The index of the first element among the elements of this kind in the stream."""
        return self.position // self.words_per_element

    @property
    def end(self) -> int:
        """The position after the last word used."""
        return self.position + self.count * self.words_per_element


def make_plan(  # noqa: PLR0913  # a plan has that many parts
    seed: int,
    stream: int,
    position: int,
    count: int,
    kind: str,
    dtype: str,
    *,
    low: int = 0,
    span: int = 0,
    algorithm: str = ALGORITHM,
) -> Plan:
    """The plan of the next `count` elements from `position` on.

    The position is first rounded up to a multiple of the words an element takes. A draw of nothing
    leaves it where it is.

    Args:
        seed: The 64-bit seed, in [0, 2^64).
        stream: The 64-bit stream number, in [0, 2^64).
        position: Words of the stream already used, in [0, 2^64].
        count: How many elements.
        kind: The kind of number.
        dtype: The name of the element type.
        low: For integers, the smallest value, in [-2^63, 2^63).
        span: For integers, how many values, in [0, 2^64); 0 stands for 2^64.
        algorithm: The algorithm id.

    Returns:
        The plan.

    Raises:
        ValueError: `count` is negative.
        TypeError: there is no such kind, or it has no such dtype.
        OverflowError: the stream ends before the last element.

    Examples:
        >>> plan = make_plan(seed=7, stream=0, position=5, count=3, kind="normal", dtype="float64")
        >>> plan.position, plan.first, plan.end
        (6, 3, 12)
    """
    width = WORDS_PER_ELEMENT.get((kind, dtype))
    if width is None:
        allowed = [d for k, d in WORDS_PER_ELEMENT if k == kind]
        if not allowed:
            kinds = dict.fromkeys(k for k, _ in WORDS_PER_ELEMENT)
            raise TypeError(f"unknown kind {kind!r}; allowed: {', '.join(kinds)}")
        raise TypeError(f"{kind} has no dtype {dtype}; allowed: {', '.join(allowed)}")
    if count < 0:
        raise ValueError(f"cannot draw {count} elements; the count must be at least 0")
    start = position + -position % width if count else position
    if start + count * width > STREAM_WORDS:
        raise OverflowError(
            f"{count} elements of {kind} {dtype} take {count * width} words from position "
            f"{start} on, and a stream ends at position 2**64; use another stream or seed"
        )
    return Plan(algorithm, seed, stream, start, count, kind, dtype, low, span)
