# SPDX-License-Identifier: Apache-2.0
"""The kinds, and the kernel that stores them: any first element, any length.

A lane makes what fills 16 bytes and stores that in one go. A program covers elements
`[i * N, (i + 1) * N)` of the stream for some i, wherever the draw starts, so that the low half of
the block number cannot overflow inside it, and the high half is uniform.
"""

from typing import Final

import triton
import triton.language as tl

from reprorng.kernels.philox import philox4x32_10
from reprorng.kernels.transform import FLOAT32, FLOAT64, radius, rotate, to_real

NUM_WARPS: Final = 4
BLOCKS_IN_PROGRAM: Final = 1024
"""Philox blocks: eight for each thread."""

BLOCKS = tl.constexpr(BLOCKS_IN_PROGRAM)


@triton.jit
def low_high(x):
    return x.to(tl.uint32), (x >> 32).to(tl.uint32)


@triton.jit
def join64(low, high):
    return (high.to(tl.uint64) << 32) | low.to(tl.uint64)


@triton.jit
def uniform(w, PRECISION: tl.constexpr, F: tl.constexpr):
    """The highest bits of a word as a fraction."""
    return to_real(w >> (F.bits - PRECISION), F) * (2.0**-PRECISION)


@triton.jit
def pair32(w0, w1, KIND: tl.constexpr, NVIDIA: tl.constexpr, T: tl.constexpr):
    """Two neighbouring elements that take a word each."""
    if KIND == "normal":
        x, y = rotate(radius(w0, FLOAT32, NVIDIA), w1, FLOAT32)
        return x.to(T), y.to(T)
    elif KIND == "uniform":
        PRECISION: tl.constexpr = 8 if T == tl.bfloat16 else 11 if T == tl.float16 else 24
        return uniform(w0, PRECISION, FLOAT32).to(T), uniform(w1, PRECISION, FLOAT32).to(T)
    else:
        return w0, w1


@triton.jit
def pair64(w0, w1, low, span, KIND: tl.constexpr, NVIDIA: tl.constexpr):
    """Two neighbouring elements that take a double word each."""
    if KIND == "normal":
        return rotate(radius(w0, FLOAT64, NVIDIA), w1, FLOAT64)
    elif KIND == "uniform":
        return uniform(w0, 53, FLOAT64), uniform(w1, 53, FLOAT64)
    elif KIND == "integers":
        x = tl.where(span == 0, w0, tl.umulhi(w0, span)) + low
        y = tl.where(span == 0, w1, tl.umulhi(w1, span)) + low
        return x, y
    else:
        return w0, w1


