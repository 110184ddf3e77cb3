# SPDX-License-Identifier: Apache-2.0
"""What the README and the documents point at is there: files, tests by name, commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^()\s]+)(?:\s+\"([^\"]+)\")?\)")


def links(page: Path) -> list[tuple[str, str | None]]:
    """The local targets of a page's links, with their titles."""
    found = LINK.findall(page.read_text())
    return [(target, title or None) for target, title in found if "://" not in target]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, _ in links(page):
        assert (page.parent / target.split("#")[0]).exists(), target


def test_each_guarantee_names_what_proves_it() -> None:
    named = [(target, title) for target, title in links(ROOT / "README.md") if title]
    assert len(named) >= 10
    for target, title in named:
        assert re.search(rf"\b{title}\b", (ROOT / target).read_text()), f"{title} in {target}"


def test_the_commands_of_the_readme_are_targets() -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = re.findall(r"\bmake ([\w-]+)", (ROOT / "README.md").read_text())
    assert {"demo", "test"} <= set(commands) <= set(targets)


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize(("system", "installed"), [("Linux", True), ("Darwin", False)])
def test_triton_is_installed_where_it_has_wheels(
    tmp_path: Path, system: str, installed: bool
) -> None:
    uname = tmp_path / "uname"
    uname.write_text(f"#!/bin/sh\necho {system}\n")
    uname.chmod(0o755)
    # What a make that runs these tests was told is not for this one.
    told = {"MAKEFLAGS": "", "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    environment = {name: value for name, value in os.environ.items() if name != "TRITON"} | told
    make = ["make", "--dry-run", f"VENV={tmp_path}/venv", "demo"]
    planned = subprocess.check_output(make, cwd=ROOT, env=environment, text=True)
    assert "demo/run.py" in planned
    assert ("triton==" in planned) is installed
