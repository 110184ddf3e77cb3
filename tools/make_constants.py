# SPDX-License-Identifier: Apache-2.0
"""Write `csrc/reprorng/constants.h` from `reprorng/spec.py`, or check that it is up to date.

The header is committed, so that building needs no Python of ours and readers see its numbers.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "csrc" / "reprorng" / "constants.h"

TEMPLATE = """\
// SPDX-License-Identifier: Apache-2.0
// Written by tools/make_constants.py from reprorng/spec.py, which says what each constant is.
#pragma once

#include <cstdint>

namespace reprorng {{

constexpr int kPhiloxRounds = {rounds};
constexpr std::uint32_t kPhiloxM0 = {m0:#010x}u;
constexpr std::uint32_t kPhiloxM1 = {m1:#010x}u;
constexpr std::uint32_t kPhiloxW0 = {w0:#010x}u;
constexpr std::uint32_t kPhiloxW1 = {w1:#010x}u;

template <class Scalar>
struct Constants;

// clang-format off: one coefficient a line, as in the specification.
{float32}
{float64}
}}  // namespace reprorng
"""


def hexadecimal(value: float, suffix: str) -> str:
    """The shortest exact hexadecimal literal of `value`."""
    mantissa, exponent = value.hex().split("p")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}p{int(exponent)}{suffix}"


def structure(name: str, unsigned: str, suffix: str, transform: Any) -> str:
    """The C++ structure of one format's constants."""
    lines = [
        "template <>",
        f"struct Constants<{name}> {{",
        f"  static constexpr {unsigned} kOne = {transform.one:#x}u;",
    ]
    for label in ("scale", "half", "log4", "angle", "centre"):
        value = hexadecimal(getattr(transform, label), suffix)
        lines.append(f"  static constexpr {name} k{label.capitalize()} = {value};")
    for label in ("log", "sin", "cos"):
        values = [hexadecimal(value, suffix) for value in getattr(transform, label)]
        lines.append(f"  static constexpr {name} k{label.capitalize()}[{len(values)}] = {{")
        lines += [f"      {value}," for value in values]
        lines.append("  };")
    return "\n".join([*lines, "};", ""])


def render() -> str:
    """The whole header."""
    spec = runpy.run_path(str(ROOT / "reprorng" / "spec.py"))
    return TEMPLATE.format(
        rounds=spec["PHILOX_ROUNDS"],
        m0=spec["PHILOX_M0"],
        m1=spec["PHILOX_M1"],
        w0=spec["PHILOX_W0"],
        w1=spec["PHILOX_W1"],
        float32=structure("float", "std::uint32_t", "f", spec["FLOAT32"]),
        float64=structure("double", "std::uint64_t", "", spec["FLOAT64"]),
    )


def main() -> int:
    """Write or check the header; the exit status of the check is 1 if it is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    text = render()
    if not parser.parse_args().check:
        HEADER.write_text(text)
        return 0
    if HEADER.read_text() == text:
        return 0
    sys.stderr.write(f"{HEADER.relative_to(ROOT)} is out of date: run {Path(__file__).name}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
