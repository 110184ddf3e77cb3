# SPDX-License-Identifier: Apache-2.0
"""The known answers: what they hold, and that every backend and the state code give them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from checks import raw

from reprorng.backends import Backend
from reprorng.plan import STREAM_WORDS, WORDS_PER_ELEMENT
from reprorng.spec import ALGORITHM
from reprorng.state import State, philox4x32_10
from reprorng.testing import check_case, draw_brownian, draw_scaled, load_vectors

DRAWS = load_vectors("draws")["cases"]
SCALED = load_vectors("scaled")["cases"]
STATES = load_vectors("states")["cases"]
BROWNIAN = load_vectors("brownian")["cases"]
PHILOX = load_vectors("philox")["cases"]


def state_of(fields: dict[str, str]) -> State:
    numbers = {name: int(fields[name]) for name in ("seed", "stream", "position")}
    return State.from_dict({"algorithm": fields["algorithm"], **numbers})


@pytest.mark.parametrize(
    "cases",
    [DRAWS, SCALED, STATES, BROWNIAN, PHILOX],
    ids=["draws", "scaled", "states", "brownian", "philox"],
)
def test_there_are_answers_and_each_has_a_name_of_its_own(cases: list[dict[str, Any]]) -> None:
    names = [case["id"] for case in cases]
    assert len(names) >= 3
    assert len(set(names)) == len(names)


def digest(case: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(case, sort_keys=True).encode()).hexdigest()


def test_frozen_answers_never_change() -> None:
    # Those of philox4x32-10/v1, frozen on 2026-11-24. Answers may join them; what gives others is
    # a new algorithm with an id and answers of its own.
    lines = (Path(__file__).parent / "frozen.txt").read_text().splitlines()
    frozen = dict(reversed(line.split("  ", 1)) for line in lines)
    assert len(frozen) == len(lines)
    now = {
        f"{file}/{case['id']}": digest(case)
        for file in ("draws", "scaled", "states", "brownian", "philox")
        for case in load_vectors(file)["cases"]
    }
    assert frozen == {name: now.get(name) for name in frozen}


def test_every_kernel_has_answers() -> None:
    assert {(case["kind"], case["dtype"]) for case in DRAWS} == set(WORDS_PER_ELEMENT)


@pytest.mark.parametrize("name", ["draws", "scaled", "states", "brownian"])
def test_they_belong_to_this_algorithm(name: str) -> None:
    assert load_vectors(name)["algorithm"] == ALGORITHM


@pytest.mark.parametrize("case", DRAWS, ids=lambda case: case["id"])
def test_every_backend_gives_the_known_answers(backend: Backend, case: dict[str, Any]) -> None:
    check_case(backend, case)


@pytest.mark.parametrize("case", SCALED, ids=lambda case: case["id"])
def test_every_backend_gives_the_known_scaled_draws(backend: Backend, case: dict[str, Any]) -> None:
    x = draw_scaled(case, backend=backend.name)
    elements = x.flatten().view(torch.uint8).numpy().reshape(x.numel(), -1)
    shown = [bytes(element)[::-1].hex() for element in elements[: len(case["expected"])]]
    assert shown == case["expected"]
    assert hashlib.sha256(elements.tobytes()).hexdigest() == case["sha256"]
    assert x.numel() == case["count"]


@pytest.mark.parametrize("case", BROWNIAN, ids=lambda case: case["id"])
def test_every_backend_gives_the_known_motions(backend: Backend, case: dict[str, Any]) -> None:
    drawn = [
        [f"{element:0{2 * x.itemsize}x}" for element in raw(x).tolist()]
        for x in draw_brownian(case, backend=backend.name)
    ]
    assert drawn == case["expected"]


@pytest.mark.parametrize("case", PHILOX, ids=lambda case: case["id"])
def test_plain_integers_give_random123s_answers(case: dict[str, Any]) -> None:
    key, counter = ([int(word, 16) for word in case[part]] for part in ("key", "counter"))
    words = philox4x32_10(key[0] | key[1] << 32, tuple(counter))
    assert [f"{word:08x}" for word in words] == case["expected"]


@pytest.mark.parametrize("case", STATES, ids=lambda case: case["id"])
def test_states_and_what_derives_from_them(case: dict[str, Any]) -> None:
    state = state_of(case["state"])
    assert state.to_bytes().hex() == case["bytes"]
    assert State.from_bytes(bytes.fromhex(case["bytes"])) == state
    for data, derived in case["fold_in"].items():
        assert state.fold_in(int(data)) == state_of(derived)
    if state.position == STREAM_WORDS:
        with pytest.raises(OverflowError, match="stream ends"):
            state.spawn(2)
        return
    children, after = state.spawn(2)
    assert children == [state_of(child) for child in case["spawn_2"]]
    assert after == state_of(case["after_spawn_2"])
