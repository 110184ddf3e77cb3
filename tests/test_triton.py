# SPDX-License-Identifier: Apache-2.0
"""The Triton backend up to the launch: Triton's own launcher, on a driver that only takes notes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from checks import KERNELS, plan_of

from reprorng.backends.triton import TritonBackend

triton = pytest.importorskip("triton")
from gpu import compiled  # noqa: E402  # they need Triton
from triton.backends.compiler import GPUTarget  # noqa: E402

from reprorng.kernels import fill  # noqa: E402
from tools.gpu import compile as compiler  # noqa: E402
from tools.gpu import ptx  # noqa: E402


class NotingDriver:
    """As much of a GPU's driver as Triton asks before a launch."""

    def __init__(self, target: Any) -> None:
        self.target, self.launches, self.loaded = target, [], []
        self.utils = SimpleNamespace(
            get_device_properties=lambda device: {"max_shared_mem": 0},
            load_binary=self._load,
            unload_module=lambda module: None,
        )

    def _load(self, name: str, binary: bytes, shared: int, device: int) -> tuple[Any, ...]:
        self.loaded.append(binary)
        return "module", "function", 64, 0, 1024

    def get_current_target(self) -> Any:
        return self.target

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 7

    def launcher_cls(self, source: Any, metadata: Any) -> Any:
        def launch(*arguments: Any) -> None:
            grid, stream, values = arguments[:3], arguments[3], arguments[9:]
            named = dict(zip(source.fn.arg_names, values, strict=True))
            self.launches.append(SimpleNamespace(grid=grid, stream=stream, **named))

        return launch


class NotedBackend(TritonBackend):
    def _on(self, device: torch.device) -> Any:
        return nullcontext()

    def _is_nvidia(self) -> bool:
        return True


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[NotingDriver]:
    noting = NotingDriver(GPUTarget("cuda", 90, 32))
    monkeypatch.setattr(triton.runtime.driver, "_active", noting)
    caches = fill.fill.device_caches, fill.fill_from.device_caches
    for cache in caches:
        cache.clear()
    yield noting
    for cache in caches:
        cache.clear()


@pytest.mark.parametrize(("kind", "dtype"), KERNELS)
def test_one_compiled_kernel_whatever_the_seed_place_and_alignment(
    driver: NotingDriver, kind: str, dtype: str
) -> None:
    memory = torch.empty(100, dtype=getattr(torch, dtype))
    positions = [0, 1, 16, (1 << 32) - 1, 1 << 63, (1 << 64) - 100]
    seeds = [0, 1, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1]
    backend = NotedBackend()
    for position, seed in zip(positions, seeds, strict=True):
        for count, offset in ((1, 0), (16, 1), (40, 3)):
            plan = plan_of(kind, dtype, position, count, seed=seed, stream=seed)
            out = memory[offset : offset + count]
            backend.fill(plan, out)
            NotedBackend().fill(plan, out)  # which asks Triton for a kernel again
            assert vars(driver.launches[-2]) == vars(driver.launches[-1])
            noted = driver.launches[-1]
            size = memory.element_size()
            assert noted.out.data_ptr() % 16 == 0
            assert noted.out.data_ptr() + noted.lead * size == out.data_ptr()
            assert (noted.first, noted.count) == (plan.first, count)
            assert noted.k0 | noted.k1 << 32 == seed == noted.c2 | noted.c3 << 32
            assert (noted.stream, *noted.grid[1:]) == (7, 1, 1)
    assert len(driver.loaded) == 1


@pytest.mark.parametrize("kernel", ["fill normal_float32", "fill_from bits_uint64"])
def test_what_is_launched_is_what_the_proof_compiles(driver: NotingDriver, kernel: str) -> None:
    entry, plan = kernel.split()
    kind, dtype = plan.split("_")
    out = torch.empty(8, dtype=getattr(torch, dtype))
    start = (torch.zeros(1, dtype=torch.int64),) if entry == "fill_from" else ()
    getattr(NotedBackend(), entry)(plan_of(kind, dtype, 0, 8), out, *start)
    (launched,) = getattr(fill, entry).device_caches[0][0].values()
    folder = compiled(compiler.ROOT)
    proved = compiler.load(folder)[kernel, "sm_90"]
    assert proved.triton == triton.__version__
    # All but the lines about the source, which say where this checkout lies.
    assert ptx.parse(launched.asm["ptx"]) == ptx.parse((folder / proved.assembly).read_text())


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> TritonBackend:
    """A backend that has not been tried yet, where torch seems to have a GPU in use."""
    TritonBackend._trial.cache_clear()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    return TritonBackend()


def test_without_a_device_it_says_so(gpu: TritonBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert gpu.why_not() == "torch finds no device of the type cuda"


def test_without_triton_it_says_so(gpu: TritonBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    assert gpu.why_not() == "Triton is not installed"


def test_the_interpreter_is_no_gpu(gpu: TritonBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton.knobs.runtime, "interpret", True)
    assert "TRITON_INTERPRET" in str(gpu.why_not())


def test_a_first_draw_that_fails_is_the_reason(
    gpu: TritonBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: TritonBackend, *_: Any) -> None:
        raise RuntimeError("Failed to find C compiler")

    monkeypatch.setattr(torch, "empty", lambda *size, **options: None)
    monkeypatch.setattr(TritonBackend, "fill", fail)
    reason = "Triton cannot be used: RuntimeError: Failed to find C compiler"
    assert gpu.why_not() == reason


def test_a_first_draw_is_made_once(gpu: TritonBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(torch, "empty", lambda *size, **options: None)
    monkeypatch.setattr(TritonBackend, "fill", lambda self, plan, out: made.append(plan))
    assert gpu.why_not() is None
    assert gpu.why_not() is None
    assert [plan.count for plan in made] == [1]


def test_nothing_is_drawn_on_a_gpu_that_nobody_uses_yet(
    gpu: TritonBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(TritonBackend, "fill", None)
    assert gpu.why_not() is None


def test_each_backend_serves_one_kind_of_gpu() -> None:
    assert TritonBackend().devices == ("cuda",)
    assert (TritonBackend("xpu").name, TritonBackend("xpu").devices) == ("triton:xpu", ("xpu",))
