# SPDX-License-Identifier: Apache-2.0
"""Runs a selection of tests in all modes, in chunks, one after the other or several at once."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tools.upstream import judge
from tools.upstream.chunks import Chunk, Line, Place
from tools.upstream.swap import MODES


@dataclass(frozen=True)
class Selection:
    """Which tests.

    Attributes:
        parts: Folders or files below the checkout's `tests`.
        keyword: As in `pytest -k`.
    """

    parts: tuple[str, ...]
    keyword: str | None = None

    @property
    def name(self) -> str:
        """As on a command line."""
        return " ".join(self.parts) + (f' -k "{self.keyword}"' if self.keyword else "")


@dataclass(frozen=True)
class Ended:
    """How the tests of a selection ended, by mode.

    Attributes:
        modes: The lines by test, by mode.
        exact: What differs from the baseline with torch's own numbers.
        real: What differs from it with ours, with the reasons.
    """

    modes: dict[str, judge.Lines]
    exact: list[judge.Difference]
    real: list[judge.Difference]

    @property
    def unexplained(self) -> list[judge.Difference]:
        """What no number in a test's source is the reason for."""
        return [*self.exact, *(each for each in self.real if not each.explained)]


class Runner:
    """Runs selections.

    Args:
        place: Where.
        console: For a line a chunk, and the progress bar.
        workers: How many processes at once.
        size: How many test files a process gets.
    """

    def __init__(self, place: Place, console: Console, *, workers: int, size: int) -> None:
        """See the class."""
        self._place = place
        self._console = console
        self._workers = workers
        self._size = size

    def run(self, selection: Selection) -> Ended:
        """How the tests end in all modes; what ended in an earlier run is not run again."""
        files = self._place.checkout.files(selection.parts)
        modes = {mode: self._mode(mode, files, selection.keyword) for mode in MODES}
        exact = judge.differences(modes["baseline"], modes["exact"])
        real = judge.differences(modes["baseline"], modes["real"])
        again = [each.test for each in real if each.now.startswith("failed")]
        reseeded = self._mode("reseeded", again, None) if again else {}
        root = self._place.checkout.root
        return Ended(modes, exact, judge.explain(real, modes["real"], reseeded, root))

    def _mode(self, mode: str, files: Sequence[str], keyword: str | None) -> judge.Lines:
        cuts = range(0, len(files), self._size)
        chunks = [Chunk(mode, tuple(files[i : i + self._size]), keyword) for i in cuts]
        lines: list[Line] = []
        with self._progress() as progress, ThreadPoolExecutor(self._workers) as pool:
            task = progress.add_task(mode, total=len(chunks))
            try:
                for ended in pool.map(self._chunk, chunks):
                    lines += ended
                    progress.advance(task)
            except BaseException:
                self._place.stop.set()
                raise
        return judge.by_test(lines)

    def _chunk(self, chunk: Chunk) -> list[Line]:
        start = time.monotonic()
        lines = chunk.run(self._place)
        endings = judge.counts(judge.by_test(lines))
        told = ", ".join(f"{count} {outcome}" for outcome, count in endings.items()) or "none"
        folders = os.path.commonpath(chunk.files) if len(chunk.files) > 1 else chunk.files[0]
        seconds = time.monotonic() - start
        self._console.print(
            f"{chunk.mode}, {len(chunk.files)} in {folders}: {told}; {seconds:.0f} s",
            soft_wrap=True,
            highlight=False,
        )
        return lines

    def _progress(self) -> Progress:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        return Progress(*columns, console=self._console, disable=not self._console.is_terminal)
