# SPDX-License-Identifier: Apache-2.0
"""Large new tensors are asked for on large pages, and nothing else is; pages are known when new."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

import reprorng
from reprorng import Generator, _core, backends, memory

MANY = memory.LARGE // 4
"""As many float32 as need a large page."""

KERNELS = [
    name for name, why in backends.available().items() if name.startswith("cpu:") and not why
]


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


@pytest.mark.skipif(sys.platform != "linux", reason="not every system tells")
def test_a_page_is_there_once_it_has_been_touched() -> None:
    size = 64 * mmap.PAGESIZE
    with mmap.mmap(-1, size) as pages:
        with suppress(OSError):  # a kernel that has no large pages
            pages.madvise(mmap.MADV_NOHUGEPAGE)
        address = np.frombuffer(pages, np.uint8).ctypes.data
        there = [_core.has_page(address + i) for i in range(0, size, mmap.PAGESIZE)]
        assert not any(there)
        pages[5 * mmap.PAGESIZE + 7] = 1
        there = [_core.has_page(address + i + 3) for i in range(0, size, mmap.PAGESIZE)]
        assert there == [i == 5 for i in range(64)]


def test_memory_that_is_nobodys_counts_as_there() -> None:
    assert _core.has_page(0)


@pytest.mark.parametrize("name", KERNELS)
def test_a_large_draw_is_the_same_in_new_pages_and_in_old_ones(name: str) -> None:
    """It goes through the caches in the ones and past them in the others."""
    count = (1 << 24) + 12
    new = torch.frombuffer(mmap.mmap(-1, 2 * count), dtype=torch.bfloat16)
    old = torch.zeros(count, dtype=torch.bfloat16)
    for x in (new, old):
        reprorng.normal_(x, seed=5, position=3, backend=name)
    half = count // 2
    for begin in (0, half):
        part = torch.zeros(half, dtype=torch.bfloat16)
        reprorng.normal_(part, seed=5, position=3 + begin, backend=name)
        assert torch.equal(new[begin : begin + half], part)
        assert torch.equal(old[begin : begin + half], part)


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
