# SPDX-License-Identifier: Apache-2.0
"""The candidate transforms as Triton functions, and the fill kernel whose SASS is counted.

candidates.h explains each candidate; candidates.sollya derives the constants.  Every product that
feeds a sum is a tl.fma, so no compiler flag can change a bit.
"""

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


def const(text):
    """Compile-time constants, given as hexadecimal floats."""
    return [tl.constexpr(float.fromhex(t)) for t in text.split()]


SIGN, SWAP = tl.constexpr(0x80000000), tl.constexpr(0x40000000)
ONE, MANTISSA = tl.constexpr(0x3F800000), tl.constexpr(0x007FFFFF)  # ONE is the bits of 1.0
HALF, H31, H32, LN2 = const("0x1p-1 0x1p-31 0x1p-32 0x1.62e43p-23")


@triton.jit
def bits(x):
    return x.to(tl.uint32, bitcast=True)


@triton.jit
def as_float(x):
    return x.to(tl.float32, bitcast=True)


@triton.jit
def to_float(x):
    return x.to(tl.int32, bitcast=True).to(tl.float32)


@triton.jit
def signed_unit(w):
    return tl.fma(to_float(w), H31, H32)


@triton.jit
def flip(x, w):
    return as_float(bits(x) ^ (w & SIGN))


@triton.jit
def cubic(y, a0, a1, a2, a3):
    return tl.fma(tl.fma(tl.fma(a3, y, a2), y, a1), y, a0)


@triton.jit
def quartic(y, a0, a1, a2, a3, a4):
    return tl.fma(cubic(y, a1, a2, a3, a4), y, a0)


# radius: word -> r^2

L0, L1, L2, L3 = const("0x1.fffebep-3 0x1.55a3d4p-4 0x1.f30aa6p-6 0x1.0e18ep-6")
L4, L5, L6, L7 = const("-0x1.733d4ep-8 0x1.359ecep-6 -0x1.a3f79p-7 0x1.6a3d8p-8")
T0, T1, T2, T3 = const("0x1.fffffap-3 0x1.5556f2p-4 0x1.0004bp-5 0x1.98d336p-7")
T4, T5, T6, T7 = const("0x1.535a3cp-8 0x1.317e24p-9 0x1.251406p-10 0x1.660ec8p-12")


@triton.jit
def radius_tail(h, k, q):
    return tl.fma(to_float(k), LN2, tl.fma(q, h * h, h))


@triton.jit
def log_octave(h):
    q = quartic(h, L3, L4, L5, L6, L7)
    return tl.fma(tl.fma(tl.fma(q, h, L2), h, L1), h, L0)


@triton.jit
def log_centred(h):
    q = quartic(h, T3, T4, T5, T6, T7)
    return tl.fma(tl.fma(tl.fma(q, h, T2), h, T1), h, T0)


@triton.jit
def r1(a):
    g = signed_unit(a)
    m = as_float((bits(g) & MANTISSA) | ONE)
    h = tl.where(g < 0, -g, 2.0 - m)
    k = tl.where(g < 0, 0, ONE - (bits(g) & 0xFF800000)).to(tl.uint32)
    return radius_tail(h, k, log_octave(h))


@triton.jit
def r2(a):
    ix = bits(signed_unit(a))
    k = (tl.minimum(ix, ONE) ^ ONE) & 0x7F800000
    z = as_float(ix + k)
    h = tl.minimum(tl.abs(z), 2.0 - z)
    return radius_tail(h, k, log_octave(h))


@triton.jit
def r3(a):
    high = a > 3037000499
    ix = bits(tl.fma(tl.where(high, ~a, a).to(tl.float32), H31, H32))
    k = tl.where(high, 0, (0x403504F3 - ix) & 0xFF800000).to(tl.uint32)
    z = as_float(ix + k)
    h = tl.where(high, z, 2.0 - z)
    return radius_tail(h, k, log_centred(h))


# square root: correctly rounded in every form


@triton.jit
def root(x, SQRT: tl.constexpr):
    if SQRT == "sqrt_rn":
        r = tl.sqrt_rn(x)
    else:
        y = tl.rsqrt(x)
        g = x * y
        h = y * HALF
        if SQRT == "rsqrt7":  # one Goldschmidt step: then right for any seed within 2^-16
            e = tl.fma(-g, h, HALF)
            g = tl.fma(g, e, g)
            h = tl.fma(h, e, h)
        r = tl.fma(tl.fma(-g, g, x), h, g)  # ptxas' own fast path of sqrt.rn
    return r


# angle: (r, word) -> two normals

S0, S0L, S1, S2, S3 = const(
    "0x1.921fb6p-1 -0x1.777a5cp-26 -0x1.4abbbep-4 0x1.465fc4p-9 -0x1.2dbd92p-15"
)
C1, C2, C3, C4 = const("-0x1.3bd3ccp-2 0x1.03c1b8p-6 -0x1.55b7cep-12 0x1.d684aap-19")
P0, P1, P2, P3 = const("-0x1.b7812cp-3 -0x1.4abbaep-4 0x1.465be4p-9 -0x1.2d328cp-15")


