# SPDX-License-Identifier: Apache-2.0
"""The candidate transforms as Triton functions, and the fill kernel around them whose SASS is counted.

Every product that feeds a sum is a tl.fma, so no compiler flag can change a bit.  Constants are those of candidates.h.
"""

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

F = float.fromhex


def const(*texts):
    """Compile-time constants, given as hexadecimal floats."""
    return [tl.constexpr(F(t)) for t in texts]


H31, H32, HALF, LN2 = const("0x1p-31", "0x1p-32", "0x1p-1", "0x1.62e43p-23")
SIGN, QUARTER, ONE = tl.constexpr(0x80000000), tl.constexpr(0x40000000), tl.constexpr(0x3F800000)
MANTISSA = tl.constexpr(0x007FFFFF)

# -2 ln(1 - h/2) = h + h^2 Q(h); L on [0, 1], T on [2 - 2 sqrt 2, 2 - sqrt 2]
L0, L1, L2, L3, L4, L5, L6, L7 = const("0x1.fffebep-3", "0x1.55a3d4p-4", "0x1.f30aa6p-6", "0x1.0e18ep-6", "-0x1.733d4ep-8", "0x1.359ecep-6", "-0x1.a3f79p-7", "0x1.6a3d8p-8")  # fmt: skip  # noqa: E501


@triton.jit
def bits(x):
    return x.to(tl.uint32, bitcast=True)


@triton.jit
def as_float(x):
    return x.to(tl.float32, bitcast=True)


@triton.jit
def to_float(x):
    """Correctly rounded conversion of the word read as a signed integer."""
    return x.to(tl.int32, bitcast=True).to(tl.float32)


@triton.jit
def signed(w):
    """(int32(w) + 1/2) / 2^31."""
    return tl.fma(to_float(w), H31, H32)


# --- radius: word -> r^2 ------------------------------------------------------------------------------------------


@triton.jit
def log_tail(h, k):
    q = tl.fma(tl.fma(tl.fma(tl.fma(tl.fma(tl.fma(tl.fma(L7, h, L6), h, L5), h, L4), h, L3), h, L2), h, L1), h, L0)
    return tl.fma(k, LN2, tl.fma(q, h * h, h))


@triton.jit
def r1(a):
    """Signed, select."""
    g = signed(a)
    ix = bits(g)
    low = g < 0
    m = as_float((ix & MANTISSA) | ONE)
    h = tl.where(low, -g, 2.0 - m)
    e = tl.where(low, 0, ONE - (ix & 0xFF800000))
    return log_tail(h, to_float(e.to(tl.uint32)))


@triton.jit
def r2(a):
    """Signed, fold."""
    ix = bits(signed(a))
    e = (tl.minimum(ix, ONE) ^ ONE) & 0x7F800000
    z = as_float(ix + e)
    h = tl.minimum(tl.abs(z), 2.0 - z)
    return log_tail(h, to_float(e))


@triton.jit
def r3(a):
    """Threshold."""
    high = a > 3037000499
    ix = bits(tl.fma(tl.where(high, ~a, a).to(tl.float32), H31, H32))
    e = tl.where(high, 0, (0x3FB504F3 - ix) & 0xFF800000)
    e = e.to(tl.uint32)
    z = as_float(ix + e)
    h = tl.where(high, z, 2.0 - z)
    return log_tail(h, to_float(e))


# --- square root ----------------------------------------------------------------------------------------------------


@triton.jit
def root(x, SQRT: tl.constexpr):
    if SQRT == "rn":
        r = tl.sqrt_rn(x)
    else:
        y = tl.rsqrt(x)
        g = x * y
        h = y * HALF
        if SQRT == "7":  # Goldschmidt on both, then the residual
            e = tl.fma(-g, h, HALF)
            g = tl.fma(g, e, g)
            h = tl.fma(h, e, h)
        if SQRT == "6":  # Goldschmidt on h only
            e = tl.fma(-g, h, HALF)
            h = tl.fma(h, e, h)
        r = tl.fma(tl.fma(-g, g, x), h, g)
    return r


# --- angle: (r, word) -> two normals ----------------------------------------------------------------------------------

S0, S0L, S1, S2, S3 = const("0x1.921fb6p-1", "-0x1.777a5cp-26", "-0x1.4abbbep-4", "0x1.465fc4p-9", "-0x1.2dbd92p-15")
C1, C2, C3, C4 = const("-0x1.3bd3ccp-2", "0x1.03c1b8p-6", "-0x1.55b7cep-12", "0x1.d684aap-19")
P0 = tl.constexpr(F("0x1.921fb6p-1") - 1.0)


