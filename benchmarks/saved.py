# SPDX-License-Identifier: Apache-2.0
"""Reads the committed results, for the pictures and tables that show them.

What cannot be shown from the results that are there is left out and says why; so a picture of a
new benchmark can be written before its first result, and a lost result is no error but a gap.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

# Large enough for the cost of a call to vanish, small enough for the caches.
TYPICAL_COUNT = 1 << 20

Row: TypeAlias = dict[str, Any]


class LeftOutError(Exception):
    """Why something cannot be shown from the results that are there."""


@dataclass(frozen=True)
class Saved:
    """The results in one folder."""

    folder: Path = RESULTS

    def read(self, name: str) -> dict[str, Any]:
        """A whole result, such as `cpu`; `LeftOutError` if it was not saved."""
        file = self.folder / f"{name}.json"
        if not file.exists():
            raise LeftOutError(f"{file.name} is not there")
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def rows(self, name: str, part: str = "rows", **wanted: Any) -> list[Row]:
        """The rows of a part of a result that have the wanted values.

        `LeftOutError` if there are none.
        """
        rows: list[Row] = self.read(name).get(part, [])
        found = [row for row in rows if all(row.get(k) == v for k, v in wanted.items())]
        if not found:
            conditions = " and".join(f" {key} {value}" for key, value in wanted.items())
            raise LeftOutError(f"{name}.json has no {part}{' with' * bool(wanted)}{conditions}")
        return found

    def on_several_threads(self, name: str, part: str = "rows", **wanted: Any) -> list[Row]:
        """The same rows, but for those of one thread, which is all a machine of one core has.

        `LeftOutError` if there are none.
        """
        found = [row for row in self.rows(name, part, **wanted) if row["threads"] > 1]
        if not found:
            raise LeftOutError(f"{name}.json has nothing on several threads")
        return found

    def others(self) -> list[Saved]:
        """The results of other machines, each in a folder of its own."""
        return [Saved(file.parent) for file in sorted(self.folder.glob("*/cpu.json"))]

    def digest(self, name: str) -> str:
        """What tells a result from any other; `LeftOutError` if it was not saved."""
        text = json.dumps(self.read(name), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def unique(rows: Iterable[Row], key: str) -> list[Any]:
    """The values of a key, each once, as they come."""
    return list(dict.fromkeys(row[key] for row in rows))


def at_typical_count(rows: list[Row]) -> list[Row]:
    """The rows of that one size which is nearest to the typical one."""
    count = min(unique(rows, "count"), key=lambda n: abs(math.log2(n / TYPICAL_COUNT)))
    return [row for row in rows if row["count"] == count]


def fastest(rows: list[Row], library: str) -> list[Row]:
    """The rows, by size, of whichever contestant of a library is fastest at the typical size.

    Args:
        rows: Rows of one kind and dtype, of everybody.
        library: What the contestants' names start with.
    """
    theirs = [r for r in rows if f"{r['contestant']} ".startswith(f"{library} ")]
    if not theirs:
        return []
    best = min(at_typical_count(theirs), key=lambda row: row["ns_per_element"])["contestant"]
    curve = [row for row in theirs if row["contestant"] == best]
    return sorted(curve, key=lambda row: row["count"])
