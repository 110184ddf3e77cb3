# SPDX-License-Identifier: Apache-2.0
"""What a result needs to say about where and when it was measured."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

import reprorng
from reprorng import _core

_PACKAGES = (
    "torch",
    "numpy",
    "diffusers",
    "triton",
    "randomgen",
    "mkl",
    "jax",
    "tensorflow-cpu",
)
_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_PROCESSOR = Path("/proc/cpuinfo")
_STAT = Path("/proc/stat")
_NUMBERS = ("cpu family", "model", "CPU implementer", "CPU part")
"""What tells processors apart in /proc/cpuinfo; on ARM there is no name."""

_BUSY_FIELDS = (0, 1, 2, 5, 6, 7)
"""Of the line `cpu` in /proc/stat: user, nice, system, both interrupts, and what the host took."""

IDLE = 0.1
"""Cores that others may keep busy on a machine that still counts as idle."""


def describe() -> dict[str, Any]:
    """Date, commit, machine, instruction set and versions, ready for JSON."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "commit": _commit(),
        "algorithm": reprorng.ALGORITHM,
        "machine": _processor(),
        "cores": cores(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "instruction_set": reprorng.backends.get("cpu").instruction_set,
        "system": f"{platform.system()} {platform.machine()}",
        "transparent_huge_pages": _huge_pages(),
        "compiler": _core.COMPILER,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def processors() -> list[int]:
    """The numbers of the cores this process may use; any numbers where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cores() -> int:
    """The cores this process may use."""
    return len(processors())


def bind(numbers: Collection[int]) -> None:
    """Have this thread run on these cores only, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, numbers)


class Watch:
    """How busy others keep the machine while a `with` block runs, on Linux.

    Attributes:
        others: Cores kept busy by other processes and by the host, on average; None where the
            system does not tell.
    """

    others: float | None = None

    def __enter__(self) -> Watch:
        """Start to count."""
        self._begin = time.monotonic(), _busy_seconds(), _own_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting; child processes that have ended are no others."""
        begin, busy, own = self._begin
        now = _busy_seconds()
        if busy is not None and now is not None:
            spent = now - busy - (_own_seconds() - own)
            self.others = max(0.0, spent / max(time.monotonic() - begin, 1e-9))

    @property
    def idle(self) -> bool | None:
        """Whether the machine was otherwise idle; None where the system does not tell."""
        return None if self.others is None else self.others <= IDLE


def _busy_seconds() -> float | None:
    if not _STAT.exists():
        return None
    fields = _STAT.read_text().split("\n", 1)[0].split()[1:]
    return sum(int(fields[i]) for i in _BUSY_FIELDS) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    return sum(os.times()[:4])


def _huge_pages() -> str | None:
    """The mode in brackets of `always [madvise] never`."""
    if not _HUGE_PAGES.exists():
        return None
    modes = _HUGE_PAGES.read_text().split()
    return next((mode.strip("[]") for mode in modes if mode.startswith("[")), None)


def _processor() -> str:
    """The processor's model, with family and model numbers where Linux tells them."""
    if platform.system() == "Darwin":
        # Python says no more than "arm".
        return _said_by("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor()
    if not _PROCESSOR.exists():
        return platform.processor()
    lines = (line.split(":", 1) for line in _PROCESSOR.read_text().splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in lines}
    name = fields.get("model name", platform.machine())
    numbers = [f"{key} {fields[key]}" for key in _NUMBERS if key in fields]
    return f"{name} ({', '.join(numbers)})" if numbers else name


def _commit() -> str | None:
    """The commit that is checked out, marked if the tree has changes."""
    folder = str(Path(__file__).parent)
    return _said_by("git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=12")


def _said_by(*command: str) -> str | None:
    """What a command prints; None if nothing."""
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
