# SPDX-License-Identifier: Apache-2.0
"""`python -m tools.coverage`: which pipelines of diffusers draw from the generator they are given.

It runs each that tiny components have been made for, writes what was seen to `docs/coverage.json`,
and that as a table to `docs/coverage.md`.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import diffusers
import torch
from rich.progress import track

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))
LIST = ROOT / "docs" / "coverage.json"
PAGE = ROOT / "docs" / "coverage.md"

HEAD = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
# Pipelines of diffusers

Written by `python -m tools.coverage`, with diffusers {version}. Each of {run} pipelines, of {all}
that diffusers exports, was run on tiny components with `generator=reprorng.Generator(1)`;
`tests/test_leaks_pipelines.py` does it again. In {clean} of them every draw was ours: the global
states of torch, NumPy and Python did not move, and two runs gave the same bits. In the {leaking}
others some draws name no generator; [`reprorng.ambient`](api.md) makes them ours, but for those
from a `torch.Generator` that a pipeline makes for itself.

"""


def main() -> None:
    """Run all of them, and write both files."""
    from leak_pipelines import all_pipelines, describe

    warnings.simplefilter("ignore")
    diffusers.utils.logging.set_verbosity_error()
    torch.set_num_threads(1)
    pipelines = {name: describe(name) for name in track(all_pipelines(), "pipelines")}
    result = {"diffusers": diffusers.__version__, "pipelines": pipelines}
    LIST.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(result))


def page(result: dict[str, Any]) -> str:
    """The table in words."""
    entries = result["pipelines"]
    run = {name: entry for name, entry in entries.items() if "draws" in entry}
    leaking = [name for name, entry in run.items() if "leaks" in entry]
    lines = ["| pipeline | draws | words | drawn elsewhere |", "| --- | ---: | ---: | --- |"]
    for name, entry in run.items():
        lines.append(f"| {name} | {entry['draws']} | {entry['words']} | {entry.get('leaks', '')} |")
    lines += ["", "## Not run", "", "| pipeline | why |", "| --- | --- |"]
    lines += [f"| {n} | {entry['left_out']} |" for n, entry in entries.items() if n not in run]
    head = HEAD.format(
        version=result["diffusers"],
        run=len(run),
        all=len(entries),
        clean=len(run) - len(leaking),
        leaking=len(leaking),
    )
    return head + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
