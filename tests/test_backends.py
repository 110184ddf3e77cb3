# SPDX-License-Identifier: Apache-2.0
"""The registry: who is in it, who is chosen, by whom, and for which thread and device."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from checks import assert_same_bytes

import reprorng
from reprorng import Generator, backends
from reprorng.plan import Plan
from reprorng.testing import check_backend

ROOT = Path(__file__).parent.parent
CPU = torch.device("cpu")


class Recorder:
    """A backend that gives the right numbers and remembers what it was asked for."""

    def __init__(
        self, name: str = "recorder", devices: tuple[str, ...] = ("cpu",), why: str | None = None
    ) -> None:
        self.name, self.devices, self.why = name, devices, why
        self.asked: list[tuple[Plan, torch.Tensor]] = []

    def why_not(self) -> str | None:
        return self.why

    def fill(self, plan: Plan, out: torch.Tensor) -> None:
        self.asked.append((plan, out))
        backends.get("reference").fill(plan, out)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, backends.Backend]]:
    """The registry, found afterwards as it was."""
    backends.available()  # entry points are loaded into the real one
    copy = dict(backends._registry)
    monkeypatch.setattr(backends, "_registry", copy)
    backends.preferred.cache_clear()
    yield copy
    backends.preferred.cache_clear()


# register, available, get


def test_the_built_in_backends_are_there_and_say_why_they_cannot_run() -> None:
    found = backends.available()
    assert {"reference", "cpu", "cpu:scalar"} <= found.keys()
    assert found["reference"] is found["cpu"] is found["cpu:scalar"] is None
    assert "triton" in found
    # x86 and Arm exclude each other, so at least one has a reason, and it says what is missing.
    reasons = [why for name, why in found.items() if "cpu:" in name and why is not None]
    assert reasons
    assert all(why.startswith("it needs ") for why in reasons)


def test_every_runnable_backend_can_be_got_by_its_name() -> None:
    for name, why in backends.available().items():
        if why is None:
            assert backends.get(name).name == name
            assert backends.select(CPU, name).name == name


def test_one_registered_while_the_preferred_is_searched_is_found(registry: dict[str, Any]) -> None:
    class Registering(Recorder):
        """One that has another registered when it is asked whether it can run."""

        def why_not(self) -> str | None:
            if "late" not in registry:
                backends.register(Recorder("late"))
            return None

    backends.register(Registering())
    assert backends.select(CPU).name == backends.select(CPU).name == "late"
    del registry["late"]
    assert backends.available()["recorder"] is None  # and the dictionary may change in between


def test_a_device_may_be_named() -> None:
    assert backends.select("cpu") is backends.select(CPU)


def test_a_registered_backend_is_available_and_forcible(registry: dict[str, Any]) -> None:
    recorder = Recorder()
    backends.register(recorder)
    assert registry["recorder"] is recorder
    assert backends.available()["recorder"] is None
    assert backends.get("recorder") is recorder
    expected = reprorng.randn(5, seed=1, backend="cpu")
    assert_same_bytes(reprorng.randn(5, seed=1, backend="recorder"), expected)
    assert len(recorder.asked) == 1


def test_a_name_is_registered_once(registry: dict[str, Any]) -> None:
    first = Recorder()
    backends.register(first)
    for name in ("recorder", "cpu"):
        with pytest.raises(ValueError, match=f"already is a backend named '{name}'"):
            backends.register(Recorder(name))
    assert backends.get("recorder") is first


@pytest.mark.parametrize("missing", ["name", "devices", "why_not", "fill"])
def test_an_incomplete_backend_is_refused_by_what_it_lacks(
    registry: dict[str, Any], missing: str
) -> None:
    parts = {"name": "x", "devices": ("cpu",), "why_not": lambda: None, "fill": print}
    del parts[missing]
    before = dict(registry)
    with pytest.raises(TypeError, match=f"lacks {missing}$"):
        backends.register(SimpleNamespace(**parts))
    assert registry == before


# `"cpu" in "cpu"` is true, and so is `"c" in "cpu"`: a forgotten comma must not pass.
@pytest.mark.parametrize("devices", ["cpu", (), ("CPU",), ("",), (torch.device("cpu"),), None])
def test_devices_that_are_no_names_of_torchs_are_refused(
    registry: dict[str, Any], devices: Any
) -> None:
    before = dict(registry)
    for function in (backends.register, check_backend):
        with pytest.raises(TypeError, match="devices must be a tuple"):
            function(Recorder(devices=devices))
    assert registry == before


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_that_is_none_is_refused(registry: dict[str, Any], name: Any) -> None:
    before = dict(registry)
    for function in (backends.register, check_backend):
        with pytest.raises(TypeError, match=f"name of a backend .* not {name!r}"):
            function(Recorder(name))
    assert registry == before


def test_a_class_is_not_taken_for_its_object(registry: dict[str, Any]) -> None:
    before = dict(registry)
    for function in (backends.register, check_backend):
        with pytest.raises(TypeError, match=r"Recorder.* is a class"):
            function(Recorder)  # type: ignore[arg-type]
    assert registry == before


@pytest.mark.usefixtures("registry")
def test_a_backend_that_cannot_run_is_listed_with_its_reason_and_not_got() -> None:
    backends.register(Recorder(why="it needs a quantum computer"))
    assert backends.available()["recorder"] == "it needs a quantum computer"
    with pytest.raises(RuntimeError, match=r"'recorder' cannot run here: it needs a quantum.*cpu"):
        backends.get("recorder")
    with pytest.raises(RuntimeError, match="cannot run here"):
        reprorng.randn(2, seed=0, backend="recorder")


@pytest.mark.usefixtures("registry")
def test_a_backend_that_cannot_say_whether_it_can_run_stops_no_other_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails() -> str | None:
        raise OSError("no driver")

    recorder = Recorder()
    monkeypatch.setattr(recorder, "why_not", fails)
    backends.register(recorder)
    reason = "asking why not raised OSError: no driver"
    assert backends.available()["recorder"] == reason
    assert backends.select(CPU).name == "cpu"
    assert_same_bytes(reprorng.randn(3, seed=0), reprorng.randn(3, seed=0, backend="cpu"))
    with pytest.raises(RuntimeError, match=f"'recorder' cannot run here: {reason}; those that can"):
        backends.get("recorder")
    assert recorder.asked == []


# Which one is chosen


@pytest.mark.usefixtures("registry")
def test_the_cpu_backend_is_preferred_to_the_reference_and_to_its_variants() -> None:
    assert backends.select(CPU).name == "cpu"


@pytest.mark.usefixtures("registry")
def test_the_last_runnable_backend_registered_for_a_device_is_preferred() -> None:
    first, second = Recorder("first"), Recorder("second")
    broken, elsewhere = Recorder("broken", why="no"), Recorder("elsewhere", devices=("cuda",))
    for backend in (first, second, broken, elsewhere):
        backends.register(backend)
    assert backends.select(CPU) is second
    reprorng.randn(3, seed=0)
    assert [len(b.asked) for b in (first, second, broken, elsewhere)] == [0, 1, 0, 0]


@pytest.mark.usefixtures("registry")
def test_a_choice_already_made_is_made_again_after_a_registration() -> None:
    assert backends.select(CPU).name == "cpu"
    recorder = Recorder()
    backends.register(recorder)
    assert backends.select(CPU) is recorder


def test_the_argument_wins_over_use_and_the_inner_use_over_the_outer() -> None:
    assert backends.select(CPU).name == "cpu"
    with backends.use("reference") as outer:
        assert outer.name == backends.select(CPU).name == "reference"
        with backends.use("cpu:scalar") as inner:
            assert inner.name == backends.select(CPU).name == "cpu:scalar"
            assert backends.select(CPU, "reference").name == "reference"
        assert backends.select(CPU).name == "reference"
    assert backends.select(CPU).name == "cpu"


def test_use_ends_with_an_error_as_well() -> None:
    with pytest.raises(KeyError), backends.use("reference"):
        raise KeyError
    assert backends.select(CPU).name == "cpu"


@pytest.mark.usefixtures("registry")
def test_use_decides_what_draws_use() -> None:
    recorder = Recorder(devices=("xpu",))
    backends.register(recorder)
    expected = [reprorng.randn(3, seed=0), torch.randn(3, generator=Generator(0))]
    assert recorder.asked == []
    recorder.devices = ("cpu",)
    with backends.use("recorder"):
        drawn = [reprorng.randn(3, seed=0), torch.randn(3, generator=Generator(0))]
        reprorng.randint(5, (2,), seed=0)
        reprorng.randperm(5, seed=0)
        reprorng.uniform_(torch.empty(2), 1, 2, seed=0)
        reprorng.normal(1, 2, (2,), seed=0)
    assert len(recorder.asked) == 6
    for got, wanted in zip(drawn, expected, strict=True):
        assert_same_bytes(got, wanted)


def test_use_is_for_its_own_thread_only() -> None:
    inside, leave = threading.Event(), threading.Event()
    seen: list[str] = []

    def other() -> None:
        with backends.use("cpu:scalar"):
            seen.append(backends.select(CPU).name)
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with backends.use("reference"):
        thread.start()
        assert inside.wait(10)
        seen.append(backends.select(CPU).name)
    seen.append(backends.select(CPU).name)
    leave.set()
    thread.join()
    assert seen == ["cpu:scalar", "reference", "cpu"]


def test_use_is_for_its_own_task_only() -> None:
    async def draw(name: str) -> list[str]:
        seen = []
        with backends.use(name):
            for _ in range(3):
                await asyncio.sleep(0)  # the other task runs here
                seen.append(backends.select(CPU).name)
        return [*seen, backends.select(CPU).name]

    async def both() -> list[list[str]]:
        return await asyncio.gather(draw("reference"), draw("cpu:scalar"))

    assert asyncio.run(both()) == [["reference"] * 3 + ["cpu"], ["cpu:scalar"] * 3 + ["cpu"]]


def run(program: str, path: Path | None = None, **environment: str) -> str:
    places = [str(ROOT)] if path is None else [str(path), str(ROOT)]
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), **environment},
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_environment_forces_a_backend_and_use_and_the_argument_win_over_it() -> None:
    program = """
