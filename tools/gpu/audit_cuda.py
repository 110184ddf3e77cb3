# SPDX-License-Identifier: Apache-2.0
"""Checks of PTX and of NVIDIA's machine code, each of which returns what it finds wrong."""

from __future__ import annotations

import re
from collections import Counter

from tools.gpu.compiled import Compiled, strangers
from tools.gpu.dataflow import copied
from tools.gpu.flow import Program
from tools.gpu.root import root

# Contractible `mul.f32` and `add.f32` are in none of these, nor is anything else that is
# approximate, flushes or rounds another way, but for the estimate that `root` corrects.
_PTX_NORMAL = (
    "cvt.rn.f32.s32 cvt.rn.f32.u32 fma.rn.f32 mul.rn.f32 add.rn.f32 sub.rn.f32 neg.f32 abs.f32 "
    "min.f32 selp.f32 rsqrt.approx.ftz.f32 fma.rn.f32x2 mul.rn.f32x2 add.rn.f32x2 sub.rn.f32x2 "
)
# All that a uniform computes is exact, in any of these formats.
_PTX_UNIFORM = "cvt.rn.f32.u32 mul.rn.f32 mul.rn.f32x2 "
_PTX_FLOAT16 = "cvt.rn.f16.f32 cvt.rn.f16x2.f32 "
_PTX_BFLOAT16 = "cvt.rn.bf16.f32 cvt.rn.bf16x2.f32 "
PTX_FLOATS = {
    "bits_uint32": "",
    "bits_uint64": "",
    "integers_int64": "",
    "normal_float32": _PTX_NORMAL,
    "normal_float16": _PTX_NORMAL + _PTX_FLOAT16,
    "normal_bfloat16": _PTX_NORMAL + _PTX_BFLOAT16,
    "normal_float64": "cvt.rn.f64.s64 cvt.rn.f64.u64 fma.rn.f64 mul.rn.f64 add.rn.f64 sub.rn.f64 "
    "neg.f64 abs.f64 min.f64 selp.f64 sqrt.rn.f64",
    "uniform_float32": _PTX_UNIFORM,
    "uniform_float16": _PTX_UNIFORM + _PTX_FLOAT16 + "cvt.rn.f16.u32 mul.rn.f16 mul.rn.f16x2",
    # sm_80 has no product of bfloat16: there it is an fma with -0.
    "uniform_bfloat16": _PTX_UNIFORM + _PTX_BFLOAT16 + "cvt.rn.bf16.u32 mul.rn.bf16x2 fma.rn.bf16",
    "uniform_float64": "cvt.rn.f64.u64 mul.rn.f64",
}
"""The float opcodes each kernel may have in PTX."""

_PTX_FLOAT = re.compile(r"(tf32|b?f(16|32|64)(x2)?|e\dm\d(x2)?|approx|ftz|full|sat)")

SASS_FLOATS = {
    *("FFMA", "FMUL", "FADD", "FMUL2", "FMNMX", "FSEL", "MUFU.RSQ"),
    *("I2F", "I2F.U32", "I2F.U8", "I2FP.F32.S32", "I2FP.F32.U32"),
    *("F2FP.PACK_AB", "F2FP.F16.F32.PACK_AB", "F2FP.BF16.PACK_AB", "F2FP.BF16.F32.PACK_AB"),
    *("I2F.F16.U32", "I2F.BF16.U32", "I2F.BF16.U8", "HMUL2", "HMUL2.BF16_V2"),
    *("HFMA2", "HFMA2.MMA", "HFMA2.BF16_V2", "HFMA2.MMA.BF16_V2"),
    *("DFMA", "DMUL", "DADD", "DSETP.MIN.AND", "MUFU.RSQ64H", "I2F.F64.S64", "I2F.F64.U64"),
}
"""Float opcodes in machine code on the way of a full program: none flushes, or rounds oddly."""
_SLOW_ROOT = {
    *("DFMA", "DFMA.RM", "DFMA.RP", "DMUL", "DADD", "DSETP.GT.AND", "DSETP.NE.AND", "FSEL"),
    "MUFU.RSQ64H",
}
"""Those off that way, in NVIDIA's slow path of a float64 root."""
_SASS_FLOAT = re.compile(r"U?(F(?!LO|ENCE)|D(?!EPBAR)|H|MUFU|I2F)[\w.]*")
_SASS_MEMORY = re.compile(r"(LD|ST|ATOM|RED|SU|TEX|TLD)\w*")
_EXPECTED = {"LDC", "LDCU", "LDG", "STG"}
_LOCAL = {"LDL", "STL"}


def ptx_floats(compiled: Compiled) -> list[str]:
    """Float opcodes in the PTX that are not allowed in this kernel."""
    found = (
        ".".join(step.opcode)
        for step in compiled.ptx.instructions
        if any(_PTX_FLOAT.fullmatch(part) for part in step.opcode)
    )
    return strangers(found, PTX_FLOATS[compiled.draws].split(), "the PTX")


