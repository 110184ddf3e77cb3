# SPDX-License-Identifier: Apache-2.0
"""What setup.py compiles with is decided by the machine that is built for."""

from __future__ import annotations

import runpy
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tools import sources

SETUP = Path(__file__).parent.parent / "setup.py"


def file_flags(platform: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The flags of single files on a platform."""
    monkeypatch.setattr(sysconfig, "get_platform", lambda: platform)
    monkeypatch.setattr("setuptools.setup", lambda **_: None)
    found: dict[str, list[str]] = runpy.run_path(str(SETUP))["FILE_FLAGS"]
    return found


@pytest.mark.parametrize("platform", ["linux-x86_64", "freebsd-14.1-release-amd64"])
def test_x86_has_a_file_for_each_instruction_set(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = file_flags(platform, monkeypatch)
    assert flags["fill_avx2.cpp"] == ["-mavx2", "-mfma", "-mf16c"]
    assert set(flags["fill_avx512.cpp"]) > {*flags["fill_avx2.cpp"], "-mavx512f"}


def test_other_processors_get_no_flag_of_x86(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "-mavx2" not in str(file_flags("linux-aarch64", monkeypatch))


@pytest.mark.parametrize("architecture", ["universal2", "x86_64", "arm64"])
def test_on_a_mac_flags_of_x86_are_for_x86_alone(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = file_flags(f"macosx-11.0-{architecture}", monkeypatch)
    linux = file_flags("linux-x86_64", monkeypatch)
    for name in ("fill_avx2.cpp", "fill_avx512.cpp"):
        assert set(flags[name][::2]) == {"-Xarch_x86_64"}
        assert flags[name][1::2] == linux[name]


def test_whatever_is_hashed_is_compiled_again_when_it_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Else the hash that is compiled in would be that of other sources, and nothing could be timed.
    asked: dict[str, Any] = {}
    monkeypatch.chdir(SETUP.parent)
    monkeypatch.setattr("setuptools.setup", asked.update)
    runpy.run_path(str(SETUP))
    (extension,) = asked["ext_modules"]
    watched = {Path(file).resolve() for file in (*extension.sources, *extension.depends)}
    assert set(sources.files()) <= watched
    assert {SETUP, SETUP.parent / "csrc" / "reprorng" / "fill.h"} <= watched


def test_on_windows_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="GCC or clang"):
        file_flags("win-amd64", monkeypatch)
