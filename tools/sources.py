# SPDX-License-Identifier: Apache-2.0
"""What the compiled half of the package is built from, in one word.

`setup.py` compiles it in, and benchmarks compare: no commit tells what was compiled, and when.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def files() -> list[Path]:
    """All that decides what is compiled, and how."""
    folder = ROOT / "csrc"
    return sorted([*folder.rglob("*.cpp"), *folder.rglob("*.h"), ROOT / "setup.py"])


def digest() -> str:
    """The first digits of a hash of them and their names."""
    found = hashlib.sha256()
    for file in files():
        found.update(f"{file.relative_to(ROOT).as_posix()}\0".encode() + file.read_bytes())
    return found.hexdigest()[:16]
