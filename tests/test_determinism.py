# SPDX-License-Identifier: Apache-2.0
"""`deterministic` sets what makes runs repeatable, and puts back what it found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import reprorng

VARIABLE = "CUBLAS_WORKSPACE_CONFIG"


def settings() -> tuple[object, ...]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        os.environ.get(VARIABLE),
    )


@pytest.fixture(params=["as torch starts", "all the other way round"], autouse=True)
def found(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings to find, which must be there again after each test."""
    start = settings()
    if request.param == "as torch starts":
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, ":0:0")
        monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
        torch.use_deterministic_algorithms(True, warn_only=True)
    before = settings()
    yield
    after = settings()
    torch.use_deterministic_algorithms(bool(start[0]), warn_only=bool(start[1]))
    assert after == before


def test_inside_everything_is_set() -> None:
    with reprorng.deterministic():
        assert settings() == (True, False, False, True, ":16:8")
    with reprorng.deterministic(warn_only=True):
        assert settings() == (True, True, False, True, ":16:8")


def test_a_workspace_of_fixed_size_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(VARIABLE, ":4096:8")
        with reprorng.deterministic():
            assert os.environ[VARIABLE] == ":4096:8"
        assert os.environ[VARIABLE] == ":4096:8"


def test_an_error_puts_everything_back_as_well() -> None:
    before = settings()
    with pytest.raises(KeyError), reprorng.deterministic():
        raise KeyError("inside")
    assert settings() == before


def test_scopes_nest_and_each_puts_back_what_it_found() -> None:
    before = settings()
    scope = reprorng.deterministic(warn_only=True)
    with scope:
        once = settings()
        with reprorng.deterministic(), scope:
            assert settings() == once
        assert settings() == once
    assert settings() == before


@pytest.mark.parametrize("decorate", [reprorng.deterministic, reprorng.deterministic()])
def test_it_is_a_decorator(decorate: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    before = settings()

    @decorate
    def inside() -> tuple[object, ...]:
        return settings()

    assert inside() == (True, False, False, True, ":16:8")
    assert settings() == before


def test_an_operation_without_a_deterministic_algorithm_raises_or_warns() -> None:
    # On the CPU torch has none for this one: memory that is not initialised may be anything.
    unordered = torch.zeros(3, dtype=torch.int64)
    with reprorng.deterministic(), pytest.raises(RuntimeError, match="deterministic"):
        torch.zeros(3).put_(unordered, torch.ones(3))
    with reprorng.deterministic(warn_only=True), pytest.warns(UserWarning, match="deterministic"):
        torch.zeros(3).put_(unordered, torch.ones(3))


def test_what_is_no_bool_is_refused() -> None:
    with pytest.raises(TypeError, match="warn_only must be a bool, not 'yes'"):
        reprorng.deterministic(warn_only="yes")  # type: ignore[arg-type]
