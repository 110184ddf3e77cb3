# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's machine code: disassembled, read, and counted along the path of a full program."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tools.gpu.flow import Instruction, Program

# Triton has a ptxas of its own for some architectures since 3.6.
_ASK_TRITON = """
import inspect, json
from triton import knobs
from triton.backends.nvidia.compiler import get_ptxas
takes_architecture = inspect.signature(get_ptxas).parameters
found = {f"sm_{n}": get_ptxas(*[n][: len(takes_architecture)]) for n in (80, 90, 100, 120)}
found["nvdisasm"] = knobs.nvidia.nvdisasm
print(json.dumps({name: [tool.path, tool.version] for name, tool in found.items()}))
"""


@functools.cache
def tools(python: str = sys.executable) -> dict[str, tuple[str, str]]:
    """The path and the version of `nvdisasm`, and of the `ptxas` for each target by its name.

    Args:
        python: An interpreter that has the Triton whose tools are wanted.
    """
    found = subprocess.check_output([python, "-c", _ASK_TRITON], text=True)
    return {name: tuple(tool) for name, tool in json.loads(found).items()}


@functools.cache
def disassemble(cubin: bytes) -> str:
    """The listing of a cubin."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [tools()["nvdisasm"][0], "-c", file.name]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def assemble(ptx: str, target: str, python: str = sys.executable) -> bytes:
    """What the `ptxas` that Triton has for a target makes of PTX, with Triton's options."""
    with tempfile.TemporaryDirectory() as folder:
        source, cubin = Path(folder) / "source.ptx", Path(folder) / "made.cubin"
        source.write_text(ptx)
        name = re.search(r"^\.target\s+(\w+)", ptx, re.M)[1]
        ptxas = tools(python)[target][0]
        command = [ptxas, "--fmad=false", f"--gpu-name={name}", str(source), "-o", str(cubin)]
        subprocess.run(command, check=True)
        return cubin.read_bytes()


_LINE = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:@(!?U?P\w+)\s+)?([A-Z][\w.]*)\s*([^;]*);")
_SCHEDULE = re.compile(r"(^|\s+)[&?]\w+.*")  # some versions write it behind the operands
_LABEL = re.compile(r"^\s*(\.L_[\w.]+):")
_STORE = re.compile(r"STG?(?:\.[A-Z]+)*(?:\.[US]?(\d+))?(?:\.[A-Z]+)*")
_TARGET = re.compile(r"`\((\.L_[\w.]+)\)")
_INDIRECT = {"BRX", "BRXU", "JMP", "JMX", "JMXU"}


def parse(listing: str) -> Program:
    """The instructions of a listing with one kernel.

    Raises:
        ValueError: For a jump whose target does not stand in the listing.
    """
    code: list[Instruction] = []
    labels: dict[str, int] = {}
    for line in listing.splitlines():
        if label := _LABEL.match(line):
            labels[label[1]] = len(code)
        elif match := _LINE.search(line):
            code.append(_instruction(*match.groups()))
    return Program(tuple(code), tuple(_successors(i, code[i], labels) for i in range(len(code))))


def _instruction(guard: str | None, opcode: str, operands: str) -> Instruction:
    parts = tuple(part.strip() for part in _SCHEDULE.sub("", operands).split(",") if part.strip())
    base, *modifiers = opcode.split(".")
    width = 0
    if base in ("STG", "ST"):
        width = next(
            (int(m.lstrip("US")) // 8 for m in modifiers if re.fullmatch(r"[US]?\d+", m)), 4
        )
    return Instruction(opcode, parts, guard or "", width, base == "CALL")


def _successors(i: int, step: Instruction, labels: dict[str, int]) -> tuple[int, ...]:
    base = step.opcode.split(".")[0]
    if base in _INDIRECT:
        raise ValueError(f"{step}: the target is not in the listing")
    if base in ("EXIT", "RET"):
        return (i + 1,) if step.guard else ()
    if base == "BRA":
        target = labels[_TARGET.search(step.operands[-1])[1]]
        always = not step.guard and len(step.operands) == 1
        return (target,) if always else (target, i + 1)
    return (i + 1,)


_PIPES = {
    "float": "FFMA FMUL FADD FFMA2 FMUL2 FADD2 HFMA2 HMUL2 HADD2",
    "double": "DFMA DMUL DADD DSETP",
    "imad": "IMAD",
    "alu": "LOP3 IADD3 IADD LEA SHF SEL FSEL FMNMX FMNMX3 VIMNMX VIMNMX3 IMNMX ISETP FSETP I2FP "
    "F2FP PRMT MOV SGXT PLOP3 BMSK IABS VIADD VIADDMNMX P2R R2P",
    "xu": "MUFU I2F F2I F2F POPC S2R",
    "memory": "LD LDG LDC ST STG STL LDL STS LDS CS2R",
}
_PIPE_OF = {opcode: pipe for pipe, opcodes in _PIPES.items() for opcode in opcodes.split()}


def pipe(step: Instruction) -> str:
    """Which unit issues an instruction on sm_90; others move a few, which changes no total."""
    base = step.opcode.split(".")[0]
    if base.startswith(("U", "R2U", "S2U", "LDCU")):
        return "uniform"
    return _PIPE_OF.get(base, "control")


def per_output(program: Program, path: list[int], outputs: int) -> dict[str, Any]:
    """Instructions on a path for each of its outputs, in total and by pipe."""
    pipes = Counter(pipe(program.code[i]) for i in path)
    return {
        "total": len(path) / outputs,
        "pipes": {name: count / outputs for name, count in sorted(pipes.items())},
    }
