# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.plots`: draw every picture whose results are there."""

from __future__ import annotations

from benchmarks.plots import IMAGES, PICTURES, save
from benchmarks.saved import ROOT, Saved


def main() -> None:
    """Write the pictures, and say which are left out."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        reason = save(name, Saved())
        print(f"{name}: left out, {reason}" if reason else f"{name}: in {IMAGES.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
