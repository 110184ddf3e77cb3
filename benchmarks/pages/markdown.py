# SPDX-License-Identifier: Apache-2.0
"""Tables in Markdown, and how numbers are written in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.saved import Row, unique
from benchmarks.wording import power, three


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *lines))


def by_count(rows: Sequence[Row], down: str, across: str, cell: Callable[[Row], str]) -> str:
    """A table by two keys, of which the second is a count; a gap where there is no row."""
    cells = {(row[down], row[across]): cell(row) for row in rows}
    counts = sorted(unique(rows, across))
    lines = (
        [name, *(cells.get((name, count), "") for count in counts)] for name in unique(rows, down)
    )
    return table(["", *map(power, counts)], lines)


def with_quartiles(row: Row, key: str) -> str:
    """A ratio, with its quartiles where they were saved."""
    if (quartiles := row.get(f"{key}_quartiles")) is None:
        return three(row[key])
    low, high = quartiles
    return f"{three(row[key])} ({three(low)}–{three(high)})"
