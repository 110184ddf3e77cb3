# SPDX-License-Identifier: Apache-2.0
"""What PTX instructions give for one thread, in exact integers and fractions.

It is here to disagree with `ptx_operations`, with which it shares neither arithmetic nor NumPy.
"""

from __future__ import annotations

import math
import operator
import struct
from fractions import Fraction
from typing import TypeAlias

Number: TypeAlias = "int | float | Fraction"

_FORMATS = {"f16": (16, 11, -24), "bf16": (16, 8, -133), "f32": (32, 24, -149)}
_FORMATS["f64"] = (64, 53, -1074)
"""Bits, bits of the significand, and the exponent of the smallest number."""

_ARITY = {"neg": 1, "abs": 1, "sqrt": 1, "rsqrt": 1, "not": 1, "mov": 1, "cvta": 1}
_ARITY |= {"mad": 3, "fma": 3, "prmt": 3, "lop3": 4}


def width(kind: str) -> int:
    """The bits of a type."""
    if kind == "pred":
        return 1
    return (
        2 * width(kind[:-2]) if kind.endswith("x2") else int(kind.lstrip("abcdefghijklmnopqrstu"))
    )


def signature(opcode: tuple[str, ...]) -> tuple[str, list[str]]:
    """The type of the result and those of the sources."""
    name, kind = opcode[0], opcode[-1]
    if name == "cvt":
        return opcode[-2], [kind] * (2 if opcode[-2].endswith("x2") else 1)
    if name == "setp":
        combined = any(word in opcode for word in ("and", "or", "xor"))
        return "pred", [kind, kind] + ["pred"] * combined
    if "wide" in opcode:
        wide = f"{kind[0]}{2 * width(kind)}"
        return wide, [kind, kind] + [wide] * (name == "mad")
    last = {"shl": ["u32"], "shr": ["u32"], "shf": ["b32", "u32"], "selp": [kind, "pred"]}
    if name in last:
        return kind, [kind, *last[name]]
    return kind, [kind] * _ARITY.get(name, 2)


def evaluate(opcode: tuple[str, ...], *bits: int) -> int | None:
    """The bits of the result; None for the NaN of an operation, whose bits are open.

    Args:
        opcode: An instruction.
        *bits: Those of each source.
    """
    name, (result, kinds) = opcode[0], signature(opcode)
    if name != "cvt" and result.endswith("x2"):
        half = width(result) // 2
        parts = [
            evaluate((*opcode[:-1], result[:-2]), *((b >> at) % (1 << half) for b in bits))
            for at in (0, half)
        ]
        return None if None in parts else parts[0] | parts[1] << half
    if name in _BITWISE:
        return _BITWISE[name](opcode, *bits) % (1 << width(result))
    numbers = [decode(b, k) for b, k in zip(bits, kinds, strict=True)]
    if "ftz" in opcode:
        numbers = [_flush(x) for x in numbers]
    if name == "setp":
        return int(_compare(opcode, *numbers))
    if name == "cvt":
        return _convert(opcode, numbers)
    value = (_real if kinds[0] in _FORMATS else _integer)(opcode, *numbers)
    encoded = encode(value, result)
    if "ftz" in opcode and encoded is not None:
        return encode(_flush(decode(encoded, result)), result)
    return encoded


def decode(bits: int, kind: str) -> int | float:
    """The number with these bits."""
    if kind in _FORMATS:
        if kind == "bf16":
            bits, kind = bits << 16, "f32"
        letter, size = {"f16": ("e", 2), "f32": ("f", 4), "f64": ("d", 8)}[kind]
        return struct.unpack(f"<{letter}", bits.to_bytes(size, "little"))[0]
    negative = kind[0] == "s" and bits >> width(kind) - 1
    return bits - (1 << width(kind)) if negative else bits


def encode(x: Number, kind: str) -> int | None:
    """The bits of the nearest number of a type, ties to even; an integer type wraps."""
    if kind not in _FORMATS:
        return int(x) % (1 << width(kind))
    bits, precision, lowest = _FORMATS[kind]
    infinity = (1 << bits - precision) - 1 << precision - 1
    negative = math.copysign(1, x) < 0 if isinstance(x, float) else x < 0
    if isinstance(x, float) and math.isnan(x):
        return None
    if isinstance(x, float) and math.isinf(x):
        units = infinity
    elif x == 0:
        units = 0
    else:
        x = abs(Fraction(x))
        exponent = x.numerator.bit_length() - x.denominator.bit_length()
        exponent -= x < Fraction(2) ** exponent
        place = max(exponent - precision + 1, lowest)
        # `round` is to nearest even. The integer bit of a normal number adds 1 to its exponent.
        units = round(x / Fraction(2) ** place) + (place - lowest << precision - 1)
    return int(negative) << bits - 1 | min(units, infinity)


def _flush(x: int | float) -> int | float:
    return math.copysign(0.0, x) if isinstance(x, float) and abs(x) < 2.0**-126 else x


