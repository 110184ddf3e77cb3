# SPDX-License-Identifier: Apache-2.0
"""What each PTX instruction that computes does to lanes, as NVIDIA's PTX ISA document defines it.

`OPERATIONS` is an exact table: an opcode that it does not have, to the last modifier, is not
supported. `add.f32` without `.rn`, for one, may be contracted with a product, so it has no one
meaning and is not there.
"""

from __future__ import annotations

import operator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import ptx_floats as floats
import ptx_integers as integers
from ptx_floats import Array, Rsqrt
from ptx_values import (
    BITS,
    TYPES,
    Compute,
    Operation,
    and_mask,
    by_half,
    halves,
    moves,
    or_mask,
    union,
    unsigned,
)

Opcode = tuple[str, ...]

RSQRT = ("rsqrt", "approx", "ftz", "f32")
_INTEGERS = [kind + width for width in ("16", "32", "64") for kind in "us"]
_WORDS = ["b16", "b32", "b64"]
_SCALARS = [*_WORDS, *_INTEGERS, "f32", "f64"]


def _select(a: Array, b: Array, p: Array) -> Array:
    return np.where(p, a, b)


def _same(a: Array) -> Array:
    return a


def _integer_operations() -> dict[Opcode, Operation]:
    table = {}
    for t in _INTEGERS:
        two, three = (t, t), (t, t, t)
        table["add", t] = Operation(t, two, operator.add)
        table["sub", t] = Operation(t, two, operator.sub)
        table["min", t] = Operation(t, two, np.minimum)
        table["max", t] = Operation(t, two, np.maximum)
        table["mul", "lo", t] = Operation(t, two, operator.mul)
        table["mul", "hi", t] = Operation(t, two, integers.multiply_high)
        table["mad", "lo", t] = Operation(t, three, lambda a, b, c: a * b + c)
        table["mad", "hi", t] = Operation(
            t, three, lambda a, b, c: integers.multiply_high(a, b) + c
        )
        if BITS[t] < 64:
            wide = f"{t[0]}{2 * BITS[t]}"
            table["mul", "wide", t] = Operation(wide, two, integers.multiply_wide)
            table["mad", "wide", t] = Operation(
                wide, (t, t, wide), lambda a, b, c: integers.multiply_wide(a, b) + c
            )
        if t[0] == "s":
            table["neg", t] = Operation(t, (t,), operator.neg)
            table["abs", t] = Operation(t, (t,), np.abs)
    return table


def _bit_operations() -> dict[Opcode, Operation]:
    table = {}
    for t in ["pred", *_WORDS]:
        table["and", t] = Operation(t, (t, t), operator.and_, and_mask)
        table["or", t] = Operation(t, (t, t), operator.or_, or_mask)
        table["xor", t] = Operation(t, (t, t), operator.xor, union)
        table["not", t] = Operation(t, (t,), operator.invert, union)
    table["lop3", "b32"] = Operation("b32", ("b32",) * 4, integers.lop3, union)
    return table


def _moving_operations() -> dict[Opcode, Operation]:
    table = {}
    for t in _WORDS:
        table["shl", t] = Operation(
            t, (t, "u32"), integers.shift_left, moves(integers.shift_left, 1)
        )
    for t in [*_WORDS, *_INTEGERS]:
        table["shr", t] = Operation(
            t, (t, "u32"), integers.shift_right, moves(integers.shift_right, 1)
        )
    for t in _SCALARS:
        table["selp", t] = Operation(t, (t, t, "pred"), _select, moves(_select, 1))
    for t in ["pred", *_SCALARS]:
        table["mov", t] = Operation(t, (t,), _same, union)
    for name in (("cvta", "global", "u64"), ("cvta", "to", "global", "u64")):
        table[name] = Operation("u64", ("u64",), _same, union)  # the same addresses
    for side, mode in product("lr", ("clamp", "wrap")):
        funnel = partial(integers.funnel, left=side == "l", wrap=mode == "wrap")
        sources = ("b32", "b32", "u32")
        table["shf", side, mode, "b32"] = Operation("b32", sources, funnel, moves(funnel, 1))
    table["prmt", "b32"] = Operation(
        "b32", ("b32",) * 3, integers.permute, moves(integers.permute, 1)
    )
    return table


