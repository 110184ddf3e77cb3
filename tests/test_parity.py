# SPDX-License-Identifier: Apache-2.0
"""Every backend writes the bytes of the reference, and not one byte more.

Expected bytes come from the reference's functions, once for each start; a shorter fill is a prefix.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from checks import (
    KERNELS,
    Canvas,
    assert_same_bytes,
    plan_of,
    reference_bytes,
)

import reprorng
from reprorng import _core
from reprorng.backends import Backend, reference
from reprorng.backends.cpu import CpuBackend
from reprorng.plan import WORDS_PER_ELEMENT, make_plan
from reprorng.spec import FLOAT32
from reprorng.testing import place_of

every_kernel = pytest.mark.parametrize(
    ("kind", "dtype"), KERNELS, ids=[f"{kind}-{dtype}" for kind, dtype in KERNELS]
)

# Several steps of the widest kernel, 8 blocks of 4 words, and a part of one.
LONGEST = 200
STARTS = {
    "0": 0,
    "2^31": 1 << 31,  # a signed 32-bit position turns negative
    "2^32": 1 << 32,  # an unsigned one wraps
    "2^33": 1 << 33,  # the block's low word reaches 2^31 and must not be taken for negative
    "2^34": 1 << 34,  # the block's low word carries into the high one
    "2^63": 1 << 63,  # a signed 64-bit position turns negative
    "end": (1 << 64) - 2 * LONGEST - 4,  # the longest fill ends at, or close to, the last word
}
# 64-bit numbers whose halves are the extremes of a word, as signed and as unsigned.
EXTREMES = (0, 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 63, (1 << 64) - 1)


def edges(bits: int) -> list[int]:
    """Words where the sign, exponent, octant or rounding of the number made from them changes."""
    powers = [1 << k for k in range(bits)]
    eighths = [(k << bits) // 8 for k in range(1, 8)]
    precision = {32: 24, 64: 53}[bits]
    ties = [p + (k * p >> precision) for p in powers for k in (1, 3)]  # halfway between two floats
    near = {base + d for base in powers + eighths + ties for d in (-1, 0, 1)}
    return sorted({x % (1 << bits) for x in near} | {-x % (1 << bits) for x in near})


def lanes_around(start: int, width: int) -> list[int]:
    """Positions from four words before a start to four after, so at every lane; none below 0.

    The one 100 words before it puts the start in the middle of a long vector step.
    """
    near = range(max(start - 4, 0), start + 4, width)
    return [*near, start - 100] if start >= 100 else [*near]


@every_kernel
@pytest.mark.parametrize("start", STARTS)
def test_every_length_from_every_lane(backend: Backend, kind: str, dtype: str, start: str) -> None:
    # The reference takes half a millisecond a call, so it meets itself at fewer lengths.
    slow = backend.name == "reference"
    lengths = (1, 2, 3, 5, LONGEST) if slow else range(1, LONGEST + 1)
    canvas = Canvas(dtype, LONGEST)
    size = getattr(torch, dtype).itemsize
    for position in lanes_around(STARTS[start], WORDS_PER_ELEMENT[kind, dtype]):
        plan = plan_of(kind, dtype, position, LONGEST)
        expected = reference_bytes(plan)
        for count in lengths:
            canvas.check(backend, replace(plan, count=count), expected[: count * size])


@every_kernel
def test_a_draw_of_nothing_writes_nothing(backend: Backend, kind: str, dtype: str) -> None:
    generator = reprorng.Generator(0, position=3)
    painted = torch.full((5,), 1, dtype=getattr(torch, dtype))
    empty = painted[2:2]
    if kind == "integers":
        generator.random_(empty, 10, backend=backend.name)
    else:
        draw = {"bits": generator.bits, "uniform": generator.rand, "normal": generator.randn}[kind]
        assert draw(0, out=empty, backend=backend.name) is empty
    assert_same_bytes(painted, torch.full((5,), 1, dtype=painted.dtype))
    assert generator.position == 3


@every_kernel
def test_the_last_word_of_a_stream_can_be_drawn(backend: Backend, kind: str, dtype: str) -> None:
    for count in (1, 2, 3, 4, 5, 97, 193):
        position = (1 << 64) - count * WORDS_PER_ELEMENT[kind, dtype]
        plan = plan_of(kind, dtype, position, count)
        assert plan.end == 1 << 64
        Canvas(dtype, count).check(backend, plan, reference_bytes(plan))


@every_kernel
def test_many_tiles_with_the_carry_in_one_of_them(backend: Backend, kind: str, dtype: str) -> None:
    # A tile has at most 512 blocks. The block number carries into its high word 375 or 887 blocks
    # after the start, odd numbers, so that the carry falls inside a vector of any width. 5001 is no
    # multiple of anything.
    width = WORDS_PER_ELEMENT[kind, dtype]
    canvas = Canvas(dtype, 5001)
    for blocks in (375, 887):
        start = (1 << 34) - 4 * blocks
        for position in range(start, start + 4, width):
            plan = plan_of(kind, dtype, position, 5001)
            canvas.check(backend, plan, reference_bytes(plan))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_ties_between_16_bit_normals(backend: Backend, dtype: str) -> None:
    # One float32 in 2^13 lies halfway between two float16, one in 2^16 between two bfloat16, and
    # one in 2^14 below the normal float16: 2^19 are enough to meet several of each.
    plan = plan_of("normal", dtype, 1, 1 << 19)
    full = reference.elements(plan_of("normal", "float32", 1, plan.count), 1, plan.count)
    dropped = 0xFFFF if dtype == "bfloat16" else 0x1FFF
    assert (full.view(np.uint32) & dropped == dropped // 2 + 1).sum() > 3
    Canvas(dtype, plan.count).check(backend, plan, reference_bytes(plan))


@every_kernel
def test_extreme_seeds_and_streams(backend: Backend, kind: str, dtype: str) -> None:
    canvas = Canvas(dtype, LONGEST)
    for seed in EXTREMES:
        for stream in EXTREMES:
            plan = plan_of(kind, dtype, 2, LONGEST, seed=seed, stream=stream)
            canvas.check(backend, plan, reference_bytes(plan))


@every_kernel
def test_any_number_of_threads(
    cpu_backend: CpuBackend, kind: str, dtype: str, keep_threads: None
) -> None:
    # With a grain of 1 even a few elements are split, in the middle of blocks and of pairs.
    canvas = Canvas(dtype, 3001)
    width = WORDS_PER_ELEMENT[kind, dtype]
    for threads in range(1, 9):
        torch.set_num_threads(threads)
        for count in (1, 2, 7, 8, 9, 1000, 3001):
            for position in range(0, 4, width):
                plan = plan_of(kind, dtype, position, count)
                canvas.check(cpu_backend, plan, reference_bytes(plan), grain=1)


@every_kernel
def test_any_address(backend: Backend, kind: str, dtype: str) -> None:
    # Every element offset within 64 bytes: no vector store may count on more than the element's
    # own alignment. Two fast steps and a rest at both ends.
    plan = plan_of(kind, dtype, 4 - WORDS_PER_ELEMENT[kind, dtype], 450)
    offsets = 64 // getattr(torch, dtype).itemsize
    canvas = Canvas(dtype, 450 + offsets)
    for offset in range(offsets):
        canvas.check(backend, plan, reference_bytes(plan), offset=offset)


@pytest.mark.parametrize("low", [-(1 << 63), -1, 0, 1])
@pytest.mark.parametrize("span", [1, 2, 3, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 0])
def test_any_range_of_integers(backend: Backend, low: int, span: int) -> None:
    # A span of 0 stands for 2^64; sums may wrap, which only a backend asked directly can be.
    plan = make_plan(5, 6, 2, 300, "integers", "int64", low=low, span=span)
    Canvas("int64", 300).check(backend, plan, reference_bytes(plan))


@cache
def edge_blocks(bits: int) -> list[tuple[int, ...]]:
    """Blocks of words of 32 or 64 bits: every edge word in every place, beside many others."""
    words, n = edges(bits), len(edges(bits))
    if bits == 64:
        pairs = [(words[i], words[(n // 3 - i) % n]) for i in range(n)]
        return [(a % 2**32, a >> 32, b % 2**32, b >> 32) for a, b in pairs]
    return [
        (words[i], words[(n // 3 - i) % n], words[(i + n // 2) % n], words[-1 - i])
        for i in range(n)
    ]


@every_kernel
def test_blocks_of_edge_words(backend: Backend, kind: str, dtype: str) -> None:
    # Running Philox backwards finds a seed, stream and position for any four words, so the
    # numbers that random draws would meet once in 2^32 or 2^64 are met here.
    width = WORDS_PER_ELEMENT[kind, dtype]
    canvas = Canvas(dtype, 4 // width)
    for words in edge_blocks(32 * width):
        seed, stream, position = place_of(words)
        plan = plan_of(kind, dtype, position, 4 // width, seed=seed, stream=stream)
        canvas.check(backend, plan, reference_bytes(plan))


@pytest.mark.parametrize("bits", [32, 64])
def test_the_blocks_of_edge_words_are_what_they_claim_to_be(bits: int) -> None:
    for words in edge_blocks(bits):
        seed, stream, position = place_of(words)
        assert reference.words(seed, stream, position, 4).tolist() == list(words)
    even, odd = np.array(edge_blocks(bits)).reshape(-1, 4).T[[0, -2 if bits == 64 else 1]]
    assert len(set(even.tolist())) > 32
    assert set(even.tolist()) == set(odd.tolist())  # as a radius word and as an angle word


def test_radius_and_angle_functions_of_edge_words(cpu_backend: CpuBackend) -> None:
    # What the proof over all words calls, at lengths that leave every rest of a vector step.
    variant = [name for name, _, _ in _core.variants()].index(cpu_backend.instruction_set)
    words = np.array(edges(32), dtype=np.uint32)
    radii = reference.radius(words, FLOAT32)
    turned = words[::-1].copy()
    x, y = reference.rotate(radii, turned, FLOAT32)
    for count in [*range(100), len(words)]:
        assert_same_bytes(_core.radius(variant, words[:count]), radii[:count], "radius")
        got_x, got_y = _core.rotate(variant, radii[:count], turned[:count])
        assert_same_bytes(got_x, x[:count], "x")
        assert_same_bytes(got_y, y[:count], "y")
