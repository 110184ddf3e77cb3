# SPDX-License-Identifier: Apache-2.0
"""A draw on more and more threads, beside as many processes that share nothing.

Those processes say what the cores can do at once: less than their number where they share a clock,
a power limit or, in a virtual machine, the host with strangers.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

import reprorng
from benchmarks.machine import bind, processors
from benchmarks.progress import track
from benchmarks.run import (
    THREADED_SECONDS,
    Job,
    digits,
    quiet_down,
    ratios,
    take_turns,
    wall_seconds,
)

MOST_PROCESSES = 8
"""Each of them has torch in a memory of its own."""

STAMPS = 1 << 16
"""Draws of one turn that a process can tell about."""


def thread_scaling(
    counts: Sequence[int], numbers: Sequence[int], rounds: int
) -> list[dict[str, Any]]:
    """Float32 normals into touched buffers on several numbers of threads, and by as many processes.

    Args:
        counts: The sizes.
        numbers: The numbers of threads, from one on.
        rounds: How often each has its turn.
    """
    apart = [n for n in numbers[1:] if n <= MOST_PROCESSES]
    rows = []
    for count in track(counts, "growth, threads"):
        buffer = torch.zeros(count)
        jobs: dict[str, Job] = {str(n): OnThreads(n, buffer) for n in numbers}
        with companions(max(apart, default=1) - 1, count) as others:
            for n in apart:
                jobs[f"{n} processes"] = InProcesses(others[: n - 1], buffer)
            times = take_turns(jobs, own_seconds, rounds, THREADED_SECONDS)
        for n in numbers:
            times_one, quartiles = ratios(times["1"], times[str(n)])
            theirs = times.get("1" if n == 1 else f"{n} processes")
            rows.append(
                {
                    "count": count,
                    "threads": n,
                    "ns_per_element": digits(statistics.median(times[str(n)]) / count * 1e9),
                    "times_one_thread": times_one,
                    "times_one_thread_quartiles": quartiles,
                    "processes_times_one": theirs and ratios(times["1"], theirs)[0],
                }
            )
    return rows


def thread_numbers(most: int, *, full: bool = True) -> list[int]:
    """The powers of two up to a number, and that number; unless full, none of them above 2."""
    powers = {1 << i for i in range(most.bit_length())}
    return sorted((powers if full else powers & {1, 2}) | {most})


class OnThreads:
    """A draw on a number of threads.

    Args:
        threads: How many.
        buffer: What it fills.
    """

    def __init__(self, threads: int, buffer: torch.Tensor) -> None:
        """See the class."""
        self.threads = threads
        self._buffer = buffer
        self._generator = reprorng.Generator(0)

    def __call__(self) -> None:
        """Draw."""
        reprorng.normal_(self._buffer, generator=self._generator)

    def seconds(self, repeats: int) -> float:
        """The time of one draw; setting the number of threads is not timed."""
        torch.set_num_threads(self.threads)
        return wall_seconds(self, repeats)


class Companion:
    """Another process that draws whenever it is told to, on one processor.

    Args:
        processor: The number of the processor.
        count: How many elements it draws at once, into a buffer of its own.
    """

    def __init__(self, processor: int, count: int) -> None:
        """See the class."""
        spawning = multiprocessing.get_context("spawn")
        self._told = spawning.Event()
        self._going = spawning.RawValue("b", 0)
        self._drawn = spawning.RawValue("l", 0)
        self._stamps = spawning.RawArray("d", STAMPS)
        shared = (self._told, self._going, self._drawn, self._stamps)
        self._process = spawning.Process(
            target=_draw_when_told, args=(processor, count, *shared), daemon=True
        )
        self._process.start()

    def go(self) -> None:
        """Begin, or begin again, to draw; returns when it does."""
        self._drawn.value = 0
        self._going.value = 1
        self._told.set()
        while not self.drawn():
            if not self._process.is_alive():
                raise RuntimeError("a process that draws beside this one has ended")
            time.sleep(0)

    def drawn(self) -> int:
        """How many draws it has finished since it began."""
        return int(self._drawn.value)

    def draws_a_second(self, since: int) -> float:
        """How fast it was since it had finished so many."""
        now = self.drawn()
        seconds = self._stamps[(now - 1) % STAMPS] - self._stamps[(since - 1) % STAMPS]
        return float((now - since) / seconds)

    def stop(self) -> None:
        """Have it wait after this draw."""
        self._told.clear()
        self._going.value = 0

    def end(self) -> None:
        """Have it end."""
        self._process.terminate()
        self._process.join()


class InProcesses:
    """Draws by this process and its companions at once, each into a buffer of its own.

    Args:
        others: The companions.
        buffer: What this one fills.
    """

    def __init__(self, others: Sequence[Companion], buffer: torch.Tensor) -> None:
        """See the class."""
        self._companions = others
        self._own = OnThreads(1, buffer)

    def __call__(self) -> None:
        """Draw what is this process's part."""
        self._own()

    def seconds(self, repeats: int) -> float:
        """The time of one draw, if what all of them make in some time is divided by it."""
        torch.set_num_threads(1)
        quiet_down()
        with _bound(processors()[0]):
            for companion in self._companions:
                companion.go()
            self._draw(repeats)
            rate = self._draw(repeats)
            for companion in self._companions:
                companion.stop()
        return 1 / rate

    def _draw(self, repeats: int) -> float:
        """Draws a second of all, while each makes so many or more."""
        before = [companion.drawn() for companion in self._companions]
        own = 0
        begin = time.perf_counter()
        while own < repeats or any(
            companion.drawn() < since + repeats
            for companion, since in zip(self._companions, before, strict=True)
        ):
            self()
            own += 1
        rate = own / (time.perf_counter() - begin)
        return rate + sum(
            companion.draws_a_second(since)
            for companion, since in zip(self._companions, before, strict=True)
        )


@contextmanager
def companions(number: int, count: int) -> Iterator[list[Companion]]:
    """Companions, each on a processor of its own; the first is for this process.

    Args:
        number: How many.
        count: How many elements each draws at once.
    """
    found: list[Companion] = []
    try:
        for processor in processors()[1 : number + 1]:
            found.append(Companion(processor, count))
        yield found
    finally:
        for companion in found:
            companion.end()


def own_seconds(job: Job, repeats: int) -> float:
    """The clock of `OnThreads` and `InProcesses`."""
    assert isinstance(job, OnThreads | InProcesses)
    return job.seconds(repeats)


def _draw_when_told(
    processor: int, count: int, told: Any, going: Any, drawn: Any, stamps: Any
) -> None:
    """What a companion does."""
    draw = OnThreads(1, torch.zeros(count))
    torch.set_num_threads(1)
    bind({processor})
    while True:
        told.wait()
        while going.value:
            draw()
            stamps[drawn.value % STAMPS] = time.perf_counter()
            drawn.value += 1


@contextmanager
def _bound(processor: int) -> Iterator[None]:
    """This thread runs on one core only."""
    before = processors()
    bind({processor})
    try:
        yield
    finally:
        bind(before)