@triton.jit
def cos_tail(y):
    return y * tl.fma(tl.fma(tl.fma(C4, y, C3), y, C2), y, C1)


@triton.jit
def sin_tail(y, c0):
    return tl.fma(tl.fma(tl.fma(S3, y, S2), y, S1), y, c0)


@triton.jit
def flip(r, sign):
    return as_float(bits(r) ^ sign)


@triton.jit
def sine(r, v, y, FORM: tl.constexpr):
    if FORM == "a":
        w = r * v
        s = tl.fma(w, S0, w * sin_tail(y, S0L))
    elif FORM == "b":
        w = r * v
        wl = tl.fma(r, v, -w)
        s = tl.fma(w, S0, tl.fma(wl, S0, w * sin_tail(y, S0L)))
    elif FORM == "c":
        sh = v * S0
        sl = tl.fma(v, sin_tail(y, S0L), tl.fma(v, S0, -sh))
        s = tl.fma(r, sh, r * sl)
    else:
        s = tl.fma(r, v, (r * v) * sin_tail(y, P0))
    return s


@triton.jit
def a1(r, b, FORM: tl.constexpr):
    q = b + 0x20000000
    v = to_float(b * 4 + 2) * H31
    y = v * v
    x = flip(r, q & SIGN)
    c = tl.fma(x, cos_tail(y), x)
    s = sine(x, v, y, FORM)
    turn = (q & QUARTER) != 0
    return tl.where(turn, -s, c), tl.where(turn, c, s)


@triton.jit
def a2(r, b, FORM: tl.constexpr):
    v = to_float(b * 4 + 2) * H31
    y = v * v
    x = flip(r, b & SIGN)
    c = tl.fma(x, cos_tail(y), x)
    s = sine(r, v, y, FORM)
    swap = (b & QUARTER) != 0
    return tl.where(swap, s, c), tl.where(swap, c, s)


@triton.jit
def a7(r, b, FORM: tl.constexpr):
    """Whole word as signed angle, low two bits choose the sector."""
    v = signed(b)
    y = v * v
    x = as_float(bits(r) + (b << 31))
    c = tl.fma(x, cos_tail(y), x)
    s = sine(r, v, y, FORM)
    swap = (b & 2) != 0
    return tl.where(swap, s, c), tl.where(swap, c, s)


# --- the fill kernel ------------------------------------------------------------------------------------------------


@triton.jit
def mul(a, b: tl.constexpr):
    """High and low half of the 64-bit product: one IMAD.WIDE."""
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
def fill(out, n, k0, k1, b0, b1, s0, s1, RADIUS: tl.constexpr, ANGLE: tl.constexpr, SQRT: tl.constexpr, FORM: tl.constexpr, TAIL: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip  # noqa: E501
    pid = tl.program_id(0)
    block = b0 + (pid * BLOCK).to(tl.uint32) + tl.arange(0, BLOCK).to(tl.uint32)
    w0, w1, w2, w3 = philox(block, b1, s0, s1, k0, k1)
    n0, n1 = ANGLE(root(RADIUS(w0), SQRT), w1, FORM)
    n2, n3 = ANGLE(root(RADIUS(w2), SQRT), w3, FORM)
    x = tl.join(tl.join(n0, n2), tl.join(n1, n3)).reshape(4 * BLOCK)
    base = pid.to(tl.int64) * (4 * BLOCK)
    i = tl.arange(0, 4 * BLOCK)
    if TAIL:
        if base + 4 * BLOCK <= n:
            tl.store(out + base + i, x)
        else:
            tl.store(out + base + i, x, mask=base + i < n)
    else:
        tl.store(out + base + i, x)


def compile_fill(radius, angle, sqrt, form, target=("cuda", 90, 32), tail=True, block=1024, warps=4):
    names = dict(out="*fp32", n="i64", k0="u32", k1="u32", b0="u32", b1="u32", s0="u32", s1="u32")
    consts = dict(RADIUS=radius, ANGLE=angle, SQRT=sqrt, FORM=form, TAIL=tail, BLOCK=block)
    src = ASTSource(
        fill,
        signature=names | dict.fromkeys(consts, "constexpr"),
        constexprs=consts,
        attrs={(0,): [["tt.divisibility", 16]]},
    )
    return triton.compile(src, target=GPUTarget(*target), options=dict(num_warps=warps, enable_fp_fusion=False))
