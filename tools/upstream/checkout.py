# SPDX-License-Identifier: Apache-2.0
"""A copy of a checkout's tests, so that nothing is ever written into the checkout itself."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PARTS = ("schedulers", "pipelines")
"""What is run when nothing is named: folders of the checkout's tests."""

_IGNORED = shutil.ignore_patterns("__pycache__", ".*")


class CheckoutError(Exception):
    """Why a folder cannot be used as a checkout."""


@dataclass(frozen=True)
class Checkout:
    """A checkout of diffusers, copied.

    Attributes:
        origin: Where it was copied from.
        root: The copy; it holds `tests`, and `src` if the package is to be tested as well.
        commit: Its commit, if it is known.
    """

    origin: Path
    root: Path
    commit: str | None

    @classmethod
    def copy(cls, origin: Path, root: Path, *, commit: str | None, source: bool) -> Checkout:
        """Copy what is needed of a checkout.

        Args:
            origin: The checkout.
            root: Where to; what is there is removed.
            commit: Its commit, for one that git knows nothing of.
            source: Whether to copy the package too, which is then the one that is tested.

        Raises:
            CheckoutError: there are no tests, or no package where one was asked for.
        """
        needed = ["tests", "src"] if source else ["tests"]
        for name in needed:
            if not (origin / name).is_dir():
                raise CheckoutError(f"{origin} is no checkout of diffusers: it has no {name!r}")
        shutil.rmtree(root, ignore_errors=True)
        for name in needed:
            shutil.copytree(origin / name, root / name, ignore=_IGNORED)
        # It keeps pytest from looking for settings further up.
        (root / "pytest.ini").write_text("[pytest]\n")
        return cls(origin, root, commit or _commit(origin))

    @property
    def has_source(self) -> bool:
        """Whether the package in the checkout is the one that is tested."""
        return (self.root / "src").is_dir()

    def digest(self) -> str:
        """What tells these tests from any others."""
        return digest(self.root, "*.py")

    def files(self, parts: Sequence[str]) -> list[str]:
        """The test files in folders, or files, below `tests`.

        Raises:
            CheckoutError: there is no such part.
        """
        found: list[str] = []
        for part in parts:
            place = self.root / "tests" / part
            if not place.exists():
                raise CheckoutError(f"the checkout has no tests/{part}")
            files = sorted(place.rglob("test_*.py")) if place.is_dir() else [place]
            found += [file.relative_to(self.root).as_posix() for file in files]
        return list(dict.fromkeys(found))


def digest(folder: Path, *patterns: str) -> str:
    """What tells the files of a folder, by name and content, from any others."""
    found = hashlib.sha256()
    for file in sorted({file for pattern in patterns for file in folder.rglob(pattern)}):
        found.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        found.update(file.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _commit(folder: Path) -> str | None:
    """The commit of a checkout that is one of git's own."""
    if not (folder / ".git").exists():
        return None
    git = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    found = subprocess.run(git, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None
