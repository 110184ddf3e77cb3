# SPDX-License-Identifier: Apache-2.0
"""The contestants of a case against each other, as rows."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import torch

import reprorng
from benchmarks import contestants, gpu
from benchmarks.cases import Case, cpu_cases, gpu_cases, mapped_cases
from benchmarks.children import MAPPING, in_child
from benchmarks.contestants import Contestant
from benchmarks.machine import Watch, cores
from benchmarks.progress import track
from benchmarks.run import (
    MINIMUM_SECONDS,
    THREADED_SECONDS,
    Clock,
    Job,
    after_another,
    digits,
    page_faults,
    process_seconds,
    ratios,
    take_turns,
    wall_seconds,
)
from benchmarks.scaling import thread_numbers

LARGE = 1 << 24
"""Elements from which a draw is long enough for fewer rounds."""

TRIES = 3
"""How often a case is measured at most, if others are busy each time."""


def on_cpu(*, full: bool) -> dict[str, Any]:
    """The cases of one thread, of two and of all, each in a process of its own."""
    numbers = thread_numbers(cores(), full=False)
    parts = [in_child(_on_threads, n, full, threads=n) for n in numbers]
    parts.append(in_child(_on_mapped, full, threads=1, environment=MAPPING))
    return {
        "left_out": parts[0]["left_out"],
        "rows": [row for part in parts for row in part["rows"]],
    }


def on_gpu(*, full: bool) -> dict[str, Any]:
    """The cases of the current GPU, and which of our backends writes its memory."""
    backend = reprorng.backends.select(torch.device("cuda")).name
    found = _compare_all(gpu_cases(full=full), contestants.GPU, gpu.seconds, full)
    return {"backend": backend, **found}


def compare(
    case: Case, able: Sequence[Contestant], clock: Clock, rounds: int
) -> list[dict[str, Any]]:
    """One row for each contestant that has such numbers.

    Args:
        case: What is drawn.
        able: Who can run here; torch and the memset must be among them.
        clock: What times them.
        rounds: How often each has its turn.
    """
    buffer = case.buffer()
    found = {who.name: who.job(case, buffer) for who in able}
    jobs = {name: job for name, job in found.items() if job is not None}
    turns = after_another(clock) if case.fresh else clock
    shortest = MINIMUM_SECONDS if case.threads == 1 else THREADED_SECONDS
    times = take_turns(jobs, turns, rounds, shortest)
    return [_row(case, name, times) | _faults(case, job) for name, job in jobs.items()]


def _faults(case: Case, job: Job) -> dict[str, int | None]:
    """How much of the memory of a draw the system maps for it: fresh memory may be used before."""
    return {"page_faults": page_faults(job)} if case.fresh else {}


def _row(case: Case, name: str, times: dict[str, list[float]]) -> dict[str, Any]:
    own = times[name]
    nanoseconds = statistics.median(own) / case.count * 1e9
    times_torch, quartiles = ratios(times["torch"], own)
    return {
        "kind": case.kind,
        "dtype": case.dtype,
        "count": case.count,
        "memory": case.memory,
        "threads": case.threads,
        "contestant": name,
        "ns_per_element": digits(nanoseconds),
        "gb_per_s": digits(case.torch_dtype.itemsize / nanoseconds),
        "times_torch": times_torch,
        "times_torch_quartiles": quartiles,
        "of_memset": ratios(times["memset"], own)[0],
    }


def _on_threads(threads: int, full: bool) -> dict[str, Any]:
    clock = process_seconds if threads == 1 else wall_seconds
    return _compare_all(cpu_cases(threads, full=full), contestants.CPU, clock, full)


def _on_mapped(full: bool) -> dict[str, Any]:
    return _compare_all(mapped_cases(full=full), contestants.MAPPED, process_seconds, full)


def _compare_all(
    cases: Iterable[Case], everyone: Sequence[Contestant], clock: Clock, full: bool
) -> dict[str, Any]:
    reasons = contestants.left_out(everyone)
    able = [who for who in everyone if who.name not in reasons]
    rows = []
    chosen = list(cases)
    what = f"{chosen[0].device}, {chosen[0].threads} thread(s)"
    for case in track(chosen, description=what):
        rounds = 7 if not full else 25 if case.count < LARGE else 11
        rows += _undisturbed(case, able, clock, rounds, tries=TRIES if full else 1)
    return {"left_out": reasons, "rows": rows}


def _undisturbed(
    case: Case, able: Sequence[Contestant], clock: Clock, rounds: int, tries: int
) -> list[dict[str, Any]]:
    """The rows of a case, measured again while others are busy, and how busy they were.

    What counts is the try in which they were least busy, whatever came out of it.
    """
    found = []
    for _ in range(tries):
        with Watch() as watch:
            rows = compare(case, able, clock, rounds)
        found.append((watch.others, rows))
        if watch.idle is not False:
            break
    # Where the system does not tell, there is but one.
    others, rows = min(found, key=lambda one: one[0] or 0.0)
    return [row | {"others": others} for row in rows]