def _float_operations() -> dict[Opcode, Operation]:
    table = {}
    for t, fma in (("f32", floats.fma32), ("f64", floats.fma64)):
        rounded = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
        rounded |= {"fma": fma, "sqrt": np.sqrt}
        exact = {"min": floats.minimum, "max": floats.maximum, "abs": np.abs, "neg": operator.neg}
        named = {(name, "rn", t): compute for name, compute in rounded.items()}
        named |= {(name, t): compute for name, compute in exact.items()}
        for name, compute in named.items():
            arity = {"fma": 3, "sqrt": 1, "abs": 1, "neg": 1}.get(name[0], 2)
            table[name] = Operation(t, (t,) * arity, compute, makes_nan=True)
            if t == "f32":
                flushing = (*name[:-1], "ftz", t)
                compute = partial(_flushing, compute)
                table[flushing] = Operation(t, (t,) * arity, compute, makes_nan=True)
    return table


def _fused_operations() -> dict[Opcode, Operation]:
    """Operations on 16 bits and on packed numbers, all of which are an fma of some kind."""
    table = {}
    for t, fma, one in (
        ("f32", floats.fma32, np.float32(1)),
        ("f16", floats.fma16, np.float16(1)),
        ("bf16", floats.fma_bfloat16, np.uint16(0x3F80)),
    ):
        minus = unsigned(np.zeros(1, TYPES[t])).dtype.type(1 << BITS[t] - 1)
        forms = {
            "fma": (3, fma),
            "mul": (2, partial(_as_product, fma, minus)),
            "add": (2, partial(_as_sum, fma, one)),
            "sub": (2, partial(_as_difference, fma, one, minus)),
        }
        for name, (arity, compute) in forms.items():
            if BITS[t] == 16:
                table[name, "rn", t] = Operation(t, (t,) * arity, compute, makes_nan=True)
            packed = f"{t}x2"
            table[name, "rn", packed] = Operation(
                packed,
                (packed,) * arity,
                partial(_on_halves, compute, TYPES[t], TYPES[packed]),
                by_half(TYPES[t]),
                makes_nan=True,
            )
    return table


def _as_product(fma: Compute, minus: Any, a: Array, b: Array) -> Array:
    return fma(a, b, np.full(1, minus).view(a.dtype))  # -0 leaves a zero its sign


def _as_sum(fma: Compute, one: Any, a: Array, b: Array) -> Array:
    return fma(a, np.full(1, one), b)


def _as_difference(fma: Compute, one: Any, minus: Any, a: Array, b: Array) -> Array:
    return _as_sum(fma, one, a, (unsigned(b) ^ minus).view(b.dtype))


def _flushing(compute: Compute, *sources: Array) -> Array:
    return floats.flush(compute(*map(floats.flush, sources)))


def _on_halves(
    compute: Compute, half: np.dtype[Any], whole: np.dtype[Any], *sources: Array
) -> Array:
    return compute(*(halves(s, half) for s in sources)).view(whole).reshape(-1)


_COMPARISONS: dict[str, Compute] = {
    name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")
}
_UNSIGNED = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}


def _ordered(a: Array, b: Array) -> Array:
    return ~(np.isnan(a) | np.isnan(b))


def _float_comparisons() -> dict[str, Compute]:
    table: dict[str, Compute] = {"num": _ordered, "nan": lambda a, b: ~_ordered(a, b)}
    for name, compare in _COMPARISONS.items():
        table[name] = lambda a, b, c=compare: c(a, b) & _ordered(a, b)
        table[name + "u"] = lambda a, b, c=compare: c(a, b) | ~_ordered(a, b)
    return table


