# SPDX-License-Identifier: Apache-2.0
"""A strict emulator of the PTX that Triton makes, for machines without a GPU.

Every thread of many programs is a lane of NumPy arrays. Registers hold bits, and which of them are
undefined: LLVM leaves some halves of registers unwritten, which is harmless until one would decide
a stored byte, an address or the way the kernel takes, and then it is an error here. So is
everything else that is not certain: an unknown opcode or modifier, a misaligned access, or one
outside the buffers. What instructions compute is in `ptx_operations`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from ptx_decode import Step, decode, naming
from ptx_floats import Array, Rsqrt, nearest
from ptx_memory import EmulationError, Memory
from ptx_operations import OPERATIONS, RSQRT, rsqrt_operation
from ptx_values import BITS, TYPES, Operation, spread, unsigned

from tools.gpu.ptx import (
    Address,
    Float,
    Integer,
    Kernel,
    Negated,
    Operand,
    Predicate,
    Register,
    Sink,
    Special,
)

LANES = 8192
"""Lanes at a time, about: enough to hide what a call of NumPy costs, few enough for the cache."""

Value: TypeAlias = "tuple[Array, Array | None]"
"""An element for each lane, or one for all, and the undefined bits, if any, as unsigned."""

_WARP = 32


def launch(
    kernel: Kernel,
    grid: int,
    threads: int,
    arguments: Sequence[int],
    memory: Memory,
    programs: range | None = None,
    rsqrt: Rsqrt = nearest,
) -> None:
    """Run a kernel.

    Args:
        kernel: What to run. It is checked before anything runs.
        grid: Programs (CTAs), in one dimension.
        threads: Threads of each.
        arguments: One for each parameter; of a float its bits.
        memory: What it may access.
        programs: Those to run, where it is not all of them.
        rsqrt: How bad `rsqrt.approx` is.

    Raises:
        EmulationError: The kernel does what is undefined, or what the emulator does not know.
    """
    if kernel.uses_shared_memory:
        raise EmulationError("the kernel declares shared memory")
    if kernel.threads not in (None, threads):
        raise EmulationError(f"the kernel needs {kernel.threads} threads, not {threads}")
    last = kernel.instructions[-1]
    if last.opcode[0] not in ("ret", "bra") or last.predicate:
        raise EmulationError(f"the kernel may run beyond its end: {last.text}")
    operations = {**OPERATIONS, RSQRT: rsqrt_operation(rsqrt)}
    steps = [decode(i, kernel, operations) for i in kernel.instructions]
    encoded = _encode(arguments, kernel)
    programs = range(grid) if programs is None else programs
    if not set(programs) <= set(range(grid)):
        raise EmulationError(f"{programs} is not in a grid of {grid}")
    at_once = max(1, LANES // threads)
    with np.errstate(all="ignore"):
        for first in range(0, len(programs), at_once):
            specials = _specials(programs[first : first + at_once], grid, threads)
            _Lanes(kernel, steps, specials, encoded, memory).run()


def _encode(arguments: Sequence[int], kernel: Kernel) -> dict[str, bytes]:
    encoded = {}
    for parameter, value in zip(kernel.parameters, arguments, strict=True):
        bits = BITS[parameter.type]
        if not -(1 << bits - 1) <= value < 1 << bits:
            raise EmulationError(f"{value} is no {parameter.type} for {parameter.name}")
        encoded[parameter.name] = (value % (1 << bits)).to_bytes(bits // 8, "little")
    return encoded


def _specials(programs: range, grid: int, threads: int) -> dict[str, Array]:
    thread = np.tile(np.arange(threads, dtype=np.uint32), len(programs))
    special = {"%tid.x": thread, "%laneid": thread % np.uint32(_WARP)}
    special["%ctaid.x"] = np.repeat(np.array(programs, np.uint32), threads)
    for name, value in (("%ntid", threads), ("%nctaid", grid)):
        special[f"{name}.x"] = np.full(1, value, np.uint32)
    for axis in "yz":
        special |= {f"{name}.{axis}": np.zeros(1, np.uint32) for name in ("%tid", "%ctaid")}
        special |= {f"{name}.{axis}": np.ones(1, np.uint32) for name in ("%ntid", "%nctaid")}
    return special


class _Lanes:
    """The threads of some programs, on their way through the kernel."""

    def __init__(
        self,
        kernel: Kernel,
        steps: Sequence[Step | None],
        specials: dict[str, Array],
        arguments: dict[str, bytes],
        memory: Memory,
    ) -> None:
        self.kernel, self.steps = kernel, steps
        self.specials, self.arguments, self.memory = specials, arguments, memory
        self.count = len(specials["%tid.x"])
        self.registers: dict[str, Value] = {}

    def run(self) -> None:
        """Run until all lanes have returned; the hindmost first, so that they meet again."""
        end = len(self.steps)
        places = np.zeros(self.count, np.int64)
        while (place := int(places.min())) < end:
            here = places == place
            stop = int(places[~here].min(initial=end))
            places = np.where(here, self.straight(place, stop, here), places)

    def straight(self, place: int, stop: int, here: Array) -> Array | int:
        """Run the lanes `here` until they part or come to `stop`; where they are then."""
        everybody = None if here.all() else here
        for at in range(place, stop):
            instruction, step = self.kernel.instructions[at], self.steps[at]
            with naming(instruction):
                active = everybody
                if instruction.predicate:
                    active = self.guarded(instruction.predicate, here)
                if step is None:
                    target = len(self.steps)
                    for label in instruction.operands:
                        target = self.kernel.labels[label.name]
                    return target if active is None else np.where(active, target, at + 1)
                if active is None or active.any():
                    step(self, active)
        return stop

    def guarded(self, predicate: Predicate, here: Array) -> Array:
        chosen = np.zeros(self.count, bool)
        chosen[here] = self.defined(predicate.register, "pred", here) != predicate.negated
        return chosen

    # Registers

    def read(self, operand: Operand, kind: str) -> Value:
        """The lowest bits of an operand as an array of the type."""
        match operand:
            case Register():
                bits, mask = self.registers.get(operand.name) or _undefined(operand)
            case Special(name):
                bits, mask = self.specials[name], None
            case Negated(register):
                bits, mask = self.read(register, kind)
                bits = ~bits
            case _:
                return _constant(operand, kind), None
        narrow = unsigned(np.empty(0, TYPES[kind])).dtype
        if bits.dtype != narrow:
            bits, mask = bits.astype(narrow), None if mask is None else mask.astype(narrow)
        return bits.view(TYPES[kind]), mask

    def defined(self, operand: Operand, kind: str, active: Array | None) -> Array:
        """The operand in each active lane, all of whose bits decide something."""
        bits, mask = self.read(operand, kind)
        chosen = slice(None) if active is None else active
        if mask is not None and np.broadcast_to(mask, self.count)[chosen].any():
            raise EmulationError(f"undefined bits of {operand} matter")
        return np.broadcast_to(bits, self.count)[chosen]

    def write(self, destination: Operand, result: Value, active: Array | None) -> None:
        """Put a result of any type into a register, extended to its width."""
        if isinstance(destination, Sink):
            return
        bits, mask = result
        wide = TYPES[destination.type if destination.type == "pred" else f"b{destination.width}"]
        if bits.itemsize < wide.itemsize:
            mask = None if mask is None else mask.view(bits.dtype).astype(wide)
            bits = bits.astype(wide)  # with its sign, if its type has one
        bits = unsigned(bits)
        if active is not None:
            old_bits, old_mask = self.registers.get(destination.name) or _undefined(destination)
            bits = np.where(active, bits, old_bits)
            if mask is not None or old_mask is not None:
                none = np.zeros(1, bits.dtype)
                new = none if mask is None else mask
                mask = np.where(active, new, none if old_mask is None else old_mask)
        self.registers[destination.name] = bits, mask if mask is not None and mask.any() else None

    # What instructions do

    def compute(
        self,
        destination: Operand,
        operands: Sequence[Operand],
        operation: Operation,
        active: Array | None,
    ) -> None:
        values = [self.read(o, t) for o, t in zip(operands, operation.sources, strict=True)]
        result = operation([bits for bits, _ in values], [mask for _, mask in values])
        self.write(destination, result, active)

    def pack(
        self, whole: Operand, parts: Sequence[Operand], width: int, active: Array | None
    ) -> None:
        each = width // len(parts)
        bits = mask = np.zeros(1, f"u{width // 8}")
        for i, part in enumerate(parts):
            value, undefined = self.read(part, f"b{each}")
            bits = bits | value.astype(bits.dtype) << bits.dtype.type(i * each)
            if undefined is not None:
                mask = mask | undefined.astype(bits.dtype) << bits.dtype.type(i * each)
        self.write(whole, (bits, mask), active)

    def unpack(
        self, parts: Sequence[Operand], whole: Operand, width: int, active: Array | None
    ) -> None:
        each = width // len(parts)
        bits, mask = self.read(whole, f"b{width}")
        for i, part in enumerate(parts):
            value, undefined = (
                None if x is None else (x >> x.dtype.type(i * each)).astype(f"u{each // 8}")
                for x in (bits, mask)
            )
            self.write(part, (value, undefined), active)

    def load_parameter(
        self, destination: Operand, kind: str, name: str, part: slice, active: Array | None
    ) -> None:
        bits = np.frombuffer(self.arguments[name][part], TYPES[kind])
        self.write(destination, (bits, None), active)

    def load(
        self, address: Address, items: Sequence[Operand], kind: str, active: Array | None
    ) -> None:
        size = TYPES[kind].itemsize
        addresses = self.addresses(address, active)
        data, known = self.memory.load(addresses, len(items) * size)
        chosen = slice(None) if active is None else active
        for i, item in enumerate(items):
            place = slice(i * size, (i + 1) * size)
            rows = np.zeros((2, self.count, size), np.uint8)
            rows[0, chosen] = data[:, place]
            rows[1, chosen] = spread(~known[:, place], rows.dtype)
            bits, mask = rows.view(TYPES[kind])[..., 0]
            self.write(item, (bits, unsigned(mask)), active)

    def store(
        self, address: Address, items: Sequence[Operand], kind: str, active: Array | None
    ) -> None:
        addresses = self.addresses(address, active)
        data = np.stack([self.defined(item, kind, active) for item in items], axis=1)
        self.memory.store(addresses, data.view(np.uint8))

    def addresses(self, address: Address, active: Array | None) -> Array:
        return self.defined(address.base, "u64", active) + np.uint64(address.offset % (1 << 64))


def _undefined(register: Register) -> Value:
    dtype = TYPES[register.type if register.type == "pred" else f"b{register.width}"]
    return np.zeros(1, dtype), spread(np.ones(1, bool), dtype)


@lru_cache(maxsize=4096)
def _constant(operand: Integer | Float, kind: str) -> Array:
    """An immediate as an array of one element."""
    if kind == "pred":
        return np.array([operand.value != 0])
    bits = operand.bits if isinstance(operand, Float) else operand.value % (1 << BITS[kind])
    return np.frombuffer(bits.to_bytes(BITS[kind] // 8, "little"), TYPES[kind])
