# SPDX-License-Identifier: Apache-2.0
"""Instructions for each number drawn on a CPU, by what they do, and the time they need at least.

`python -m tools.cpu.count --save`. Counted are the passes over a tile; its ends, and what is done
once for a tile, are not. Compilers and llvm-mca, if they are not installed, are left out by name.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from tools.cpu import bound, build, mca
from tools.cpu.listing import Pass, Program, passes

RESULT = build.ROOT / "benchmarks/results/cpu-instructions.json"
_BOUND = "pass after pass"


def by_kind(found: list[Pass], outputs: int) -> dict[str, float]:
    """Instructions an element of each kind."""
    counts: Counter[str] = Counter()
    for one in found:
        for instruction in one.loop:
            counts[instruction.kind.value] += 1 / (one.steps * outputs)
    return {kind: round(n, 3) for kind, n in sorted(counts.items(), key=lambda item: -item[1])}


def count(target: build.Target, kernel: str, program: Program) -> dict[str, Any]:
    """All there is to say of one kernel on one instruction set."""
    found, outputs = passes(program, target.passes(kernel)), target.outputs(kernel)
    kinds = by_kind(found, outputs)
    result: dict[str, Any] = {
        "total": round(sum(kinds.values()), 2),
        "passes": [round(len(one.loop) / (one.steps * outputs), 2) for one in found],
        "kinds": kinds,
    }
    if target.machine == "x86_64":
        cycles = bound.cycles(found, outputs)
        result["zen5_cycles"] = {name: round(n, 3) for name, n in cycles.items()}
    result["llvm_mca"] = simulated(target, found, outputs) if mca.version() else {}
    return result


def simulated(target: build.Target, found: list[Pass], outputs: int) -> dict[str, Any]:
    """What llvm-mca makes of it, by processor; those it does not know are left out."""
    results = {}
    for processor in target.processors:
        if mca.knows(target.machine, processor):
            one = mca.simulate(target.machine, processor, found, outputs)
            name, share = one.busiest
            results[processor] = {
                "cycles": round(one.cycles, 2),
                "busiest": name,
                "busy": round(share, 2),
            }
    return results


def counts(console: Console) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """By instruction set and kernel what was counted, and by instruction set its compiler."""
    results: dict[str, dict[str, Any]] = {}
    compilers = {}
    for target in build.TARGETS:
        if missing := target.missing():
            console.print(f"{target.name} is left out: {', '.join(missing)} not installed")
            continue
        compilers[target.name] = build.compiler(target)
        for kernel, program in build.programs(target).items():
            try:
                counted = count(target, kernel, program)
            except ValueError as error:
                console.print(f"{target.name} {kernel} is left out: {error}")
            else:
                results.setdefault(target.name, {})[kernel] = counted
    return results, compilers


def kinds_table(results: dict[str, dict[str, Any]]) -> Table:
    """Instructions an element."""
    rows = [(name, kernel, one) for name, of in results.items() for kernel, one in of.items()]
    kinds = list(dict.fromkeys(kind for *_, one in rows for kind in one["kinds"]))
    table = Table(title="instructions an element")
    for column in ("", *(f"{kernel} {name}" for name, kernel, _ in rows)):
        table.add_column(column, justify="right" if column else "left")
    for kind in kinds:
        table.add_row(kind, *(f"{one['kinds'].get(kind, 0):.2f}" for *_, one in rows))
    table.add_row("all", *(f"{one['total']:.2f}" for *_, one in rows), style="bold")
    return table


def cycles_table(results: dict[str, dict[str, Any]]) -> Table:
    """Cycles an element: the bound, and what llvm-mca says."""
    table = Table(title="cycles an element")
    for column in ("kernel", "Zen 5: at least", "each pipe of it", "llvm-mca"):
        table.add_column(column)
    for name, kernels in results.items():
        for kernel, one in kernels.items():
            busy = dict(one.get("zen5_cycles", {}))
            least = f"{busy.pop(_BOUND):.2f}" if busy else ""
            table.add_row(
                f"{kernel} {name}",
                least,
                "  ".join(f"{resource} {cycles:.2f}" for resource, cycles in busy.items()),
                "\n".join(
                    f"{processor} {model['cycles']} ({model['busiest']} {model['busy']:.0%})"
                    for processor, model in one["llvm_mca"].items()
                ),
            )
    return table


def main() -> None:
    """Count, print, and write the result down if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tools.cpu.count", description=__doc__)
    parser.add_argument("--save", action="store_true", help="keep the result in the repository")
    arguments = parser.parse_args()
    console = Console()
    if mca.version() is None:
        console.print("llvm-mca is left out: not installed")
    results, compilers = counts(console)
    for name in results:
        console.print(kinds_table({name: results[name]}))
    console.print(cycles_table(results))
    if arguments.save:
        made_by = {"compilers": compilers, "llvm-mca": mca.version()}
        rounds = {target.name: target.rounds() for target in build.TARGETS}
        found = {"unit": "an element", "rounds_of_passes": rounds, "kernels": results}
        RESULT.write_text(json.dumps({**describe(), "made_by": made_by, **found}, indent=1) + "\n")
        console.print(f"written to {RESULT.name}")


if __name__ == "__main__":
    main()
