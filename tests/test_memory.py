# SPDX-License-Identifier: Apache-2.0
"""Large new tensors are asked for on large pages, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import reprorng
from reprorng import Generator, _core, memory

MANY = memory.LARGE // 4
"""As many float32 as need a large page."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each question was about."""
    sizes: list[int] = []
    monkeypatch.setattr(_core, "prefer_large_pages", lambda _, size: sizes.append(size))
    return sizes


NEW: dict[str, Callable[[], torch.Tensor]] = {
    "plain": lambda: Generator(0).randn(MANY),
    "function": lambda: reprorng.randn(MANY, seed=0),
    "dtype": lambda: Generator(0).randn(MANY, dtype=torch.float32),
}


@pytest.mark.parametrize("draw", NEW.values(), ids=NEW)
def test_a_large_new_tensor_is(draw: Callable[[], torch.Tensor], asked: list[int]) -> None:
    draw()
    assert asked == [memory.LARGE]


OTHERS: dict[str, Callable[[], torch.Tensor]] = {
    "small": lambda: Generator(0).randn(MANY - 1),
    "in place": lambda: Generator(0).normal_(torch.zeros(MANY)),
    "out": lambda: Generator(0).randn(MANY, out=torch.zeros(MANY)),
    "meta": lambda: Generator(0).randn(MANY, device="meta"),
}


@pytest.mark.parametrize("draw", OTHERS.values(), ids=OTHERS)
def test_nothing_else_is(draw: Callable[[], torch.Tensor], asked: list[int]) -> None:
    draw()
    assert asked == []


def test_nothing_is_if_the_environment_says_so(
    asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "WANTED", False)
    Generator(0).randn(MANY)
    assert asked == []


@pytest.mark.parametrize("offset", [0, 1, 4096, (1 << 21) - 1])
@pytest.mark.parametrize("size", [0, 1, 1 << 21, (1 << 21) + 1, 3 << 21])
def test_asking_changes_nothing_in_memory(offset: int, size: int) -> None:
    x = torch.arange(8 << 20, dtype=torch.int64).to(torch.uint8)
    before = x.clone()
    _core.prefer_large_pages(x.data_ptr() + offset, size)
    assert torch.equal(x, before)


def test_the_system_gives_them() -> None:
    mode = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not mode.exists() or "[never]" in mode.read_text():
        pytest.skip("this system has no large pages to give")

    def large_bytes() -> int:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("AnonHuge"))

    before = large_bytes()
    x = Generator(0).randn(1 << 25)
    # Not all: at the ends there are none, and the system may have run out of them.
    assert large_bytes() - before > x.nbytes // 2
