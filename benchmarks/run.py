# SPDX-License-Identifier: Apache-2.0
"""Times cases.

All contestants of a case take turns, round after round, so that a drift of the machine meets them
alike. The clock on the CPU is that of the calling thread, which preemption does not touch.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from benchmarks.cases import Case, Job

ROUNDS = 25
MINIMUM_SECONDS = 0.002

Clock: TypeAlias = Callable[[Job, int], float]
"""From a job and how often to do it to the seconds it takes once."""


def measure(case: Case, seconds: Clock) -> list[dict[str, Any]]:
    """One row for each contestant: ns an element, and its time over that of torch in each round."""
    jobs = case.ours | case.peers
    repeats = {name: _repeats(job, seconds) for name, job in jobs.items()}
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            times[name].append(seconds(job, repeats[name]))
    return [_row(case, name, times) for name in jobs]


def _row(case: Case, name: str, times: dict[str, list[float]]) -> dict[str, Any]:
    ratios = sorted(t / own for t, own in zip(times["torch"], times[name], strict=True))
    return {
        "kind": case.kind,
        "dtype": case.dtype,
        "count": case.count,
        "contestant": name,
        "ns_per_element": float(f"{statistics.median(times[name]) / case.count * 1e9:.4g}"),
        "times_torch": round(statistics.median(ratios), 3),
        "times_torch_quartiles": [round(q, 3) for q in statistics.quantiles(ratios)[::2]],
    }


def _repeats(job: Job, seconds: Clock) -> int:
    seconds(job, 1)
    once = seconds(job, 1)
    return max(1, round(MINIMUM_SECONDS / max(once, 1e-9)))


def thread_seconds(job: Job, repeats: int) -> float:
    """The CPU time of one job."""
    begin = time.thread_time()
    for _ in range(repeats):
        job()
    return (time.thread_time() - begin) / repeats
