# SPDX-License-Identifier: Apache-2.0
"""Writes results down, a file for each part, so that a folder speaks of one machine.

Pages put the parts of a folder side by side as if they had been measured together. So those of the
CPU have to be of one machine and commit, and what took an hour is not lost to a glance.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

TOGETHER = ("cpu", "cycles", "calls", "growth", "pipeline")
"""The parts that are of one machine; a GPU's speed says little of the machine it is in."""


class RefusedError(Exception):
    """Why results are not kept in a folder, and what can be done instead."""


def check_folder(
    folder: Path, parts: Collection[str], origin: dict[str, Any], *, full: bool
) -> None:
    """See that results fit to those that a folder has, before they are measured.

    Args:
        folder: Where they will be written.
        parts: Their names.
        origin: Where they are from, as `machine.describe` says it.
        full: Whether they will be full.

    Raises:
        RefusedError: a quick result would replace a full one, or parts of another machine, commit
            or torch would stay beside these.
    """
    for part in parts:
        file = folder / f"{part}.json"
        # Results that do not say so are full.
        if not full and file.exists() and _read(file).get("full", True):
            raise RefusedError(
                f"{_path(file)} is the result of a full run, and this one is quick: take --full, "
                "--into NAME for a folder of its own, or --force to replace it"
            )
    if set(parts).isdisjoint(TOGETHER):
        return
    for part in sorted(set(TOGETHER).difference(parts)):
        file = folder / f"{part}.json"
        if file.exists() and (there := _measured(_read(file))) != _measured(origin):
            raise RefusedError(
                f"{_path(file)} was measured on {there}, and this is {_measured(origin)}: take "
                "--into NAME for a folder of its own, measure all parts by leaving --only away, "
                "or --force to mix them"
            )


def keep(file: Path, result: dict[str, Any]) -> str:
    """Write a result down, and say where."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    return f"written to {_path(file)}"


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _measured(result: dict[str, Any]) -> str:
    """On what, and of what; that a part was saved before marks the commit of the next."""
    commit = result["commit"]
    where = f"{result['machine']} at {commit.removesuffix('-dirty') if commit else 'no commit'}"
    return f"{where} ({result.get('cores')} cores, torch {result.get('versions', {}).get('torch')})"


def _path(file: Path) -> str:
    return os.path.relpath(file)
