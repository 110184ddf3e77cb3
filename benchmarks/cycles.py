# SPDX-License-Identifier: Apache-2.0
"""Cycles an element of the kernels on this machine, to hold against their bounds in docs/cpu.md.

A guest has no counter of cycles, and no clock tells at which frequency a processor runs. So the
unit is timed as well, after every single draw: an addition that waits for another. Some processors
are slower for a while after instructions on wide vectors, and the unit has to be as slow.
"""

from __future__ import annotations

import ctypes
import random
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.run import Job, digits, process_seconds, ratios
from reprorng import _core
from reprorng.backends.cpu import GRAIN, KERNEL, WORTH_WAKING, CpuBackend
from tools.compiler import c_compiler
from tools.cpu.build import KERNELS

COUNT = 1 << 16
"""Elements of a draw: few enough for the caches."""

ADDITIONS = 1 << 17
"""They take about as long as a draw."""

PAIRS = 16
"""Draws, each with additions after it, in a turn of a kernel."""

QUICK_ROUNDS, FULL_ROUNDS = 15, 150

_CHAIN = Path(__file__).with_name("chain.c")


def cycles(*, full: bool) -> dict[str, Any]:
    """A row for each instruction set and kernel; left out where there is no C compiler."""
    compiler = c_compiler()
    if compiler is None:
        return {"left_out": {"cycles": "there is no C compiler"}, "rows": []}
    with tempfile.TemporaryDirectory() as folder:
        chain = compile_chain(compiler, Path(folder))
        return {"rows": measure(chain, FULL_ROUNDS if full else QUICK_ROUNDS)}


def compile_chain(compiler: Sequence[str], folder: Path) -> Callable[[int], int]:
    """`chain` of chain.c."""
    library = folder / "chain.so"
    command = [*compiler, "-O2", "-shared", "-fPIC", "-o", library, _CHAIN]
    subprocess.run(command, check=True, capture_output=True)
    chain = ctypes.CDLL(str(library)).chain
    chain.argtypes, chain.restype = [ctypes.c_uint64], ctypes.c_uint64
    found: Callable[[int], int] = chain
    return found


def measure(chain: Callable[[int], int], rounds: int) -> list[dict[str, Any]]:
    """Time the kernels of every vector instruction set that can run here.

    Args:
        chain: What a cycle is measured by.
        rounds: How often each has its turn.
    """
    able = [one for one in CpuBackend.variants() if one.why_not() is None]
    draws = {
        (one.instruction_set, kernel): _draw(one.variant, kernel)
        for one in able
        if one.instruction_set != "scalar"
        for kernel in KERNELS
    }
    add = partial(chain, ADDITIONS)
    times: dict[tuple[str, str], list[tuple[float, float]]] = {name: [] for name in draws}
    order, dice = list(draws), random.Random(0)
    for _ in range(rounds):
        dice.shuffle(order)
        for name in order:
            times[name].append(_turn(draws[name], add))
    return [_row(*name, times[name]) for name in draws]


def _turn(draw: Job, add: Job) -> tuple[float, float]:
    drawn = added = 0.0
    for _ in range(PAIRS):
        drawn += process_seconds(draw, 1)
        added += process_seconds(add, 1)
    return drawn, added


def _draw(variant: int, kernel: str) -> Job:
    out = torch.empty(COUNT, dtype=torch.float64)

    def draw() -> None:
        place = (0, 0, 0, COUNT, out.data_ptr())
        _core.fill(variant, KERNEL[kernel], *place, 1, GRAIN, WORTH_WAKING)

    return draw


def _row(instruction_set: str, kernel: str, times: list[tuple[float, float]]) -> dict[str, Any]:
    scale = ADDITIONS / COUNT
    middle, quartiles = ratios(*zip(*times, strict=True))
    each = [drawn / added for drawn, added in times]
    twentieth, *_ = statistics.quantiles(each, n=20, method="inclusive")
    return {
        "instruction_set": instruction_set,
        "kernel": kernel,
        "cycles": digits(scale * middle),
        "cycles_quartiles": [digits(scale * one) for one in quartiles],
        "cycles_of_fastest_twentieth": digits(scale * twentieth),
    }
