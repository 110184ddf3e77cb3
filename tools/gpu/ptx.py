# SPDX-License-Identifier: Apache-2.0
"""A parser for the PTX of one kernel.

It knows the grammar of PTX and not its instructions: any opcode is taken, and who executes or
translates the kernel decides which it supports. What it does not understand raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

WIDTHS = {
    "pred": 1,
    **{f"{kind}{bits}": bits for kind in "bus" for bits in (8, 16, 32, 64)},
    **{f"f{bits}": bits for bits in (16, 32, 64)},
}
"""Bits of each fundamental type."""


class PtxError(ValueError):
    """The text is not PTX as this parser knows it."""


@dataclass(frozen=True)
class Register:
    """A declared register, as `%rd7`, of type `b64`."""

    name: str
    type: str

    @property
    def width(self) -> int:
        """Its bits; 1 for a predicate."""
        return WIDTHS[self.type]


@dataclass(frozen=True)
class Special:
    """A special register, as `%tid.x`."""

    name: str


@dataclass(frozen=True)
class Integer:
    """An integer immediate, negative where it was written so."""

    value: int


@dataclass(frozen=True)
class Float:
    """A floating-point immediate as its bits: 32 (`0f`) or 64 (`0d`) of them."""

    bits: int
    width: int


@dataclass(frozen=True)
class Symbol:
    """A parameter or a variable."""

    name: str


@dataclass(frozen=True)
class Label:
    """A place in the kernel; `Kernel.labels` has its index."""

    name: str


@dataclass(frozen=True)
class Sink:
    """The `_` that takes or stands for a value nobody reads."""


@dataclass(frozen=True)
class Negated:
    """A predicate register read as its complement, as `!%p1`."""

    register: Register


@dataclass(frozen=True)
class Vector:
    """Operands in braces, lowest first."""

    items: tuple[Scalar, ...]


@dataclass(frozen=True)
class Address:
    """`[base+offset]`, offset in bytes."""

    base: Register | Symbol
    offset: int


Scalar: TypeAlias = Register | Special | Integer | Float | Symbol | Label | Sink | Negated
Operand: TypeAlias = Scalar | Vector | Address


@dataclass(frozen=True)
class Predicate:
    """The guard of an instruction: it runs where the register is true, or false if negated."""

    register: Register
    negated: bool


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        predicate: Its guard, or None.
        opcode: The parts of the opcode between its dots, as `("fma", "rn", "f32")`.
        operands: The operands as they were written, the destination first.
        text: The source on one line, for messages.
    """

    predicate: Predicate | None
    opcode: tuple[str, ...]
    operands: tuple[Operand, ...]
    text: str


@dataclass(frozen=True)
class Parameter:
    """A parameter of the kernel."""

    name: str
    type: str

    @property
    def bytes(self) -> int:
        """Its size."""
        return WIDTHS[self.type] // 8


@dataclass(frozen=True)
class Bank:
    """Registers declared together.

    Attributes:
        prefix: Their name without the number, or one whole name.
        type: Their type, as `b32` or `pred`.
        count: How many, numbered from 0; None for one without a number.
    """

    prefix: str
    type: str
    count: int | None


@dataclass(frozen=True)
class Variable:
    """A variable of the module in a state space, as `shared` or `global`.

    Attributes:
        name: Its name.
        space: Its state space.
        bytes: Its size; None for an array that gets its size at the launch.
    """

    name: str
    space: str
    bytes: int | None


@dataclass(frozen=True)
class Kernel:
    """A module with one kernel.

    Attributes:
        name: The name of the entry.
        target: What it was compiled for, as `sm_90a`.
        parameters: In order.
        threads: Threads a program must have (`.reqntid`), or None where any number may.
        registers: The register declarations.
        variables: The variables of the module, whether the kernel uses them or not.
        instructions: All of them, in order.
        labels: The index of the instruction that follows each label.
    """

    name: str
    target: str
    parameters: tuple[Parameter, ...]
    threads: int | None
    registers: tuple[Bank, ...]
    variables: tuple[Variable, ...]
    instructions: tuple[Instruction, ...]
    labels: Mapping[str, int]

    @property
    def uses_shared_memory(self) -> bool:
        """Whether any shared memory is declared."""
        return any(v.space == "shared" for v in self.variables)


