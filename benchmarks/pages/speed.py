# SPDX-License-Identifier: Apache-2.0
"""Tables of how fast numbers are drawn, where that was measured, and by whose measure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from benchmarks.pages.growth import threads
from benchmarks.pages.markdown import by_count, table, with_quartiles
from benchmarks.plots.instructions import counts, parts
from benchmarks.saved import LeftOutError, Row, Saved, at_typical_count, fastest
from benchmarks.targets import PARTS, judge
from benchmarks.wording import AVX2, LIBRARIES, OURS, PORTABLE, power, shown, three

IDLE = {True: "yes", False: "no", None: "not known"}
MET = {True: "yes", False: "**no**", None: "not all measured"}
SETS = {"avx512": "AVX-512", "avx2": "AVX2", "neon": "NEON", "scalar": "portable"}


def machine(saved: Saved) -> str:
    """Where, when and with what the speeds on the CPU were measured."""
    result = saved.read("cpu")
    versions = (f"{name} {version}" for name, version in result["versions"].items() if version)
    lines = {
        "Machine": f"{result['machine']}, {result['cores']} cores, {result['system']}",
        "Instruction set": SETS[result["instruction_set"]],
        "Compiler": result["compiler"],
        "Versions": f"Python {result['python']}, {', '.join(versions)}",
        "Date and commit": f"{result['date']}, `{result['commit']}`",
        "Otherwise idle": IDLE[result.get("idle")],
    }
    if result.get("full") is False:
        lines["Run"] = "a quick one, of few rounds and sizes"
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())


def left_out(saved: Saved) -> str:
    """Which peers were not there, and why."""
    reasons = saved.read("cpu").get("left_out", {})
    return "\n".join(f"- {peer}: {reason}" for peer, reason in reasons.items()) or "- nobody"


def typical(saved: Saved) -> str:
    """The short comparison, at one size: us, torch, and one of each other library."""
    rows = _normals(saved)
    curves = (fastest(rows, library) for library in LIBRARIES)
    chosen = (OURS, AVX2, PORTABLE, *(curve[0]["contestant"] for curve in curves if curve))
    same = {row["contestant"]: row for row in at_typical_count(rows)}
    lines = (
        [
            _called(name, saved),
            three(same[name]["ns_per_element"]),
            with_quartiles(same[name], "times_torch"),
        ]
        for name in chosen
        if name in same
    )
    count = power(next(iter(same.values()))["count"])
    result = saved.read("cpu")
    made = f"{result['machine']}, {result['cores']} cores, {result['date']}, `{result['commit']}`."
    found = table([f"{count} float32 normals", "ns a number", "× torch (quartiles)"], lines)
    return f"{made}\n\n{found}"


def sizes(saved: Saved) -> str:
    """Everybody's ns a number at every size."""
    return by_count(_named(saved), "name", "count", lambda row: three(row["ns_per_element"]))


def ratios(saved: Saved) -> str:
    """Everybody's speed over that of torch at every size."""
    return by_count(_named(saved), "name", "count", lambda row: three(row["times_torch"]))


def traffic(saved: Saved) -> str:
    """How much we and torch write a second at every size, and the share of a memset's speed."""

    def cell(row: Row) -> str:
        return f"{three(row['gb_per_s'])} ({three(100 * row['of_memset'])} %)"

    rows = [r for r in _named(saved) if r["contestant"].startswith((OURS, "torch", "memset"))]
    return by_count(rows, "name", "count", cell)


def types(saved: Saved) -> str:
    """Each type drawn, at one size, against torch's of that type and whoever else is fastest."""
    rows = saved.rows("cpu", memory="touched", threads=1)
    lines = []
    for kind, dtype in dict.fromkeys((row["kind"], row["dtype"]) for row in rows):
        same = at_typical_count([r for r in rows if (r["kind"], r["dtype"]) == (kind, dtype)])
        found = {row["contestant"]: row for row in same}
        forced = AVX2 in found and _called(OURS, saved) != shown(AVX2)
        lines.append(
            [
                f"{kind} {dtype}, {power(same[0]['count'])}",
                *(three(found[name]["ns_per_element"]) for name in (OURS, "torch")),
                with_quartiles(found[OURS], "times_torch"),
                with_quartiles(found[AVX2], "times_torch") if forced else "",
                _fastest_other(same),
            ]
        )
    head = ["", "ns a number", "torch's ns", "× torch (quartiles)", "the same on AVX2"]
    return table([*head, "ns of the fastest other"], lines)


def _fastest_other(rows: list[Row]) -> str:
    """Who is fastest of those that are not ours and draw numbers."""
    others = [r for r in rows if not r["contestant"].startswith((OURS, "memset"))]
    best = min(others, key=lambda row: row["ns_per_element"])
    return f"{three(best['ns_per_element'])}, {shown(best['contestant'])}"


