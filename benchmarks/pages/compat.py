# SPDX-License-Identifier: Apache-2.0
"""With which versions of torch and diffusers the package works, see `tools.compat`."""

from __future__ import annotations

from benchmarks.pages.markdown import table
from benchmarks.saved import Row, Saved, unique

_MARKS = {"passed": "yes", "not here": "–", "failed": "**no**"}


def made_by(saved: Saved) -> str:
    """Of which commit, when and where."""
    result = saved.read("compat")
    pythons = unique([row["versions"] for row in result["rows"] if row["versions"]], "python")
    return (
        f"Commit `{result['commit']}`, {result['date']}, {result['machine']}, "
        f"{result['system']}, Python {', '.join(pythons)}."
    )


def versions(saved: Saved) -> str:
    """Whether every check passed, by diffusers and torch."""
    rows = saved.rows("compat")
    torch = unique(rows, "torch")
    head = ["diffusers", *(f"torch {release}" for release in torch)]
    lines = []
    for diffusers in reversed(unique(rows, "diffusers")):
        cells = [_verdict(saved.read("compat")["rows"], diffusers, release) for release in torch]
        lines.append([diffusers, *cells])
    return table(head, lines)


def checks(saved: Saved) -> str:
    """What passed on every torch, by diffusers, and what was installed with it."""
    rows = saved.rows("compat")
    names = [*rows[0]["outcomes"]]
    lines = []
    for diffusers in reversed(unique(rows, "diffusers")):
        own = [row for row in rows if row["diffusers"] == diffusers]
        beside = own[0]["versions"].get("transformers", "")
        lines.append([diffusers, beside, *(_worst(own, name) for name in names)])
    return table(["diffusers", "transformers", *names], lines)


def _verdict(rows: list[Row], diffusers: str, torch: str) -> str:
    found = [r["passed"] for r in rows if (r["diffusers"], r["torch"]) == (diffusers, torch)]
    return "" if not found else _MARKS["passed" if all(found) else "failed"]


def _worst(rows: list[Row], check: str) -> str:
    """The outcome of a check over several rows: a failure in any of them counts for all."""
    if any(check in row["failures"] for row in rows):
        return _MARKS["failed"]
    outcomes = {row["outcomes"].get(check, "failed") for row in rows}
    return next(mark for outcome, mark in reversed(_MARKS.items()) if outcome in outcomes)