def _comparisons() -> dict[Opcode, Operation]:
    by_type: dict[Opcode, dict[str, Compute]] = {}
    for t in _WORDS:
        by_type[(t,)] = {name: _COMPARISONS[name] for name in ("eq", "ne")}
    for t in _INTEGERS:
        by_type[(t,)] = dict(_COMPARISONS)
        if t[0] == "u":
            by_type[(t,)] |= {name: _COMPARISONS[same] for name, same in _UNSIGNED.items()}
    by_type["f32",] = by_type["f64",] = _float_comparisons()
    by_type["ftz", "f32"] = {
        name: partial(_flushed, compare) for name, compare in _float_comparisons().items()
    }
    table = {}
    combine = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}
    for kind, comparisons in by_type.items():
        t = kind[-1]
        for name, compare in comparisons.items():
            table[("setp", name, *kind)] = Operation("pred", (t, t), compare)
            for word, join in combine.items():
                combined = partial(_combined, compare, join)
                table[("setp", name, word, *kind)] = Operation("pred", (t, t, "pred"), combined)
    return table


def _combined(compare: Compute, join: Compute, a: Array, b: Array, p: Array) -> Array:
    return join(compare(a, b), p)


def _flushed(compare: Compute, a: Array, b: Array) -> Array:
    return compare(floats.flush(a), floats.flush(b))


def _integer_conversions() -> dict[Opcode, Operation]:
    table = {}
    names = [f"{kind}{n}" for n in (8, 16, 32, 64) for kind in "us"]
    roundings = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}
    for result, source in product(names, names):
        cast = partial(_cast, TYPES[result])
        table["cvt", result, source] = Operation(result, (source,), cast, moves(cast), resizes=True)
    for integer, real in product(names, ("f32", "f64")):
        cast = partial(_cast, TYPES[real])
        table["cvt", "rn", real, integer] = Operation(real, (integer,), cast, resizes=True)
        for name, rounding in roundings.items():
            whole = partial(floats.to_integer, rounding=rounding, dtype=TYPES[integer].type)
            table["cvt", name, integer, real] = Operation(integer, (real,), whole, resizes=True)
    for integer, real in product([t for t in names if BITS[t] < 64], ("f16", "bf16")):
        compute = partial(_integer_to_16, real)
        table["cvt", "rn", real, integer] = Operation(real, (integer,), compute, resizes=True)
    return table


def _integer_to_16(kind: str, a: Array) -> Array:
    exact = a.astype(np.float64)
    return floats.double_to_bfloat16(exact) if kind == "bf16" else exact.astype(np.float16)


def _float_conversions() -> dict[Opcode, Operation]:
    table = {}
    cast16 = partial(_cast, TYPES["f16"])
    for name, result, sources, compute in (
        (("rn", "f32", "f64"), "f32", 1, partial(_cast, TYPES["f32"])),
        (("rn", "f16", "f32"), "f16", 1, cast16),
        (("rn", "bf16", "f32"), "bf16", 1, floats.to_bfloat16),
        (("rn", "f16x2", "f32"), "f16x2", 2, partial(_pack16, cast16)),
        (("rn", "bf16x2", "f32"), "bf16x2", 2, partial(_pack16, floats.to_bfloat16)),
        (("f64", "f32"), "f64", 1, partial(_cast, TYPES["f64"])),
        (("f32", "f16"), "f32", 1, partial(_cast, TYPES["f32"])),
        (("f32", "bf16"), "f32", 1, floats.from_bfloat16),
    ):
        types = (name[-1],) * sources
        table[("cvt", *name)] = Operation(result, types, compute, makes_nan=True)
    return table


def _cast(dtype: np.dtype[Any], a: Array) -> Array:
    return a.astype(dtype)


def _pack16(convert: Compute, high: Array, low: Array) -> Array:
    upper, lower = (convert(x).view(np.uint16).astype(np.uint32) for x in (high, low))
    return upper << np.uint32(16) | lower


def rsqrt_operation(policy: Rsqrt) -> Operation:
    """`rsqrt.approx.ftz.f32`, as bad as `policy` says."""
    compute = partial(floats.rsqrt_approx, policy=policy)
    return Operation("f32", ("f32",), compute, makes_nan=True)


OPERATIONS: dict[Opcode, Operation] = {
    **_integer_operations(),
    **_bit_operations(),
    **_moving_operations(),
    **_float_operations(),
    **_fused_operations(),
    **_comparisons(),
    **_integer_conversions(),
    **_float_conversions(),
}
"""Everything that computes but `RSQRT`, which has no one result."""
