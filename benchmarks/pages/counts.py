# SPDX-License-Identifier: Apache-2.0
"""Tables of instructions a number on CPUs, and of the time those need at least."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from benchmarks.pages.markdown import table, with_quartiles
from benchmarks.saved import LeftOutError, Saved
from benchmarks.wording import three

_SETS = {"avx512": "AVX-512", "avx2": "AVX2", "neon": "NEON"}
_SHOWN = ("multiply", "fma, mul", "shuffle", "shift", "logic", "load", "store", "move")
"""The kinds of instruction that have a column of their own."""


def made_by(saved: Saved) -> str:
    """Of which commit, and with which compilers."""
    result = saved.read("cpu-instructions")
    compilers = result["made_by"]["compilers"]
    named = ", ".join(f"{compilers[name]} for {_SETS[name]}" for name in compilers)
    return f"Commit `{result['commit']}`, {result['date']}: {named}."


def kinds(saved: Saved) -> str:
    """Instructions a number of each kind."""
    lines = []
    for name, kernel, counted in _kernels(saved):
        parts = counted["kinds"]
        own = [parts.get(kind, 0.0) for kind in _SHOWN]
        cells = [*own, counted["total"] - sum(own)]
        lines.append([_called(name, kernel), f"**{counted['total']:.2f}**", *map(_two, cells)])
    return table(["", "all", *_SHOWN, "others"], lines)


def passes(saved: Saved) -> str:
    """Instructions a float32 normal in each pass, those over words by their rounds."""
    rounds, lines = saved.read("cpu-instructions")["rounds_of_passes"], []
    for name, kernel, counted in _kernels(saved):
        if kernel == "normal_float32":
            *over_words, radius, rest = map(_two, counted["passes"])
            each = zip(rounds[name], over_words, strict=True)
            cell = ", ".join(f"{_span(numbers)}: {count}" for numbers, count in each)
            lines.append([_SETS[name], cell, radius, rest])
    return table(["", "rounds", "squared radius", "root, rotation, store"], lines)


def bounds(saved: Saved) -> str:
    """Cycles a number that each resource of a Zen 5 core is busy, and the bound from them."""
    rows = [
        (_called(name, kernel), counted["zen5_cycles"])
        for name, kernel, counted in _kernels(saved)
        if "zen5_cycles" in counted
    ]
    names = list(dict.fromkeys(name for _, busy in rows for name in busy))
    lines = ([who, *(_two(busy.get(name, 0.0)) for name in names)] for who, busy in rows)
    return table(["", *names], lines)


def cycles(saved: Saved) -> str:
    """Cycles a number that were measured, on every machine where they were."""
    found = []
    for one in (saved, *saved.others()):
        with suppress(LeftOutError):
            found.append(_cycles_on(one.read("cycles")))
    if not found:
        raise LeftOutError("cycles.json is not there")
    return "\n\n".join(found)


def _cycles_on(result: dict[str, Any]) -> str:
    lines = (
        [
            _called(row["instruction_set"], row["kernel"]),
            with_quartiles(row, "cycles"),
            three(row["cycles_of_fastest_twentieth"]),
        ]
        for row in result["rows"]
    )
    measured = f"{result['machine']}, {result['date']}, commit `{result['commit']}`:"
    return f"{measured}\n\n" + table(["", "cycles (quartiles)", "fastest twentieth"], lines)


def models(saved: Saved) -> str:
    """Cycles a float32 normal by llvm-mca."""
    lines = [
        [f"{_SETS[name]}, {processor}", three(model["cycles"]), model["busiest"], _share(model)]
        for name, kernel, counted in _kernels(saved)
        if kernel == "normal_float32"
        for processor, model in counted["llvm_mca"].items()
    ]
    return table(["", "cycles", "busiest", "of the time"], lines)


def _kernels(saved: Saved) -> list[tuple[str, str, dict[str, Any]]]:
    kernels = saved.read("cpu-instructions")["kernels"]
    return [(name, kernel, one) for name, of in kernels.items() for kernel, one in of.items()]


def _called(name: str, kernel: str) -> str:
    return f"{_SETS[name]} {kernel.replace('_', ' ')}"


def _two(count: float) -> str:
    return f"{count:.2f}" if count >= 0.005 else ""


def _share(model: dict[str, Any]) -> str:
    return f"{model['busy']:.0%}"


def _span(numbers: list[int]) -> str:
    first, *rest = numbers
    return f"{first}–{rest[-1]}" if rest else f"{first}"
