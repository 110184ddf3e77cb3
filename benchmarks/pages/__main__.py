# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.pages`: write the results into the documents, or check that they are there.

Pictures are drawn by `python -m benchmarks.plots`, before.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.pages import PAGES, blocks_of, render
from benchmarks.plots import IMAGES, PICTURES, files, is_fresh
from benchmarks.saved import Saved


def main(arguments: list[str] | None = None) -> int:
    """Write or check; the exit status of a check is 1 if anything is out of date."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    stale = [*update(PAGES, Saved(), check=options.check)]
    if not options.check:
        return 0
    stale += old_pictures(Saved())
    for name in stale:
        sys.stderr.write(f"{name} is out of date: run make pictures\n")
    return 1 if stale else 0


def update(
    pages: Iterable[Path], saved: Saved, images: Path = IMAGES, *, check: bool = False
) -> list[str]:
    """The names of the pages that were not as the results are, now written unless checked."""
    stale = []
    for page in pages:
        text = page.read_text()
        wanted = render(text, blocks_of(page, images), saved)
        if wanted != text:
            stale.append(page.name)
            if not check:
                page.write_text(wanted)
    return stale


def old_pictures(saved: Saved, images: Path = IMAGES) -> list[str]:
    """The names of the pictures that are there and were drawn from other results."""
    there = (name for name in PICTURES if any(file.exists() for file in files(name, images)))
    return [name for name in there if not is_fresh(name, saved, images)]


if __name__ == "__main__":
    raise SystemExit(main())
