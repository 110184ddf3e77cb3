# SPDX-License-Identifier: Apache-2.0
"""The runner of `make compat` on outcomes made up for the purpose, and what its checks catch."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import reprorng
from benchmarks.pages import compat as page
from benchmarks.saved import Saved
from tools.compat import cells, run
from tools.compat.cells import CannotInstallError
from tools.compat.checks import CHECKS
from tools.compat.matrix import DIFFUSERS, TORCH, Cell, matrix
from tools.compat.probe import report
from tools.compat.watched import NotHere, repeated, untouched

GLOBAL_DRAWS: dict[str, Callable[[], object]] = {
    "torch": lambda: torch.rand(1),
    "NumPy": lambda: np.random.random(),  # noqa: NPY002 - the global one is what is watched
    "Python": random.random,
}


def fails(error: Exception) -> Callable[[], dict[str, str]]:
    def check() -> dict[str, str]:
        raise error

    return check


def reported(noise: str = "aa", **checks: dict[str, Any]) -> dict[str, Any]:
    """A row whose pipelines drew `noise`."""
    passed = {"outcome": "passed", "hashes": {"DDPM": noise}}
    versions = {"python": "3.11.0", "transformers": "5.0.0"}
    checks = {"pipelines": passed, **checks}
    return {"torch": "2.9.0", "diffusers": "0.14.0", "versions": versions, "checks": checks}


class StandIn:
    """Environments that need no installing: torch 2.9.0 cannot be had, the others agree."""

    def __init__(self, python: str, keep: str | None) -> None:
        self.python = python

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def probe(self, cell: Cell) -> dict[str, Any]:
        if cell.torch == "2.9.0":
            raise CannotInstallError("no such version")
        found = reported()
        return {key: found[key] for key in ("versions", "checks")}


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    monkeypatch.setattr(run, "Cells", StandIn)
    monkeypatch.setattr(run, "RESULT", tmp_path / "compat.json")
    return tmp_path / "compat.json"


def test_the_first_interpreter_has_every_pair_and_others_the_corners() -> None:
    found = list(matrix(["a", "b"]))
    first = [cell for cell in found if cell.python == "a"]
    assert [(c.torch, c.diffusers) for c in first] == [(t, d) for t in TORCH for d in DIFFUSERS]
    other = {(c.torch, c.diffusers) for c in found if c.python == "b"}
    ends = [*DIFFUSERS]
    assert other == {(t, d) for t in (TORCH[0], TORCH[-1]) for d in (ends[0], ends[-1])}


def test_a_report_has_the_outcome_of_each_check_and_the_reason() -> None:
    checks = {
        "good": lambda: {"noise": "aa"},
        "absent": fails(NotHere("no such class")),
        "bad": fails(AssertionError("other bits\nand more")),
    }
    assert report(checks) == {
        "good": {"outcome": "passed", "hashes": {"noise": "aa"}},
        "absent": {"outcome": "not here", "reason": "no such class"},
        "bad": {"outcome": "failed", "reason": "AssertionError: other bits"},
    }


def test_a_row_passes_if_something_passed_and_nothing_failed() -> None:
    absent = {"outcome": "not here", "reason": "no such class"}
    failed = {"outcome": "failed", "reason": "AssertionError: other bits"}
    assert run.judged(reported(SDE=absent), {})["passed"]
    assert not run.judged(reported(SDE=failed), {})["passed"]
    assert not run.judged({**reported(), "checks": {"SDE": absent}}, {})["passed"]
    assert not run.judged({**reported(), "checks": {}}, {})["passed"]


def test_other_noise_than_in_the_row_before_fails() -> None:
    noise: dict[str, str] = {}
    assert run.judged(reported("aa"), noise)["passed"]
    row = run.judged(reported("bb"), noise)
    assert not row["passed"]
    assert row["failures"] == {"pipelines": "DDPM drew other noise than elsewhere: bb"}
    assert "other noise" in run.line(row)
    assert run.judged(reported("aa"), noise)["passed"]


def test_a_version_that_cannot_be_installed_is_a_failure_and_the_others_go_on(
    stand_in: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["--python", "a"]) == 1
    saved = json.loads(stand_in.read_text())
    passed = {row["torch"]: row["passed"] for row in saved["rows"]}
    assert passed == {release: release != "2.9.0" for release in TORCH}
    assert saved["noise"] == {"DDPM": "aa"}
    out = capsys.readouterr().out
    assert "cannot be installed: no such version" in out
    assert f"{len(DIFFUSERS)} failed" in out
    table = page.versions(Saved(stand_in.parent))
    assert "| 0.42.1 | **no** | yes | yes |" in table
    assert "a" not in page.made_by(Saved(stand_in.parent)).split("Python ")[1]


def test_a_part_of_the_matrix_is_not_saved(stand_in: Any) -> None:
    assert run.main(["--python", "a", "--torch", TORCH[-1]]) == 0
    assert not stand_in.exists()


def test_a_failure_on_one_torch_shows_in_the_table_of_checks(tmp_path: Any) -> None:
    good, bad = reported(), reported(SDE={"outcome": "failed", "reason": "x"})
    good["checks"]["SDE"] = {"outcome": "not here", "reason": "y"}
    rows = [run.judged(row, {}) for row in (good, bad)]
    (tmp_path / "compat.json").write_text(json.dumps({"rows": rows}))
    assert "| 0.14.0 | 5.0.0 | yes | **no** |" in page.checks(Saved(tmp_path))
    (tmp_path / "compat.json").write_text(json.dumps({"rows": rows[:1]}))
    assert "| 0.14.0 | 5.0.0 | yes | – |" in page.checks(Saved(tmp_path))


def test_a_probe_that_crashes_is_a_failure_with_its_last_words() -> None:
    row = {"torch": "2.9.0", "diffusers": "0.14.0", **cells.crashed("warning\nSegmentation\n")}
    judged = run.judged(row, {})
    assert not judged["passed"]
    assert judged["failures"] == {"start": "Segmentation"}
    assert cells.reason("", "ERROR: ") == "no reason given"


@pytest.mark.parametrize("who", GLOBAL_DRAWS)
def test_a_draw_from_a_global_generator_is_seen(who: str) -> None:
    with pytest.raises(AssertionError, match=who):
        untouched(0, GLOBAL_DRAWS[who])


def test_a_run_that_depends_on_more_than_its_generator_is_seen() -> None:
    count = iter(range(2))
    good = repeated("good", lambda g: g.randn(4).numpy())
    assert good == repeated("good", lambda g: torch.randn(4, generator=g).numpy())
    assert good != repeated("longer", lambda g: g.randn(5).numpy())
    with pytest.raises(AssertionError, match="other bits"):
        repeated("counting", lambda g: g.randn(4).numpy() + next(count))
    with pytest.raises(AssertionError, match="other noise"):
        repeated("drawing", lambda g: g.randn(4 + len(g.randn(next(draws)))).numpy()[:1] * 0)
    with pytest.raises(AssertionError, match="nothing was drawn"):
        repeated("idle", lambda g: np.zeros(4))


draws = iter((1, 2))


@pytest.mark.parametrize("name", ["torch", "randn_tensor", "modes"])
def test_the_quick_checks_pass_here(name: str) -> None:
    assert CHECKS[name]() == {}


def test_a_wrong_bit_of_a_torch_function_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = torch.rand

    def wrong(*args: Any, **kwargs: Any) -> torch.Tensor:
        return right(*args, **kwargs) + 1

    monkeypatch.setattr(torch, "rand", wrong)
    with pytest.raises(AssertionError, match="known answer"):
        CHECKS["torch"]()
    assert reprorng.rand(1, seed=0) < 1
