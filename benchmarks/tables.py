# SPDX-License-Identifier: Apache-2.0
"""Results as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

_HEADINGS = {
    "ns_per_element": "ns",
    "gb_per_s": "GB/s",
    "times_torch": "× torch",
    "times_torch_quartiles": "quartiles",
    "of_memset": "of memset",
    "microseconds": "µs",
    "microseconds_each": "µs each",
}
_CASE = ("kind", "dtype", "memory", "threads", "count")


def show(console: Console, part: str, result: dict[str, Any]) -> None:
    """Print one part of a run.

    Args:
        console: Where to.
        part: Its name.
        result: What it returned.
    """
    for peer, reason in result.get("left_out", {}).items():
        console.print(f"left out: {peer}: {reason}")
    if part in ("cpu", "gpu"):
        _show_cases(console, part, result["rows"])
    elif part == "growth":
        for name in ("size", "threads", "offset", "generators", "pauses"):
            _show_rows(console, f"growth: {name}", result[name])
    else:
        _show_rows(console, part, result["rows"])


def show_targets(console: Console, judged: Iterable[dict[str, Any]]) -> None:
    """Print which targets are met."""
    table = Table(title="targets")
    for column in ("target", "required", "found", ""):
        table.add_column(column)
    words = {True: "met", False: "[red]missed", None: "not all measured"}
    for row in judged:
        found = "–" if row["found"] is None else f"{row['found']:.3g}"
        table.add_row(row["name"], f"{row['required']:g}", found, words[row["met"]])
    console.print(table)


def size(count: int) -> str:
    """A count as people say it: powers of two above a thousand as such."""
    return f"2^{count.bit_length() - 1}" if count >= 1024 and count & count - 1 == 0 else f"{count}"


def _show_rows(console: Console, title: str, rows: Sequence[dict[str, Any]]) -> None:
    """A table, and nothing of a part that was left out."""
    if rows:
        console.print(_table(title, rows))


def _show_cases(console: Console, part: str, rows: Sequence[dict[str, Any]]) -> None:
    def case(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[key] for key in _CASE)

    for (kind, dtype, memory, threads, count), group in groupby(rows, case):
        title = f"{part}: {kind} {dtype}, {size(count)} elements, {memory}, {threads} thread(s)"
        console.print(_table(title, [_without(row, _CASE) for row in group]))


def _without(row: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def _table(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(title=title)
    for key, value in rows[0].items():
        heading = _HEADINGS.get(key, key.replace("_", " "))
        # Names of which only the end differs are of no use without it.
        side: Literal["left", "right"] = "left" if isinstance(value, str) else "right"
        table.add_column(heading, justify=side, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(key, value) for key, value in row.items()))
    return table


def _cell(key: str, value: Any) -> str:
    if isinstance(value, list):
        return "–".join(f"{each:.3g}" for each in value)
    if value is None:
        return "–"
    if key.endswith("bytes"):
        return f"{value / (1 << 20):.2f} MiB"
    if key in ("count", "offset"):
        return size(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