@triton.jit
def cosine(x, y):
    return tl.fma(x, y * cubic(y, C1, C2, C3, C4), x)


@triton.jit
def sine_a(r, v, y):
    w = r * v
    return tl.fma(w, S0, w * cubic(y, S0L, S1, S2, S3))


@triton.jit
def sine_b(r, v, y):
    w = r * v
    low = tl.fma(r, v, -w)
    return tl.fma(w, S0, tl.fma(low, S0, w * cubic(y, S0L, S1, S2, S3)))


@triton.jit
def sine_c(r, v, y):
    high = v * S0
    low = tl.fma(v, cubic(y, S0L, S1, S2, S3), tl.fma(v, S0, -high))
    return tl.fma(r, high, r * low)


@triton.jit
def sine_d(r, v, y):
    return tl.fma(r, v, (r * v) * cubic(y, P0, P1, P2, P3))


@triton.jit
def choose(swap, c, s):
    return tl.where(swap, s, c), tl.where(swap, c, s)


@triton.jit
def a1(r, w, SINE: tl.constexpr):
    q = w + 0x20000000
    v = to_float(w * 4 + 2) * H31
    y = v * v
    x = flip(r, q)
    c = cosine(x, y)
    s = SINE(x, v, y)
    turn = (q & SWAP) != 0
    return tl.where(turn, -s, c), tl.where(turn, c, s)


@triton.jit
def a2(r, w, SINE: tl.constexpr):
    v = to_float(w * 4 + 2) * H31
    y = v * v
    return choose((w & SWAP) != 0, cosine(flip(r, w), y), SINE(r, v, y))


D0, D1, D2, D3, D4 = const(
    "0x1.6a09e6p-1 -0x1.bea5a2p-3 0x1.6f55f2p-7 -0x1.e1fa1ep-13 0x1.294a82p-19"
)
E0, E1, E2, E3 = const("0x1.1c5832p-1 -0x1.d3ba6ep-5 0x1.cd9a44p-10 -0x1.ac2e5ep-16")


@triton.jit
def a3(r, w, SINE: tl.constexpr):
    v = to_float(w * 4 + 2) * H31
    y = v * v
    c = quartic(y, D0, D1, D2, D3, D4)
    s = (r * v) * cubic(y, E0, E1, E2, E3)
    return flip(tl.fma(r, c, -s), w), flip(tl.fma(r, c, s), w << 1)


H0, H1, H2, H3, H4 = const(
    "0x1.243f6ap-1 -0x1.4abbbep-1 0x1.46684ep-4 -0x1.3244c2p-8 0x1.3d3eb8p-13"
)
G1, G2, G3, G4, G5 = const(
    "-0x1.3bd3ccp0 0x1.03c1d8p-2 -0x1.55ce62p-6 0x1.e0ddc2p-11 -0x1.8c3044p-16"
)


@triton.jit
def sine_half(r, v):
    return tl.fma(r, v, (r * v) * quartic(v * v, H0, H1, H2, H3, H4))


@triton.jit
def a4(r, w, SINE: tl.constexpr):
    v = to_float(w * 2 + 1) * H31
    y = v * v
    x = flip(r, w)
    return tl.fma(x, y * quartic(y, G1, G2, G3, G4, G5), x), sine_half(r, v)


@triton.jit
def a5(r, w, SINE: tl.constexpr):
    i = w * 2 + 1
    return sine_half(flip(r, w), to_float(i ^ SIGN) * H31), sine_half(r, to_float(i) * H31)


@triton.jit
def a6(r, w, SINE: tl.constexpr):
    v = signed_unit(w)
    y = v * v
    x = as_float(bits(r) + (w << 31))
    return choose((w & 2) != 0, cosine(x, y), SINE(r, v, y))


UNIT, SHIFT7 = const("0x1.921fb6p-32 -0x1.cp-2")
J0, J1, J2, J3, J4 = const(
    "-0x1.afe72ap-3 -0x1.db799p-2 0x1.46a196p-5 -0x1.60db78p-10 0x1.98d2b6p-16"
)
K0, K1, K2, K3 = const("-0x1.24337ap-4 -0x1.46a1ap-3 0x1.08a3d6p-7 -0x1.986e52p-13")


@triton.jit
def a7(r, w, SINE: tl.constexpr):
    i = to_float(w * 4 + 2)
    v = i * UNIT
    low = tl.fma(i, UNIT, -v)
    y = tl.fma(v, v, SHIFT7)
    x = flip(r, w)
    c = tl.fma(x, quartic(y, J0, J1, J2, J3, J4), x)
    s = tl.fma(r, v, r * tl.fma(v, cubic(y, K0, K1, K2, K3), low))
    return choose((w & SWAP) != 0, c, s)


