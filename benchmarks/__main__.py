# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks`: check the bits, then time them on one thread beside torch and others."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

import reprorng
from benchmarks import gpu
from benchmarks.cases import Case, cases
from benchmarks.machine import describe
from benchmarks.run import Clock, measure, thread_seconds
from reprorng.testing import check_backend

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Check, time, print, and write the result down if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--save", action="store_true", help="keep the result in the repository")
    arguments = parser.parse_args()
    console = Console()
    torch.set_num_threads(1)

    for name, reason in reprorng.backends.available().items():
        if reason is None:
            compared = check_backend(reprorng.backends.get(name))
            console.print(f"{name}: {compared} draws equal the reference, bit for bit")

    report(console, "cpu", cases(), thread_seconds, save=arguments.save)
    if torch.cuda.is_available():
        report(console, "gpu", gpu.cases(), gpu.seconds, save=arguments.save)
    else:
        console.print("no GPU here: its rows are left out")


def report(
    console: Console, where: str, chosen: Iterable[Case], clock: Clock, *, save: bool
) -> None:
    """Time some cases, print them, and write the result down if asked to."""
    rows = []
    table = Table(title=f"{where}, medians; one CPU thread; every buffer touched before")
    for column in ("kind", "dtype", "elements", "who", "ns an element", "× torch", "quartiles"):
        table.add_column(column, justify="right" if "×" in column or "ns" in column else "left")
    for case in track(list(chosen), description="timing", console=console):
        for row in measure(case, clock):
            rows.append(row)
            low, high = row["times_torch_quartiles"]
            table.add_row(
                row["kind"],
                row["dtype"],
                f"2^{case.count.bit_length() - 1}",
                row["contestant"],
                f"{row['ns_per_element']:.4g}",
                f"{row['times_torch']:.2f}",
                f"{low:.2f}–{high:.2f}",
            )
        table.add_section()
    console.print(table)
    if save:
        file = RESULTS / f"{where}.json"
        result = {**describe(), "threads": torch.get_num_threads(), "rows": rows}
        file.write_text(json.dumps(result, indent=1) + "\n")
        console.print(f"written to {file.name}")


if __name__ == "__main__":
    main()
