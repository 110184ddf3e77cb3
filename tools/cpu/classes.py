# SPDX-License-Identifier: Apache-2.0
"""What an instruction does, by its name: of AVX2, AVX-512 and NEON, those the kernels may use."""

from __future__ import annotations

import re
from enum import Enum


class Kind(Enum):
    """What an instruction does. One that also reads memory is of the kind of its operation."""

    MULTIPLY = "multiply"
    FMA = "fma, mul"
    FLOAT = "other float"
    CONVERT = "convert"
    SQRT = "sqrt"
    SHUFFLE = "shuffle"
    SHIFT = "shift"
    LOGIC = "logic"
    INTEGER = "other integer"
    BLEND = "blend"
    MOVE = "move"
    LOAD = "load"
    STORE = "store"
    SCALAR = "scalar, branch"
    SCALAR_FLOAT = "scalar float"


_VECTOR = re.compile(r"%[xyz]mm|\bv\d+\.|\bq\d+")
_SCALAR_FLOAT = re.compile(r"v(?!broadcast|mov)\w+s[sd]")
_SCALAR_FLOAT_ARM = re.compile(r"f\w+ [sd]\d")
_X86_MOVE = re.compile(r"vmov(ap|up|dq|d$|q$|nt)|vp?broadcast")
_MEMORY = re.compile(r"\(%")
_KINDS = {
    kind: re.compile(pattern)
    for kind, pattern in {
        Kind.MULTIPLY: r"vpmuludq|umull2?",
        Kind.FMA: r"vfn?m(add|sub)\d+p[sd]|vmulp[sd]|fml[as]|fmul",
        Kind.FLOAT: r"v(add|sub|min|max|range|div)p[sd]|f(add|sub|min|max|abs|neg|div)",
        Kind.CONVERT: r"vcvt\w+|[su]cvtf|fcvtx?n2?",
        Kind.SQRT: r"vsqrtp[sd]|fsqrt",
        Kind.BLEND: r"vp?blend\w+|bsl|bi[tf]",
        Kind.SHUFFLE: r"vp?shuf\w+|vp?unpck\w+|vp?perm\w+|vpack\w+|vpmov\w+|vp?align\w+|vmovshdup"
        r"|vp?(insr?|insert|extr?|extract)\w+|(uzp|zip|trn)[12]|dup|ext|tbl|rev\w+|u?xtn2?",
        Kind.SHIFT: r"vps(ll|rl|ra)\w+|[su]?shr|shl|shrn2?|sli|sri",
        Kind.LOGIC: r"vp?(xor|andn?|or)(p[sd]|[dq])?|vpternlog[dq]|eor|and|orr|orn|bic",
        Kind.INTEGER: r"vp(add|sub|min|max|cmp|test)\w+|add|sub|u(min|max)|cm(tst|lt|gt|ge|eq|hi)",
        Kind.MOVE: r"mov|movi|mvni|fmov",
        Kind.LOAD: r"ldr|ldp|ldur|ld[1-4]r?",
        Kind.STORE: r"str|stp|stur|st[1-4]",
    }.items()
}


def classify(mnemonic: str, operands: str) -> Kind:
    """The kind of an instruction.

    Raises:
        ValueError: It is a vector instruction of none of the kinds.
    """
    if _SCALAR_FLOAT.fullmatch(mnemonic) or _SCALAR_FLOAT_ARM.match(f"{mnemonic} {operands}"):
        return Kind.SCALAR_FLOAT
    if not _VECTOR.search(operands):
        return Kind.SCALAR
    if _X86_MOVE.match(mnemonic):
        return _move(mnemonic, operands)
    for kind, pattern in _KINDS.items():
        if pattern.fullmatch(mnemonic):
            return kind
    raise ValueError(f"what kind is {mnemonic} {operands}? tools/cpu/classes.py does not say")


def reads_memory(mnemonic: str, operands: str) -> bool:
    """Whether a vector instruction reads memory, on its own or for an operation."""
    kind = classify(mnemonic, operands)
    return kind is Kind.LOAD or bool(
        kind not in (Kind.SCALAR, Kind.STORE) and _MEMORY.search(operands)
    )


def _move(mnemonic: str, operands: str) -> Kind:
    """A move of x86: its last operand is where to, and a mask makes it choose."""
    *sources, destination = re.split(r",(?![^(]*\))", operands)
    if _MEMORY.search(destination):
        return Kind.STORE
    if any(_MEMORY.search(source) for source in sources):
        return Kind.LOAD
    if "{%k" in destination:
        return Kind.BLEND
    return Kind.SHUFFLE if "broadcast" in mnemonic else Kind.MOVE
