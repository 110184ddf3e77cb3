# SPDX-License-Identifier: Apache-2.0
"""Every constant that decides a bit, in one place; `docs/spec.md` says what each is for.

Kept apart from the code that uses them because four implementations do: the NumPy reference and
the GPU kernels import this module, and `tools/make_constants.py` writes the C++ header from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ALGORITHM: Final = "philox4x32-10/v1"

# Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11, table 2.
PHILOX_ROUNDS: Final = 10
PHILOX_M0: Final = 0xD2511F53
PHILOX_M1: Final = 0xCD9E8D57
PHILOX_W0: Final = 0x9E3779B9
PHILOX_W1: Final = 0xBB67AE85

# Key masks that keep derived seeds apart from drawn words: the ASCII of the word, little-endian.
FOLD_IN_MASK: Final = int.from_bytes(b"fold_in\0", "little")
SPAWN_MASK: Final = int.from_bytes(b"spawn\0\0\0", "little")


@dataclass(frozen=True)
class Transform:
    """The constants of the Box-Muller transform in one floating-point format.

    Attributes:
        bits: Width of a word, and of the format, in bits.
        one: The bit pattern of 1.
        exponent: The mask of the exponent field.
        scale: 2 to the power 1 - `bits`.
        half: Half of `scale`.
        log4: 2 ln 2, over the weight of the lowest exponent bit.
        log: Coefficients L of -2 ln(1 - h/2) = h + h^2 (L0 + L1 h + ...), 0 < h <= 1.
        angle: pi/4, rounded, times `scale`.
        centre: What is taken off a square so that it lies around 0.
        sin: Coefficients S of sin(p) = v (1 + S0 + S1 y + ...), |v| <= `angle` / `scale`; here
            y = v^2 - `centre` and p = v (pi/4) / (`angle` / `scale`), which mends the rounding.
        cos: Coefficients C of cos(p) = 1 + C0 + C1 y + ...
    """

    bits: int
    one: int
    exponent: int
    scale: float
    half: float
    log4: float
    log: tuple[float, ...]
    angle: float
    centre: float
    sin: tuple[float, ...]
    cos: tuple[float, ...]


def _hex(*literals: str) -> tuple[float, ...]:
    return tuple(float.fromhex(literal) for literal in literals)


# The polynomials come from `tools/minimax.sollya`.
FLOAT32: Final = Transform(
    bits=32,
    one=0x3F800000,
    exponent=0x7F800000,
    scale=2.0**-31,
    half=2.0**-32,
    log4=float.fromhex("0x1.62e43p-23"),
    log=_hex(
        "0x1.fffebep-3",
        "0x1.55a3d4p-4",
        "0x1.f30aa6p-6",
        "0x1.0e18ep-6",
        "-0x1.733d4ep-8",
        "0x1.359ecep-6",
        "-0x1.a3f79p-7",
        "0x1.6a3d8p-8",
    ),
    angle=float.fromhex("0x1.921fb6p-32"),
    centre=7 / 16,
    sin=_hex(
        "-0x1.24337ap-4",
        "-0x1.46a1ap-3",
        "0x1.08a3d6p-7",
        "-0x1.986e52p-13",
    ),
    cos=_hex(
        "-0x1.afe72ap-3",
        "-0x1.db799p-2",
        "0x1.46a196p-5",
        "-0x1.60db78p-10",
        "0x1.98d2b6p-16",
    ),
)

FLOAT64: Final = Transform(
    bits=64,
    one=0x3FF0000000000000,
    exponent=0x7FF0000000000000,
    scale=2.0**-63,
    half=2.0**-64,
    log4=float.fromhex("0x1.62e42fefa39efp-52"),
    log=_hex(
        "0x1.fffffffffff79p-3",
        "0x1.5555555560ebep-4",
        "0x1.fffffff4cb1edp-6",
        "0x1.99999c5d9a212p-7",
        "0x1.5554ec32c6eb1p-8",
        "0x1.249c996cbea4cp-9",
        "0x1.fe94de63c0c6dp-11",
        "0x1.d954bbdf1d079p-12",
        "0x1.d41a0ce8d6461p-14",
        "0x1.a06664e58b1acp-12",
        "-0x1.b7ab442935a2ep-11",
        "0x1.02b71426d8707p-9",
        "-0x1.bbebfa79c097dp-9",
        "0x1.2d1dc682a8326p-8",
        "-0x1.395b0d595568dp-8",
        "0x1.ee62f3272997ap-9",
        "-0x1.1d87413082bf8p-9",
        "0x1.c9aed67cea2bdp-11",
        "-0x1.c815d2dbb0a61p-13",
        "0x1.af901ad925c57p-16",
    ),
    angle=float.fromhex("0x1.921fb54442d18p-64"),
    centre=7 / 16,
    sin=_hex(
        "-0x1.2433733a7d562p-4",
        "-0x1.46a1a6db18a1fp-3",
        "0x1.08a2e7ff2fd26p-7",
        "-0x1.96168793cc4ccp-13",
        "0x1.6a93072b1a055p-19",
        "-0x1.a7330f05d888cp-26",
        "0x1.5d99009b60d7p-33",
    ),
    cos=_hex(
        "-0x1.afe72b9cf439p-3",
        "-0x1.db799198b0554p-2",
        "0x1.46a1a6db18a4ep-5",
        "-0x1.60d935543f8c2p-10",
        "0x1.9616879193ac6p-16",
        "-0x1.220f39fb2e3f7p-22",
        "0x1.1a2316d472c12p-29",
        "-0x1.8d3e0bf7601dap-37",
    ),
)
