# SPDX-License-Identifier: Apache-2.0
"""Makes the environments, with the gigabytes of each torch installed once.

An environment is a layer with diffusers, what belongs to it and the package, on a base with torch
alone: a path file in the layer names the base. So a layer is made once and laid on every base.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.compat.matrix import DIFFUSERS, Cell

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ("reprorng", "csrc", "setup.py", "pyproject.toml", "README.md", "LICENSE")
"""What the package is built of."""
STAGE = ("tools", "examples")
"""What the probe is made of; not the package, which has to be the one that is installed."""
PROBE_SECONDS = 900
WARNINGS = ("-W", "ignore", "-W", "error:reprorng:RuntimeWarning")
"""Those of old libraries are theirs; ours says that it does not know a module."""


class CannotInstallError(Exception):
    """Why pip could not make an environment."""


class Cells:
    """The environments of one interpreter, in a folder that is gone at the end unless kept.

    Args:
        python: The interpreter.
        keep: A name for the folder, to find again next time what was installed; none to keep
            nothing, and never more than one torch at a time.
    """

    def __init__(self, python: str, keep: str | None = None) -> None:
        """See the class."""
        self._python, self._keep = python, keep
        self._folder = ROOT / f".venv-compat-{keep or os.getpid()}" / Path(python).name
        self._stage = self._folder / "stage"
        self._current: set[str] = set()

    def __enter__(self) -> Cells:
        """Build the package once."""
        for part in ("stage", "source"):
            shutil.rmtree(self._folder / part, ignore_errors=True)
            (self._folder / part).mkdir(parents=True)
        for name in STAGE:
            (self._stage / name).symlink_to(ROOT / name)
        source = self._folder / "source"
        for name in SOURCES:
            _copy(ROOT / name, source / name)
        self._pip(self._new("builder"), "wheel", "--no-deps", "-w", str(source), str(source))
        [self._wheel] = source.glob("*.whl")
        return self

    def __exit__(self, *_: object) -> None:
        """Remove everything."""
        if not self._keep:
            shutil.rmtree(self._folder.parent)

    def probe(self, cell: Cell) -> dict[str, Any]:
        """What the probe reports in the environment of a cell.

        Raises:
            CannotInstallError: pip found no way to make it.
        """
        base = self._base(cell.torch)
        python = self._layer(cell.diffusers, base)
        run = subprocess.run(
            [python, *WARNINGS, "-m", "tools.compat.probe"],
            cwd=self._stage,
            env={**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PROBE_SECONDS,
        )
        if run.returncode != 0:
            return crashed(run.stderr)
        found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
        if not Path(found["package"]).is_relative_to(self._folder):
            raise RuntimeError(f"the probe used {found['package']}, not what was installed")
        return found

    def _base(self, torch: str) -> Path:
        """The folder of packages with this torch."""
        name = f"torch-{torch}"
        if not self._keep:
            for other in self._folder.glob("torch-*"):
                if other.name != name:
                    shutil.rmtree(other)
        if not self._ready(name).exists():
            self._pip(self._new(name), "install", f"torch=={torch}")
            self._ready(name).touch()
        return packages(self._folder / name)

    def _layer(self, diffusers: str, base: Path) -> Path:
        """The interpreter of the layer with this diffusers, laid on a base."""
        name = f"diffusers-{diffusers}"
        ready = self._ready(name)
        python = ready.parent / "bin" / "python" if ready.exists() else self._new(name)
        (packages(ready.parent) / "base.pth").write_text(f"{base}\n")
        if not ready.exists():
            wanted = (f"diffusers=={diffusers}", *DIFFUSERS[diffusers], "torchsde")
            self._pip(python, "install", str(self._wheel), *wanted)
            ready.touch()
        elif name not in self._current:
            self._pip(python, "install", "--no-deps", "--force-reinstall", str(self._wheel))
        self._current.add(name)
        return python

    def _ready(self, name: str) -> Path:
        """The mark of an environment in which all is installed."""
        return self._folder / name / "ready"

    def _new(self, name: str) -> Path:
        """The interpreter of a new, empty environment."""
        folder = self._folder / name
        subprocess.run([self._python, "-m", "venv", "--clear", str(folder)], check=True)
        return folder / "bin" / "python"

    @staticmethod
    def _pip(python: Path, command: str, *arguments: str) -> None:
        pip = [str(python), "-m", "pip", command, "--quiet", "--no-cache-dir", *arguments]
        run = subprocess.run(pip, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise CannotInstallError(reason(run.stderr, "ERROR: "))


def packages(environment: Path) -> Path:
    """The folder in which an environment has its packages."""
    [found] = environment.glob("lib/python*/site-packages")
    return found


def crashed(errors: str) -> dict[str, Any]:
    """The report of a probe that ended without one."""
    outcome = {"outcome": "failed", "reason": reason(errors, "")}
    return {"versions": {}, "checks": {"start": outcome}}


def reason(errors: str, start: str) -> str:
    """The last line of an error output that begins so: the one that says why."""
    lines = [line for line in errors.splitlines() if line.startswith(start) and line.strip()]
    return lines[-1].removeprefix(start)[:200] if lines else "no reason given"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        unwanted: Sequence[str] = ("*.so", "__pycache__")
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*unwanted))
    else:
        shutil.copy(source, target)
