# SPDX-License-Identifier: Apache-2.0
"""`python -m tools.upstream CHECKOUT`: diffusers' own tests, with `torch.Generator` swapped.

The exit status is 1 if a test ends in another way than before, and not because it compares with
numbers of torch's that are written down in it. What has ended is kept; a run that was cut off goes
on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tools.upstream import report
from tools.upstream.checkout import PARTS, Checkout, CheckoutError
from tools.upstream.chunks import ROOT, Place
from tools.upstream.suite import Runner, Selection

RESULT = ROOT / "benchmarks" / "results" / "upstream.json"
WORK = ROOT / "build" / "upstream"


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.upstream", description=__doc__)
    add = parser.add_argument
    add("checkout", type=Path, help="a checkout of diffusers; nothing is written into it")
    add("--commit", help="its commit, if git does not know")
    add("--source", action="store_true", help="test the checkout's package, not the installed one")
    add("--only", nargs="+", default=PARTS, metavar="PART", help="folders or files below tests/")
    add("-k", dest="keyword", help="as in pytest -k")
    add("--timeout", type=int, default=600, help="seconds one test may take")
    add("--workers", type=int, default=1, help="processes at once")
    add("--files", type=int, default=16, help="test files a process gets")
    add("--work", type=Path, default=WORK, help="where copies, records and logs go")
    add("--fresh", action="store_true", help="forget what earlier runs have left there")
    add("--result", type=Path, default=RESULT, help="where --save writes")
    add("--save", action="store_true", help="keep the result in the repository")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run, judge, print, and write the result down if asked to.

    Args:
        words: The command line, by default that of the process.

    Returns:
        The exit status: 1 if anything is unexplained, 2 if there is nothing to run.
    """
    options = parse(words)
    console = Console()
    work = options.work.resolve()
    try:
        checkout = Checkout.copy(
            options.checkout.resolve(),
            work / "checkout",
            commit=options.commit,
            source=options.source,
        )
        checkout.files(options.only)
    except CheckoutError as error:
        console.print(f"[red]{error}")
        return 2
    # Before a result is written: that changes the tree, and the commit would be marked.
    origin = report.origin(checkout)
    _forget_others(work, origin, fresh=options.fresh)
    place = Place(checkout, work, _hub(work), options.timeout)
    runner = Runner(place, console, workers=options.workers, size=options.files)
    selection = Selection(tuple(options.only), options.keyword)
    result = report.result(selection, runner.run(selection))
    report.show(console, result)
    if options.save:
        report.save(options.result, origin, result)
        console.print(f"written to {options.result.name}")
    return 1 if result["unexplained"] else 0


def _forget_others(work: Path, origin: report.Result, *, fresh: bool) -> None:
    """Remove what was recorded of other tests or versions, or of ours unless it is a baseline."""
    note = work / "origin.json"
    old = json.loads(note.read_text()) if note.exists() and not fresh else {}
    gone = [] if old.get("package") == origin["package"] else ["exact", "real", "reseeded"]
    if any(old.get(key) != origin[key] for key in report.TESTS):
        gone = ["hub", "baseline", "exact", "real", "reseeded"]
    for folder in gone:
        shutil.rmtree(work / folder, ignore_errors=True)
    note.write_text(json.dumps({key: origin[key] for key in (*report.TESTS, "package")}))


def _hub(work: Path) -> Path:
    """The stand-in for the hub's cache, made if it is not there."""
    home = work / "hub"
    if not (home / "complete").exists():
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-m", "tools.upstream.hub", str(home)]
        with (work / "hub.log").open("w") as log:
            subprocess.run(command, cwd=ROOT, env=environment, stderr=log, stdout=log, check=True)
        (home / "complete").touch()
    return home


if __name__ == "__main__":
    raise SystemExit(main())
