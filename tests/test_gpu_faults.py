# SPDX-License-Identifier: Apache-2.0
"""Faults planted in the GPU kernels before they are compiled: the emulator must catch each."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from checks import Canvas, plan_of
from gpu import EmulatedBackend
from ptx_memory import EmulationError
from test_kernels import cpu_bytes, places

from tools.gpu import compile as compiler

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")

FAULTS = {
    "an unfused multiply-add": (
        "kernels/transform.py",
        "tl.fma(total, t, real(C[LAST - i], F))",
        "total * t + real(C[LAST - i], F)",
    ),
    "a product that a sum follows": (
        "kernels/transform.py",
        "tl.fma(r, v, r * bend)",
        "r * v + r * bend",
    ),
    "a coefficient one ulp off": ("spec.py", '"0x1.fffebep-3"', '"0x1.fffecp-3"'),
    "a round constant one off": ("spec.py", "0xBB67AE85", "0xBB67AE86"),
    "a round too few": ("spec.py", "PHILOX_ROUNDS: Final = 10", "PHILOX_ROUNDS: Final = 9"),
    "a quadrant turned": ("kernels/transform.py", "across, along)", "across, -along)"),
    "halves of the stream number swapped": ("kernels/fill.py", "c1, c2, c3, k0", "c1, c3, c2, k0"),
    "a lost carry": (
        "kernels/fill.py",
        "c0, c1 = low_high(block)",
        "c0, c1 = low_high(block % 2**32)",
    ),
    "a wrong order of stores": (
        "kernels/fill.py",
        "tl.join(tl.join(x[0], x[2]), tl.join(x[1], x[3]))",
        "tl.join(tl.join(x[0], x[1]), tl.join(x[2], x[3]))",
    ),
    "an element too many": ("kernels/fill.py", "place + j < end", "place + j <= end"),
    "an element too few": ("kernels/fill.py", "place + j >= lead", "place + j > lead"),
    "a head that is not cut off": ("kernels/fill.py", "(start >= lead) & (start + N", "(start + N"),
    "stores that are not aligned": ("kernels/fill.py", " & (start % PER_LANE == 0)", ""),
}
KERNEL = ("--kernels", "fill normal_float32", "--targets", "sm_90")


def check_everywhere(backend: EmulatedBackend) -> None:
    canvas = Canvas("float32", 3 * 4096 + 16)
    for position, count, offset in places("normal", "float32"):
        plan = plan_of("normal", "float32", position, count)
        canvas.check(backend, plan, cpu_bytes(plan), offset=offset)


def package_with(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of the package in which one piece of text is another."""
    copy = tmp_path / "reprorng"
    shutil.copytree(compiler.ROOT / "reprorng", copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new))
    return tmp_path


def test_the_check_passes_without_a_fault() -> None:
    check_everywhere(EmulatedBackend("sm_90"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, tmp_path: Path) -> None:
    package = package_with(tmp_path, *FAULTS[fault])
    backend = EmulatedBackend("sm_90", package=package, options=KERNEL)
    with pytest.raises((AssertionError, EmulationError)):
        check_everywhere(backend)


def test_code_that_may_be_contracted_is_refused() -> None:
    backend = EmulatedBackend("sm_90", options=(*KERNEL, "--fp-fusion"))
    with pytest.raises(EmulationError, match=r"add\.f32|mul\.f32|sub\.f32"):
        check_everywhere(backend)
