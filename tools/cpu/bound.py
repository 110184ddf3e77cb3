# SPDX-License-Identifier: Apache-2.0
"""The least time a pass can take on the processor that the benchmarks ran on, an AMD Zen 5.

The rates were measured there (docs/cpu.md): two pipes multiply, two add, and all four do the rest.
They are the same for vectors of 256 and 512 bits, but for stores.
"""

from __future__ import annotations

from collections import Counter

from tools.cpu.classes import Kind, reads_memory
from tools.cpu.listing import Instruction, Pass

_MULTIPLIERS = {Kind.MULTIPLY, Kind.FMA, Kind.SQRT}
_ADDERS = {Kind.FLOAT, Kind.CONVERT, Kind.SHIFT}
_NO_PIPE = {Kind.MOVE, Kind.LOAD, Kind.STORE, Kind.SCALAR}
"""Moves between registers are done by renaming them."""
_A_CYCLE = {"multipliers": 2, "adders": 2, "all pipes": 4, "loads": 2, "stores": 2, "dispatch": 8}
_CYCLES_OF_ROOT = {"ps": 4.5, "pd": 7.5}


def cycles(passes: list[Pass], outputs: int) -> dict[str, float]:
    """Cycles an element that each resource is busy, and what the passes take one after another.

    Args:
        passes: The passes of a kernel.
        outputs: Elements a step makes.
    """
    total: Counter[str] = Counter()
    for one in passes:
        busy: Counter[str] = Counter()
        for instruction in one.loop:
            busy.update(_needs(instruction))
        elements = one.steps * outputs
        total.update({name: cycles / elements for name, cycles in busy.items()})
        total["pass after pass"] += max(busy.values()) / elements
    return dict(total)


def _needs(instruction: Instruction) -> dict[str, float]:
    """For how many cycles an instruction keeps each resource from others."""
    kind, name = instruction.kind, instruction.mnemonic
    needs = {"dispatch": 1.0}
    if kind in _MULTIPLIERS or name.startswith("vblendv"):
        needs["multipliers"] = 1.0
    if kind in _ADDERS:
        needs["adders"] = 1.0
    if kind not in _NO_PIPE:
        needs["all pipes"] = 1.0
    if reads_memory(name, instruction.operands):
        needs["loads"] = 1.0
    if kind is Kind.STORE:
        needs["stores"] = 2.0 if "%zmm" in instruction.operands else 1.0
    needs = {resource: amount / _A_CYCLE[resource] for resource, amount in needs.items()}
    if kind is Kind.SQRT:
        needs["root"] = _CYCLES_OF_ROOT[name[-2:]]
    return needs