@triton.jit
def lane_elements(
    block, k0, k1, c2, c3, low, span, KIND: tl.constexpr, NVIDIA: tl.constexpr, T: tl.constexpr
):
    """What each lane stores, in order: from one block, or from two if elements have 16 bits."""
    c0, c1 = low_high(block)
    # Of these types already, but for Triton's interpreter, which goes by their values.
    k0, k1, c2, c3 = k0.to(tl.uint32), k1.to(tl.uint32), c2.to(tl.uint32), c3.to(tl.uint32)
    low, span = low.to(tl.uint64), span.to(tl.uint64)
    if T.primitive_bitwidth == 16:
        lane = c0 + 2 * tl.arange(0, BLOCKS // 2).to(tl.uint32)
        w0, w1, w2, w3 = philox4x32_10(lane, c1, c2, c3, k0, k1)
        w4, w5, w6, w7 = philox4x32_10(lane + 1, c1, c2, c3, k0, k1)
        x0, x1 = pair32(w0, w1, KIND, NVIDIA, T)
        x2, x3 = pair32(w2, w3, KIND, NVIDIA, T)
        x4, x5 = pair32(w4, w5, KIND, NVIDIA, T)
        x6, x7 = pair32(w6, w7, KIND, NVIDIA, T)
        return x0, x1, x2, x3, x4, x5, x6, x7
    else:
        lane = c0 + tl.arange(0, BLOCKS).to(tl.uint32)
        w0, w1, w2, w3 = philox4x32_10(lane, c1, c2, c3, k0, k1)
        if T.primitive_bitwidth == 32:
            x0, x1 = pair32(w0, w1, KIND, NVIDIA, T)
            x2, x3 = pair32(w2, w3, KIND, NVIDIA, T)
            return x0, x1, x2, x3
        else:
            return pair64(join64(w0, w1), join64(w2, w3), low, span, KIND, NVIDIA)


@triton.jit
def interleave(x):
    """x[0][0], x[1][0], ..., x[0][1], x[1][1], ..."""
    if len(x) == 2:
        joined = tl.join(x[0], x[1])
    elif len(x) == 4:
        joined = tl.join(tl.join(x[0], x[2]), tl.join(x[1], x[3]))
    else:
        even = tl.join(tl.join(x[0], x[4]), tl.join(x[2], x[6]))
        odd = tl.join(tl.join(x[1], x[5]), tl.join(x[3], x[7]))
        joined = tl.join(even, odd)
    return joined.reshape(len(x) * x[0].shape[0])


@triton.jit
def store(
    out, lead, first, count, k0, k1, c2, c3, low, span, KIND: tl.constexpr, NVIDIA: tl.constexpr
):
    T: tl.constexpr = out.dtype.element_ty
    PER_BLOCK: tl.constexpr = 2 if T.primitive_bitwidth == 64 else 4
    PER_LANE: tl.constexpr = 128 // T.primitive_bitwidth
    N: tl.constexpr = PER_BLOCK * BLOCKS
    first = first.to(tl.uint64)
    program = first // N + tl.program_id(0)
    x = lane_elements(program * BLOCKS, k0, k1, c2, c3, low, span, KIND, NVIDIA, T)
    # Where the elements of the program would lie, from `lead` places before element `first`.
    start = (program * N - first).to(tl.int64) + lead
    end = lead + count
    if (start >= lead) & (start + N <= end) & (start % PER_LANE == 0):
        # Equal to start, in a form that shows the compiler how it is aligned.
        aligned = start // PER_LANE * PER_LANE
        tl.store(out + aligned + tl.arange(0, N), interleave(x).to(T, bitcast=True))
    else:
        place = start + PER_LANE * tl.arange(0, N // PER_LANE)
        for j in tl.static_range(PER_LANE):
            inside = (place + j >= lead) & (place + j < end)
            tl.store(out + place + j, x[j].to(T, bitcast=True), mask=inside)


# One kernel serves all their values.
ARGUMENTS: Final = ["lead", "first", "position", "count", "k0", "k1", "c2", "c3", "low", "span"]


@triton.jit(do_not_specialize=ARGUMENTS)
def fill(
    out,
    lead: tl.int64,
    first: tl.uint64,
    count: tl.int64,
    k0: tl.uint32,
    k1: tl.uint32,
    c2: tl.uint32,
    c3: tl.uint32,
    low: tl.uint64,
    span: tl.uint64,
    KIND: tl.constexpr,
    NVIDIA: tl.constexpr,
):
    """Elements `first` to `first + count - 1` of a stream."""
    store(out, lead, first, count, k0, k1, c2, c3, low, span, KIND, NVIDIA)


@triton.jit(do_not_specialize=ARGUMENTS)
def fill_from(
    out,
    lead: tl.int64,
    position,
    count: tl.int64,
    k0: tl.uint32,
    k1: tl.uint32,
    c2: tl.uint32,
    c3: tl.uint32,
    low: tl.uint64,
    span: tl.uint64,
    KIND: tl.constexpr,
    NVIDIA: tl.constexpr,
):
    """The same from the first element at or after a position that lies in memory."""
    width: tl.constexpr = 2 if out.dtype.element_ty.primitive_bitwidth == 64 else 1
    words = tl.load(position).to(tl.uint64)
    store(out, lead, (words + width - 1) // width, count, k0, k1, c2, c3, low, span, KIND, NVIDIA)


def elements_in_program(dtype: str) -> int:
    """How many elements of a dtype a program covers."""
    return BLOCKS_IN_PROGRAM * (2 if dtype.endswith("64") else 4)
