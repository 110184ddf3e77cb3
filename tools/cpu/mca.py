# SPDX-License-Identifier: Apache-2.0
"""What llvm-mca says of a pass: cycles, and how busy each part of a processor would be.

Where LLVM has no model of a processor, it takes an older relative's without saying so: LLVM 19 has
that of Cyclone for apple-a14.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from tools.cpu.listing import Pass, Program

_ITERATIONS = 200
_LABEL = "again"


@dataclass
class Simulated:
    """Cycles an element, and for how many of them each resource is busy.

    Resources are named as llvm-mca numbers them, since those of a group share their name.
    """

    cycles: float = 0.0
    busy: Counter[str] = field(default_factory=Counter)

    @property
    def busiest(self) -> tuple[str, float]:
        """The resource that is busy most, and the share of the time that it is."""
        name, cycles = self.busy.most_common(1)[0]
        return name.split()[-1], cycles / self.cycles


def version() -> str | None:
    """LLVM's version, None where there is no llvm-mca."""
    if shutil.which("llvm-mca") is None:
        return None
    found = re.search(r"LLVM version (\S+)", _run("--version"))
    return found[1] if found else None


@cache
def knows(machine: str, processor: str) -> bool:
    """Whether this llvm-mca has heard of a processor."""
    return f"  {processor} " in _run(f"-mtriple={machine}", "-mcpu=help")


def simulate(machine: str, processor: str, passes: list[Pass], outputs: int) -> Simulated:
    """What a tile costs, one pass after another, each in its steady state."""
    whole = Simulated()
    for one in passes:
        text = _run(
            f"-mtriple={machine}",
            f"-mcpu={processor}",
            f"-iterations={_ITERATIONS}",
            source=assembly(one.loop),
        )
        elements = one.steps * outputs
        whole.cycles += int(_found(r"Total Cycles: +(\d+)", text)) / _ITERATIONS / elements
        names = re.findall(r"^\[[\d.]+\] +- \S+$", text, re.MULTILINE)
        pressures = _found(r"Resource pressure per iteration:\n.*\n(.*)\n", text).split()
        for name, pressure in zip(names, pressures, strict=True):
            whole.busy[name] += 0 if pressure == "-" else float(pressure) / elements
    return whole


def assembly(loop: Program) -> str:
    """The loop, as an assembler takes it."""
    lines = [f"{_LABEL}:"]
    for instruction in loop:
        operands = instruction.operands
        if instruction.target is not None or instruction.mnemonic == "adrp":
            operands = re.sub(r"[0-9a-f]+$", _LABEL, operands)
        lines.append(f"{instruction.mnemonic} {operands}")
    return "\n".join(lines) + "\n"


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if not found:
        raise ValueError(f"llvm-mca printed nothing like {pattern!r}:\n{text}")
    return found[1]


def _run(*arguments: str, source: str = "") -> str:
    run = subprocess.run(
        ["llvm-mca", *arguments], input=source, capture_output=True, text=True, check=False
    )
    if run.returncode and "help" not in arguments[-1]:
        raise ValueError(f"llvm-mca {' '.join(arguments)}: {run.stderr}")
    return run.stdout + run.stderr
