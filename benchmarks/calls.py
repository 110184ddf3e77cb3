# SPDX-License-Identifier: Apache-2.0
"""The time of small draws, which is that of the call, by every way there is to make one."""

from __future__ import annotations

import statistics
from typing import Any

import torch

import reprorng
from benchmarks.children import in_child
from benchmarks.progress import track
from benchmarks.run import Job, digits, process_seconds, ratios, take_turns

ELEMENTS = (4, 64, 256, 1024, 4096)
BASE = "torch.randn"


def calls(*, full: bool) -> dict[str, Any]:
    """Microseconds a call on one thread; `times_torch` is as in the other results."""
    return {"rows": in_child(_every_size, 101 if full else 15, threads=1)}


def jobs(count: int) -> dict[str, Job]:
    """The calls, by how they are written."""
    ours, theirs = reprorng.Generator(0), torch.Generator()
    return {
        "reprorng.randn": lambda: reprorng.randn(count),
        "reprorng.randn(seed=0)": lambda: reprorng.randn(count, seed=0),
        "reprorng.randn(generator=g)": lambda: reprorng.randn(count, generator=ours),
        "g.randn": lambda: ours.randn(count),
        "torch.randn(generator=g)": lambda: torch.randn(count, generator=ours),
        BASE: lambda: torch.randn(count),
        "torch.randn(generator=torch.Generator())": lambda: torch.randn(count, generator=theirs),
        "torch.empty": lambda: torch.empty(count),
    }


def rows(count: int, rounds: int) -> list[dict[str, Any]]:
    """One row for each call."""
    times = take_turns(jobs(count), process_seconds, rounds)
    found = []
    for call, own in times.items():
        times_torch, quartiles = ratios(times[BASE], own)
        found.append(
            {
                "call": call,
                "elements": count,
                "microseconds": digits(statistics.median(own) * 1e6),
                "times_torch": times_torch,
                "times_torch_quartiles": quartiles,
            }
        )
    return found


def _every_size(rounds: int) -> list[dict[str, Any]]:
    return [row for count in track(ELEMENTS, "calls") for row in rows(count, rounds)]
