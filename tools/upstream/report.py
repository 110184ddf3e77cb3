# SPDX-License-Identifier: Apache-2.0
"""What a run came to: as a dictionary for JSON, on the terminal, and as a page."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from tools.upstream import judge
from tools.upstream.checkout import Checkout, digest
from tools.upstream.chunks import ROOT
from tools.upstream.suite import Ended, Selection

_PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "torchsde",
    "accelerate",
    "huggingface_hub",
    "numpy",
    "pytest",
)

Result = dict[str, Any]

TESTS = ("checkout", "versions")
"""Of an origin, what decides how tests end at baseline; with ours, `package` does as well."""


def origin(checkout: Checkout) -> Result:
    """What was run where: commits, versions, machine."""
    versions = {name: _version(name) for name in _PACKAGES}
    return {
        **describe(),
        "package": digest(ROOT / "reprorng", "*.py", "*.so", "*.pyd"),
        "checkout": {
            "commit": checkout.commit,
            "tests": checkout.digest(),
            "package_tested": "the checkout's" if checkout.has_source else "the installed one",
        },
        "versions": versions,
    }


def result(selection: Selection, ended: Ended) -> Result:
    """One selection, for JSON."""
    baseline, real = ended.modes["baseline"], ended.modes["real"]
    pipelines = {name for line in real.values() for name in line.get("pipelines", ())}
    leaks = {name for line in real.values() for name in line.get("leaks", ())}
    return {
        "selection": selection.name,
        "parts": list(selection.parts),
        "keyword": selection.keyword,
        "outcomes": {mode: judge.counts(lines) for mode, lines in ended.modes.items()},
        "classes": {
            "collected": len({_class(test) for test in baseline}),
            "passing": len({_class(t) for t, line in baseline.items() if _passes(line)}),
        },
        "reached": {
            "draws": sum(line.get("draws", 0) for line in real.values()),
            "tests": sum(1 for line in real.values() if line.get("draws")),
            "pipelines": len(pipelines),
            "moved_the_global_state": sorted(leaks),
        },
        "baseline_failures": judge.failures(baseline),
        "differences": {
            "exact": [each.to_dict() for each in ended.exact],
            "real": [each.to_dict() | {"explained": each.explained} for each in ended.real],
        },
        "unexplained": [each.test for each in ended.unexplained],
    }


def save(file: Path, origin: Result, result: Result) -> None:
    """Write a selection down, beside others of the same tests and versions that are there."""
    old = json.loads(file.read_text()) if file.exists() else {}
    same = all(old.get(key) == origin[key] for key in TESTS)
    others = old.get("selections", []) if same else []
    mine = {key: origin[key] for key in ("date", "commit", "package")}
    written = {key: origin[key] for key in origin if key not in mine}
    selections = {each["selection"]: each for each in (*others, result | mine)}
    written["selections"] = list(selections.values())
    file.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")


def show(console: Console, result: Result) -> None:
    """Print the outcomes, and each test that ended in another way than at baseline."""
    console.print(result["selection"], markup=False)
    outcomes = result["outcomes"]
    names = list(dict.fromkeys(name for counts in outcomes.values() for name in counts))
    printed = Table("mode", *names, "other than at baseline", "unexplained")
    for mode, counts in outcomes.items():
        differing = result["differences"].get(mode, [])
        wrong = [each for each in differing if not each.get("explained")]
        cells = [counts.get(name, 0) for name in names]
        printed.add_row(mode, *map(str, (*cells, len(differing), len(wrong))))
    console.print(printed)
    for mode, differing in result["differences"].items():
        for difference in differing:
            _show_difference(console, mode, difference)


def _show_difference(console: Console, mode: str, difference: Result) -> None:
    good = difference.get("explained", False)
    reason = f"compares with {difference.get('literal')}" if good else _unexplained(difference)
    console.print(f"{mode}: {difference['test']}: {reason}", markup=False, soft_wrap=True)


def _unexplained(difference: Result) -> str:
    told = f"UNEXPLAINED: {difference['before']}, now {difference['now']}"
    for key in ("message", "literal", "reseeded"):
        if key in difference:
            told += f"; {key}: {difference[key]}"
    return told


def _class(test: str) -> str:
    return test.rsplit("::", 1)[0]


def _passes(line: judge.Line) -> bool:
    return line["outcome"] == "passed"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
