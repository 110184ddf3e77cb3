# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin that swaps the generator and writes down how each test ends.

One line of JSON follows the other as things happen, so that a run that is cut off has lost nothing
but the test it was in. `REPRORNG_UPSTREAM` tells the mode and the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tools.upstream import leaks, swap

SETTINGS: dict[str, Any] = json.loads(os.environ["REPRORNG_UPSTREAM"])
"""`mode`, `record`, and `done`, the tests to leave out."""

_RECORD = Path(SETTINGS["record"])
_MESSAGE = 300
_PARENT = os.getppid()

swap.install(SETTINGS["mode"])


def _write(**line: Any) -> None:
    with _RECORD.open("a") as file:
        file.write(json.dumps(line) + "\n")


class _Ending:
    """How the test that runs now has ended so far."""

    outcome: str = "passed"
    failure: dict[str, Any] | None = None
    seconds: float = 0.0


_ENDING = pytest.StashKey[_Ending]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is done; then everything is imported, and can be watched for leaks."""
    done = set(SETTINGS["done"])
    left = [item for item in items if item.nodeid not in done]
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in done])
    items[:] = left
    _write(collected=len(left))
    if SETTINGS["mode"] != "baseline":
        leaks.watch()


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that cannot be imported is a test that ended in an error."""
    if report.failed:
        text = str(report.longrepr).strip().splitlines()
        failure = {"type": "CollectError", "message": text[-1][:_MESSAGE], "frames": []}
        _write(test=report.nodeid, outcome="error", failure=failure)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Write down that a test begins, and how it has ended."""
    if os.getppid() != _PARENT:
        pytest.exit("who started these tests is gone, and may have started them again")
    _write(began=item.nodeid)
    ending, draws = _Ending(), swap.Tally.draws
    item.stash[_ENDING] = ending
    called = leaks.Calls.start()
    result = yield
    line: dict[str, Any] = {
        "test": item.nodeid,
        "outcome": ending.outcome,
        "seconds": round(ending.seconds, 2),
        "draws": swap.Tally.draws - draws,
        "pipelines": sorted(called.pipelines),
        "leaks": sorted(called.leaking),
        "failure": ending.failure,
    }
    _write(**{key: value for key, value in line.items() if value})
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the worst of what setup, call and teardown came to."""
    report = yield
    ending = item.stash[_ENDING]
    ending.seconds += report.duration
    if report.failed and call.excinfo is not None and ending.failure is None:
        ending.outcome = "failed" if call.when == "call" else "error"
        ending.failure = _failure(call.excinfo, item.config.rootpath)
    elif report.failed:
        ending.outcome = "failed"
    elif hasattr(report, "wasxfail"):
        ending.outcome = "xfailed" if report.skipped else "xpassed"
    elif report.skipped:
        ending.outcome = "skipped"
    return report


def pytest_sessionfinish(exitstatus: int) -> None:
    """Write down that nothing is left, unless pytest was stopped before."""
    ends = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
    if exitstatus in ends:
        _write(finished=int(exitstatus))


def _failure(info: pytest.ExceptionInfo[BaseException], root: Path) -> dict[str, Any]:
    """The exception, and the frames of the tests it went through, the outermost first."""
    lines = str(info.value).strip().splitlines() or [""]
    return {
        "type": info.type.__name__,
        "assertion": issubclass(info.type, AssertionError),
        "message": lines[0][:_MESSAGE],
        "frames": list(_frames(info.tb, root / "tests")),
    }


def _frames(traceback: TracebackType | None, folder: Path) -> Generator[list[Any], None, None]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        file = Path(code.co_filename)
        if file.is_relative_to(folder):
            place = file.relative_to(folder.parent).as_posix()
            yield [place, code.co_name, traceback.tb_lineno]
        traceback = traceback.tb_next
