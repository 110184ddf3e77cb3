# SPDX-License-Identifier: Apache-2.0
"""Words to normals: Box-Muller by polynomials, with the operations and their order of docs/spec.md.

Every product that feeds a sum is an explicit fma, so that no compiler can contract one.
"""

import triton
import triton.language as tl

from reprorng import spec


class Format(tl.constexpr):  # type: ignore[misc]
    """The constants of a `spec.Transform`, for Triton's compiler and for its interpreter."""

    def __getattr__(self, name: str) -> object:
        """What the compiler does by itself."""
        if name == "value":  # copying asks before there is one
            raise AttributeError(name)
        return getattr(self.value, name)


FLOAT32 = Format(spec.FLOAT32)
FLOAT64 = Format(spec.FLOAT64)


@triton.jit
def real(value: tl.constexpr, F: tl.constexpr):
    """A constant of the format; a bare one would be rounded to float32 in some Triton versions."""
    return tl.full((), value, tl.float32 if F.bits == 32 else tl.float64)


@triton.jit
def to_real(w, F: tl.constexpr):
    """A word, read as signed, as the nearest number."""
    if F.bits == 32:
        return w.to(tl.int32, bitcast=True).to(tl.float32)
    else:
        return w.to(tl.int64, bitcast=True).to(tl.float64)


@triton.jit
def as_bits(x, F: tl.constexpr):
    return x.to(tl.uint32 if F.bits == 32 else tl.uint64, bitcast=True)


@triton.jit
def as_real(w, F: tl.constexpr):
    return w.to(tl.float32 if F.bits == 32 else tl.float64, bitcast=True)


@triton.jit
def horner(t, NAME: tl.constexpr, F: tl.constexpr):
    """The polynomial c[0] + t * (c[1] + t * (c[2] + ...)) with the coefficients of this name."""
    C: tl.constexpr = F.log if NAME == "log" else F.sin if NAME == "sin" else F.cos
    LAST: tl.constexpr = len(C) - 1
    total = real(C[LAST], F)
    for i in tl.static_range(1, LAST + 1):
        total = tl.fma(total, t, real(C[LAST - i], F))
    return total


@triton.jit
def root(x, F: tl.constexpr, NVIDIA: tl.constexpr):
    """The correctly rounded square root of a positive normal number.

    In float32 from an estimate of 1 / sqrt(x). A Goldschmidt step makes the last correction right
    for any estimate within 2^-16 (P. Markstein, "Computation of elementary functions on the IBM
    RISC System/6000 processor", 1990; tried on all mantissas), and so on every GPU. What is left
    without that step is, operand by operand, what ptxas makes of `sqrt.rn`, and so as right.
    """
    if F.bits == 32:
        estimate = tl.rsqrt(x)
        g = x * estimate
        h = estimate * 0.5
        if not NVIDIA:
            e = tl.fma(-g, h, 0.5)
            g = tl.fma(g, e, g)
            h = tl.fma(h, e, h)
        return tl.fma(tl.fma(-g, g, x), h, g)
    else:
        return tl.sqrt(x)


@triton.jit
def radius(w, F: tl.constexpr, NVIDIA: tl.constexpr):
    """sqrt(-2 ln u) for u = (w + 1/2) / 2^bits."""
    g = as_bits(tl.fma(to_real(w, F), real(F.scale, F), real(F.half, F)), F)
    # How far the exponent of g lies below that of 1, in place: 0 where g is negative or 1.
    shift = (tl.minimum(g, F.one) ^ F.one) & F.exponent
    z = as_real(g + shift, F)
    h = tl.minimum(tl.abs(z), 2.0 - z)
    series = tl.fma(horner(h, "log", F), h * h, h)
    return root(tl.fma(to_real(shift, F), real(F.log4, F), series), F, NVIDIA)


@triton.jit
def rotate(r, w, F: tl.constexpr):
    """The radius r times the cosine and sine of the angle of w."""
    residual = to_real((w << 2) | 2, F)
    v = residual * real(F.angle, F)
    lost = tl.fma(residual, real(F.angle, F), -v)
    y = tl.fma(v, v, real(-F.centre, F))
    signed = as_real(as_bits(r, F) ^ (w & (1 << (F.bits - 1))), F)
    along = tl.fma(signed, horner(y, "cos", F), signed)
    bend = tl.fma(v, horner(y, "sin", F), lost)
    across = tl.fma(r, v, r * bend)
    swap = (w & (1 << (F.bits - 2))) != 0
    return tl.where(swap, across, along), tl.where(swap, along, across)
