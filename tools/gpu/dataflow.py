# SPDX-License-Identifier: Apache-2.0
"""The float32 arithmetic of a kernel as a graph, from PTX and from machine code, to compare them.

An operation is known by what it does to which values, whatever the registers. Conversions, minima,
selections and integer instructions make inputs that nobody looks into. So a graph does not say
whether the right words are converted; it does say that each fma, product and sum is there, with
every constant and every sign, and takes what the others make.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from tools.gpu import ptx
from tools.gpu.flow import Instruction, Program

_SHAPES: dict[str, str] = {}
"""A number for each operation of any graph, by what it does to operations with which numbers."""


@dataclass(frozen=True)
class Value:
    """What a register may hold.

    Attributes:
        node: The same number for the same value of one graph.
        shape: `input`, a constant, or a number that values of any graph share if they come about
            alike.
        negative: Whether it is the node's with the other sign.
    """

    node: int
    shape: str
    negative: bool = False

    def __neg__(self) -> Value:
        """The same with the other sign."""
        return replace(self, negative=not self.negative)


class Graph:
    """Operations, each once, however often the code repeats it.

    Attributes:
        operations: How many there are of each shape.
        estimates: Numbers, and the `rsqrt` estimates of them.
        stored: The values that are stored, 32 bits at a time.
        frozen: Whether asking for an operation that is not there yet is a `LookupError`.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self.operations: Counter[str] = Counter()
        self.estimates: list[tuple[Value, Value]] = []
        self.stored: list[Value] = []
        self.frozen = False
        self._nodes: dict[tuple[object, ...], Value] = {}

    def leaf(self, *key: object) -> Value:
        """A value of other than float arithmetic, the same for the same key."""
        return self._node(("input", *key), "input")

    def constant(self, bits: int) -> Value:
        """A float32 by its bits."""
        magnitude = bits & 0x7FFFFFFF
        shape = struct.unpack("<f", struct.pack("<I", magnitude))[0].hex()
        made = self._node(("constant", magnitude), shape)
        return -made if bits >> 31 else made

    def mul(self, a: Value, b: Value) -> Value:
        """A product; signs are moved out of it, which is exact."""
        made = self._operation("ab", *sorted((a, b), key=_order))
        return -made if a.negative != b.negative else made

    def add(self, a: Value, b: Value) -> Value:
        """A sum, whose signs stay in it: moved out of it, they would change that of a zero."""
        a, b = sorted((a, b), key=_order)
        return self._operation(f"{_sign(a)}a{_sign(b)}b", a, b)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """A product and a sum; of the product, only whether it is negative matters."""
        product = "-" if a.negative != b.negative else "+"
        return self._operation(f"{product}ab{_sign(c)}c", *sorted((a, b), key=_order), c)

    def rsqrt(self, x: Value) -> Value:
        """The estimate of 1 / sqrt(x)."""
        made = self._operation("rsqrt of minus" if x.negative else "rsqrt", x)
        if (x, made) not in self.estimates:
            self.estimates.append((x, made))
        return made

    def _operation(self, name: str, *operands: Value) -> Value:
        text = f"{name}({', '.join(v.shape for v in operands)})"
        shape = _SHAPES.setdefault(text, f"#{len(_SHAPES)}")
        known = len(self._nodes)
        made = self._node((name, *(v.node for v in operands)), shape)
        self.operations[text] += len(self._nodes) - known
        return made

    def _node(self, key: tuple[object, ...], shape: str) -> Value:
        if key not in self._nodes:
            if self.frozen:
                raise LookupError(f"there is no {key}")
            self._nodes[key] = Value(len(self._nodes), shape)
        return self._nodes[key]


def _order(value: Value) -> tuple[str, int, bool]:
    return value.shape, value.node, value.negative


def _sign(value: Value) -> str:
    return "-" if value.negative else "+"


# Of one operand or of inputs, and exact or a single conversion: what they make are inputs.
_OPAQUE = re.compile(r"(cvt|min|abs|selp|setp)\..*")


def from_ptx(kernel: ptx.Kernel) -> Graph:
    """The graph of a kernel in PTX.

    Raises:
        ValueError: For float32 arithmetic it does not know, and for a register written twice.
    """
    graph = Graph()
    held: dict[str, Value] = {}
    operations: dict[str, Callable[..., Value]] = {
        "fma.rn.f32": graph.fma,
        "mul.rn.f32": graph.mul,
        "add.rn.f32": graph.add,
        "sub.rn.f32": lambda a, b: graph.add(a, -b),
        "neg.f32": lambda a: -a,
        "rsqrt.approx.ftz.f32": graph.rsqrt,
        "mov.b32": lambda a: a,
    }

    def read(operand: ptx.Operand) -> Value:
        if isinstance(operand, ptx.Float):
            return graph.constant(operand.bits)
        if isinstance(operand, ptx.Integer):
            return graph.constant(operand.value & 0xFFFFFFFF)
        name = getattr(operand, "name", str(operand))
        return held.get(name) or graph.leaf(name)

    for step in kernel.instructions:
        name = ".".join(step.opcode)
        if name in operations:
            register = getattr(step.operands[0], "name", "")
            if step.predicate or register in held:
                raise ValueError(f"one of several values of its register: {step.text}")
            held[register] = operations[name](*map(read, step.operands[1:]))
        elif "f32" in name and not _OPAQUE.fullmatch(name):
            raise ValueError(f"unknown arithmetic: {step.text}")
    graph.frozen = True
    return graph


