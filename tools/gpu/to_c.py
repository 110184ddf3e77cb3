# SPDX-License-Identifier: Apache-2.0
"""PTX translated to C, so that a whole kernel runs on a CPU fast enough to try every word.

The C does what the PTX says, instruction by instruction: registers become unsigned integers and
`_OPERATIONS` is an exact table, so an opcode or a modifier that it does not have raises. What comes
before the first branch or access to memory is a loop over threads that a compiler can vectorise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

from tools.gpu import ptx

COLUMNS = ("ctaid", "tid")
"""What a thread takes before the parameters."""

_POISON = 0xA5A5A5A5A5A5A5A5
_BITS = ptx.WIDTHS | {"bf16": 16, "f16x2": 32, "bf16x2": 32, "f32x2": 64}


class TranslationError(ValueError):
    """The kernel has an instruction without an exact translation."""


@dataclass(frozen=True)
class _Operation:
    """Types of the result and the sources, and C with the sources in braces."""

    result: str
    sources: tuple[str, ...]
    c: str


def _integer_operations() -> dict[str, _Operation]:
    table = {}
    for t in ("u32", "s32", "u64", "s64"):
        for name, c in (("add", "{0} + {1}"), ("sub", "{0} - {1}"), ("mul.lo", "{0} * {1}")):
            table[f"{name}.{t}"] = _Operation(t, (t, t), c)
        table[f"min.{t}"] = _Operation(t, (t, t), "{0} < {1} ? {0} : {1}")
        table[f"max.{t}"] = _Operation(t, (t, t), "{0} > {1} ? {0} : {1}")
        for name, sign in zip(
            ("eq", "ne", "lt", "le", "gt", "ge"), ("==", "!=", "<", "<=", ">", ">="), strict=True
        ):
            table[f"setp.{name}.{t}"] = _Operation("pred", (t, t), f"{{0}} {sign} {{1}}")
    table["mul.hi.u32"] = _Operation("u32", ("u32", "u32"), "(uint64_t){0} * {1} >> 32")
    table["mul.hi.u64"] = _Operation("u64", ("u64", "u64"), "(unsigned __int128){0} * {1} >> 64")
    table["mul.wide.u32"] = _Operation("u64", ("u32", "u32"), "(uint64_t){0} * {1}")
    table["mad.wide.u32"] = _Operation("u64", ("u32", "u32", "u64"), "(uint64_t){0} * {1} + {2}")
    for result, source in product(("u16", "u32", "s32", "u64", "s64"), repeat=2):
        table[f"cvt.{result}.{source}"] = _Operation(result, (source,), "{0}")
    return table


def _bit_operations() -> dict[str, _Operation]:
    table = {}
    for t in ("pred", "b16", "b32", "b64"):
        for name, sign in (("and", "&"), ("or", "|"), ("xor", "^")):
            table[f"{name}.{t}"] = _Operation(t, (t, t), f"{{0}} {sign} {{1}}")
        table[f"not.{t}"] = _Operation(t, (t,), "!{0}" if t == "pred" else "~{0}")
    for t, bits in (("b32", 32), ("b64", 64)):
        shift = _Operation(t, (t, "u32"), f"{{1}} < {bits} ? {{0}} << {{1}} : 0")
        table[f"shl.{t}"] = shift
        right = shift.c.replace("<<", ">>")
        for kind in (t, t.replace("b", "u")):
            table[f"shr.{kind}"] = _Operation(t, (t, "u32"), right)
        table[f"setp.eq.{t}"] = _Operation("pred", (t, t), "{0} == {1}")
        table[f"setp.ne.{t}"] = _Operation("pred", (t, t), "{0} != {1}")
    for t in ("b16", "b32", "b64", "u16", "u32", "u64", "f32", "f64"):
        table[f"mov.{t}"] = _Operation(t, (t,), "{0}")
        table[f"selp.{t}"] = _Operation(t, (t, t, "pred"), "{2} ? {0} : {1}")
    return table


def _float_operations() -> dict[str, _Operation]:
    table = {}
    for t, suffix in (("f32", "f"), ("f64", "")):
        for name, sign in (("add", "+"), ("sub", "-"), ("mul", "*")):
            table[f"{name}.rn.{t}"] = _Operation(t, (t, t), f"{{0}} {sign} {{1}}")
        table[f"fma.rn.{t}"] = _Operation(
            t, (t, t, t), f"__builtin_fma{suffix}({{0}}, {{1}}, {{2}})"
        )
        table[f"abs.{t}"] = _Operation(t, (t,), f"__builtin_fabs{suffix}({{0}})")
        table[f"neg.{t}"] = _Operation(t, (t,), "-{0}")
        table[f"min.{t}"] = _Operation(t, (t, t), f"min_{t}({{0}}, {{1}})")
        table[f"sqrt.rn.{t}"] = _Operation(t, (t,), f"__builtin_sqrt{suffix}({{0}})")
        real = {"f32": "float", "f64": "double"}[t]
        for integer in ("u32", "s32", "u64", "s64"):
            table[f"cvt.rn.{t}.{integer}"] = _Operation(t, (integer,), f"({real}){{0}}")
    halves = "pack32(bits_f32(as_f32({0}) * as_f32({1})), "
    halves += "bits_f32(as_f32({0} >> 32) * as_f32({1} >> 32)))"
    table["mul.rn.f32x2"] = _Operation("f32x2", ("f32x2", "f32x2"), halves)
    table["rsqrt.approx.ftz.f32"] = _Operation(
        "f32", ("f32",), "rsqrt_approx_ftz({0}, memory->estimate)"
    )
    return table


def _half_operations() -> dict[str, _Operation]:
    table = {}
    for t in ("f16", "bf16"):
        pair = t + "x2"
        for source in ("f32", "u32"):
            table[f"cvt.rn.{t}.{source}"] = _Operation(t, (source,), f"to_{t}({{0}})")
        table[f"cvt.rn.{pair}.f32"] = _Operation(
            pair, ("f32", "f32"), f"pack16(to_{t}({{1}}), to_{t}({{0}}))"
        )
        table[f"mul.rn.{t}"] = _Operation(t, (t, t), f"mul_{t}({{0}}, {{1}})")
        table[f"mul.rn.{pair}"] = _Operation(
            pair, (pair, pair), f"pack16(mul_{t}({{0}}, {{1}}), mul_{t}({{0}} >> 16, {{1}} >> 16))"
        )
    table["fma.rn.bf16"] = _Operation("bf16", ("bf16",) * 3, "fma_bf16({0}, {1}, {2})")
    return table


_OPERATIONS = _integer_operations() | _bit_operations() | _float_operations() | _half_operations()


def translate(kernel: ptx.Kernel) -> str:
    """C for a kernel: the function `run` of `ptx.h`.

    Raises:
        TranslationError: For what has no exact translation, with the instruction.
    """
    return _Translator(kernel).c()


class _Translator:
    def __init__(self, kernel: ptx.Kernel) -> None:
        if kernel.uses_shared_memory:
            raise TranslationError("threads that share memory cannot run one after another")
        self.kernel = kernel
        self.parameters = {p.name: p for p in kernel.parameters}
        self.columns = [*COLUMNS, *self.parameters]

    def c(self) -> str:
        """The whole source."""
        instructions, targets = self.kernel.instructions, self.targets()
        start = next(i for i in range(len(instructions)) if self.separates(i, targets))
        statements = [self.statement(i) for i in instructions]
        for index, labels in targets.items():
            statements[index] = "".join(f"{label}:;\n" for label in labels) + statements[index]
        first, rest = (
            self.registers(part) for part in (instructions[:start], instructions[start:])
        )
        live = {name: bits for name, bits in first.items() if name in rest}
        arrays = [f"uint{max(b, 8)}_t live{n}[kLanes];" for n, b in live.items()]
        loop = "for (int lane = 0; lane < lanes; lane++) {"
        lines = [
            '#include "ptx.h"',
            "void run(int lanes, Columns in, Memory *memory) {",
            *arrays,
            loop,
            *_declarations(first),
            *statements[:start],
            *(f"live{name}[lane] = {name};" for name in live),
            "}",
            loop,
            *_declarations(rest),
            *(f"{name} = live{name}[lane];" for name in live),
            *statements[start:],
            "}",
            "}",
        ]
        return "\n".join(lines) + "\n"

    def targets(self) -> dict[int, list[str]]:
        """The labels that something branches to, by the index of the instruction they precede."""
        used = {
            o.name for i in self.kernel.instructions for o in i.operands if isinstance(o, ptx.Label)
        }
        found: dict[int, list[str]] = {}
        for name in sorted(used):
            found.setdefault(self.kernel.labels[name], []).append(_name(name))
        return found

    def separates(self, index: int, targets: dict[int, list[str]]) -> bool:
        """Whether threads may part ways or touch memory at an instruction."""
        opcode = self.kernel.instructions[index].opcode
        return index in targets or opcode[0] in ("bra", "ret") or "global" in opcode

    def registers(self, instructions: tuple[ptx.Instruction, ...]) -> dict[str, int]:
        """The registers of instructions with their bits."""
        found = {}
        for instruction in instructions:
            operands = list(instruction.operands)
            if instruction.predicate:
                operands.append(instruction.predicate.register)
            for operand in operands:
                for item in operand.items if isinstance(operand, ptx.Vector) else (operand,):
                    item = item.base if isinstance(item, ptx.Address) else item
                    item = item.register if isinstance(item, ptx.Negated) else item
                    if isinstance(item, ptx.Register):
                        found[_name(item.name)] = item.width
        return found

    def statement(self, instruction: ptx.Instruction) -> str:
        """C for one instruction."""
        try:
            c = self.effect(instruction)
        except TranslationError as error:
            raise TranslationError(f"{error}: {instruction.text}") from None
        if guard := instruction.predicate:
            c = f"if ({'!' * guard.negated}{_name(guard.register.name)}) {{ {c} }}"
        return c

    def effect(self, instruction: ptx.Instruction) -> str:
        """C for one instruction without its guard."""
        operands = instruction.operands
        effects: dict[tuple[str, ...], Callable[..., str]] = {
            ("ret",): lambda: "continue;",
            ("bra",): _branch,
            ("bra", "uni"): _branch,
            ("ld", "param", "b32"): partial(self.parameter, "b32"),
            ("ld", "param", "b64"): partial(self.parameter, "b64"),
            ("ld", "global", "b64"): self.load,
        }
        for t in ("b16", "b32", "b64"):
            for vector, count in (((), 1), (("v2",), 2), (("v4",), 4)):
                effects[("st", "global", *vector, t)] = partial(self.store, t, count)
        if effect := effects.get(instruction.opcode):
            return effect(*operands)
        if instruction.opcode[0] == "mov" and any(isinstance(o, ptx.Vector) for o in operands):
            return _pack_or_unpack(instruction.opcode[1:], *operands)
        if isinstance(operands[-1], ptx.Special):
            return self.special(instruction.opcode, operands[0], operands[-1].name)
        return _operate(instruction.opcode, operands)

    def parameter(self, t: str, to: ptx.Operand, address: ptx.Operand) -> str:
        if not (isinstance(address, ptx.Address) and isinstance(address.base, ptx.Symbol)):
            raise TranslationError("no parameter")
        name = address.base.name
        if address.offset or 8 * self.parameters[name].bytes != _BITS[t]:
            raise TranslationError("part of a parameter")
        return _assign(to, t, self.column(name))

    def special(self, opcode: tuple[str, ...], to: ptx.Operand, name: str) -> str:
        columns = {"%ctaid.x": "ctaid", "%tid.x": "tid"}
        if opcode != ("mov", "u32") or name not in columns:
            raise TranslationError("no such special register")
        return _assign(to, "u32", self.column(columns[name]))

    def column(self, name: str) -> str:
        return f"in[{self.columns.index(name)}][lane]"

    def load(self, to: ptx.Operand, address: ptx.Operand) -> str:
        (item,) = to.items if isinstance(to, ptx.Vector) else (to,)
        return _assign(item, "b64", f"load(memory, {_address(address)})")

    def store(self, t: str, count: int, address: ptx.Operand, source: ptx.Operand) -> str:
        items = source.items if isinstance(source, ptx.Vector) else (source,)
        if len(items) != count:
            raise TranslationError(f"{len(items)} values")
        values = ", ".join(_read(item, t) for item in items)
        size = count * _BITS[t] // 8
        return (
            f"{{ const uint{_BITS[t]}_t values[] = {{{values}}};"
            f" store(memory, lane, {_address(address)}, values, {size}); }}"
        )


def _name(name: str) -> str:
    """A name that no other name in this C has."""
    return f"_{name.replace('%', '$')}"


def _declarations(registers: dict[str, int]) -> list[str]:
    """Declarations that begin with a pattern, for what is read before it is written."""
    return [
        f"uint{max(bits, 8)}_t {name} = {_POISON & ((1 << bits) - 1):#x}u{'ll' * (bits == 64)};"
        for name, bits in registers.items()
    ]


def _operate(opcode: tuple[str, ...], operands: tuple[ptx.Operand, ...]) -> str:
    operation = _OPERATIONS.get(".".join(opcode))
    if operation is None:
        raise TranslationError("no such operation")
    if len(operands) != 1 + len(operation.sources):
        raise TranslationError(f"{len(operands)} operands")
    sources = (_read(o, t) for o, t in zip(operands[1:], operation.sources, strict=True))
    return _assign(operands[0], operation.result, operation.c.format(*sources))


def _read(operand: ptx.Operand, t: str) -> str:
    """C for the value of an operand, of the C type that goes with a PTX type."""
    bits = _BITS[t]
    if isinstance(operand, ptx.Register) and operand.width == bits:
        c = _name(operand.name)
    elif isinstance(operand, ptx.Integer) and -(1 << bits - 1) <= operand.value < 1 << bits:
        c = f"UINT{bits}_C({operand.value & ((1 << bits) - 1):#x})"
    elif isinstance(operand, ptx.Float) and operand.width == bits:
        c = f"UINT{bits}_C({operand.bits:#x})"
    else:
        raise TranslationError(f"an operand that is no {t}")
    if t in ("f32", "f64"):
        return f"as_{t}({c})"
    return f"(int{bits}_t){c}" if t[0] == "s" else c


def _assign(to: ptx.Operand, t: str, c: str) -> str:
    if isinstance(to, ptx.Sink):
        return ";"
    if not isinstance(to, ptx.Register) or to.width != _BITS[t]:
        raise TranslationError(f"a destination that is no {t}")
    return f"{_name(to.name)} = {f'bits_{t}({c})' if t in ('f32', 'f64') else c};"


def _branch(label: ptx.Operand) -> str:
    if not isinstance(label, ptx.Label):
        raise TranslationError("no label")
    return f"goto {_name(label.name)};"


def _address(address: ptx.Operand) -> str:
    if not isinstance(address, ptx.Address):
        raise TranslationError("no address")
    return f"{_read(address.base, 'b64')} + {address.offset}"


def _pack_or_unpack(types: tuple[str, ...], to: ptx.Operand, source: ptx.Operand) -> str:
    if types not in (("b32",), ("b64",)):
        raise TranslationError("no such operation")
    (t,) = types
    half = {"b32": "b16", "b64": "b32"}[t]
    if isinstance(source, ptx.Vector):
        low, high = (_read(item, half) for item in source.items)
        return _assign(to, t, f"pack{_BITS[half]}({low}, {high})")
    if not isinstance(to, ptx.Vector):
        raise TranslationError("no such operation")
    value = _read(source, t)
    first, second = to.items
    return _assign(first, half, value) + _assign(second, half, f"{value} >> {_BITS[half]}")
