# SPDX-License-Identifier: Apache-2.0
"""Instructions for each number drawn, of our kernels on every target and of others' on sm_90.

`python -m tools.gpu.count --save [--curand INCLUDE]`. On CUDA all instructions on the path that a
full program takes, divided by the numbers a thread stores; on AMD those of the vector unit alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from tools.gpu import amdgcn, compile, sass
from tools.gpu.compiled import Compiled, read

RESULT = compile.ROOT / "benchmarks/results/gpu-instructions.json"


def count(compiled: Compiled) -> dict[str, Any]:
    """Instructions an output of one kernel on one target."""
    if compiled.listing is None:
        return {"vector": amdgcn.valu_per_output(compiled.program, compiled.outputs)}
    return sass.per_output(compiled.program, compiled.path, compiled.outputs)


def ours(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """The counts of all kernels compiled into a folder, by kernel and target."""
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for (kernel, target), artifact in compile.load(folder).items():
        rows.setdefault(kernel, {})[target] = count(read(folder, artifact))
    return rows


def peers(include: Path | None, console: Console) -> dict[str, dict[str, Any]]:
    """The counts of others' normals on sm_90; cuRAND is left out, and says so, if it must be."""
    from tools.gpu import peers

    found = peers.triton_randn()
    try:
        found["cuRAND as in PyTorch"] = peers.curand(include)
    except FileNotFoundError as error:
        console.print(f"cuRAND is left out: {error}")
    return found


def table(
    kernels: dict[str, dict[str, dict[str, Any]]], others: dict[str, dict[str, Any]]
) -> Table:
    """Both as a table."""
    made = Table(title="instructions an output; on gfx: of the vector unit")
    for column in ("kernel", *compile.TARGETS):
        made.add_column(column, justify="left" if column == "kernel" else "right", no_wrap=True)
    for name, row in kernels.items():
        cells = [next(iter(row[target].values())) for target in compile.TARGETS]
        made.add_row(name, *(f"{cell:.2f}" for cell in cells))
    made.add_section()
    for name, found in others.items():
        cells = [f"{found['total']:.2f}" if t == "sm_90" else "" for t in compile.TARGETS]
        made.add_row(name, *cells)
    return made


def main() -> None:
    """Count, print, and write the result down if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tools.gpu.count", description=__doc__)
    parser.add_argument("--curand", type=Path, help="the folder with curand_kernel.h")
    parser.add_argument("--python", default=sys.executable, help="has the Triton that compiles")
    parser.add_argument("--save", action="store_true", help="keep the result in the repository")
    arguments = parser.parse_args()
    console = Console()
    folder = compile.artifacts(arguments.python)
    kernels, others = ours(folder), peers(arguments.curand, console)
    console.print(table(kernels, others))
    if arguments.save:
        triton = {artifact.triton for artifact in compile.load(folder).values()}
        versions = {name: version for name, (_, version) in sass.tools(arguments.python).items()}
        result = {
            **describe(),
            "compiled_by": {"triton": "".join(triton), "tools": versions},
            "unit": "instructions an output",
            "kernels": kernels,
            "others_on_sm_90": others,
        }
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        console.print(f"written to {RESULT.name}")


if __name__ == "__main__":
    main()