def _shift(opcode, a, n):
    bits = width(opcode[-1])
    if opcode[0] == "shl":
        return a << min(n, bits)
    return decode(a, opcode[-1]) >> min(n, bits)


def _funnel(opcode, a, b, n):
    n = n % 32 if "wrap" in opcode else min(n, 32)
    both = b << 32 | a
    return both << n >> 32 if "l" in opcode else both >> n


def _permute(_, a, b, selector):
    source, result = (b << 32 | a).to_bytes(8, "little"), []
    for i in range(4):
        digit = selector >> 4 * i & 15
        byte = source[digit & 7]
        result.append(byte if digit < 8 else 255 * (byte >> 7))
    return int.from_bytes(bytes(result), "little")


def _lop3(_, a, b, c, table):
    return sum(
        (table >> (4 * (a >> i & 1) + 2 * (b >> i & 1) + (c >> i & 1)) & 1) << i for i in range(32)
    )


_BITWISE = {
    "and": lambda _, a, b: a & b,
    "or": lambda _, a, b: a | b,
    "xor": lambda _, a, b: a ^ b,
    "not": lambda _, a: ~a,
    "mov": lambda _, a: a,
    "cvta": lambda _, a: a,
    "selp": lambda _, a, b, p: a if p else b,
    "shl": _shift,
    "shr": _shift,
    "shf": _funnel,
    "prmt": _permute,
    "lop3": _lop3,
}


def _integer(opcode, *numbers):
    a, b, c = (*numbers, 0, 0)[:3]
    bits = width(opcode[-1])
    if opcode[0] in ("mul", "mad"):
        return (a * b >> bits if "hi" in opcode else a * b) + c
    simple = {"add": a + b, "sub": a - b, "min": min(a, b), "max": max(a, b)}
    return (simple | {"neg": -a, "abs": abs(a)})[opcode[0]]


def _real(opcode, *numbers):
    return _REAL[opcode[0]](*numbers)


def _extreme(pick):
    def chosen(a, b):
        if math.isnan(a) or math.isnan(b):
            return b if math.isnan(a) else a
        return pick(a, b, key=lambda x: (x, math.copysign(1, x)))

    return chosen


def _fused(a, b, c):
    if not (math.isfinite(a) and math.isfinite(b)):
        return a * b + c
    if not math.isfinite(c):
        return c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact or a * b * c:
        return exact
    both_negative = math.copysign(1, a) * math.copysign(1, b) < 0 > math.copysign(1, c)
    return -0.0 if both_negative and not (a and b) and not c else 0.0


def _root(x):
    if x == 0 or x == math.inf or math.isnan(x):
        return x
    if x < 0:
        return math.nan
    scale = 1 << 1200
    scaled = Fraction(x) * scale * scale
    root = math.isqrt(int(scaled))
    # What the root leaves out is less than a unit, far below the last bit: half one stands for it.
    return Fraction(2 * root + (root * root != scaled), 2 * scale)


_REAL = {
    "add": lambda a, b: _fused(a, 1.0, b),
    "sub": lambda a, b: _fused(a, 1.0, -b),
    "mul": lambda a, b: _fused(a, b, math.copysign(0.0, a) * math.copysign(1.0, b)),
    "fma": _fused,
    "sqrt": _root,
    "neg": operator.neg,
    "abs": abs,
    "min": _extreme(min),
    "max": _extreme(max),
}


def _compare(opcode, a, b, p=0):
    name, kind = opcode[1], opcode[-1]
    if kind in _FORMATS:
        unordered = math.isnan(a) or math.isnan(b)
        if name in ("num", "nan"):
            result = unordered == (name == "nan")
        elif name in ("equ", "neu", "ltu", "leu", "gtu", "geu"):
            result = unordered or getattr(operator, name[:2])(a, b)
        else:
            result = not unordered and getattr(operator, name)(a, b)
    else:
        name = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}.get(name, name)
        result = getattr(operator, name)(a, b)
    combine = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}
    return combine[opcode[2]](result, bool(p)) if opcode[2] in combine else result


def _convert(opcode, numbers):
    result, source = opcode[-2:]
    if result.endswith("x2"):
        high, low = (encode(x, result[:-2]) for x in numbers)
        return None if None in (high, low) else high << 16 | low
    (x,) = numbers
    if result in _FORMATS or source not in _FORMATS:
        return encode(x, result)
    return _to_integer(x, opcode[1], result, source)


def _to_integer(x, rounding, result, source):
    if math.isnan(x):
        return 1 << width(result) - 1 if "64" in result + source else 0
    lowest = -(1 << width(result) - 1) if result[0] == "s" else 0
    highest = lowest + (1 << width(result)) - 1
    if math.isinf(x):
        whole = highest if x > 0 else lowest
    else:
        rules = {"rni": round, "rzi": math.trunc, "rmi": math.floor, "rpi": math.ceil}
        whole = rules[rounding](Fraction(x))
    return encode(min(max(whole, lowest), highest), result)