SHIFT8, M0, M1, M2, M3 = const(
    "-0x1.fp-2 -0x1.03353ep-2 -0x1.40f4e4p-4 0x1.3f857p-9 -0x1.2da648p-15"
)
N0, N1, N2, N3, N4 = const(
    "-0x1.2a6a4ap-3 -0x1.2c5548p-2 0x1.f8284ap-7 -0x1.4e934ap-12 0x1.d94acp-19"
)


@triton.jit
def a8(r, w, SINE: tl.constexpr):
    v = to_float((w & 0xFFFFFF00) | 0x80) * H31
    y = tl.fma(v, v, SHIFT8)
    x = as_float(bits(r) + (w << 31))
    c = tl.fma(x, quartic(y, N0, N1, N2, N3, N4), x)
    s = tl.fma(r, v, (r * v) * cubic(y, M0, M1, M2, M3))
    return choose((w & 2) != 0, c, s)


CANDIDATES = {
    "R1+A1a": (r1, a1, sine_a),
    "R1+A1b": (r1, a1, sine_b),
    "R1+A2c": (r1, a2, sine_c),
    "R3+A2c": (r3, a2, sine_c),
    "R2+A1a": (r2, a1, sine_a),
    "R2+A1b": (r2, a1, sine_b),
    "R2+A2a": (r2, a2, sine_a),
    "R2+A2b": (r2, a2, sine_b),
    "R2+A2c": (r2, a2, sine_c),
    "R2+A2d": (r2, a2, sine_d),
    "R2+A3": (r2, a3, sine_d),
    "R2+A4": (r2, a4, sine_d),
    "R2+A5": (r2, a5, sine_d),
    "R2+A6c": (r2, a6, sine_c),
    "R2+A6d": (r2, a6, sine_d),
    "R2+A7": (r2, a7, sine_d),
    "R2+A8": (r2, a8, sine_d),
}
SQUARE_ROOTS = "sqrt_rn", "rsqrt7", "rsqrt4"


# the fill kernel


@triton.jit
def mul(a, b: tl.constexpr):
    """High and low half of a 64-bit product: one IMAD.WIDE, where umulhi and * would be two."""
    p = a.to(tl.uint64) * b
    return (p >> 32).to(tl.uint32), p.to(tl.uint32)


@triton.jit
def philox(c0, c1, c2, c3, k0, k1):
    for _ in tl.static_range(10):
        h0, l0 = mul(c0, 0xD2511F53)
        h1, l1 = mul(c2, 0xCD9E8D57)
        c0, c1, c2, c3 = h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0
        k0 += 0x9E3779B9
        k1 += 0xBB67AE85
    return c0, c1, c2, c3


@triton.jit
def fill(
    out,
    n,
    k0,
    k1,
    b0,
    b1,
    s0,
    s1,
    RADIUS: tl.constexpr,
    ANGLE: tl.constexpr,
    SINE: tl.constexpr,
    SQRT: tl.constexpr,
    TAIL: tl.constexpr,
    BLOCK: tl.constexpr,
):
    pid = tl.program_id(0)
    block = b0 + (pid * BLOCK).to(tl.uint32) + tl.arange(0, BLOCK).to(tl.uint32)
    w0, w1, w2, w3 = philox(block, b1, s0, s1, k0, k1)  # b1 uniform: a launch never wraps b0
    n0, n1 = ANGLE(root(RADIUS(w0), SQRT), w1, SINE)
    n2, n3 = ANGLE(root(RADIUS(w2), SQRT), w3, SINE)
    x = tl.join(tl.join(n0, n2), tl.join(n1, n3)).reshape(4 * BLOCK)
    base = pid.to(tl.int64) * (4 * BLOCK)
    i = tl.arange(0, 4 * BLOCK)
    if TAIL:
        if base + 4 * BLOCK <= n:  # a mask on every store would make the stores scalar
            tl.store(out + base + i, x)
        else:
            tl.store(out + base + i, x, mask=base + i < n)
    else:
        tl.store(out + base + i, x)


def compile_fill(name, sqrt, target, tail=True):
    """Compile for ("cuda", 90, 32) and the like; no GPU needed.  8 Philox blocks a thread."""
    radius, angle, sine = CANDIDATES[name]
    scalars = dict.fromkeys(("k0", "k1", "b0", "b1", "s0", "s1"), "u32")
    block = 4 * 8 * target[2]
    consts = dict(RADIUS=radius, ANGLE=angle, SINE=sine, SQRT=sqrt, TAIL=tail, BLOCK=block)
    source = ASTSource(
        fill,
        signature=dict(out="*fp32", n="i64") | scalars | dict.fromkeys(consts, "constexpr"),
        constexprs=consts,
        attrs={(0,): [["tt.divisibility", 16]]},  # aligned output: 16-byte stores
    )
    options = dict(num_warps=4, enable_fp_fusion=False)
    return triton.compile(source, target=GPUTarget(*target), options=options)
