# SPDX-License-Identifier: Apache-2.0
"""The CPU kernels, compiled as setup.py compiles them and taken apart again."""

from __future__ import annotations

import ast
import platform
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from types import SimpleNamespace

from tools.cpu.listing import Program, read

ROOT = Path(__file__).resolve().parent.parent.parent
_CSRC = ROOT / "csrc"
KERNELS = {
    "normal_float32": "Normal<float>",
    "uniform_float32": "Uniform<float, 24>",
    "bits_uint32": "Bits<unsigned int>",
    "normal_bfloat16": "Normal<reprorng::BFloat16>",
    "normal_float64": "Normal<double>",
}
"""Kernels that differ in what they do, and the kinds of csrc/reprorng/kinds.h they are for."""


@dataclass(frozen=True)
class Target:
    """An instruction set: its source, how many blocks a step takes, and what there is to ask."""

    name: str
    machine: str
    blocks: int
    processors: tuple[str, ...]

    def tool(self, name: str) -> str:
        """What a tool for this machine is called here."""
        here = platform.machine().lower().replace("amd64", "x86_64").replace("arm64", "aarch64")
        return name if self.machine == here else f"{self.machine}-linux-gnu-{name}"

    def missing(self) -> list[str]:
        """The programs it needs that are not installed."""
        return [t for t in map(self.tool, ("g++", "objdump")) if shutil.which(t) is None]

    def rounds(self) -> list[list[int]]:
        """The rounds of the passes over words, counted from 1: csrc/reprorng/fill.h."""
        source = (_CSRC / f"reprorng/vec_{self.name}.h").read_text()
        (between,) = re.findall(r" kPassRounds\[\] = {([\d, ]+)};", source)
        first, last = (
            _constant("kFirstRounds", "philox.h"),
            _constant("kPhiloxRounds", "constants.h"),
        )
        ends = [0, *accumulate(map(int, between.split(",")), initial=first), last]
        return [list(range(start + 1, end + 1)) for start, end in pairwise(ends)]

    def passes(self, kernel: str) -> int:
        """How many passes fill.h has for a kernel: a normal's radius takes one more."""
        return len(self.rounds()) + (2 if kernel.startswith("normal") else 1)

    def outputs(self, kernel: str) -> int:
        """Elements a step makes."""
        return self.blocks * (2 if kernel.endswith("64") else 4)


TARGETS = [
    Target("avx512", "x86_64", 8, ("skylake-avx512", "znver4")),
    Target("avx2", "x86_64", 8, ("skylake", "icelake-server", "sapphirerapids", "znver3")),
    Target("neon", "aarch64", 4, ("neoverse-n1", "neoverse-v2", "apple-a14")),
]


def flags(target: Target) -> list[str]:
    """What setup.py compiles a target's source with: its assignments, without its call."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    tree.body = [node for node in tree.body if isinstance(node, (ast.Assign, ast.If))]
    names = {"sysconfig": SimpleNamespace(get_platform=lambda: f"linux-{target.machine}")}
    exec(compile(tree, "setup.py", "exec"), names)
    return [*names["FLAGS"], *names["FILE_FLAGS"].get(_source(target).name, [])]


def programs(target: Target) -> dict[str, Program]:
    """The code of the kernels of KERNELS on one target."""
    functions = _functions(target).items()
    starts = {kernel: f"void reprorng::fill<reprorng::{kind}, " for kernel, kind in KERNELS.items()}
    return {
        kernel: next(program for name, program in functions if name.startswith(start))
        for kernel, start in starts.items()
    }


def _functions(target: Target) -> dict[str, Program]:
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder, "fill.o")
        command = [target.tool("g++"), "-std=c++17", *flags(target), "-I", str(_CSRC)]
        subprocess.run([*command, "-c", str(_source(target)), "-o", str(compiled)], check=True)
        dump = [target.tool("objdump"), "--disassemble", "--demangle", "--no-show-raw-insn"]
        run = subprocess.run([*dump, str(compiled)], check=True, capture_output=True, text=True)
    return read(run.stdout)


def compiler(target: Target) -> str:
    """The compiler's own words for its version."""
    command = [target.tool("g++"), "--version"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[0]


def _source(target: Target) -> Path:
    return _CSRC / f"fill_{target.name}.cpp"


def _constant(name: str, header: str) -> int:
    source = (_CSRC / "reprorng" / header).read_text()
    (value,) = re.findall(rf"^constexpr int {name} = (\d+);", source, re.MULTILINE)
    return int(value)
