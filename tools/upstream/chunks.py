# SPDX-License-Identifier: Apache-2.0
"""Runs a few test files in a process of their own, as often as it takes until all have ended.

What has ended is in a file, see `plugin`; a chunk that finds such a file goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from tools.upstream.checkout import Checkout

ROOT = Path(__file__).resolve().parent.parent.parent
_SILENCE = 600.0
"""Seconds beyond the limit of one test after which a process that writes nothing is ended."""

_POLL = 0.2

Line = dict[str, Any]


class StoppedError(Exception):
    """A run was stopped from outside."""


@dataclass(frozen=True)
class Place:
    """Where tests are run and what about them is written.

    Attributes:
        checkout: The tests.
        work: The folder for records and logs.
        hub: The folder that stands in for the hub's cache.
        timeout: Seconds one test may take.
        stop: Set to end what runs at once; it can go on later.
    """

    checkout: Checkout
    work: Path
    hub: Path
    timeout: int
    stop: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Chunk:
    """Some test files in one mode.

    Attributes:
        mode: See `tools.upstream`.
        files: The files, or single tests.
        keyword: As in `pytest -k`.
    """

    mode: str
    files: tuple[str, ...]
    keyword: str | None = None

    def record(self, place: Place) -> Path:
        """The file of what has ended."""
        key = hashlib.sha256(repr((self.files, self.keyword)).encode()).hexdigest()[:16]
        return place.work / self.mode / f"{key}.jsonl"

    def lines(self, place: Place) -> list[Line]:
        """All that was written down; the last line may have been cut off."""
        return list(_lines(self.record(place)))

    def run(self, place: Place) -> list[Line]:
        """How each test ended.

        Raises:
            StoppedError: it was stopped before all had.
        """
        record = self.record(place)
        record.parent.mkdir(parents=True, exist_ok=True)
        _mend(record)
        while "finished" not in (self.lines(place) or [{}])[-1]:
            begun = len(self.lines(place))
            status = self._process(place, record)
            self._judge(place, record, self.lines(place)[begun:], status)
        return ended(self.lines(place))

    def _process(self, place: Place, record: Path) -> int:
        """Run what is left, and the exit status; what hangs for good is ended."""
        done = [line["test"] for line in ended(self.lines(place))]
        settings = {"mode": self.mode, "record": str(record), "done": done}
        with record.with_suffix(".log").open("a") as log:
            process = subprocess.Popen(
                self._command(place),
                cwd=place.checkout.root,
                env=_environment(place, settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # An interrupt is for us, who then end it; else it would look like its own doing.
                start_new_session=True,
            )
            while process.poll() is None:
                hangs = time.time() - _touched(record) > place.timeout + _SILENCE
                if hangs or place.stop.wait(_POLL):
                    process.kill()
        if place.stop.is_set():
            raise StoppedError
        return process.wait()

    def _command(self, place: Place) -> list[str]:
        root = place.checkout.root
        return [
            *(sys.executable, "-m", "pytest", *self.files),
            *("-c", str(root / "pytest.ini"), "--rootdir", str(root)),
            *("-p", "tools.upstream.plugin", "-p", "no:cacheprovider", "-W", "ignore"),
            *("--continue-on-collection-errors", f"--timeout={place.timeout}"),
            *("-q", "--tb=short", "-rN"),
            *(("-k", self.keyword) if self.keyword else ()),
        ]

    def _judge(self, place: Place, record: Path, lines: list[Line], status: int) -> None:
        """Write down what a process that has ended too early could not write itself."""
        if lines and "finished" in lines[-1]:
            return
        begun = next((line["began"] for line in reversed(lines) if "began" in line), None)
        known = {line["test"] for line in ended(self.lines(place))}
        failure = {"type": "Crash", "message": f"exit status {status}", "frames": []}
        with record.open("a") as file:
            if begun is not None and begun not in known:
                crashed = {"test": begun, "outcome": "crashed", "failure": failure}
                file.write(json.dumps(crashed) + "\n")
            elif begun is None:
                crashed = {"test": " ".join(self.files), "outcome": "crashed", "failure": failure}
                file.write(json.dumps(crashed) + "\n" + json.dumps({"finished": status}) + "\n")


def ended(lines: list[Line]) -> list[Line]:
    """The lines that tell how a test ended."""
    return [line for line in lines if "test" in line]


def _lines(record: Path) -> Iterator[Line]:
    if record.exists():
        for text in record.read_text().splitlines():
            yield json.loads(text)


def _mend(record: Path) -> None:
    """Remove a last line that was cut off."""
    if record.exists():
        text = record.read_text()
        record.write_text(text[: text.rfind("\n") + 1])


def _touched(record: Path) -> float:
    """When something was written last."""
    files = (record, record.with_suffix(".log"))
    return max(file.stat().st_mtime for file in files if file.exists())


def _environment(place: Place, settings: dict[str, Any]) -> dict[str, str]:
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    if place.checkout.has_source:
        path.insert(0, str(place.checkout.root / "src"))
    return {
        "OMP_NUM_THREADS": "1",
        **os.environ,
        "REPRORNG_UPSTREAM": json.dumps(settings),
        "HF_HOME": str(place.hub),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(path),
    }