import torch, threading
from reprorng import backends
cpu = torch.device("cpu")
names = [backends.select(cpu).name, backends.select(cpu, "cpu").name]
with backends.use("cpu:scalar"):
    names.append(backends.select(cpu).name)
names.append(backends.select(cpu).name)
thread = threading.Thread(target=lambda: names.append(backends.select(cpu).name))
thread.start(); thread.join()
print(*names)
"""
    forced = run(program, REPRORNG_BACKEND="reference")
    assert forced == "reference cpu cpu:scalar reference reference"
    # An empty variable is as good as none.
    assert run(program, REPRORNG_BACKEND="") == "cpu cpu cpu:scalar cpu cpu"


# What a backend is asked for


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    "draw",
    [
        lambda: reprorng.randn(4, 5, seed=1, stream=2, position=3),
        lambda: reprorng.normal_(torch.empty(5, 4).t(), seed=1, stream=2, position=3),
        lambda: reprorng.normal_(torch.empty(4, 10)[:, ::2], seed=1, stream=2, position=3),
        lambda: reprorng.randn(
            4, 5, out=torch.empty(21)[1:].view(4, 5), seed=1, stream=2, position=3
        ),
    ],
    ids=["new", "transposed", "strided", "offset"],
)
def test_a_backend_gets_a_plan_and_contiguous_memory_of_its_size(
    draw: Callable[[], torch.Tensor],
) -> None:
    recorder = Recorder()
    backends.register(recorder)
    draw()
    ((plan, out),) = recorder.asked
    assert plan == Plan(reprorng.ALGORITHM, 1, 2, 3, 20, "normal", "float32")
    assert out.shape == (20,)
    assert out.is_contiguous()
    assert (out.dtype, out.device, out.requires_grad) == (torch.float32, CPU, False)


@pytest.mark.usefixtures("registry")
def test_a_backend_is_not_asked_for_nothing() -> None:
    recorder = Recorder()
    backends.register(recorder)
    reprorng.randn(0, seed=0)
    reprorng.randperm(0, seed=0)
    reprorng.randn(3, seed=0, device="meta")
    assert recorder.asked == []


# Devices


class OnXpu(torch.Tensor):
    """A tensor in this machine's memory that says it is on an XPU, which this machine has not."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("xpu")


