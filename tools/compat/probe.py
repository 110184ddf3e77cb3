# SPDX-License-Identifier: Apache-2.0
"""`python -m tools.compat.probe`: every check, in the environment that runs it, as JSON.

The last line printed is the report; what libraries say before it is theirs.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "torch",
    "diffusers",
    "transformers",
    "huggingface-hub",
    "torchsde",
    "numpy",
    "reprorng",
)


def report(checks: Mapping[str, Callable[[], dict[str, str]]]) -> dict[str, Any]:
    """The outcome of each check: `passed`, `failed` or `not here`, with the reason."""
    from tools.compat.watched import NotHere

    results: dict[str, Any] = {}
    for name, check in checks.items():
        try:
            results[name] = {"outcome": "passed", "hashes": check()}
        except NotHere as reason:
            results[name] = {"outcome": "not here", "reason": str(reason)}
        except Exception as error:
            traceback.print_exc()
            results[name] = {"outcome": "failed", "reason": describe(error)}
    return results


def describe(error: BaseException) -> str:
    """An error in one line, which is what a table has room for."""
    lines = f"{type(error).__name__}: {error}".splitlines()
    return lines[0][:200]


def versions() -> dict[str, str | None]:
    """What is installed of what matters."""
    found: dict[str, str | None] = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def main() -> None:
    """Run and print."""
    import reprorng
    from tools.compat.checks import CHECKS

    found = {"versions": versions(), "checks": report(CHECKS)}
    found["package"] = str(Path(reprorng.__file__).parent)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
