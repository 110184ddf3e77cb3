# SPDX-License-Identifier: Apache-2.0
"""Fused multiply-add without the instruction: the reference's, and that of the scalar kernels.

Apart from `test_reference.py` because it is the one operation that machines may lack, and the one
whose emulation is easy to get almost right.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from checks import assert_same_bytes, plan_of
from numpy.typing import NDArray

from reprorng import _core, backends
from reprorng.backends import reference

Array = NDArray[Any]
Triple = tuple[Array, Array, Array]
PRECISION = {np.float32: 24, np.float64: 53}
LOWEST = {np.float32: -149, np.float64: -1074}

real_types = pytest.mark.parametrize("real", [np.float32, np.float64])


def rounded(x: Fraction, real: type) -> Fraction:
    """An exact number rounded to nearest even, from the definition; it must not overflow."""
    if x == 0:
        return x
    exponent = abs(x.numerator).bit_length() - x.denominator.bit_length()
    exponent -= abs(x) < Fraction(2) ** exponent
    unit = Fraction(2) ** max(exponent - PRECISION[real] + 1, LOWEST[real])
    return round(x / unit) * unit  # Python rounds fractions to even


def exact_fma(a: Array, b: Array, c: Array, real: type) -> Array:
    """A * b + c, rounded once: one case at a time, in rational numbers."""
    out = []
    for x, y, z in zip(a, b, c, strict=True):
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        # The sign of an exact zero is that of a sum of zeros, which every machine's addition has.
        out.append(float(rounded(exact, real)) if exact else float(np.float64(x) * y + z))
    return np.array(out, dtype=real)


def numbers(rng: np.random.Generator, count: int, low: int, high: int, real: type) -> Array:
    """Random signs and significands, with exponents from `low` to `high`."""
    significand = rng.integers(1 << PRECISION[real] - 1, 1 << PRECISION[real], count)
    signed = np.where(rng.integers(0, 2, count) == 1, significand, -significand).astype(real)
    return np.ldexp(signed, rng.integers(low, high + 1, count) - PRECISION[real] + 1)


def ordinary(rng: np.random.Generator, n: int, real: type) -> Triple:
    """An addend of about the size of the product, as in a polynomial."""
    a, b = numbers(rng, n, -20, 20, real), numbers(rng, n, -20, 20, real)
    return a, b, (a * b * numbers(rng, n, -6, 6, real)).astype(real)


def cancelling(rng: np.random.Generator, n: int, real: type) -> Triple:
    """The addend is the rounded product, or next to it: what is left is below its last place."""
    a, b = numbers(rng, n, -20, 20, real), numbers(rng, n, -20, 20, real)
    c = -(a * b)
    third = n // 3
    c[third : 2 * third] = np.nextafter(c[third : 2 * third], real(np.inf))
    return a, b, c


def halfway_but_for_the_addend(rng: np.random.Generator, n: int, real: type) -> Triple:
    """The product lies halfway between two floats, and a tiny addend, or 0, decides."""
    odd = (1 << PRECISION[real] - 2) + 2 * rng.integers(0, 1 << PRECISION[real] - 4, n) + 1
    a, b = np.full(n, 3, dtype=real), odd.astype(real)
    return a, b, rng.choice([-1, 0, 1], n).astype(real) * numbers(rng, n, -110, -60, real)


def halfway_but_for_the_product(rng: np.random.Generator, n: int, real: type) -> Triple:
    """The product is half a unit of the addend's last place, or differs from it by 2^-2p.

    A sum in twice the precision loses the difference, and rounds the tie it then sees to even.
    """
    k = rng.integers(0, 4, n)
    tiny = real(2.0 ** (1 - PRECISION[real]))
    a, b = (1 + k * tiny).astype(real), (1 - k * tiny).astype(real)
    sign = rng.choice([-1, 1], n)
    c = numbers(rng, n, PRECISION[real], PRECISION[real], real)
    return np.where(sign > 0, a, -a).astype(real), b, c


def with_zeros(rng: np.random.Generator, n: int, real: type) -> Triple:
    """Zeros of both signs in every place, except -0 plus -0.

    That is -0 in fused hardware and +0 in the float64 emulation. No addend of the transform is
    ever -0: the only one that can be zero is what is left of a cancellation, which is +0.
    """
    zeros = np.array([0.0, -0.0, 1.0, -1.0], dtype=real)
    a, b, c = np.array(np.meshgrid(zeros, zeros, zeros)).reshape(3, -1)
    keep = ~(np.signbit(a * b) & (a * b == 0) & np.signbit(c) & (c == 0))
    return a[keep], b[keep], c[keep]


def as_in_the_transform(rng: np.random.Generator, n: int, real: type) -> Triple:
    """Exponents as wide as `csrc/reprorng/softfloat.h` allows: above 2^-130, below 2^70."""
    # Narrower in float32, so that products neither overflow nor are subnormal.
    low, high = {np.float32: (-60, 60), np.float64: (-130, 69)}[real]
    a, b, c = (numbers(rng, n, low, high, real) for _ in range(3))
    return a, b, c


FAMILIES = (
    ordinary,
    cancelling,
    halfway_but_for_the_addend,
    halfway_but_for_the_product,
    with_zeros,
    as_in_the_transform,
)


def cases(family: Callable[..., Triple], real: type) -> Triple:
    """6000 cases of a family, the same in every run."""
    return family(np.random.default_rng(10), 6000, real)


@real_types
@pytest.mark.parametrize("family", FAMILIES)
def test_the_references_fma_is_rounded_once(family: Callable[..., Triple], real: type) -> None:
    a, b, c = cases(family, real)
    assert_same_bytes(reference.fma(a, b, c), exact_fma(a, b, c, real), family.__name__)


@real_types
@pytest.mark.parametrize("family", FAMILIES)
def test_the_software_fma_of_the_core_is_rounded_once(
    family: Callable[..., Triple], real: type
) -> None:
    # Sampled normals do not see a missing round to odd; these cases do.
    a, b, c = cases(family, real)
    software = _core.software_fma32 if real is np.float32 else _core.software_fma
    assert_same_bytes(software(a, b, c), exact_fma(a, b, c, real), family.__name__)


def test_the_references_float32_fma_is_right_among_subnormal_numbers() -> None:
    rng = np.random.default_rng(11)
    a, b = (numbers(rng, 6000, -75, -60, np.float32) for _ in range(2))
    c = numbers(rng, 6000, -126, -120, np.float32)
    assert_same_bytes(reference.fma(a, b, c), exact_fma(a, b, c, np.float32))


@real_types
@pytest.mark.parametrize(
    "family", [ordinary, cancelling, halfway_but_for_the_addend, halfway_but_for_the_product]
)
def test_these_cases_tell_an_unfused_one(family: Callable[..., Triple], real: type) -> None:
    a, b, c = cases(family, real)
    assert (a * b + c != exact_fma(a, b, c, real)).sum() > 500


@pytest.mark.parametrize("family", [halfway_but_for_the_addend, halfway_but_for_the_product])
def test_these_cases_tell_a_twice_rounded_one(family: Callable[..., Triple]) -> None:
    a, b, c = cases(family, np.float32)
    twice = (a.astype(np.float64) * b + c).astype(np.float32)
    assert (twice != exact_fma(a, b, c, np.float32)).sum() > 500


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_a_million_normals_of_the_scalar_kernels(dtype: str) -> None:
    # The one x86-64 variant without the instruction; 2^20 normals are 2^25 software fmas.
    plan = plan_of("normal", dtype, 2, 1 << 20)
    by_scalar, by_reference = (torch.empty(plan.count, dtype=getattr(torch, dtype)) for _ in "01")
    backends.get("cpu:scalar").fill(plan, by_scalar)
    backends.get("reference").fill(plan, by_reference)
    assert_same_bytes(by_scalar, by_reference)
