# SPDX-License-Identifier: Apache-2.0
"""From PTX instructions to steps of the emulator, checked before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from ptx_memory import CELL, EmulationError
from ptx_values import BITS, Operation

from tools.gpu.ptx import (
    Address,
    Float,
    Instruction,
    Integer,
    Kernel,
    Label,
    Negated,
    Operand,
    Register,
    Sink,
    Special,
    Symbol,
    Vector,
)

Step: TypeAlias = "Callable[[Any, Any], None]"
"""Does something to the emulator's lanes, where a mask is true, or to all if it is None."""

_CONTROL = {("bra",): 1, ("bra", "uni"): 1, ("ret",): 0}
_PACKING = {("mov", "b32"): 32, ("mov", "b64"): 64}
_IN_MEMORY = [f"{kind}{n}" for kind in "bus" for n in (8, 16, 32, 64)] + ["f32", "f64"]
_PARAMETERS = {("ld", "param", kind): kind for kind in _IN_MEMORY}
_GLOBAL = {
    (name, "global", *([f"v{count}"] if count > 1 else []), kind): (kind, count)
    for name in ("ld", "st")
    for kind in _IN_MEMORY
    for count in (1, 2, 4)
    if count * BITS[kind] <= 8 * CELL
}


@contextmanager
def naming(instruction: Instruction) -> Iterator[None]:
    """Put the text of the instruction into errors."""
    try:
        yield
    except EmulationError as error:
        raise EmulationError(f"{error}: {instruction.text}") from None


def decode(
    instruction: Instruction, kernel: Kernel, operations: dict[tuple[str, ...], Operation]
) -> Step | None:
    """What an instruction does to lanes; None if it only says where they go on."""
    opcode, operands = instruction.opcode, instruction.operands
    with naming(instruction):
        if opcode in _CONTROL:
            return _check_control(instruction, kernel)
        if opcode in _PARAMETERS:
            return _load_parameter(operands, _PARAMETERS[opcode], kernel)
        if opcode in _GLOBAL:
            return _access(opcode[0], operands, *_GLOBAL[opcode])
        if opcode in _PACKING and any(isinstance(o, Vector) for o in operands):
            return _pack(operands, _PACKING[opcode])
        if opcode not in operations:
            raise EmulationError("unknown opcode")
        return _compute(operands, operations[opcode])


def _need(condition: bool, complaint: str) -> None:
    if not condition:
        raise EmulationError(complaint)


def _count(operands: Sequence[Operand], count: int) -> None:
    _need(len(operands) == count, f"{len(operands)} operands, not {count}")


def _check_control(instruction: Instruction, kernel: Kernel) -> None:
    _count(instruction.operands, _CONTROL[instruction.opcode])
    for target in instruction.operands:
        inside = isinstance(target, Label) and kernel.labels[target.name] < len(kernel.instructions)
        _need(inside, "no place to go on")
    # Lanes that go different ways at a bra.uni are undefined, so no guard may divide them.
    _need("uni" not in instruction.opcode or not instruction.predicate, "a guard on bra.uni")


def _load_parameter(operands: tuple[Operand, ...], kind: str, kernel: Kernel) -> Step:
    _count(operands, 2)
    destination, address = operands
    _check_destination(destination, kind, wider=True)
    sizes = {p.name: p.bytes for p in kernel.parameters}
    if not (isinstance(address, Address) and isinstance(address.base, Symbol)):
        raise EmulationError("no parameter")
    begin, end = address.offset, address.offset + BITS[kind] // 8
    _need(begin >= 0 and end <= sizes.get(address.base.name, 0), "outside the parameter")
    _need(begin % (end - begin) == 0, "misaligned in the parameter")
    name, part = address.base.name, slice(begin, end)
    return lambda lanes, active: lanes.load_parameter(destination, kind, name, part, active)


def _access(name: str, operands: tuple[Operand, ...], kind: str, count: int) -> Step:
    _count(operands, 2)
    address, values = operands if name == "st" else operands[::-1]
    if not (isinstance(address, Address) and isinstance(address.base, Register)):
        raise EmulationError("no address")
    _check_source(address.base, "u64")
    items = values.items if isinstance(values, Vector) else (values,)
    _count(items, count)
    for item in items:
        (_check_source if name == "st" else _check_destination)(item, kind, wider=True)
    if name == "st":
        return lambda lanes, active: lanes.store(address, items, kind, active)
    return lambda lanes, active: lanes.load(address, items, kind, active)


def _pack(operands: tuple[Operand, ...], width: int) -> Step:
    _count(operands, 2)
    destination, source = operands
    vector, whole = (source, destination) if isinstance(source, Vector) else operands
    _need(not isinstance(whole, Vector), "two vectors")
    kind = f"b{width // len(vector.items)}"
    _need(kind in _IN_MEMORY[:4] and len(vector.items) > 1, "no such parts")
    for item in vector.items:
        (_check_source if vector is source else _check_destination)(item, kind)
    if vector is source:
        _check_destination(whole, f"b{width}")
        return lambda lanes, active: lanes.pack(whole, vector.items, width, active)
    _check_source(whole, f"b{width}")
    return lambda lanes, active: lanes.unpack(vector.items, whole, width, active)


def _compute(operands: tuple[Operand, ...], operation: Operation) -> Step:
    _count(operands, 1 + len(operation.sources))
    destination, *sources = operands
    _check_destination(destination, operation.result, wider=operation.resizes)
    for source, kind in zip(sources, operation.sources, strict=True):
        _check_source(source, kind, wider=operation.resizes)
    return lambda lanes, active: lanes.compute(destination, sources, operation, active)


def _check_destination(operand: Operand, kind: str, wider: bool = False) -> None:
    if not isinstance(operand, Sink):
        _need(isinstance(operand, Register), "no register to write")
        _check_source(operand, kind, wider)


def _check_source(operand: Operand, kind: str, wider: bool = False) -> None:
    width = BITS[kind]
    match operand:
        case Register() | Special():
            has = operand.width if isinstance(operand, Register) else 32
            _need(has == width or (wider and has > width), f"{operand.name} has {has} bits")
        case Integer(value):
            whole = kind == "pred" or (kind in _IN_MEMORY and kind[0] != "f")
            _need(whole and -(1 << width - 1) <= value < 1 << width, f"{value} is no {kind}")
        case Float():
            _need(kind in (f"f{operand.width}", f"b{operand.width}"), f"a float is no {kind}")
        case Negated():
            _need(kind == "pred", "a complement of what is no predicate")
        case _:
            raise EmulationError(f"no value: {operand}")
