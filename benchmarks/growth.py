# SPDX-License-Identifier: Apache-2.0
"""How cost grows: with size, threads, the place of a slice, a batch, the time between draws."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

import reprorng
from benchmarks.children import in_child
from benchmarks.frameworks import import_error
from benchmarks.machine import cores
from benchmarks.progress import track
from benchmarks.run import Job, after_another, digits, process_seconds, ratios, take_turns
from benchmarks.scaling import thread_numbers, thread_scaling

COUNTS = tuple(1 << bits for bits in (10, 14, 18, 20, 22, 24, 26, 28, 30))
QUICK_COUNTS = (1 << 20, 1 << 24)
THREADED_COUNTS = (1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24)
QUICK_THREADED_COUNTS = (1 << 18, 1 << 22)
OFFSETS = (0, 1 << 20, 1 << 40, 1 << 60)
PAUSED_COUNTS = (1 << 24, 1 << 26)
PAUSES = (0.0, 3.0)
"""Seconds; a host was seen to take back what its guest had freed three seconds before."""

SLICE = 4096
BATCHES = (1, 2, 4, 8, 16, 32, 64)
LATENT = (4, 64, 64)

SIZE_ROUNDS = 7
"""Draws of each size; the largest takes seconds."""

_STATUS = Path("/proc/self/status")
_PEAK = Path("/proc/self/clear_refs")


def growth(*, full: bool) -> dict[str, Any]:
    """All five, each in processes of its own; without diffusers all but the lists of generators."""
    missing = import_error("diffusers")
    rounds = 51 if full else 11
    paused = (PAUSED_COUNTS, PAUSES, 7) if full else (PAUSED_COUNTS[:1], PAUSES, 1)
    return {
        "left_out": {} if missing is None else {"generators in a list": missing},
        "size": sizes(full=full),
        "threads": in_child(
            thread_scaling,
            THREADED_COUNTS if full else QUICK_THREADED_COUNTS,
            thread_numbers(cores(), full=full),
            3 * rounds,  # for neighbours on the host slow down a core for seconds
            threads=cores(),
        ),
        # A flat line wants many rounds, and they are short.
        "offset": in_child(slices, 8 * rounds, threads=1),
        "generators": [] if missing else in_child(batches, BATCHES, rounds, threads=1),
        "pauses": in_child(pauses, *paused, threads=1),
    }


def sizes(*, full: bool) -> list[dict[str, Any]]:
    """Seconds and memory of a draw, each size in a new process."""
    wanted = [
        (count, dtype, threads)
        for threads in (sorted({1, cores()}) if full else (1,))
        for dtype in (("float32", "bfloat16") if full else ("float32",))
        for count in (COUNTS if full else QUICK_COUNTS)
    ]
    return [in_child(one_size, *each, threads=each[2]) for each in track(wanted, "growth, size")]


def one_size(count: int, dtype: str, threads: int) -> dict[str, Any]:
    """New tensors of one size: the median of the time, the peak of the memory of the first.

    Args:
        count: How many elements.
        dtype: The name of their type.
        threads: On how many threads this process is.

    Returns:
        Its row; `peak_bytes` is above what the process held before, None where that is not known.
    """
    generator = reprorng.Generator(0)
    options: dict[str, Any] = {"generator": generator, "dtype": getattr(torch, dtype)}
    # So that the threads are there; kept, for its memory would be where the draw's is looked for.
    kept = reprorng.normal_(torch.empty(THREADED_COUNTS[2]), generator=generator)
    before = _memory("VmRSS")
    known = forget_peak()
    reprorng.randn(count, **options)
    peak = _memory("VmHWM") if known else None
    del kept
    seconds = []
    for _ in range(SIZE_ROUNDS):
        begin = time.perf_counter()
        reprorng.randn(count, **options)
        seconds.append(time.perf_counter() - begin)
    low, middle, high = statistics.quantiles(seconds, method="inclusive")
    return {
        "count": count,
        "dtype": dtype,
        "threads": threads,
        "seconds": digits(middle),
        "seconds_quartiles": [digits(low), digits(high)],
        "peak_bytes": None if before is None or peak is None else max(0, peak - before),
        "output_bytes": count * options["dtype"].itemsize,
    }


def forget_peak() -> bool:
    """Have Linux take this process's memory of now for its peak. Whether it did."""
    try:
        _PEAK.write_text("5")
    except OSError:  # not Linux, or a container that may not
        return False
    return True


def slices(rounds: int) -> list[dict[str, Any]]:
    """A slice of the stream at several offsets."""

    def job(offset: int) -> Job:
        return lambda: reprorng.randn(SLICE, seed=0, position=offset)

    times = take_turns({str(offset): job(offset) for offset in OFFSETS}, process_seconds, rounds)
    rows = []
    for offset, own in times.items():
        times_zero, quartiles = ratios(own, times["0"])
        rows.append(
            {
                "offset": int(offset),
                "microseconds": digits(statistics.median(own) * 1e6),
                "times_zero": times_zero,
                "times_zero_quartiles": quartiles,
            }
        )
    return rows


def batches(sizes: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """`randn_tensor` with a generator for each image, ours and torch's.

    Args:
        sizes: How many images.
        rounds: How often each has its turn.
    """
    from diffusers.utils.torch_utils import randn_tensor

    rows = []
    for batch in track(sizes, "growth, generators"):
        shape = (batch, *LATENT)
        lists: dict[str, list[Any]] = {
            "reprorng": [reprorng.Generator(seed) for seed in range(batch)],
            "torch": [torch.Generator().manual_seed(seed) for seed in range(batch)],
        }

        def job(generators: list[Any], shape: tuple[int, ...] = shape) -> Job:
            return lambda: randn_tensor(shape, generators)

        jobs = {whose: job(generators) for whose, generators in lists.items()}
        for whose, own in take_turns(jobs, process_seconds, rounds).items():
            microseconds = statistics.median(own) * 1e6
            rows.append(
                {
                    "batch": batch,
                    "microseconds": digits(microseconds),
                    "microseconds_each": digits(microseconds / batch),
                    "whose": whose,
                }
            )
    return rows


def pauses(
    counts: Sequence[int], seconds_between: Sequence[float], rounds: int
) -> list[dict[str, Any]]:
    """Float32 normals in new memory, each draw some time after another of its kind.

    Args:
        counts: The sizes.
        seconds_between: The times.
        rounds: How often each has its turn.
    """
    rows = []
    for count in track(counts, "growth, pauses"):
        generator = reprorng.Generator(0)
        jobs: dict[str, Job] = {
            "reprorng.randn": partial(reprorng.randn, count, generator=generator),
            "reprorng.normal_(torch.empty)": partial(_fill_empty, count, generator),
            "torch.randn": partial(torch.randn, count),
        }
        for pause in seconds_between:
            times = take_turns(jobs, after_another(process_seconds, pause), rounds, shortest=0)
            rows += [
                {
                    "call": call,
                    "count": count,
                    "pause_seconds": pause,
                    "ns_per_element": digits(statistics.median(own) / count * 1e9),
                }
                for call, own in times.items()
            ]
    return rows


def _fill_empty(count: int, generator: reprorng.Generator) -> None:
    """A draw into memory that no large pages are asked for."""
    reprorng.normal_(torch.empty(count), generator=generator)


def _memory(field: str) -> int | None:
    """What Linux says of this process's memory, in bytes.

    The peak is read here since the one of `getrusage` may be that of the parent.
    """
    if not _STATUS.exists():
        return None
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))
