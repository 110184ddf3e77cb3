# SPDX-License-Identifier: Apache-2.0
"""`make compat`: the checks in every environment of the matrix, and the noise compared over all.

The whole matrix is saved as `benchmarks/results/compat.json`; a part of it, chosen with `--torch`
and `--diffusers`, is only printed. Needs pip's registry, 12 GB of disk and about half an hour.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from benchmarks.machine import describe
from tools.compat.cells import ROOT, CannotInstallError, Cells
from tools.compat.matrix import DIFFUSERS, TORCH, Cell, matrix

RESULT = ROOT / "benchmarks" / "results" / "compat.json"
ABOUT = ("date", "commit", "algorithm", "machine", "system")

Row = dict[str, Any]


def rows_of(cells: Iterable[Cell], keep: str | None) -> Iterator[Row]:
    """The outcome of each cell, as they come."""
    for python, group in groupby(cells, key=lambda cell: cell.python):
        with Cells(python, keep) as environments:
            for cell in group:
                row = {"torch": cell.torch, "diffusers": cell.diffusers}
                try:
                    yield {**row, **environments.probe(cell)}
                except CannotInstallError as error:
                    outcome = {"outcome": "failed", "reason": f"cannot be installed: {error}"}
                    yield {**row, "versions": {}, "checks": {"install": outcome}}


def judged(row: Row, noise: dict[str, str]) -> Row:
    """A row with its verdict.

    Args:
        row: A row as it was reported.
        noise: The hashes of the rows before it, to which those that are new are added.

    Returns:
        The row, with `passed`, and with `failures`: the reason by the name of each check.
    """
    failures = {}
    for name, check in row["checks"].items():
        if check["outcome"] == "failed":
            failures[name] = check["reason"]
        for what, found in check.get("hashes", {}).items():
            if noise.setdefault(what, found) != found:
                failures[name] = f"{what} drew other noise than elsewhere: {found}"
    outcomes = {name: check["outcome"] for name, check in row["checks"].items()}
    passed = not failures and "passed" in outcomes.values()
    return {
        "torch": row["torch"],
        "diffusers": row["diffusers"],
        "versions": row["versions"],
        "passed": passed,
        "outcomes": outcomes,
        "failures": failures,
    }


def line(row: Row) -> str:
    """A row for people."""
    python = row["versions"].get("python", "?")
    name = f"Python {python}, torch {row['torch']}, diffusers {row['diffusers']}"
    why = "; ".join(f"{check}: {reason}" for check, reason in row["failures"].items())
    return f"{name}: {'passed' if row['passed'] else why or 'nothing was checked'}"


def main(arguments: list[str] | None = None) -> int:
    """Run, print and save; the exit status is 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="make compat", description=__doc__)
    parser.add_argument("--python", action="append", help="interpreters, instead of this one")
    parser.add_argument("--torch", action="append", choices=TORCH)
    parser.add_argument("--diffusers", action="append", choices=list(DIFFUSERS))
    parser.add_argument("--keep", metavar="NAME", help="leave the environments for the next time")
    options = parser.parse_args(arguments)
    chosen = matrix(
        options.python or [sys.executable],
        options.torch or TORCH,
        options.diffusers or [*DIFFUSERS],
    )
    noise: dict[str, str] = {}
    rows = []
    for reported in rows_of(chosen, options.keep):
        rows.append(judged(reported, noise))
        print(line(rows[-1]), flush=True)
    if not (options.torch or options.diffusers):
        about = {key: value for key, value in describe().items() if key in ABOUT}
        RESULT.write_text(json.dumps({**about, "noise": noise, "rows": rows}, indent=1) + "\n")
    failed = sum(not row["passed"] for row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