def on_xpu(*size: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros(*size, dtype=dtype).as_subclass(OnXpu)


@pytest.mark.usefixtures("registry")
def test_a_device_without_a_backend_is_served_by_the_cpu_and_a_copy() -> None:
    recorder = Recorder()  # for the CPU
    backends.register(recorder)
    x = on_xpu(3, 4)
    assert x.device.type == "xpu"
    g = Generator(5)
    g.normal_(on_xpu(0))
    assert recorder.asked == []
    assert g.normal_(x) is x
    ((plan, out),) = recorder.asked
    assert (plan.count, plan.dtype) == (12, "float32")
    # It wrote to CPU memory of its own, not through the pointer of another device.
    assert out.device == CPU
    assert out.data_ptr() != x.data_ptr()
    assert_same_bytes(x.as_subclass(torch.Tensor), reprorng.randn(3, 4, seed=5))
    assert g.position == 12


def test_words_that_cannot_be_copied_to_their_device_are_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the device is full")

    monkeypatch.setattr(OnXpu, "copy_", fail)
    g = Generator(5, position=3)
    with pytest.raises(RuntimeError, match="full"):
        g.normal_(on_xpu(8))
    assert g.position == 3


@pytest.mark.usefixtures("registry")
def test_the_backend_of_a_device_is_preferred_and_gets_its_memory() -> None:
    on_cpu, xpu = Recorder("on cpu"), Recorder("xpu kernels", devices=("cuda", "xpu"))
    backends.register(xpu)
    backends.register(on_cpu)  # registered later, and still not chosen for the other device
    assert backends.select(torch.device("xpu")) is xpu
    assert backends.select(torch.device("cuda", 1)) is xpu
    x = on_xpu(8)
    reprorng.randn(8, out=x, seed=5)
    assert on_cpu.asked == []
    ((_, out),) = xpu.asked
    assert out.data_ptr() == x.data_ptr()
    assert_same_bytes(x.as_subclass(torch.Tensor), reprorng.randn(8, seed=5))


@pytest.mark.usefixtures("registry")
def test_a_device_whose_backend_cannot_run_is_served_by_the_cpu() -> None:
    backends.register(Recorder("xpu kernels", devices=("xpu",), why="no driver"))
    assert backends.select(torch.device("xpu")).name == "cpu"
    x = on_xpu(8)
    reprorng.normal_(x, seed=5)
    assert_same_bytes(x.as_subclass(torch.Tensor), reprorng.randn(8, seed=5))


@pytest.mark.usefixtures("registry")
def test_a_forced_cpu_backend_serves_another_device_by_a_copy() -> None:
    xpu = Recorder("xpu kernels", devices=("xpu",))
    backends.register(xpu)
    x = on_xpu(8)
    reprorng.normal_(x, seed=5, backend="reference")
    assert xpu.asked == []
    assert_same_bytes(x.as_subclass(torch.Tensor), reprorng.randn(8, seed=5))


@pytest.mark.usefixtures("registry")
def test_a_backend_never_gets_memory_of_a_device_it_does_not_write() -> None:
    # Forced for a CPU tensor, a GPU's kernel would take a CPU address for one of its own. Refusing
    # is as good as filling memory of its own device and copying.
    xpu = Recorder("xpu kernels", devices=("xpu",))
    backends.register(xpu)
    g = Generator(0)
    with contextlib.suppress(RuntimeError, AssertionError):  # this torch may know no such device
        g.randn(8, backend="xpu kernels")
    assert [out.device.type for _, out in xpu.asked if out.device.type != "xpu"] == []
    assert g.position == 8 * len(xpu.asked)


# Entry points

PLUGIN = """
from reprorng.backends import get

class Plugin:
    name = "plugin"
    devices = ("cpu",)
    def why_not(self): return None
    def fill(self, plan, out): get("reference").fill(plan, out)
"""


def install(folder: Path, entry_points: str, module: str = PLUGIN) -> None:
    """Write a package that is installed as far as `importlib.metadata` can see."""
    (folder / "reprorng_plugin.py").write_text(module)
    info = folder / "reprorng_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: reprorng-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[reprorng.backends]\n{entry_points}\n")


