# SPDX-License-Identifier: Apache-2.0
"""Times jobs, and turns times into ratios.

All jobs that are compared take turns, round after round and each round in another order, so that a
drift of the machine, and what a turn leaves behind, meet them alike; ratios are taken within a
round.
"""

from __future__ import annotations

import random
import statistics
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

Job: TypeAlias = Callable[[], object]

Clock: TypeAlias = Callable[[Job, int], float]
"""From a job and how often to do it to the seconds it takes once."""

Times: TypeAlias = dict[str, list[float]]
"""Of each job, the seconds it took in each round."""

MINIMUM_SECONDS = 0.002
"""Short jobs are repeated until a turn takes this long."""

THREADED_SECONDS = 0.01
"""The same on several threads: a core that has slept is slow for milliseconds."""

QUIET_SECONDS = 0.02
"""How long a process is watched to see whether its threads are running: longer than a tick of the
system's clock, which is when the time of a thread on another processor is added up."""

QUIET_SHARE = 0.1
"""Of one core, what a quiet process may still use."""


def take_turns(
    jobs: Mapping[str, Job], seconds: Clock, rounds: int, shortest: float = MINIMUM_SECONDS
) -> Times:
    """Time jobs in turns.

    Args:
        jobs: What to do, by name.
        seconds: The clock.
        rounds: How often each has its turn.
        shortest: The seconds of a turn; short jobs are repeated, unless it is 0.

    Returns:
        The seconds each job takes once, round by round.
    """
    repeats = {name: _repeats(job, seconds, shortest) for name, job in jobs.items()}
    times: Times = {name: [] for name in jobs}
    order, dice = list(jobs), random.Random(0)
    for _ in range(rounds):
        dice.shuffle(order)
        for name in order:
            times[name].append(seconds(jobs[name], repeats[name]))
    return times


def ratios(above: Sequence[float], below: Sequence[float]) -> tuple[float, list[float]]:
    """The median of the ratios of two jobs' times in each round, and their quartiles.

    Args:
        above: One job's times, of at least two rounds.
        below: The other's in the same rounds.

    Returns:
        The median, and the lower and upper quartile.
    """
    found = [a / b for a, b in zip(above, below, strict=True)]
    low, middle, high = statistics.quantiles(found, method="inclusive")
    return digits(middle), [digits(low), digits(high)]


def digits(value: float) -> float:
    """A number to the four digits that a measurement may be worth."""
    return float(f"{value:.4g}")


def process_seconds(job: Job, repeats: int) -> float:
    """The CPU time of one job on all threads of this process; preemption does not count."""
    begin = time.process_time()
    for _ in range(repeats):
        job()
    return (time.process_time() - begin) / repeats


def after_another(seconds: Clock, pause: float = 0.0) -> Clock:
    """A clock that does the job once before: for jobs whose memory others may have left cold.

    Args:
        seconds: The clock of what comes after.
        pause: The seconds between.
    """

    def clock(job: Job, repeats: int) -> float:
        job()
        time.sleep(pause)
        return seconds(job, repeats)

    return clock


def wall_seconds(job: Job, repeats: int) -> float:
    """The time of one job on the clock on the wall, for jobs on several threads.

    Threads of whoever had the last turn may still wait for more work in a loop, so it begins when
    the process is quiet. It is done as often before, untimed: its own threads wake up, and cores
    that have slept get up to speed.
    """
    quiet_down()
    for _ in range(repeats):
        job()
    begin = time.perf_counter()
    for _ in range(repeats):
        job()
    return (time.perf_counter() - begin) / repeats


def page_faults(job: Job, draws: int = 5) -> int | None:
    """How many pages the system maps for one job that follows others of its kind.

    Args:
        job: What is done.
        draws: How often; the number is the median.

    Returns:
        The number; None where the system does not tell.
    """
    if resource is None:
        return None
    job()
    found = []
    for _ in range(draws):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        job()
        found.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return statistics.median_low(found)


def quiet_down() -> None:
    """Wait until no thread of this process is running; go on after a second, with a warning."""
    for _ in range(round(1 / QUIET_SECONDS)):
        begin, busy = time.perf_counter(), time.process_time()
        time.sleep(QUIET_SECONDS)
        if time.process_time() - busy < QUIET_SHARE * (time.perf_counter() - begin):
            return
    warnings.warn("threads of the last turn are running on beside the next one", stacklevel=2)


def _repeats(job: Job, seconds: Clock, shortest: float) -> int:
    if shortest == 0:
        return 1
    seconds(job, 1)
    once = seconds(job, 1)
    return max(1, round(shortest / max(once, 1e-7)))
