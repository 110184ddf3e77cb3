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
        sin_lead: pi/4, rounded.
        sin: Coefficients S of sin(pi/4 v) = v (sin_lead + S0 + S1 v^2 + ...), |v| <= 1.
        cos: Coefficients C of cos(pi/4 v) = 1 + v^2 (C0 + C1 v^2 + ...), |v| <= 1.
    """

    bits: int
    one: int
    exponent: int
    scale: float
    half: float
    log4: float
    log: tuple[float, ...]
    sin_lead: float
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
    sin_lead=float.fromhex("0x1.921fb6p-1"),
    sin=_hex("-0x1.777a5cp-26", "-0x1.4abbbep-4", "0x1.465fc4p-9", "-0x1.2dbd92p-15"),
    cos=_hex("-0x1.3bd3ccp-2", "0x1.03c1b8p-6", "-0x1.55b7cep-12", "0x1.d684aap-19"),
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
    sin_lead=float.fromhex("0x1.921fb54442d18p-1"),
    sin=_hex(
        "0x1.1a62633145c07p-55",
        "-0x1.4abbce625be46p-4",
        "0x1.466bc67758c6ap-9",
        "-0x1.32d2cce31fa29p-15",
        "0x1.5078300841253p-22",
        "-0x1.e3009539b8239p-30",
        "0x1.e3fe157a20439p-38",
    ),
    cos=_hex(
        "-0x1.3bd3cc9be45dep-2",
        "0x1.03c1f081b5a67p-6",
        "-0x1.55d3c7e3c325cp-12",
        "0x1.e1f5067b90e22p-19",
        "-0x1.a6d1e7297d362p-26",
        "0x1.f9c89cce8e2d6p-34",
        "-0x1.b1673f09c707fp-42",
    ),
)