def test_an_installed_package_adds_its_backend_through_an_entry_point(tmp_path: Path) -> None:
    install(tmp_path, "plugin = reprorng_plugin:Plugin")
    out = run(
        "import sys, torch, reprorng\n"
        "print('reprorng_plugin' in sys.modules)\n"
        "x = reprorng.randn(3, seed=0, backend='plugin')\n"
        "print(torch.equal(x, reprorng.randn(3, seed=0)))\n"
        "print(reprorng.backends.available()['plugin'])\n"
        "print(reprorng.backends.select(torch.device('xpu')).name)\n"
        "print(reprorng.backends.select(torch.device('cpu')).name)\n",
        tmp_path,
    )
    # It is imported at the first draw, not with the package; registered last, it is preferred.
    assert out.splitlines() == ["False", "True", "None", "plugin", "plugin"]


def test_an_entry_point_can_be_forced_from_the_environment(tmp_path: Path) -> None:
    install(tmp_path, "plugin = reprorng_plugin:Plugin")
    program = "import torch, reprorng; print(reprorng.backends.select(torch.device('cpu')).name)"
    assert run(program, tmp_path, REPRORNG_BACKEND="plugin") == "plugin"


def test_a_broken_entry_point_is_named_and_stops_no_other_backend(tmp_path: Path) -> None:
    # One bad package must not take away everybody's noise, nor hide its own name the second time.
    install(tmp_path, "plugin = reprorng_plugin:Plugin\nbroken = reprorng_plugin:Missing")
    out = run(
        "import warnings, reprorng\n"
        "warnings.simplefilter('ignore')\n"
        "for _ in range(2):\n"
        "    print(tuple(reprorng.randn(2, seed=0).shape))\n"
        "    print(tuple(reprorng.randn(2, seed=0, backend='plugin').shape))\n"
        "    print('Missing' in str(reprorng.backends.available().get('broken')))\n",
        tmp_path,
    )
    assert out.splitlines() == ["(2,)", "(2,)", "True"] * 2


