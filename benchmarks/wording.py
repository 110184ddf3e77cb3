# SPDX-License-Identifier: Apache-2.0
"""How pictures and tables write names and numbers."""

from __future__ import annotations

OURS = "reprorng"
AVX2 = f"{OURS} avx2"
PORTABLE = f"{OURS} portable"
NAMES = {AVX2: f"{OURS}, AVX2", PORTABLE: f"{OURS}, portable"}

# They take no buffer. JAX and TensorFlow never write an array again; the others copy theirs there.
ALLOCATING = ("JAX", "TensorFlow", "NV noise", "diffusers")
ALLOCATING_NOTE = "* makes a new array each time"

GENERIC_MKL_NOTE = "on AMD oneMKL takes its generic path, whose time says nothing about Intel"

# One of each library; where there is room for more, all are shown.
LIBRARIES = ("torch", "NumPy", "oneMKL", "JAX", "TensorFlow", "randomgen", "memset")


def shown(contestant: str) -> str:
    """A contestant's name as people read it; the star stands for an array made by each draw."""
    name = NAMES.get(contestant, contestant)
    return f"{name} *" if contestant.startswith(ALLOCATING) else name


def power(count: int) -> str:
    """A count as people write it: small and round ones as they are, others as powers of two."""
    exponent = count.bit_length() - 1
    if count < 4096:
        return str(count)
    return f"2^{exponent}" if count == 1 << exponent else f"{count:,}".replace(",", " ")


def three(value: float) -> str:
    """Three digits, as many as a measurement is good for; two of what is less than a tenth."""
    if value == 0 or abs(value) >= 99.95:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:#.{3 if abs(value) >= 0.09995 else 2}g}"


def prefixed(value: float, unit: str) -> str:
    """A value with the prefix of its size: 2500000 s as `2.5 Ms`."""
    for prefix, factor in zip("GMk mµn", (1e9, 1e6, 1e3, 1.0, 1e-3, 1e-6, 1e-9), strict=True):
        if abs(value) >= factor * 0.9995:
            return f"{value / factor:.3g} {prefix.strip()}{unit}".rstrip()
    return f"{value:g} {unit}".rstrip()