def sass_floats(compiled: Compiled) -> list[str]:
    """Float opcodes of the machine code that are not allowed; constants may be moved by any."""
    path = set(compiled.path)
    found: dict[bool, list[str]] = {True: [], False: []}
    for i, step in enumerate(compiled.program.code):
        if _SASS_FLOAT.fullmatch(step.opcode) and not copied(step):
            found[i in path].append(step.opcode)
    slow = _SLOW_ROOT if "sqrt.rn.f64" in compiled.assembly else set()
    return strangers(found[True], SASS_FLOATS, "the full path") + strangers(
        found[False], slow, "another path"
    )


def memory(compiled: Compiled) -> list[str]:
    """Instructions for memory that are neither loads of arguments nor stores of what is drawn."""
    return strangers(_memory(compiled), _EXPECTED | _LOCAL, "the machine code")


def local_memory(compiled: Compiled) -> list[str]:
    """Instructions for local memory, which keeps what the registers have no room for."""
    return strangers(_memory(compiled), _EXPECTED, "the machine code")


def _memory(compiled: Compiled) -> list[str]:
    bases = (step.opcode.split(".")[0] for step in compiled.program.code)
    return [base for base in bases if _SASS_MEMORY.fullmatch(base)]


def one_branch(compiled: Compiled) -> list[str]:
    """Whether a full program comes by one branch, the tail's, and by one more for each root."""
    roots = compiled.assembly.count("sqrt.rn.f64")
    found = [str(step) for step in compiled.program.branches(compiled.path)]
    return [] if len(found) == 1 + roots else [f"{len(found)} branches, not {1 + roots}: {found}"]


def same_arithmetic(compiled: Compiled) -> list[str]:
    """Whether machine code and PTX have the same float32 arithmetic, operation by operation.

    What is compared is in `dataflow`: every fma, product, sum and estimate with its signs and
    constants and with the operations that make its operands, and how many there are of each. An
    operation that ptxas repeats on the same values counts once. A product of a converted word may
    be repeated from an integer that was made another way, which the graph cannot know to be equal.
    """
    written, made = (graph.operations for graph in compiled.graphs)
    surplus = {op: n for op, n in (made - written).items() if "#" in op or op not in written}
    return [f"{n} × {op} is missing" for op, n in (written - made).items()] + [
        f"{n} × {op} is too many" for op, n in surplus.items()
    ]


def same_roots(compiled: Compiled) -> list[str]:
    """Whether each estimate of a root, in the PTX and in the machine code, becomes the root."""
    return [
        f"an estimate in the {where} does not become a root"
        for graph, where in zip(compiled.graphs, ("PTX", "machine code"), strict=True)
        for pair in graph.estimates
        if root(graph, *pair) is None
    ]


# The opcodes of a class, and of how many numbers one computes.
_COUNTED = {
    **{f"fma.rn.f{bits}": ("fma", 1) for bits in (32, 64)},
    **{f"mul.rn.f{bits}": ("mul", 1) for bits in (32, 64)},
    **{f"{op}.rn.f{bits}": ("add", 1) for op in ("add", "sub") for bits in (32, 64)},
    **{"fma.rn.f32x2": ("fma", 2), "mul.rn.f32x2": ("mul", 2)},
    **{"add.rn.f32x2": ("add", 2), "sub.rn.f32x2": ("add", 2)},
    **{"mul.rn.f16": ("mul", 1), "mul.rn.f16x2": ("mul", 2)},
    # Both with -0 for an addend.
    **{"fma.rn.bf16": ("mul", 1), "mul.rn.bf16x2": ("mul", 2)},
    **{"FFMA": ("fma", 1), "FMUL": ("mul", 1), "FADD": ("add", 1), "FMUL2": ("mul", 2)},
    **{"DFMA": ("fma", 1), "DMUL": ("mul", 1), "DADD": ("add", 1)},
}
ROOT64 = {"fma": 5, "mul": 3}
"""What ptxas makes of `sqrt.rn.f64` beside an estimate where it does not call its slow path."""


def same_counts(compiled: Compiled) -> list[str]:
    """Whether machine code has as many products, sums and fma as the PTX, of each a number.

    For kernels whose arithmetic is not float32 alone. Packed instructions count for both numbers.
    A half fma of two zeros moves a constant and counts for nothing; one with -0 for an addend is a
    product. A float64 root is five fma and three products more.
    """
    written: Counter[str] = Counter()
    for step in compiled.ptx.instructions:
        name = ".".join(step.opcode)
        if name in _COUNTED:
            operation, numbers = _COUNTED[name]
            written[operation] += numbers
        elif name == "sqrt.rn.f64":
            written.update(ROOT64)
    made = arithmetic(compiled.program, compiled.path)
    return [
        f"{made[op]} {op} in machine code, {written[op]} in PTX"
        for op in ("fma", "mul", "add")
        if made[op] != written[op]
    ]


def arithmetic(program: Program, path: list[int]) -> Counter[str]:
    """How many numbers a path multiplies, adds, and does both to."""
    made: Counter[str] = Counter()
    for step in (program.code[i] for i in path):
        operation, numbers = _COUNTED.get(step.opcode, ("", 0))
        if step.opcode.startswith("HMUL2") or (
            step.opcode.startswith("HFMA2") and step.operands[-1].startswith("-RZ")
        ):
            operation, numbers = "mul", 2
        made[operation] += numbers
    return +made