_NAME = r"[A-Za-z_$%][\w$]*"
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|(\"[^\"\n]*\")", re.S)
_DEBUG = re.compile(r"\.(?:loc|file)\s[^\n]*|\.section\s+\.debug_\w+\s*\{[^{}]*\}")
_HEADER = re.compile(r"\.version\s+\d+\.\d+|\.address_size\s+64\b")
_TARGET = re.compile(r"\.target\s+(sm_\w+)(?:\s*,\s*debug)?")
_VARIABLE = re.compile(
    rf"(?:\.(?:visible|extern|weak)\s+)?\.(global|shared|const)\s+(?:\.align\s+\d+\s+)?\.(\w+)\s+"
    rf"({_NAME})(?:\[(\d*)\])?(?:\s*=\s*(?:\{{[^{{}}]*\}}|[^;{{}}]*))?\s*;"
)
_ENTRY = re.compile(rf"(?:\.visible\s+)?\.entry\s+({_NAME})\s*\(([^()]*)\)")
_PARAMETER = re.compile(
    rf"\.param\s+\.(\w+)(?:\s+\.ptr(?:\s+\.global)?(?:\s+\.align\s+\d+)?)?\s+({_NAME})"
)
_THREADS = re.compile(r"\.reqntid\s+(\d+)(?:\s*,\s*1\s*,\s*1)?(?=[\s{])")
_HINT = re.compile(r"\.(?:maxntid|minnctapersm|maxnreg)\s+\d+(?:\s*,\s*\d+)*(?=[\s{])")
_PRAGMA = re.compile(r"\.pragma\s+\"nounroll\"\s*;")
_REGISTERS = re.compile(rf"\.reg\s+\.(\w+)\s+({_NAME})(?:<(\d+)>)?\s*;")
_LABEL = re.compile(rf"({_NAME})\s*:")
_INSTRUCTION = re.compile(
    rf"(?:@(!?)({_NAME})\s+)?([a-z]\w*(?:\.[A-Za-z]\w*(?:::\w+)*)*)(?:\s+([^;]*?))?\s*;"
)
_SPECIAL = re.compile(r"%(?:tid|ntid|ctaid|nctaid)\.[xyz]|%laneid")
_NUMBERED = re.compile(r"(.*?)(0|[1-9]\d*)")
_ADDRESS = re.compile(r"\[\s*([^\s+\]]+)\s*(?:\+\s*(-?\d+)\s*)?\]")
_INTEGER = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|0|[1-9]\d*)U?")
_FLOAT = re.compile(r"0(?:[fF]([0-9a-fA-F]{8})|[dD]([0-9a-fA-F]{16}))")


def parse(text: str) -> Kernel:
    """The kernel of a module.

    Args:
        text: PTX with exactly one entry and no other function.

    Raises:
        PtxError: For what is not understood, with the place.
    """
    return _Parser(text).module()


