# SPDX-License-Identifier: Apache-2.0
"""`provenance`: noting what generators draw, to be saved with what is made of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from reprorng.generator import Generator
from reprorng.graphs import CapturableGenerator
from reprorng.record import Record
from reprorng.state import as_integer

if TYPE_CHECKING:
    from PIL import Image

MAX_WORDS: Final = 1 << 32
"""How many words are hashed unless more are allowed: ten seconds' worth of one core."""

_AnyGenerator: TypeAlias = Generator | CapturableGenerator


class Recorder:
    """What `provenance` gives: a record for each generator, made when it is asked for.

    Inside the block a record reaches up to now, afterwards up to the end of the block.

    Examples:
        >>> generators = [Generator(0), Generator(1)]
        >>> with provenance(generators) as made:
        ...     noise = [generator.randn(3) for generator in generators]
        >>> [(record.seed, record.words) for record in made]
        [(0, 3), (1, 3)]
    """

    def __init__(self, generators: _AnyGenerator | Sequence[_AnyGenerator], max_words: int) -> None:
        """See `provenance`."""
        self._listed = isinstance(generators, Sequence)
        self._generators = [*generators] if isinstance(generators, Sequence) else [generators]
        if not self._generators:
            raise ValueError("generators must be a generator or a list of at least one")
        for generator in self._generators:
            if not isinstance(generator, _AnyGenerator):
                raise TypeError(
                    "generators must be a reprorng.Generator or a list of them, not "
                    f"{type(generator).__module__}.{type(generator).__qualname__}"
                )
        self._max_words = as_integer(max_words, "max_words")
        self._before = self._now()
        self._after: list[Generator] | None = None
        self._made: dict[int, Record] = {}

    def __len__(self) -> int:
        """How many generators there are."""
        return len(self._generators)

    def __iter__(self) -> Iterator[Record]:
        """The records, in the order of the generators."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Record:
        """The record of one of the generators.

        Raises:
            TypeError: `index` is no integer.
            IndexError: there are not so many.
            RuntimeError: the generator was seeded or moved back inside the block, or moved on by
                more words than are allowed.
        """
        number, count = as_integer(index, "the index of a record"), len(self)
        if not -count <= number < count:
            raise IndexError(
                f"there is no record {number}: there are {count}, one for each generator, from 0 on"
            )
        index = number % count
        if index not in self._made:
            after = self._now() if self._after is None else self._after
            record = self._record(self._before[index], after[index])
            if self._after is None:
                return record
            self._made[index] = record
        return self._made[index]

    def to_json(self) -> str:
        """An object of JSON for one generator, or an array of them for a list.

        Raises:
            RuntimeError: see `__getitem__`.
        """
        records = [record.to_dict() for record in self]
        return json.dumps(records if self._listed else records[0])

    def save(self, image: Image.Image, path: str | os.PathLike[str]) -> None:
        """Save an image with the only record there is; see `Record.save`.

        Raises:
            ValueError: there is not one record but several: `made[k].save` saves one of them.
            RuntimeError: see `__getitem__`.
        """
        if len(self) != 1:
            raise ValueError(
                f"there are {len(self)} records here; save image k of them by made[k].save"
            )
        self[0].save(image, path)

    def _now(self) -> list[Generator]:
        return [
            g.to_generator() if isinstance(g, CapturableGenerator) else g.clone_state()
            for g in self._generators
        ]

    def _end(self) -> None:
        self._after = self._now()

    def _record(self, before: Generator, after: Generator) -> Record:
        words = after.position - before.position
        if words < 0 or before.at(after.position) != after:
            raise RuntimeError(
                "a record is of one range of words, but this generator was seeded or moved back "
                f"inside the block, from {before} to {after}; do that before the block"
            )
        if words > self._max_words:
            raise RuntimeError(
                f"the generator moved on by {words} words, which take long to hash; if that is "
                f"meant, allow more than max_words={self._max_words}"
            )
        return Record.of(before, words)


@contextmanager
def provenance(
    generators: _AnyGenerator | Sequence[_AnyGenerator], *, max_words: int = MAX_WORDS
) -> Iterator[Recorder]:
    """Note what generators draw inside a `with` block.

    What is noted are their positions at both ends of the block, and nothing of how they are used.
    So a record does not know of generators derived inside the block (`fold_in`, `spawn`, `at`,
    copies), nor which of the words passed were drawn.

    Args:
        generators: A generator, or a list of them: one for each image.
        max_words: A record of more words is refused when it is asked for, as hashing them takes
            long: ten seconds for the default, 2^32.

    Yields:
        The records, which are made when they are asked for.

    Raises:
        TypeError: one of the generators is none of ours.
        ValueError: there are none.

    Examples:
        >>> import torch
        >>> generator = Generator(7, position=2)
        >>> with provenance(generator) as made:
        ...     x = torch.randn(2, 3, generator=generator)
        >>> y = torch.randn(2, 3, generator=generator)
        >>> made[0].start, made[0].stop
        (2, 8)
    """
    made = Recorder(generators, max_words)
    try:
        yield made
    finally:
        made._end()
