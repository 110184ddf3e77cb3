# SPDX-License-Identifier: Apache-2.0
"""Functions and their passes, out of what objdump prints."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tools.cpu.classes import Kind, classify

_FUNCTION = re.compile(r"^[0-9a-f]+ <(?P<name>.*)>:$")
_LINE = re.compile(r"^ *(?P<address>[0-9a-f]+):\t(?P<mnemonic>\S+)\s*(?P<operands>.*)$")
_NOTE = re.compile(r"\s*(?:<.*>)?\s*(?:(?:#|//)\s.*)?$")
"""After the operands: the symbol an address lies in, and what objdump has to say of it."""
_JUMP = re.compile(r"j[a-z]+|b|b\.[a-z]+|cbn?z|tbn?z")
_COUNT = re.compile(
    r"addl? \$0x(?P<x86_by>[0-9a-f]{1,2}),%(?P<x86>\w+)"
    r"|add (?P<arm>w\d+), (?P=arm), #0x(?P<arm_by>[0-9a-f]+)"
)
_PAST_CACHES = re.compile(r"vmovnt|stnp")


@dataclass(frozen=True)
class Instruction:
    """One instruction; `target` is where it jumps to, if it does."""

    address: int
    mnemonic: str
    operands: str
    target: int | None = None

    @property
    def kind(self) -> Kind:
        """What it does."""
        return classify(self.mnemonic, self.operands)


Program = list[Instruction]


def read(listing: str) -> dict[str, Program]:
    """The functions of a listing of `objdump --disassemble --demangle --no-show-raw-insn`."""
    functions: dict[str, Program] = {}
    program: Program = []
    for line in listing.splitlines():
        if found := _FUNCTION.match(line):
            program = functions.setdefault(found["name"], [])
        elif found := _LINE.match(line):
            program.append(_instruction(**found.groupdict()))
    return functions


def _instruction(address: str, mnemonic: str, operands: str) -> Instruction:
    operands = _NOTE.sub("", operands)
    target = None
    if _JUMP.fullmatch(mnemonic):
        last = operands.rsplit(",", 1)[-1].strip()
        target = int(last, 16) if re.fullmatch("[0-9a-f]+", last) else None
    return Instruction(int(address, 16), mnemonic, operands, target)


def loops(program: Program) -> list[Program]:
    """Innermost loops in the order of the code: from a target straight to the jump back to it."""
    place = {instruction.address: i for i, instruction in enumerate(program)}
    found = []
    for i, instruction in enumerate(program):
        if instruction.target is None or instruction.target > instruction.address:
            continue
        body = program[place[instruction.target] : i + 1]
        if all(other.target is None for other in body[:-1]):
            found.append(body)
    return found


@dataclass(frozen=True)
class Pass:
    """A loop over the steps of a tile, which takes some at a time."""

    loop: Program
    steps: int


def passes(program: Program, expected: int) -> list[Pass]:
    """The passes of a kernel, in order.

    What is done for the two ends of a draw is in no loop. A last pass that stores past the caches
    is left out: the one beside it, which stores into them, has the same arithmetic.

    Args:
        program: A function.
        expected: How many passes its source has.

    Raises:
        ValueError: There are not as many; or a loop does not count steps, so it is one within a
            pass, and nobody can tell from the code how often it runs.
    """
    found = [
        Pass(loop, _steps(loop))
        for loop in loops(program)
        if any(instruction.kind is not Kind.SCALAR for instruction in loop)
        and not any(_PAST_CACHES.match(instruction.mnemonic) for instruction in loop)
    ]
    if len(found) != expected:
        raise ValueError(f"{len(found)} passes where the source has {expected}")
    return found


def _steps(loop: Program) -> int:
    """What is added to the number that is compared at the end."""
    compared = next((i.operands for i in reversed(loop) if i.mnemonic.startswith("cmp")), "")
    counters = re.findall(r"\w+", compared)
    for instruction in loop:
        found = _COUNT.fullmatch(f"{instruction.mnemonic} {instruction.operands}")
        if found and (found["x86"] or found["arm"]) in counters:
            return int(found["x86_by"] or found["arm_by"], 16)
    raise ValueError(f"the loop at {loop[0].address:#x} does not count steps")
