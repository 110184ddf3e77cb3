# SPDX-License-Identifier: Apache-2.0
"""AMD's assembly, as Triton writes it: instructions, and what the kernel's descriptor says."""

from __future__ import annotations

import re

from tools.gpu.flow import Instruction, Program

_BODY = re.compile(r"^(\w+):[^\n]*; @\1$(.*?)^\s+\.section", re.M | re.S)
_COMMENT = re.compile(r";.*|//.*")
_LABEL = re.compile(r"^(\.?\w+):")
_INSTRUCTION = re.compile(r"^\s+([a-z]\w*)(?:\s+(.*))?$")
_STORE = re.compile(r"(?:buffer|global|flat)_store_(?:d16_hi_)?(\w+?)(?:_d16_hi)?$")
_BYTES = {
    **{"byte": 1, "short": 2, "dword": 4, "dwordx2": 8, "dwordx3": 12, "dwordx4": 16},
    **{"b8": 1, "b16": 2, "b32": 4, "b64": 8, "b96": 12, "b128": 16},
}


def parse(assembly: str) -> Program:
    """The instructions of the kernel; two that are issued as one (`::`) are one, with `::`."""
    code: list[Instruction] = []
    labels: dict[str, int] = {}
    for line in _BODY.search(assembly)[2].splitlines():
        # Two that are issued together stand on one line, the second after `::`.
        text = _COMMENT.sub("", line.replace("::", "\0"))
        if label := _LABEL.match(text):
            labels[label[1]] = len(code)
        elif match := _INSTRUCTION.match(text.rstrip()):
            code.append(_instruction(match[1], (match[2] or "").replace("\0", "::")))
    return Program(tuple(code), tuple(_successors(i, code[i], labels) for i in range(len(code))))


def _instruction(opcode: str, operands: str) -> Instruction:
    parts = tuple(part.strip() for part in operands.split(",") if part.strip())
    store = _STORE.fullmatch(opcode)
    return Instruction(opcode, parts, stores=_BYTES[store[1]] if store else 0)


def _successors(i: int, step: Instruction, labels: dict[str, int]) -> tuple[int, ...]:
    if step.opcode == "s_endpgm":
        return ()
    if step.opcode == "s_branch":
        return (labels[step.operands[0]],)
    if step.opcode.startswith("s_cbranch"):
        return (labels[step.operands[0]], i + 1)
    if re.match(r"s_(setpc|swappc|call|rfe)", step.opcode):
        raise ValueError(f"{step}: the target is not in the listing")
    return (i + 1,)


def opcodes(step: Instruction) -> list[str]:
    """The opcode, or both of two that are issued together."""
    return [step.opcode, *re.findall(r"::\s*(\w+)", ", ".join(step.operands))]


def descriptor(assembly: str) -> dict[str, str]:
    """The settings a kernel starts with, by their names without `.amdhsa_`."""
    return dict(re.findall(r"^\s+\.amdhsa_(\w+)\s+(.+)$", assembly, re.M))


def valu_per_output(program: Program, outputs: int) -> float:
    """Vector instructions on the path of a full program, for each output."""
    path = program.full_path()
    return sum(program.code[i].opcode.startswith("v_") for i in path) / outputs