def from_sass(program: Program, path: list[int]) -> Graph:
    """The graph of a path through machine code.

    Raises:
        ValueError: For float32 arithmetic it does not know.
    """
    return _Machine(program, path).graph


class _Machine:
    """What the registers hold, step by step."""

    def __init__(self, program: Program, path: list[int]) -> None:
        self.graph = Graph()
        self.held: dict[str, Value] = {}
        for place in path:
            self.step(place, program.code[place])
        self.graph.frozen = True

    def step(self, place: int, step: Instruction) -> None:
        base = step.opcode.split(".")[0]
        registers = _written(step)
        if base in ("FFMA", "FMUL", "FADD", "MUFU") and step.opcode != "MUFU.RSQ64H":
            if step.guard:
                raise ValueError(f"arithmetic under a predicate: {step}")
            operation = {
                "FFMA": self.graph.fma,
                "FMUL": self.graph.mul,
                "FADD": self.graph.add,
                "MUFU": self.graph.rsqrt,
            }[base]
            made = [operation(*map(self.read, step.operands[1:]))]
        elif base in ("FFMA2", "FMUL2", "FADD2"):
            raise ValueError(f"unknown arithmetic: {step}")
        elif (moved := copied(step)) and not step.guard:
            made = [self.read(moved)]
        else:
            made = self.leaves(place, step, len(registers))
        self.held |= dict(zip(registers, made, strict=True))
        if step.stores == 4:
            self.graph.stored.append(self.read(step.operands[-1]))

    def leaves(self, place: int, step: Instruction, count: int) -> list[Value]:
        """New inputs, or those that the same instruction made of the same values before."""
        key: list[object] = [place]
        varies = step.guard or step.opcode.startswith("LD")
        if not varies and not any(_PREDICATE.fullmatch(o) for o in step.operands):
            key = [step.opcode, *(_REGISTER.sub("R", o) for o in step.operands[1:])]
            registers = (r for o in step.operands[1:] for r in _read(step, o))
            key += ((v.node, v.negative) for v in map(self.read, registers))
        return [self.graph.leaf(*key, k) for k in range(count)]

    def read(self, operand: str) -> Value:
        """The value of an operand of a float instruction or of a copy."""
        text = operand.removesuffix(".reuse")
        if text.startswith("-") and _REGISTER.match(text[1:]):
            return -self.read(text[1:])
        if text in ("RZ", "URZ"):
            return self.graph.constant(0)
        if _REGISTER.fullmatch(text):
            return self.held.get(text) or self.graph.leaf(text)
        if text.startswith("0x"):
            return self.graph.constant(int(text, 16))
        if _NUMBER.fullmatch(text):
            return self.graph.constant(struct.unpack("<I", struct.pack("<f", float(text)))[0])
        return self.graph.leaf(text)


_REGISTER = re.compile(r"U?R(?:\d+|Z)")
_PREDICATE = re.compile(r"!?U?P\d")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?")
_NO_RESULT = {"STG", "ST", "BRA", "EXIT", "NOP", "BSSY", "BSYNC", "CALL", "RET", "WARPSYNC"}
# On these, and on what has `.64` or `.WIDE`, a result has two registers.
_PAIRED = re.compile(r"(D(FMA|MUL|ADD)|CS2R|I2F\.F64|F2F\.F64|IMNMX\.U64)\b.*|.*\.(64|WIDE)\b.*")


def _written(step: Instruction) -> list[str]:
    """The registers that an instruction writes; behind a predicate it writes, at most one."""
    if step.opcode.split(".")[0] in _NO_RESULT or "SETP" in step.opcode or not step.operands:
        return []
    first = step.operands[0]
    if re.fullmatch(r"U?PT?\d?", first):
        first = step.operands[1]
    match = re.fullmatch(r"(U?R)(\d+)", first)
    if not match:
        return []
    width = 4 if step.opcode.endswith(".128") else 2 if _PAIRED.fullmatch(step.opcode) else 1
    return [f"{match[1]}{int(match[2]) + k}" for k in range(width)]


def _read(step: Instruction, operand: str) -> list[str]:
    """The registers in an operand: both of a pair if the instruction has pairs anywhere."""
    wide = _PAIRED.fullmatch(step.opcode) and "WIDE" not in step.opcode
    found = re.findall(r"(U?R)(\d+)", operand)
    return [f"{kind}{int(number) + k}" for kind, number in found for k in range(2 if wide else 1)]


def copied(step: Instruction) -> str | None:
    """What a move moves; ptxas also moves by instructions of other pipes, to spare that of MOV."""
    operands = step.operands
    if step.opcode in ("MOV", "UMOV"):
        return operands[1]
    if step.opcode in ("IMAD.MOV.U32", "IMAD.U32") and operands[1:3] == ("RZ", "RZ"):
        return operands[3]
    if step.opcode in ("HFMA2", "HFMA2.MMA") and operands[1:3] == ("-RZ", "RZ"):
        halves = [struct.unpack("<H", struct.pack("<e", float(half)))[0] for half in operands[3:]]
        return f"0x{halves[0] << 16 | halves[1]:x}"
    return None
