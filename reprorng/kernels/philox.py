# SPDX-License-Identifier: Apache-2.0
"""Philox4x32-10 on blocks of lanes."""

import triton
import triton.language as tl

from reprorng import spec

ROUNDS = tl.constexpr(spec.PHILOX_ROUNDS)
M0 = tl.constexpr(spec.PHILOX_M0)
M1 = tl.constexpr(spec.PHILOX_M1)
W0 = tl.constexpr(spec.PHILOX_W0)
W1 = tl.constexpr(spec.PHILOX_W1)


@triton.jit
def mulhilo(a, multiplier: tl.constexpr):
    """The high and low half of a 64-bit product: one instruction where `umulhi` takes two."""
    product = a.to(tl.uint64) * multiplier
    return (product >> 32).to(tl.uint32), product.to(tl.uint32)


@triton.jit
def philox4x32_10(c0, c1, c2, c3, k0, k1):
    """The four words of each block; the counter and the key are uint32."""
    for _ in tl.static_range(ROUNDS):
        high0, low0 = mulhilo(c0, M0)
        high1, low1 = mulhilo(c2, M1)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 += W0
        k1 += W1
    return c0, c1, c2, c3
