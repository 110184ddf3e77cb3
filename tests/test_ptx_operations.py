# SPDX-License-Identifier: Apache-2.0
"""What the PTX emulator computes, against exact integers and fractions."""

import itertools
import math
from fractions import Fraction

import numpy as np
import ptx_floats as floats
import pytest
import torch
from ptx_kernels import execute
from ptx_memory import EmulationError
from ptx_operations import OPERATIONS, RSQRT
from ptx_oracle import decode, encode, evaluate, signature, width

FORMATS = {"f16": (11, -24, 16), "bf16": (8, -133, 128), "f32": (24, -149, 128)}
FORMATS |= {"f64": (53, -1074, 1024)}  # bits of the significand, least exponent, overflow


def edges(kind, rng):
    """Bits at which an instruction may go wrong, and some others."""
    bits = width(kind)
    if kind == "pred":
        return [0, 1]
    if kind.endswith("x2"):
        halves = edges(kind[:-2], rng)
        shuffled = rng.permutation(halves).tolist()
        return [low | high << bits // 2 for low, high in zip(halves, shuffled, strict=True)]
    top, drawn = 1 << bits - 1, rng.integers(0, 1 << bits - 1, 8, np.uint64).tolist()
    if kind not in FORMATS:
        near = [0, 1, 2, 5, 31, 32, 33, 63, 64, 65, top - 1, top, top + 1, 2 * top - 1]
        return [n % (2 * top) for n in near] + [2 * n + n % 2 for n in drawn]
    one, infinity = encode(1.0, kind), encode(float("inf"), kind)
    normal = infinity & -infinity  # the least, an exponent field of 1
    positive = [0, 1, normal - 1, normal, one - 1, one, one + 1, one + normal]
    positive += [infinity - 1, infinity, infinity + 1, top - 1]
    positive += [one ^ n % (8 * normal) for n in drawn]
    return positive + [n | top for n in positive]


def cases(opcode, most):
    rng = np.random.default_rng(len(opcode))
    every = list(itertools.product(*(edges(kind, rng) for kind in signature(opcode)[1])))
    if len(every) > most:
        every = [every[i] for i in rng.choice(len(every), most, replace=False)]
    return every


@pytest.mark.parametrize("name", sorted({opcode[0] for opcode in OPERATIONS}))
def test_every_operation_agrees_with_exact_arithmetic(name):
    for opcode in (o for o in OPERATIONS if o[0] == name):
        given = cases(opcode, 4000 if name == "fma" else 300)
        expected = [evaluate(opcode, *bits) for bits in given]
        numbers = [i for i, bits in enumerate(expected) if bits is not None]
        made = execute(opcode, *zip(*(given[i] for i in numbers), strict=True)).tolist()
        wrong = [
            (given[i], expected[i], bits)
            for i, bits in zip(numbers, made, strict=True)
            if bits != expected[i]
        ]
        assert not wrong, (opcode, len(wrong), wrong[0])
        for i in (i for i, bits in enumerate(expected) if bits is None):
            with pytest.raises(EmulationError, match="undefined"):
                execute(opcode, *([bits] for bits in given[i]))
            break  # one NaN of each


def halfway(kind):
    """Triples whose exact a * b + c lies on a halfway point, or beside it by a hair."""
    precision, least, overflow = FORMATS[kind]
    rng = np.random.default_rng(precision)
    half = 1 << precision - 1
    # For some of these, the sum in double precision is off by 3/4 of a unit, some way or other.
    hairs = [0, 1, 2, 3, *(math.isqrt(3 << n) for n in range(4, min(2 * precision - 6, 24)))]
    for unit, hair, side in itertools.product(
        (least, least + 1, 1 - precision, overflow - precision), hairs, (-1, 1)
    ):
        near = [half, half + 1, 2 * half - 1, *rng.integers(half, 2 * half, 5).tolist()]
        if unit == least:  # c and the sum are subnormal
            near += [1, 2, *rng.integers(1, half, 5).tolist(), 5 << precision // 2]
        for c in near:
            # a * b is half a unit, less hair^2 parts of half^2.
            exponent = unit - 1 - 2 * (precision - 1)
            a = Fraction(half + hair) * Fraction(2) ** (exponent // 2)
            b = Fraction(half - hair) * Fraction(2) ** (exponent - exponent // 2)
            yield a, b * side, c * Fraction(2) ** unit


@pytest.mark.parametrize("kind", FORMATS)
def test_fma_rounds_once_where_rounding_twice_goes_wrong(kind):
    triples = [tuple(encode(x, kind) for x in triple) for triple in halfway(kind)]
    exact = [tuple(Fraction(decode(x, kind)) for x in triple) for triple in triples]
    assert exact == list(halfway(kind))
    expected = [evaluate(("fma", "rn", kind), *triple) for triple in triples]
    made = execute(("fma", "rn", kind), *zip(*triples, strict=True)).tolist()
    assert made == expected
    # A product rounded to double precision, or here a sum, is not good enough.
    twice = [float(a * b) + float(c) for a, b, c in exact]
    assert kind in ("f16", "bf16") or [encode(x, kind) for x in twice] != expected


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_fma_of_numbers_that_cancel(kind):
    rng = np.random.default_rng(1)
    real = np.dtype(kind.replace("f32", "f4").replace("f64", "f8"))
    a, b = rng.normal(size=(2, 2000)).astype(real)
    c = -(a * b) * rng.choice([1, 1 + np.finfo(real).eps, 0.5, 2], 2000).astype(real)
    c[::7] = 0
    bits = [x.view(f"u{real.itemsize}").tolist() for x in (a, b, c)]
    expected = [evaluate(("fma", "rn", kind), *triple) for triple in zip(*bits, strict=True)]
    assert execute(("fma", "rn", kind), *bits).tolist() == expected


@pytest.mark.parametrize(("kind", "dtype"), [("f16", torch.float16), ("bf16", torch.bfloat16)])
def test_conversions_to_16_bits_agree_with_torch_at_every_halfway_point(kind, dtype):
    finite = np.arange(encode(float("inf"), kind), dtype=np.int16)
    values = torch.from_numpy(finite).view(dtype).double().numpy()
    after = np.append(
        values[1:], 2 * values[-1] - values[-2]
    )  # infinity is where the next would be
    points = ((values + after) / 2).astype(np.float32)
    below, above = (np.nextafter(points, np.float32(to)) for to in (-np.inf, np.inf))
    given = np.concatenate([points, below, above, values.astype(np.float32)])
    given = np.concatenate([given, -given])
    made = execute(("cvt", "rn", kind, "f32"), given.view(np.uint32))
    expected = torch.from_numpy(given).to(dtype).view(torch.int16).numpy()
    np.testing.assert_array_equal(made, expected.view(np.uint16))


# The square root that NVIDIA does not define to the last bit


def positive_floats():
    bits = np.random.default_rng(2).integers(0x00800000, 0x7F800000, 4000, np.uint32)
    return np.append(bits, np.uint32([0x00800000, 0x3F800000, 0x7F7FFFFF]))


def test_rsqrt_without_an_error_is_the_nearest():
    bits = positive_floats()
    made = execute(RSQRT, bits, rsqrt=floats.nearest)
    for x, y in zip(bits.tolist(), made.tolist(), strict=True):
        number, root = (Fraction(decode(b, "f32")) for b in (x, y))
        below, above = (Fraction(decode(y + step, "f32")) + root for step in (-1, 1))
        assert below**2 * number < 4 < above**2 * number


@pytest.mark.parametrize(
    ("policy", "least", "most"),
    [
        (floats.lowest, -floats.RSQRT_ERROR, -floats.RSQRT_ERROR),
        (floats.highest, floats.RSQRT_ERROR, floats.RSQRT_ERROR),
        (floats.scattered(1), -floats.RSQRT_ERROR, floats.RSQRT_ERROR),
    ],
)
def test_rsqrt_is_as_bad_as_it_is_told_to_be(policy, least, most):
    bits = positive_floats()
    made = execute(RSQRT, bits, rsqrt=policy).view(np.float32).astype(np.float64)
    error = made * np.sqrt(bits.view(np.float32).astype(np.float64)) - 1
    rounding = 2.0**-24 + 2.0**-45
    assert least - rounding <= error.min() <= least + rounding
    assert most - rounding <= error.max() <= most + rounding
    assert least == most or abs(error.mean()) < 0.05 * floats.RSQRT_ERROR


def test_rsqrt_of_what_has_none():
    infinity = 0x7F800000
    given = [0, 1 << 31, 0x007FFFFF, 0x807FFFFF, infinity]
    minus = infinity | 1 << 31
    assert execute(RSQRT, given).tolist() == [infinity, minus, infinity, minus, 0]
    for nan in (0xBF800000, minus, infinity + 1):
        with pytest.raises(EmulationError, match="undefined"):
            execute(RSQRT, [nan])
