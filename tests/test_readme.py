# SPDX-License-Identifier: Apache-2.0
"""What the README and the documents point at is there: files, tests by name, commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

import reprorng
from tools import docs_hook

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


# Its examples


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the names in the examples of the README stand for after them."""
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, names)
    return names


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_examples_of_the_readme_run_and_give_what_they_say(used: dict[str, Any]) -> None:
    assert torch.equal(used["rows"], reprorng.randn(8, 1000, seed=7)[6:])
    whole = reprorng.randn(8, 1000, seed=7, dtype=torch.float64)
    assert torch.equal(used["wide"], whole[6:])
    assert len(used["images"]) == 4
    assert torch.equal(torch.from_numpy(used["z"]), used["y"])
    assert used["g"].state_dict() == used["saved"]


# The site, which lacks the repository's other files


@pytest.mark.parametrize(
    ("repo_url", "shown"),
    [
        (None, "a test\nof it, [API](api.md)"),
        (
            "https://example.com/us/reprorng/",
            "[a test\nof it](https://example.com/us/reprorng/blob/HEAD/tests/x.py), [API](api.md)",
        ),
    ],
)
def test_on_the_site_a_link_out_of_it_leads_to_the_repository_or_is_text(
    repo_url: str | None, shown: str
) -> None:
    written = '[a test\nof it](../tests/x.py "test_it"), [API](api.md)'
    found = docs_hook.on_page_markdown(written, config={"repo_url": repo_url})
    assert found == shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_on_the_site_no_link_of_a_page_leads_out_of_it(page: Path) -> None:
    text = docs_hook.on_page_markdown(page.read_text(), config={"repo_url": None})
    assert "](../" not in text


@pytest.mark.parametrize("module", ["generator.Generator", "graphs.CapturableGenerator"])
def test_the_site_has_a_position_that_can_be_set(module: str) -> None:
    griffe = pytest.importorskip("griffe", reason="it comes with the packages of the site")
    docs_hook.on_startup()
    position = griffe.load(f"reprorng.{module}", search_paths=[ROOT])["position"]
    assert position.has_labels("property", "writable")
    assert position.docstring is not None
