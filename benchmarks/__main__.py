# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks`: check the bits, then time them beside everyone else."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks import tables, targets
from benchmarks.calls import calls
from benchmarks.check import StaleError, WrongBitsError, check_bits, check_built
from benchmarks.compare import on_cpu, on_gpu
from benchmarks.cycles import cycles
from benchmarks.growth import growth
from benchmarks.keep import RefusedError, check_folder, keep
from benchmarks.machine import Watch, describe
from benchmarks.pipeline import pipelines

WINDOW_SECONDS = 1.0
"""How long the machine is watched before something is timed."""

RESULTS = Path(__file__).parent / "results"

PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "cpu": on_cpu,
    "cycles": cycles,
    "gpu": on_gpu,
    "calls": calls,
    "growth": growth,
    "pipeline": pipelines,
}


def main(words: Sequence[str] | None = None) -> int:
    """Check, time, print, and write the results down if asked to.

    Args:
        words: The command line, by default that of the process.

    Returns:
        The exit status: 1 if a bit is wrong, the kernels are not those of the sources, or results
        are to be saved where they do not fit; then nothing was timed.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="every size, and more rounds")
    parser.add_argument("--save", action="store_true", help="keep the results in the repository")
    parser.add_argument(
        "--into",
        type=_name,
        metavar="NAME",
        help="keep them in a folder there, of another machine",
    )
    parser.add_argument("--force", action="store_true", help="keep them beside and over any others")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="some parts")
    arguments = parser.parse_args(words)
    console = Console()
    folder = RESULTS / (arguments.into or "")
    saving = arguments.save or arguments.into or arguments.force
    parts = [part for part in arguments.only if part != "gpu" or torch.cuda.is_available()]
    if len(parts) < len(arguments.only):
        console.print("no GPU here: its rows are left out")
    # Before a result is written: that changes the tree, and the commit would be marked.
    origin = describe()
    try:
        if saving and not arguments.force:
            check_folder(folder, parts, origin, full=arguments.full)
        check_built()
        for name, compared in check_bits().items():
            console.print(f"{name}: {compared} draws equal the reference, bit for bit")
    except (RefusedError, StaleError, WrongBitsError) as error:
        console.print(f"[red]{error}", soft_wrap=True)
        return 1

    results: targets.Results = {}
    for part in parts:
        results[part] = run_part(console, part, full=arguments.full)
        if saving:
            written = keep(folder / f"{part}.json", origin | results[part])
            console.print(written, soft_wrap=True)
    if not results.keys().isdisjoint(targets.PARTS):
        tables.show_targets(console, targets.judge(results))
    return 0


def _name(word: str) -> str:
    """A folder for results, which pages look for only there."""
    folder = RESULTS / word
    if folder.resolve().parent != RESULTS.resolve() or folder.is_file():
        raise argparse.ArgumentTypeError(f"{word!r} is not the name of a folder for results")
    return word


def run_part(console: Console, part: str, *, full: bool) -> dict[str, Any]:
    """The result of one part, printed, with whether the machine was otherwise idle."""
    with Watch() as before:
        time.sleep(WINDOW_SECONDS)
    with Watch() as during:
        result = PARTS[part](full=full)
    tables.show(console, part, result)
    idle = None if before.idle is None or during.idle is None else before.idle and during.idle
    if idle is None:
        console.print(f"{part}: this system does not tell whether the machine was otherwise idle")
    elif not idle:
        console.print(
            f"[red]{part}: the machine is not otherwise idle: others kept {before.others:.2f} "
            f"cores busy before and {during.others:.2f} meanwhile; times on the wall and on "
            "several threads suffer"
        )
    return {"full": full, "idle": idle, "left_out": {}, **result}


if __name__ == "__main__":
    raise SystemExit(main())
