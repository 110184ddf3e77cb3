# SPDX-License-Identifier: Apache-2.0
"""Which estimates of 1 / sqrt(x) the kernels' square root bears, tried on every mantissa."""

from __future__ import annotations

import ctypes
import math
from pathlib import Path
from typing import Any

import numpy as np

from tools.gpu import native
from tools.gpu.native import Array

FORMS = {
    "of NVIDIA, 4 operations": (2.0**-22.9, False),
    "of others, 7 operations": (2.0**-16, True),
}
"""Each form of the square root with the error of estimates it has to bear."""


class _Tally(ctypes.Structure):
    """`Tally` of root_estimates.c."""

    _fields_ = (
        ("estimates", ctypes.c_uint64),
        ("wrong", ctypes.c_uint64),
        ("pairs", ctypes.c_uint64 * 2 * 16),
        ("best_wrong", ctypes.c_uint64),
    )


def prove_root(bound: float, goldschmidt: bool, step: int = 1) -> dict[str, Any]:
    """A form of the square root, with every estimate within a relative error of `bound`.

    Args:
        bound: The error.
        goldschmidt: Whether the form has the Goldschmidt step.
        step: 1 for every mantissa; more for a part of them.

    Raises:
        RuntimeError: This processor's own square root is not rounded right.
    """
    library = native.compile_c(Path(__file__).with_name("root_estimates.c"))
    tally = _Tally()
    block = 1 << 12
    for bits in range(0x3F800000, 0x40800000, step * block):
        unrounded = library.try_roots(
            bits, bits + block, ctypes.c_double(bound), int(goldschmidt), ctypes.byref(tally)
        )
        if unrounded:
            raise RuntimeError(f"the root of the float {unrounded:#x} is not rounded here")
    return {
        "estimates_within": f"2^{math.log2(bound):.3g}",
        "tried": tally.estimates,
        "wrong": tally.wrong,
        "first_wrong": [_describe_pair(x, y) for x, y in tally.pairs[: tally.wrong]],
        "mantissas_whose_best_estimate_is_not_rounded": tally.best_wrong,
    }


def _describe_pair(x_bits: int, y_bits: int) -> dict[str, str]:
    x, y = np.array([x_bits, y_bits], np.uint32).view(np.float32).astype(np.float64)
    error = y * math.sqrt(x) - 1
    sign = "-" if error < 0 else ""
    return {
        "radicand": float(x).hex(),
        "estimate": float(y).hex(),
        "error_of_estimate": f"{sign}2^{math.log2(abs(error)):.2f}",
    }


def hard_roots(reports: dict[str, Any]) -> Array:
    """The fractions, as bits, of the roots that an estimate in `reports` does not lead to."""
    radicands = {
        np.float32(float.fromhex(pair["radicand"]))
        for report in reports.values()
        for pair in report["first_wrong"]
    }
    return np.sqrt(np.array(sorted(radicands), np.float32)).view(np.uint32) & 0x7FFFFF