class _Parser:
    def __init__(self, text: str) -> None:
        # A string is kept: in `.file` it may hold what looks like a comment.
        self.text = _DEBUG.sub(" ", _COMMENT.sub(lambda m: m[1] or " ", text))
        self.at = 0
        self.symbols: set[str] = set()
        self.banks: dict[str, Bank] = {}
        self.labels: dict[str, int] = {}

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The match of `pattern` at the next word, which is then behind us, or None."""
        start = re.compile(r"\s*").match(self.text, self.at)
        match = pattern.match(self.text, start.end() if start else self.at)
        if match:
            self.at = match.end()
        return match

    def need(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = self.take(pattern)
        if match is None:
            rest = " ".join(self.text[self.at : self.at + 200].split())
            raise PtxError(f"cannot parse: {rest[:80]!r}")
        return match

    def module(self) -> Kernel:
        target = ""
        variables: list[Variable] = []
        while not (entry := self.take(_ENTRY)):
            if self.take(_HEADER):
                continue
            if match := self.take(_TARGET):
                target = match[1]
                continue
            variables.append(self.variable())
        parameters = tuple(_parameter(p) for p in entry[2].split(",") if p.strip())
        self.symbols |= {p.name for p in parameters}
        threads = None
        while not self.take(re.compile(r"\{")):
            if match := self.take(_THREADS):
                threads = int(match[1])
                continue
            self.need(_HINT)
        instructions = self.body()
        self.need(re.compile(r"\Z"))
        if not target:
            raise PtxError("the module names no target")
        return Kernel(
            entry[1],
            target,
            parameters,
            threads,
            tuple(self.banks.values()),
            tuple(variables),
            instructions,
            self.labels,
        )

    def variable(self) -> Variable:
        space, kind, name, length = self.need(_VARIABLE).groups()
        size = None if length == "" else _width(kind) // 8 * int(length or 1)
        self.symbols.add(name)
        return Variable(name, space, size)

    def body(self) -> tuple[Instruction, ...]:
        instructions: list[Instruction] = []
        while not self.take(re.compile(r"\}")):
            if match := self.take(_REGISTERS):
                kind, prefix, count = match.groups()
                _width(kind)
                self.once(prefix, self.banks)
                self.banks[prefix] = Bank(prefix, kind, int(count) if count else None)
            elif match := self.take(_LABEL):
                self.once(match[1], self.labels)
                self.labels[match[1]] = len(instructions)
            elif not self.take(_PRAGMA):
                instructions.append(self.instruction(self.need(_INSTRUCTION)))
        for instruction in instructions:
            for operand in instruction.operands:
                if isinstance(operand, Label) and operand.name not in self.labels:
                    raise PtxError(f"{operand.name} is not declared: {instruction.text}")
        return tuple(instructions)

    def once(self, name: str, declared: Mapping[str, object]) -> None:
        if name in declared:
            raise PtxError(f"{name} is declared twice")

    def instruction(self, match: re.Match[str]) -> Instruction:
        negation, guard, opcode, operands = match.groups()
        text = " ".join(match[0].split())
        try:
            predicate = None
            if guard:
                predicate = Predicate(self.predicate_register(guard), negation == "!")
            parsed = tuple(self.operand(o) for o in _split(operands or ""))
        except PtxError as error:
            raise PtxError(f"{error}: {text}") from None
        return Instruction(predicate, tuple(opcode.split(".")), parsed, text)

    def operand(self, text: str) -> Operand:
        if text.startswith("{") and text.endswith("}"):
            return Vector(tuple(self.scalar(item) for item in _split(text[1:-1])))
        if match := _ADDRESS.fullmatch(text):
            base = self.scalar(match[1])
            if not isinstance(base, Register | Symbol):
                raise PtxError(f"{match[1]} is no base of an address")
            return Address(base, int(match[2] or 0))
        return self.scalar(text)

    def scalar(self, text: str) -> Scalar:
        if text == "_":
            return Sink()
        if match := _FLOAT.fullmatch(text):
            return Float(int(match[1] or match[2], 16), 32 if match[1] else 64)
        if _INTEGER.fullmatch(text):
            return Integer(int(text.rstrip("U"), 0))
        if text.startswith("!"):
            return Negated(self.predicate_register(text[1:].strip()))
        if _SPECIAL.fullmatch(text):
            return Special(text)
        return self.named(text)

    def named(self, text: str) -> Register | Symbol | Label:
        if not re.fullmatch(_NAME, text):
            raise PtxError(f"cannot parse the operand {text!r}")
        if text.startswith("%") or text in self.banks:
            return self.register(text)
        return Symbol(text) if text in self.symbols else Label(text)

    def register(self, name: str) -> Register:
        if (bank := self.banks.get(name)) and bank.count is None:
            return Register(name, bank.type)
        numbered = _NUMBERED.fullmatch(name)
        bank = self.banks.get(numbered[1]) if numbered else None
        if numbered is None or bank is None or int(numbered[2]) >= (bank.count or 0):
            raise PtxError(f"{name} is not declared")
        return Register(name, bank.type)

    def predicate_register(self, name: str) -> Register:
        register = self.register(name)
        if register.type != "pred":
            raise PtxError(f"{name} is no predicate")
        return register


def _parameter(text: str) -> Parameter:
    match = _PARAMETER.fullmatch(text.strip())
    if match is None:
        raise PtxError(f"cannot parse the parameter {text.strip()!r}")
    _width(match[1])
    return Parameter(match[2], match[1])


def _width(kind: str) -> int:
    if kind not in WIDTHS:
        raise PtxError(f".{kind} is no type")
    return WIDTHS[kind]


def _split(text: str) -> list[str]:
    """The operands of a list, whose commas inside braces and brackets do not count."""
    if not text.strip():
        return []
    return [part.strip() for part in re.split(r",(?![^{}]*\})(?![^\[\]]*\])", text)]