def fresh(saved: Saved) -> str:
    """Draws of new tensors, whose memory is that of the last one where malloc has kept it."""
    return _new(saved, "fresh")


def mapped(saved: Saved) -> str:
    """Draws of new tensors that the system has to map."""
    return _new(saved, "mapped")


def _new(saved: Saved, memory: str) -> str:
    return _against_torch(saved.rows("cpu", kind="normal", dtype="float32", memory=memory))


def parallel(saved: Saved) -> str:
    """Draws on several threads."""
    return _against_torch(saved.on_several_threads("cpu", memory="touched"))


def gpu(saved: Saved) -> str:
    """Draws on a GPU."""
    return _against_torch(saved.rows("gpu"))


def targets(saved: Saved) -> str:
    """What was to be reached, and what was."""
    results = {}
    for part in PARTS:
        with suppress(LeftOutError):
            results[part] = saved.read(part)
    if not results:
        raise LeftOutError(f"there is none of {', '.join(PARTS)}")
    head = ["", "required", "found", "met"]
    lines = (
        [
            row["name"],
            _said(row["required"]),
            _said(row["found"]),
            MET[row["met"]],
        ]
        for row in judge(results)
    )
    return table(head, lines)


def elsewhere(saved: Saved) -> str:
    """The same on every other machine, in short."""
    found = [
        "\n\n".join([f"### {other.folder.name}: {other.read('cpu')['machine']}", *_in_short(other)])
        for other in saved.others()
    ]
    if not found:
        raise LeftOutError("there are no results of another machine")
    return "\n\n".join(found)


def _in_short(saved: Saved) -> Iterator[str]:
    """The tables that can be shown of a machine, each with what it is."""
    yield machine(saved)
    for said, write in (
        ("Nanoseconds a float32 normal, one thread:", sizes),
        ("The same as × torch:", ratios),
        ("Every type, one thread:", types),
        ("New tensors:", fresh),
        ("New tensors, all memory mapped anew:", mapped),
        ("Several threads, beside torch:", parallel),
        ("Several threads, beside one of ours:", threads),
        ("Targets:", targets),
    ):
        with suppress(LeftOutError):
            yield f"{said}\n\n{write(saved)}"


def calls(saved: Saved) -> str:
    """Microseconds of a draw by each way to call it, and the ratio to torch."""

    def cell(row: Row) -> str:
        return f"{three(row['microseconds'])} ({three(row['times_torch'])}×)"

    rows = [row | {"name": f"`{row['call']}`"} for row in saved.rows("calls")]
    return by_count(rows, "name", "elements", cell)


def instructions(saved: Saved) -> str:
    """Instructions of a float32 normal on a GPU, by pipe."""
    found = counts(saved)
    lines = [
        [name, f"{count['total']:.1f}", *(f"{part:.1f}" for part in parts(count).values())]
        for name, count in found.items()
    ]
    return table(["", "all", *parts(found[OURS])], lines)


def _against_torch(rows: list[Row]) -> str:
    """A line for each thing drawn: us and torch."""
    keys = ("kind", "dtype", "count", "threads")
    cases: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        cases.setdefault(tuple(row[key] for key in keys), {})[row["contestant"]] = row
    counted = all("page_faults" in row for row in rows)
    lines = (
        [
            f"{kind} {dtype}, {power(count)}, {threads} thread{'s' * (threads > 1)}",
            *(three(found[name]["ns_per_element"]) for name in (OURS, "torch")),
            with_quartiles(found[OURS], "times_torch"),
            *(_said(found[name]["page_faults"]) for name in (OURS, "torch") if counted),
        ]
        for (kind, dtype, count, threads), found in cases.items()
    )
    heads = ["", "ns a number", "torch's ns", "× torch (quartiles)"]
    return table([*heads, *(["page faults", "torch's"] if counted else [])], lines)


def _normals(saved: Saved) -> list[Row]:
    """Everybody, and of us no forced backend that is the one a user gets here anyway."""
    rows = saved.rows("cpu", kind="normal", dtype="float32", memory="touched", threads=1)
    own = _called(OURS, saved)
    return [row for row in rows if row["contestant"] == OURS or shown(row["contestant"]) != own]


def _named(saved: Saved) -> list[Row]:
    return [row | {"name": _called(row["contestant"], saved)} for row in _normals(saved)]


def _called(contestant: str, saved: Saved) -> str:
    """A contestant's name, ours with the instruction set it has here."""
    if contestant != OURS:
        return shown(contestant)
    return f"{OURS}, {SETS[saved.read('cpu')['instruction_set']]}"


def _said(value: Any) -> str:
    return "" if value is None else three(value) if isinstance(value, float) else str(value)
