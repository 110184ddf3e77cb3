# SPDX-License-Identifier: Apache-2.0
"""A record: its fields, its JSON, and its hash on every backend."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reprorng import Generator, graphs, record
from reprorng.backends import Backend
from reprorng.record import Record
from reprorng.spec import ALGORITHM

GOOD: dict[str, Any] = {
    "format": 1,
    "algorithm": ALGORITHM,
    "seed": 2**64 - 1,
    "stream": 3,
    "start": 5,
    "stop": 12,
    "sha256": "0f" * 32,
    "versions": {"torch": "2.13.0+cpu"},
}


def by_definition(seed: int, stream: int, start: int, stop: int) -> str:
    """The hash as `docs/provenance.md` defines it, a number at a time, each a draw of its own."""
    digest = hashlib.sha256()
    for position in range(start, stop):
        generator = Generator(seed, stream=stream, position=position)
        (number,) = generator.randn(1, backend="reference").numpy()
        digest.update(int(number.view(np.uint32)).to_bytes(4, "little"))
    return digest.hexdigest()


# Starts that are no multiple of a pair, a block or a tile, the end of the low counter word, and the
# last words there are.
PLACES = [(0, 7), (1, 1), (3, 66), (4 * 2**32 - 3, 9), (2**64 - 5, 5), (2**64, 0)]


@pytest.mark.parametrize(("start", "words"), PLACES)
def test_the_hash_is_the_one_defined(backend: Backend, start: int, words: int) -> None:
    made = Record.of(Generator(7, stream=2, position=start), words)
    assert made.sha256 == by_definition(7, 2, start, start + words)
    assert made.recreate(backend=backend.name) == made.sha256
    assert (made.seed, made.stream, made.start, made.stop) == (7, 2, start, start + words)
    assert made.algorithm == ALGORITHM


def test_the_hash_does_not_depend_on_the_pieces_it_is_made_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = Record.of(Generator(7, position=3), 1000)
    for piece in (1, 7, 999, 1000, 1001):
        monkeypatch.setattr(record, "_CHUNK", piece)
        steps: list[int] = []
        assert whole.recreate(progress=steps.append) == whole.sha256
        assert sum(steps) == 1000
        assert max(steps) == min(piece, 1000)


def test_the_hash_depends_on_each_field_that_decides_a_bit() -> None:
    places = [(7, 2, 3, 20), (8, 2, 3, 20), (7, 1, 3, 20), (7, 2, 4, 20), (7, 2, 3, 21)]
    hashes = {
        Record.of(Generator(seed, stream=stream, position=start), stop - start).sha256
        for seed, stream, start, stop in places
    }
    assert len(hashes) == len(places)


def test_the_hash_in_the_document_is_a_real_one() -> None:
    page = (Path(__file__).parent.parent / "docs" / "provenance.md").read_text()
    assert f"sha256      {Record.of(Generator(7), 16384).sha256[:8]}…" in page
    assert f"`{Record.of(Generator(7), 0).sha256[:8]}…`" in page


def test_making_a_record_leaves_the_generator_alone() -> None:
    generator = Generator(7, position=3)
    made = Record.of(generator, 5)
    assert generator == Generator(7, position=3)
    assert made.generator() == generator


@pytest.mark.parametrize("words", [-1, 6])
def test_there_is_no_record_of_words_that_the_stream_has_not(words: int) -> None:
    with pytest.raises(ValueError, match=r"start <= stop <= 2\*\*64"):
        Record.of(Generator(7, position=2**64 - 5), words)


def test_versions_are_those_of_the_packages_that_are_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    import reprorng

    monkeypatch.delitem(sys.modules, "diffusers", raising=False)
    versions = {"reprorng": reprorng.__version__, "torch": torch.__version__}
    versions["numpy"] = np.__version__
    assert Record.of(Generator(7), 0).versions == versions
    monkeypatch.setitem(sys.modules, "diffusers", graphs)  # any module without a version
    assert Record.of(Generator(7), 0).versions == {**versions, "diffusers": "unknown"}


def test_json_holds_a_record_exactly() -> None:
    made = Record.from_dict(GOOD)
    assert made.to_dict() == GOOD
    assert json.loads(made.to_json()) == GOOD
    assert Record.from_dict(json.loads(made.to_json())) == made
    assert made.words == 7


def test_integers_of_other_types_are_taken_and_saved_as_integers() -> None:
    made = Record.from_dict({**GOOD, "seed": np.uint64(2**64 - 1), "start": np.int32(5)})
    assert made.to_json() == Record.from_dict(GOOD).to_json()


BAD: list[tuple[str, Any, type[Exception], str]] = [
    ("format", 2, ValueError, "format 1.*format 2.*newer"),
    ("format", "1", ValueError, "format '1'"),
    ("format", True, ValueError, "format True"),
    ("algorithm", 1, TypeError, "algorithm must be text, not 1"),
    ("algorithm", "", ValueError, "algorithm must be printable"),
    ("algorithm", "\x1b[2J", ValueError, r"printable text, not '\\x1b\[2J'"),
    ("seed", -1, ValueError, r"seed must be in \[0, 2\*\*64\), not -1"),
    ("seed", 2**64, ValueError, "seed"),
    ("seed", 7.0, TypeError, "seed must be an integer, not 7.0"),
    ("seed", True, TypeError, "seed"),
    ("stream", 2**64, ValueError, "stream"),
    ("stream", None, TypeError, "stream"),
    ("start", -1, ValueError, "not -1 and 12"),
    ("start", 13, ValueError, "not 13 and 12"),
    ("start", "5", TypeError, "start"),
    ("stop", 2**64 + 1, ValueError, "stop <= 2"),
    ("stop", 1e3, TypeError, "stop"),
    ("sha256", "0f" * 31, ValueError, "64 hexadecimal"),
    ("sha256", "0F" * 32, ValueError, "64 hexadecimal"),
    ("sha256", "0f" * 32 + "\n", ValueError, "sha256"),
    ("sha256", b"0f" * 32, TypeError, "sha256"),
    ("versions", [], TypeError, "versions must be a dict, not list"),
    ("versions", {"torch": 2}, TypeError, "version must be text, not 2"),
    ("versions", {"torch": "2\n3"}, ValueError, "version must be printable"),
    ("versions", {"to\trch": "2"}, ValueError, "name in versions"),
]


@pytest.mark.parametrize(("key", "value", "error", "message"), BAD)
def test_a_field_that_is_not_valid_is_refused_by_name(
    key: str, value: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Record.from_dict({**GOOD, key: value})


@pytest.mark.parametrize("key", [key for key in GOOD if key != "format"])
def test_every_key_must_be_there(key: str) -> None:
    with pytest.raises(ValueError, match=f"has the keys .*'{key}'"):
        Record.from_dict({name: value for name, value in GOOD.items() if name != key})


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], TypeError, "object of JSON, not list"),
        (None, TypeError, "not NoneType"),
        ({}, ValueError, "format None"),
        ({**GOOD, "steps": 3}, ValueError, "'steps'"),
    ],
)
def test_what_is_no_record_is_refused(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Record.from_dict(data)


def test_a_record_of_an_unknown_algorithm_can_be_read_and_not_made_again() -> None:
    made = Record.from_dict({**GOOD, "algorithm": "philox4x32-10/v9"})
    with pytest.raises(ValueError, match=r"philox4x32-10/v9.*known: philox4x32-10/v1"):
        made.recreate()
    with pytest.raises(ValueError, match="unknown algorithm"):
        made.generator()