def test_the_suite_runs_on_the_backend_of_an_installed_package(tmp_path: Path) -> None:
    install(tmp_path, "plugin = reprorng_plugin:Plugin")
    tests = tmp_path / "tests"
    tests.mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", tests)
    shutil.copy(ROOT / "tests" / "checks.py", tests)
    (tests / "test_it.py").write_text("def test_it(backend): pass\n")
    program = f"import pytest, sys; sys.exit(pytest.main(['-q', '--collect-only', {str(tests)!r}]))"
    options = f"--import-mode=importlib -p no:cacheprovider --rootdir={tests}"
    places = {"REPRORNG_REQUIRE": "plugin", "PYTEST_ADDOPTS": options}
    collected = run(f"import sys; sys.path.append({str(tests)!r}); {program}", tmp_path, **places)
    assert "test_it[plugin]" in collected
    assert "test_it[cpu]" in collected


@pytest.fixture
def entry_point(
    monkeypatch: pytest.MonkeyPatch, registry: dict[str, Any]
) -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Pretend that one entry point is installed, and that none has been loaded yet."""

    def pretend(load: Callable[[], Any]) -> None:
        fake = SimpleNamespace(name="fake", load=load)
        monkeypatch.setattr(backends, "entry_points", lambda group: [fake])
        backends._loaded.clear()
        backends.preferred.cache_clear()

    yield pretend
    monkeypatch.undo()
    backends._loaded.clear()
    backends.preferred.cache_clear()


def test_an_entry_point_is_loaded_once(entry_point: Callable[[Callable[[], Any]], None]) -> None:
    loaded: list[int] = []

    def load() -> type[Recorder]:
        loaded.append(1)
        return Recorder

    entry_point(load)
    for _ in range(3):
        assert backends.available()["recorder"] is None
        reprorng.randn(2, seed=0)
        backends.get("recorder")
    assert loaded == [1]


def test_an_unknown_name_loads_entry_points_before_it_is_refused(
    entry_point: Callable[[Callable[[], Any]], None],
) -> None:
    entry_point(lambda: Recorder)
    with pytest.raises(ValueError, match=r"'abacus'; there are: .*recorder"):
        backends.get("abacus")


def test_threads_may_draw_first_at_the_same_time(
    entry_point: Callable[[Callable[[], Any]], None],
) -> None:
    def slow() -> type[Recorder]:
        time.sleep(0.05)
        return Recorder

    entry_point(slow)
    errors: list[Exception] = []

    def draw() -> None:
        try:
            reprorng.randn(2, seed=0)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_the_group_of_entry_points_is_the_documented_one(
    monkeypatch: pytest.MonkeyPatch, entry_point: Callable[[Callable[[], Any]], None]
) -> None:
    entry_point(lambda: Recorder)
    asked: list[str] = []

    def record(group: str) -> importlib.metadata.EntryPoints:
        asked.append(group)
        return importlib.metadata.EntryPoints()

    monkeypatch.setattr(backends, "entry_points", record)
    backends.available()
    assert asked == ["reprorng.backends"]
