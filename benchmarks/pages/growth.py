# SPDX-License-Identifier: Apache-2.0
"""Tables of how cost grows, and of the share of noise in a pipeline."""

from __future__ import annotations

from benchmarks.pages.markdown import by_count, table, with_quartiles
from benchmarks.saved import Row, Saved, unique
from benchmarks.wording import power, prefixed, three

KNOWN_BYTES = 10**6
"""Linux counts the pages of a process in batches, on each processor: what is less is a guess."""


def size(saved: Saved) -> str:
    """Time, and memory beyond that of the output, against size."""
    rows = saved.rows("growth", "size")
    for row in rows:
        row["case"] = f"{row['dtype']}, {row['threads']} thread{'s' * (row['threads'] > 1)}"
    time = by_count(rows, "case", "count", lambda row: prefixed(row["seconds"], "s"))
    return f"{time}\n\n{by_count(rows, 'case', 'count', _beyond_output)}"


def _beyond_output(row: Row) -> str:
    if row["peak_bytes"] is None:
        return ""
    beyond = row["peak_bytes"] - row["output_bytes"]
    return prefixed(beyond, "B") if beyond >= KNOWN_BYTES else f"< {prefixed(KNOWN_BYTES, 'B')}"


def threads(saved: Saved) -> str:
    """Speed over that of one thread, and what as many processes do that share nothing."""
    lines = (
        [
            power(row["count"]),
            str(row["threads"]),
            three(row["ns_per_element"]),
            with_quartiles(row, "times_one_thread"),
            three(times) if (times := row.get("processes_times_one")) else "",
        ]
        for row in saved.on_several_threads("growth", "threads")
    )
    heads = [
        "float32 normals",
        "threads",
        "ns a number",
        "× one thread (quartiles)",
        "as many processes",
    ]
    return table(heads, lines)


def offset(saved: Saved) -> str:
    """A slice against its offset in the stream."""
    lines = (
        [power(row["offset"]), three(row["microseconds"]), with_quartiles(row, "times_zero")]
        for row in saved.rows("growth", "offset")
    )
    return table(["offset", "µs", "× offset 0 (quartiles)"], lines)


def generators(saved: Saved) -> str:
    """A list with a generator for each image."""
    lines = (
        [
            row["whose"],
            str(row["batch"]),
            three(row["microseconds"]),
            three(row["microseconds_each"]),
        ]
        for row in saved.rows("growth", "generators")
    )
    return table(["whose", "generators", "µs", "µs each"], lines)


def pauses(saved: Saved) -> str:
    """Nanoseconds a number in new memory, against the time since the last draw."""
    rows = saved.rows("growth", "pauses")
    waits = unique(rows, "pause_seconds")
    lines = []
    for count in unique(rows, "count"):
        for call in unique(rows, "call"):
            own = [row for row in rows if (row["count"], row["call"]) == (count, call)]
            cells = [three(row["ns_per_element"]) for row in own]
            lines.append([f"`{call}`", power(count), *cells])
    heads = [f"after {wait:g} s" if wait else "at once" for wait in waits]
    return table(["", "numbers", *heads], lines)


def pipeline(saved: Saved) -> str:
    """The share of noise in a pipeline."""
    lines = (
        [
            f"{row['pipeline']}, {row['scheduler']}",
            row["whose"],
            str(row["steps"]),
            str(row["batch"]),
            three(row["seconds"]),
            three(1e3 * row["noise_seconds"]),
            f"{three(100 * row['share'])} %",
        ]
        for row in saved.rows("pipeline")
    )
    head = ["pipeline, scheduler", "whose noise", "steps", "batch", "seconds", "noise, ms", "share"]
    return table(head, lines)
