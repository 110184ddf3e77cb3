# SPDX-License-Identifier: Apache-2.0
"""The benchmarks measure what they say, and refuse to time wrong code. No test looks at a time."""

from __future__ import annotations

import io
import json
import mmap
import os
import platform
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

import reprorng
from benchmarks import __main__ as program
from benchmarks import (
    calls,
    check,
    children,
    compare,
    growth,
    keep,
    machine,
    mkl,
    pipeline,
    progress,
    run,
    scaling,
    tables,
    targets,
)
from benchmarks.cases import DTYPES, Case, cpu_cases
from benchmarks.contestants import CPU
from benchmarks.pages import speed
from benchmarks.plots import theme
from benchmarks.saved import Saved
from reprorng.backends.reference import ReferenceBackend
from reprorng.plan import Plan

PACKAGE = Path(program.__file__).parent

ROW = {
    "kind",
    "dtype",
    "count",
    "memory",
    "threads",
    "contestant",
    "ns_per_element",
    "gb_per_s",
    "times_torch",
    "times_torch_quartiles",
    "of_memset",
}
NEW = {"page_faults"}
"""What rows of new tensors have besides."""

PARTS = {
    "calls": {"call", "elements", "microseconds", "times_torch", "times_torch_quartiles"},
    "size": {
        "count",
        "dtype",
        "threads",
        "seconds",
        "seconds_quartiles",
        "peak_bytes",
        "output_bytes",
    },
    "threads": {
        "count",
        "threads",
        "ns_per_element",
        "times_one_thread",
        "times_one_thread_quartiles",
        "processes_times_one",
    },
    "offset": {"offset", "microseconds", "times_zero", "times_zero_quartiles"},
    "generators": {"batch", "microseconds", "microseconds_each", "whose"},
    "pauses": {"call", "count", "pause_seconds", "ns_per_element"},
    "pipeline": {
        "pipeline",
        "scheduler",
        "steps",
        "batch",
        "whose",
        "seconds",
        "noise_seconds",
        "share",
    },
}


@pytest.fixture
def one_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every job done once a round."""
    repeats = run._repeats
    monkeypatch.setattr(run, "_repeats", lambda job, seconds, shortest: repeats(job, seconds, 1e-9))


@pytest.fixture
def quiet() -> Console:
    """A console nobody sees."""
    return Console(file=io.StringIO(), width=100)


# Wrong code


class WrongBit:
    """A backend of the right numbers, but for the lowest bit of the last byte."""

    name = "wrong"
    devices = ("cpu",)

    def why_not(self) -> None:
        return None

    def fill(self, plan: Plan, out: torch.Tensor) -> None:
        ReferenceBackend().fill(plan, out)
        out.view(torch.uint8)[-1] ^= 1


def test_a_wrong_bit_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reprorng.backends._registry, "wrong", WrongBit())
    monkeypatch.setattr(reprorng.backends, "available", lambda: {"wrong": None})
    monkeypatch.setattr(program, "PARTS", {"calls": lambda full: pytest.fail("it was timed")})
    assert program.main(["--only", "calls"]) == 1
    with pytest.raises(check.WrongBitsError, match="wrong"):
        check.check_bits()


def test_kernels_that_are_not_those_of_the_sources_are_not_timed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check.check_built()
    monkeypatch.setattr(check, "digest", lambda: "of other sources")
    monkeypatch.setattr(program, "PARTS", {"calls": lambda full: pytest.fail("it was timed")})
    assert program.main(["--only", "calls"]) == 1
    assert "not those of csrc" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("busy", "full", "measured", "kept"),
    [
        ([0.02], True, 1, 0),
        ([0.5, 0.04], True, 2, 1),
        ([0.5, 0.2, 0.4], True, 3, 1),
        ([0.5], False, 1, 0),
        ([None], True, 1, 0),
    ],
)
def test_a_case_is_measured_again_while_others_are_busy(
    monkeypatch: pytest.MonkeyPatch,
    busy: list[float | None],
    full: bool,
    measured: int,
    kept: int,
) -> None:
    tries = iter(enumerate(busy))

    class Watch(machine.Watch):
        def __exit__(self, *_: object) -> None:
            self.others = busy[asked[-1]]

    asked: list[int] = []

    def pretend(*_: Any) -> list[dict[str, Any]]:
        asked.append(next(tries)[0])
        return [{"try": asked[-1]}]

    monkeypatch.setattr(compare, "Watch", Watch)
    monkeypatch.setattr(compare, "compare", pretend)
    case = Case("normal", "float32", 4)
    found = compare._compare_all([case], [], run.process_seconds, full)
    assert len(asked) == measured
    assert found["rows"] == [{"try": kept, "others": busy[kept]}]


@pytest.mark.parametrize("place", [0.0, 0.5, 1.0], ids=["start", "middle", "end"])
@pytest.mark.parametrize("kind", ["normal", "uniform"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_wrong_bit_in_a_large_draw_is_found(
    monkeypatch: pytest.MonkeyPatch, dtype: str, kind: str, place: float
) -> None:
    function = {"normal": "randn", "uniform": "rand"}[kind]
    right = getattr(reprorng, function)

    def wrong(*size: Any, **options: Any) -> torch.Tensor:
        x = right(*size, **options)
        if options["backend"] == "cpu:scalar":
            x.view(torch.uint8)[int(place * (x.numel() - 1)) * x.itemsize] ^= 1
        return x

    large = (kind, getattr(torch, dtype), 40_000)
    check.check_large("cpu:scalar", *large)
    monkeypatch.setattr(reprorng, function, wrong)
    check.check_large("cpu", *large)
    with pytest.raises(check.WrongBitsError, match=f"{dtype} of cpu:scalar: the reference has"):
        check.check_large("cpu:scalar", *large)


class WrongFromHere(WrongBit):
    """A backend that is wrong in draws that are larger than all known answers."""

    def fill(self, plan: Plan, out: torch.Tensor) -> None:
        reprorng.backends.get("cpu").fill(plan, out)
        if plan.count > 1 << 21:
            out.zero_()


def test_every_backend_is_checked_in_draws_as_large_as_those_that_are_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(reprorng.backends._registry, "wrong", WrongFromHere())
    monkeypatch.setattr(reprorng.backends, "available", lambda: {"wrong": None})
    monkeypatch.setattr(check, "check_backend", lambda backend: 1)
    with pytest.raises(check.WrongBitsError, match="of wrong: the reference has others"):
        check.check_bits()


def test_a_draw_that_depends_on_the_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = reprorng.rand

    def wrong(*size: Any, out: torch.Tensor | None, **options: Any) -> torch.Tensor:
        x = right(*size, out=out, **options)
        if out is not None:
            x.view(torch.uint8)[-1] ^= 1
        return x

    monkeypatch.setattr(reprorng, "rand", wrong)
    with pytest.raises(check.WrongBitsError, match="or on the memory"):
        check.check_large("cpu", "uniform", torch.float64, 40_000)


@pytest.mark.usefixtures("keep_threads")
def test_a_draw_that_depends_on_the_number_of_threads_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = reprorng.randn
    monkeypatch.setattr(check, "cores", lambda: 2)
    monkeypatch.setattr(
        reprorng, "randn", lambda *a, **k: right(*a, **k).roll(torch.get_num_threads())
    )
    before = torch.get_num_threads()
    with pytest.raises(check.WrongBitsError, match="number of threads"):
        check.check_large("cpu", "normal", torch.float32, 40_000)
    assert torch.get_num_threads() == before


# Times and ratios


def scripted(script: dict[Callable[[], object], list[float]]) -> run.Clock:
    """A clock that tells what it is told; the two looks that come first find a second each."""
    told = {job: iter([1.0, 1.0, *times]) for job, times in script.items()}
    return lambda job, repeats: next(told[job])


def test_jobs_take_turns(one_repeat: None) -> None:
    done: list[str] = []
    jobs = {name: (lambda name=name: done.append(name)) for name in "ab"}
    run.take_turns(jobs, run.process_seconds, 20)
    text = "".join(done)
    assert text[:4] == "aabb"  # to see how long they take
    rounds = {text[i : i + 2] for i in range(4, len(text), 2)}
    assert rounds == {"ab", "ba"}


def test_short_jobs_are_repeated() -> None:
    asked = []

    def clock(job: run.Job, repeats: int) -> float:
        asked.append(repeats)
        return run.MINIMUM_SECONDS / 100

    run.take_turns({"a": int}, clock, 2)
    run.take_turns({"a": int}, clock, 1, run.THREADED_SECONDS)
    assert asked == [1, 1, 100, 100, 1, 1, 500]
    run.take_turns({"a": int}, clock, 2, 0)
    assert asked[7:] == [1, 1]


@pytest.mark.parametrize(
    ("name", "clock", "untimed"),
    [("process_time", run.process_seconds, 0), ("perf_counter", run.wall_seconds, 7)],
)
def test_a_clock_divides_by_the_repeats_it_times(
    monkeypatch: pytest.MonkeyPatch, name: str, clock: run.Clock, untimed: int
) -> None:
    done: list[int] = []
    monkeypatch.setattr(run, "quiet_down", lambda: None)
    # A second passes with each job, so what is not timed would show.
    monkeypatch.setattr(run.time, name, lambda: float(len(done)))
    assert clock(lambda: done.append(1), 7) == 1
    assert len(done) == 7 + untimed


def test_a_turn_on_several_threads_waits_for_those_of_the_last() -> None:
    def spin() -> None:
        until = time.perf_counter() + 0.1
        while time.perf_counter() < until:
            pass

    begin = time.perf_counter()
    thread = threading.Thread(target=spin)
    thread.start()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.quiet_down()
    assert time.perf_counter() - begin > 0.1
    thread.join()


def test_a_process_that_is_never_quiet_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "QUIET_SHARE", 0.0)
    with pytest.warns(UserWarning, match="running on beside the next"):
        run.quiet_down()


def test_ratios_are_taken_within_a_round() -> None:
    # The machine is ten times slower in the fourth round, for both.
    theirs, own = [2.0, 4.0, 6.0, 80.0, 10.0], [2.0, 2.0, 2.0, 20.0, 2.0]
    assert run.ratios(theirs, own) == (3.0, [2.0, 4.0])


def test_a_row_says_what_the_clock_said() -> None:
    class Fake:
        def __init__(self, name: str) -> None:
            self.name = name
            self.timed = lambda: None

        def why_not(self) -> None:
            return None

        def job(self, case: Case, buffer: torch.Tensor) -> run.Job | None:
            return None if self.name == "unable" else self.timed

    fakes = {name: Fake(name) for name in ("reprorng", "torch", "memset", "unable")}
    clock = scripted(
        {
            fakes["reprorng"].timed: [1e-6, 2e-6, 3e-6],
            fakes["torch"].timed: [6e-6, 14e-6, 24e-6],
            fakes["memset"].timed: [0.1e-6, 0.2e-6, 0.3e-6],
        }
    )
    case = Case("normal", "float64", 1000)
    rows = compare.compare(case, list(fakes.values()), clock, 3)
    assert [row["contestant"] for row in rows] == ["reprorng", "torch", "memset"]
    assert rows[0] == {
        "kind": "normal",
        "dtype": "float64",
        "count": 1000,
        "memory": "touched",
        "threads": 1,
        "contestant": "reprorng",
        "ns_per_element": 2.0,
        "gb_per_s": 4.0,
        "times_torch": 7.0,
        "times_torch_quartiles": [6.5, 7.5],
        "of_memset": 0.1,
    }
    assert rows[1]["times_torch"] == rows[2]["of_memset"] == 1


def test_progress_has_no_thread_that_would_be_timed() -> None:
    before = threading.active_count()
    seen = [(step, threading.active_count()) for step in progress.track(range(3), "steps")]
    assert seen == [(0, before), (1, before), (2, before)]
    files = [file for file in PACKAGE.rglob("*.py") if "rich.progress" in file.read_text()]
    assert files == []


def test_in_a_child_one_thread_means_one_core() -> None:
    before = dict(os.environ)
    expected = 1 if hasattr(os, "sched_setaffinity") else machine.cores()
    assert children.in_child(machine.cores, threads=1) == expected
    assert dict(os.environ) == before


def test_a_child_ends_with_its_parent_however_that_ends() -> None:
    child = "import time; print('here', flush=True); time.sleep(600)"
    start = f"from benchmarks import children; children.in_child(exec, {child!r}, threads=1)"
    command = [sys.executable, "-c", start]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        begun = parent.stdout.readline()
        parent.kill()
        # This waits until nobody is left who could write.
        rest, _ = parent.communicate(timeout=60)
    assert (begun, rest) == ("here\n", "")


# The machine


def test_others_are_what_neither_we_nor_our_children_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stat = tmp_path / "stat"
    monkeypatch.setattr(machine, "_STAT", stat)
    now = iter([0.0, 10.0] * 2)
    monkeypatch.setattr(machine.time, "monotonic", lambda: next(now))
    ticks = os.sysconf("SC_CLK_TCK")
    for others, idle in ((0.5, True), (2.0, False)):
        own = iter([3.0, 7.0])
        monkeypatch.setattr(machine, "_own_seconds", lambda own=own: next(own))
        watch = machine.Watch()
        # user nice system idle iowait irq softirq steal
        stat.write_text("cpu  100 0 0 7 7 0 0 0 0 0\ncpu0 1 1\n")
        with watch:
            busy = 100 + round(4 * ticks)
            stat.write_text(f"cpu  {busy} 0 0 5000 5000 0 0 {round(others * ticks)} 0 0\ncpu0 1\n")
        assert watch.others == pytest.approx(others / 10)
        assert watch.idle is idle


def test_whether_a_machine_is_idle_may_not_be_known(
    fast_program: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(machine, "_STAT", tmp_path / "none")
    assert program.main(["--only", "cpu", "--save"]) == 0
    result = json.loads((fast_program / "cpu.json").read_text())
    assert result["idle"] is None
    assert "- Otherwise idle: not known" in speed.machine(Saved(fast_program))
    assert theme.measured(result) == theme.measured(result | {"idle": True})
    terminal = capsys.readouterr().out
    assert "does not tell whether the machine was otherwise idle" in terminal
    assert "others kept" not in terminal


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (
            "cpu family : 6\nmodel : 7\nmodel name : A: B\n\ncpu family : 6\n",
            "A: B (cpu family 6, model 7)",
        ),
        (
            "CPU implementer\t: 0x41\nCPU part\t: 0xd4f\n",
            "here (CPU implementer 0x41, CPU part 0xd4f)",
        ),
    ],
)
def test_a_processor_has_a_name_on_linux(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: str, name: str
) -> None:
    monkeypatch.setattr(machine.platform, "system", lambda: "Linux")
    monkeypatch.setattr(machine.platform, "machine", lambda: "here")
    monkeypatch.setattr(machine, "_PROCESSOR", tmp_path / "cpuinfo")
    machine._PROCESSOR.write_text(told)
    assert machine._processor() == name


def test_a_processor_has_a_name_on_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: Sequence[str], **_: Any) -> Any:
        assert command == ("sysctl", "-n", "machdep.cpu.brand_string")
        return SimpleNamespace(stdout="Apple M0\n")

    monkeypatch.setattr(machine.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(machine.subprocess, "run", run)
    assert machine._processor() == "Apple M0"


def test_the_description_counts_cores_not_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    found = machine.describe()
    assert found["cores"] == machine.cores() != 77
    assert found["transparent_huge_pages"] in {"always", "madvise", "never", None}
    assert {"torch", "numpy", "mkl", "jax", "tensorflow-cpu", "randomgen"} <= found[
        "versions"
    ].keys()
    assert found["versions"]["torch"] == torch.__version__


# Targets


def row(name: str, nanoseconds: float, **case: Any) -> dict[str, Any]:
    """What `compare` finds if torch takes 10 ns."""
    base = {"kind": "normal", "dtype": "float32", "memory": "touched", "threads": 1, "count": 4}
    figures = {"ns_per_element": nanoseconds, "times_torch": 10 / nanoseconds}
    return {**base, **case, "contestant": name, **figures}


def everything(nanoseconds: float) -> targets.Results:
    """A full run on two cores in which we take so long, and peers take 20 ns."""
    rows = []
    for case in [*cpu_cases(1, full=True), *cpu_cases(2, full=True)]:
        fields = {
            key: getattr(case, key) for key in ("kind", "dtype", "memory", "threads", "count")
        }
        rows += [row(name, nanoseconds, **fields) for name in ("reprorng", "reprorng avx2")]
        rows += [row(f"oneMKL Philox ({m})", 20 + i, **fields) for i, m in enumerate(mkl.METHODS)]
        rows.append(row("NumPy Philox", 20, **fields))
    return {
        "cpu": {"rows": rows},
        "calls": {
            "rows": [
                {"call": call, "elements": 4, "times_torch": 1 / nanoseconds}
                for call in calls.jobs(4)
            ]
        },
        "growth": {
            "threads": [
                {"count": count, "threads": 2, "times_one_thread": 2 / nanoseconds}
                for count in growth.THREADED_COUNTS
            ],
            "offset": [{"offset": 1 << 60, "times_zero": nanoseconds**0.02}],
        },
    }


def test_a_full_run_measures_every_target() -> None:
    fast = targets.judge(everything(0.9))
    assert [each["name"] for each in fast if each["met"] is not True] == []
    slow = targets.judge(everything(15))
    assert [each["name"] for each in slow if each["met"] is not False] == []
    assert {each["met"] for each in targets.judge({})} == {None}
    assert {each["found"] for each in targets.judge({})} == {None}


def test_the_worst_figure_decides() -> None:
    target = targets.Target("t", 6, lambda results: results["figures"])  # type: ignore[arg-type,return-value]
    for figures, found, met in (
        ([7.0, 6.0], 6.0, True),
        ([7.0, 5.9], 5.9, False),
        ([7.0, None], 7.0, None),  # the rest may be worse
        ([5.9, None], 5.9, False),  # it cannot become better
        ([None, None], None, None),
    ):
        judged = target.judge({"figures": figures})  # type: ignore[dict-item]
        assert (judged["found"], judged["met"]) == (found, met)


def test_some_targets_are_met_by_small_figures() -> None:
    target = targets.Target("t", 1.5, lambda _: [1.0, 1.6], at_most=True)
    assert target.judge({}) == {"name": "t", "required": 1.5, "found": 1.6, "met": False}


def test_the_best_method_of_a_peer_counts() -> None:
    wanted = next(t for t in targets.TARGETS if "oneMKL" in t.name)
    rows = []
    for bits in (16, 18, 20, 22, 24, 26):
        rows.append(row("reprorng", 1, count=1 << bits))
        rows += [
            row(f"oneMKL Philox ({m})", ns, count=1 << bits) for m, ns in (("A", 8), ("B", 20))
        ]
    assert wanted.judge({"cpu": {"rows": rows}})["found"] == 8
    # Ours alone, and theirs alone, is no ratio.
    assert (
        wanted.judge({"cpu": {"rows": [r for r in rows if r["contestant"] != "reprorng"]}})["met"]
        is None
    )


def test_a_job_that_may_find_cold_memory_is_done_once_before() -> None:
    done: list[str] = []

    def seconds(job: run.Job, repeats: int) -> float:
        done.append(f"clock of {repeats}")
        return 7.0

    assert run.after_another(seconds)(lambda: done.append("job"), 3) == 7.0
    assert done == ["job", "clock of 3"]


# Memory

PAGES = 1 << 8
"""Of memory that is looked at: too little for a large page, more than glibc maps at first."""


def page_faults_of_a_tensor() -> int | None:
    # What glibc keeps at the top of its heap is twice the largest mapping that was freed; at less
    # than that, what else is free there decides whether the tensor goes back to the system.
    torch.zeros(8 * PAGES * mmap.PAGESIZE, dtype=torch.uint8)
    return run.page_faults(lambda: torch.zeros(PAGES * mmap.PAGESIZE, dtype=torch.uint8))


@pytest.mark.skipif(run.resource is None, reason="the system does not tell page faults")
def test_each_page_that_is_touched_first_is_a_fault() -> None:
    def job() -> None:
        with mmap.mmap(-1, PAGES * mmap.PAGESIZE) as memory:
            if hasattr(mmap, "MADV_NOHUGEPAGE"):
                memory.madvise(mmap.MADV_NOHUGEPAGE)
            for page in range(PAGES):
                memory[page * mmap.PAGESIZE] = 1

    assert run.page_faults(job) in range(PAGES, PAGES + 10)
    assert run.page_faults(lambda: None) == 0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators keep other sizes")
def test_a_mapped_tensor_is_new_from_the_system_and_a_fresh_one_need_not_be() -> None:
    assert children.in_child(page_faults_of_a_tensor, threads=1) < PAGES
    mapped = children.in_child(page_faults_of_a_tensor, threads=1, environment=children.MAPPING)
    assert mapped >= PAGES


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget it")
def test_the_peak_of_memory_is_that_of_the_draw() -> None:
    # In a process of its own: in this one a draw may find memory that tests have given back.
    row = children.in_child(growth.one_size, 1 << 22, "float32", 1, threads=1)
    assert abs(row["peak_bytes"] - row["output_bytes"]) < 1 << 22


# Every part, tiny


def test_a_case_gives_rows_of_the_schema(one_repeat: None, quiet: Console) -> None:
    able = [who for who in CPU if who.name.startswith(("reprorng", "torch", "NumPy", "memset"))]
    able = [who for who in able if who.why_not() is None]
    rows = []
    for memory, more in (("touched", set()), ("fresh", NEW), ("mapped", NEW)):
        case = Case("normal", "float32", 64, memory)
        found = compare.compare(case, able, run.wall_seconds, 2)
        assert all(each.keys() == ROW | more for each in found)
        rows += found
    assert len(rows) == 3 * len(able)
    tables.show(quiet, "cpu", {"left_out": {"somebody": "lost"}, "rows": rows})
    tables.show_targets(quiet, targets.judge({"cpu": {"rows": rows}}))


def test_calls_give_rows_of_the_schema(one_repeat: None, quiet: Console) -> None:
    rows = calls.rows(4, 2)
    assert all(each.keys() == PARTS["calls"] for each in rows)
    assert {"reprorng.randn", "torch.randn(generator=g)"} <= {each["call"] for each in rows}
    tables.show(quiet, "calls", {"rows": rows})


@pytest.mark.usefixtures("keep_threads")
def test_growth_gives_rows_of_the_schema(one_repeat: None, quiet: Console) -> None:
    found = {
        "size": [growth.one_size(1 << 10, dtype, 1) for dtype in ("float32", "bfloat16")],
        "threads": scaling.thread_scaling([1 << 10], scaling.thread_numbers(machine.cores()), 2),
        "offset": growth.slices(2),
        "generators": growth.batches([1, 2], 2),
        "pauses": growth.pauses([1 << 10], (0.0, 0.001), 2),
    }
    for name, rows in found.items():
        assert all(each.keys() == PARTS[name] for each in rows), name
    assert [each["output_bytes"] for each in found["size"]] == [4096, 2048]
    assert [each["offset"] for each in found["offset"]] == [0, 1 << 20, 1 << 40, 1 << 60]
    tables.show(quiet, "growth", found)


@pytest.mark.parametrize(
    ("cores", "some", "powers"),
    [(1, [1], [1]), (2, [1, 2], [1, 2]), (6, [1, 2, 6], [1, 2, 4, 6])],
)
def test_the_numbers_of_threads_end_with_all(
    cores: int, some: list[int], powers: list[int]
) -> None:
    assert scaling.thread_numbers(cores, full=False) == some
    assert scaling.thread_numbers(cores) == powers


@pytest.mark.parametrize("full", [False, True])
def test_two_threads_are_timed_on_many_cores_and_a_quick_run_times_few_others(
    monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    for module in (compare, growth):
        monkeypatch.setattr(module, "cores", lambda: 64)
    timed = []

    def in_child(part: object, *arguments: Any, threads: int, **_: Any) -> dict[str, Any]:
        if part is compare._on_threads:
            timed.append((arguments[0], threads))
        return {"left_out": {}, "rows": []}

    monkeypatch.setattr(compare, "in_child", in_child)
    compare.on_cpu(full=full)
    assert timed == [(1, 1), (2, 2), (64, 64)]

    asked = {}
    monkeypatch.setattr(growth, "in_child", lambda part, *a, **_: asked.update({part: a}))
    monkeypatch.setattr(growth, "sizes", lambda full: [])
    growth.growth(full=full)
    numbers = asked[scaling.thread_scaling][1]
    assert numbers == ([1, 2, 4, 8, 16, 32, 64] if full else [1, 2, 64])


def test_processes_that_share_nothing_are_timed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    class Companion:
        """Has made three draws more each time one asks, half a second each."""

        done = 0

        def go(self) -> None:
            told.append("go")

        def drawn(self) -> int:
            self.done += 3
            return self.done

        def draws_a_second(self, since: int) -> float:
            return 2.0

        def stop(self) -> None:
            told.append("stop")

    ticks = iter(range(100))
    monkeypatch.setattr(scaling, "quiet_down", lambda: None)
    monkeypatch.setattr(scaling.time, "perf_counter", lambda: float(next(ticks)))
    apart = scaling.InProcesses([Companion(), Companion()], torch.zeros(1))
    # Its own three draws took a tick, the others make two in one.
    assert apart.seconds(3) == pytest.approx(1 / (3 + 2 + 2))
    assert told == ["go", "go", "stop", "stop"]


@pytest.mark.usefixtures("keep_threads")
def test_a_companion_draws_until_it_is_told_to_stop() -> None:
    companion = scaling.Companion(machine.processors()[-1], 64)
    try:
        for _ in range(2):
            companion.go()
            while companion.drawn() < 5:
                pass
            assert companion.draws_a_second(2) > 0
            companion.stop()
            time.sleep(0.05)
            before = companion.drawn()
            time.sleep(0.05)
            assert companion.drawn() == before
    finally:
        companion.end()


def test_a_companion_that_has_ended_is_not_waited_for() -> None:
    companion = scaling.Companion(machine.processors()[-1], 64)
    companion.end()
    with pytest.raises(RuntimeError, match="ended"):
        companion.go()


def test_a_draw_is_timed_on_the_threads_it_wants(keep_threads: None) -> None:
    seen = []

    class Spy(scaling.OnThreads):
        def __call__(self) -> None:
            seen.append(torch.get_num_threads())

    for threads in (2, 1):
        scaling.own_seconds(Spy(threads, torch.zeros(1)), 1)
    assert seen == [2, 2, 1, 1]


def test_pipelines_give_rows_of_the_schema(quiet: Console) -> None:
    rows = pipeline.measure(2, 1, (1,))
    assert all(each.keys() == PARTS["pipeline"] for each in rows)
    assert [(each["pipeline"], each["whose"]) for each in rows] == [
        ("DDIM", "reprorng"),
        ("DDIM", "torch"),
        ("DDPM", "reprorng"),
        ("DDPM", "torch"),
    ]
    assert all(0 < each["noise_seconds"] < each["seconds"] for each in rows)
    tables.show(quiet, "pipeline", {"rows": rows})


def test_all_noise_of_a_pipeline_is_timed() -> None:
    from diffusers import DDPMPipeline, DDPMScheduler
    from diffusers.schedulers import scheduling_ddpm

    before = scheduling_ddpm.randn_tensor
    drawn = DDPMPipeline.from_pretrained(pipeline.MODEL)
    drawn.scheduler = DDPMScheduler.from_config(drawn.scheduler.config)
    with pipeline.timed_noise() as noise:
        generator = reprorng.Generator(0)
        drawn(batch_size=1, generator=generator, num_inference_steps=3, output_type="np")
    # The first image, and all steps but the last.
    assert len(noise) == 3
    assert generator.position == 3 * 64
    assert scheduling_ddpm.randn_tensor is before


# The program


@pytest.fixture
def fast_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The program with nothing to check and next to nothing to time; where it writes."""
    rows = [row("reprorng", 1, count=1 << 20) | dict.fromkeys(ROW - row("x", 1).keys(), 1.0)]
    monkeypatch.setattr(program, "check_bits", dict)
    monkeypatch.setattr(program, "WINDOW_SECONDS", 0)
    monkeypatch.setattr(program, "RESULTS", tmp_path)
    monkeypatch.setitem(
        program.PARTS, "cpu", lambda full: {"left_out": {"somebody": "lost"}, "rows": rows}
    )
    return tmp_path


def test_targets_are_shown_where_there_is_something_to_judge(
    fast_program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(program.PARTS, "cycles", lambda full: {"rows": []})
    for part, some in (("cycles", 0), ("cpu", 1)):
        assert program.main(["--only", part]) == 0
        said = capsys.readouterr().out
        assert said.count("4 elements, reprorng.randn") == some


def test_nothing_is_written_unless_asked(fast_program: Path) -> None:
    assert program.main(["--only", "cpu"]) == 0
    assert not list(fast_program.iterdir())


def test_a_saved_result_says_where_it_is_from(fast_program: Path) -> None:
    assert program.main(["--only", "cpu", "--save"]) == 0
    (file,) = fast_program.iterdir()
    assert file.name == "cpu.json"
    saved = json.loads(file.read_text())
    assert saved["left_out"] == {"somebody": "lost"}
    assert saved["idle"] in (True, False, None)
    assert machine.describe().keys() <= saved.keys()
    assert len(saved["rows"]) == 1


def test_it_is_said_where_a_result_is_saved(
    fast_program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program.main(["--only", "cpu", "--into", "laptop"])
    said = f"written to {os.path.relpath(fast_program / 'laptop' / 'cpu.json')}\n"
    assert capsys.readouterr().out.count(said) == 1


@pytest.mark.parametrize(
    ("there", "words", "fits"),
    [
        ({"full": True}, (), False),
        ({}, (), False),  # saved before results said so
        ({"full": False}, (), True),
        ({"full": True}, ("--full",), True),
        ({"full": True}, ("--force",), True),
        ({"full": True}, ("--into", "laptop"), True),
    ],
)
def test_a_quick_result_replaces_no_full_one(
    fast_program: Path,
    capsys: pytest.CaptureFixture[str],
    there: dict[str, Any],
    words: tuple[str, ...],
    fits: bool,
) -> None:
    file = fast_program / "cpu.json"
    file.write_text(json.dumps(there))
    assert program.main(["--only", "cpu", "--save", *words]) == (0 if fits else 1)
    written = fast_program / "laptop" / "cpu.json" if "--into" in words else file
    if fits:
        assert json.loads(written.read_text())["full"] is ("--full" in words)
    else:
        assert json.loads(file.read_text()) == there
        terminal = " ".join(capsys.readouterr().out.split())
        assert "cpu.json is the result of a full run" in terminal
        assert "--force" in terminal


@pytest.mark.parametrize(
    ("beside", "part", "there", "fits"),
    [
        ("calls", "cpu", {}, True),
        # What was saved a moment ago has changed the tree.
        ("calls", "cpu", {"commit": "0123-dirty"}, True),
        ("calls", "cpu", {"commit": "4567"}, False),
        ("calls", "cpu", {"machine": "Elsewhere"}, False),
        ("calls", "cpu", {"cores": 64}, False),
        ("calls", "cpu", {"versions": {"torch": "2.9.0"}}, False),
        ("calls", "calls", {"machine": "Elsewhere"}, True),  # it is replaced
        ("gpu", "cpu", {"machine": "Elsewhere"}, True),
        ("cpu", "gpu", {"machine": "Elsewhere"}, True),
        ("compat", "cpu", {"machine": "Elsewhere"}, True),  # of another tool
    ],
)
def test_parts_of_two_machines_or_commits_are_not_mixed(
    tmp_path: Path, beside: str, part: str, there: dict[str, Any], fits: bool
) -> None:
    here: dict[str, Any] = {"machine": "Here", "commit": "0123", "full": True, "cores": 2}
    here |= {"versions": {"torch": "2.13.0"}}
    (tmp_path / f"{beside}.json").write_text(json.dumps(here | there))
    if fits:
        keep.check_folder(tmp_path, [part], here, full=True)
        return
    with pytest.raises(keep.RefusedError) as caught:
        keep.check_folder(tmp_path, [part], here, full=True)
    other = here | there
    for said in (f"{beside}.json", "Here at 0123", "--into NAME", "--force"):
        assert said in str(caught.value)
    assert f"{other['machine']} at {other['commit']}" in str(caught.value)


def test_a_mixture_is_refused_before_anything_is_timed_unless_forced(
    fast_program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"machine": "Elsewhere", "commit": None}
    (fast_program / "calls.json").write_text(json.dumps(other))
    assert program.main(["--only", "cpu", "--save", "--force"]) == 0
    monkeypatch.setitem(program.PARTS, "cpu", lambda full: pytest.fail("it was timed"))
    assert program.main(["--only", "cpu", "--save"]) == 1


def test_another_machine_has_a_folder_of_its_own(fast_program: Path) -> None:
    assert program.main(["--only", "cpu", "--into", "laptop"]) == 0
    assert [file.name for file in (fast_program / "laptop").iterdir()] == ["cpu.json"]
    assert [file.name for file in fast_program.iterdir()] == ["laptop"]


@pytest.mark.parametrize("name", ["laptop/new", "../laptop", "..", ".", "cpu.json"])
def test_a_folder_that_no_page_would_look_into_is_refused_before_anything_is_timed(
    fast_program: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    (fast_program / "cpu.json").write_text("{}")
    monkeypatch.setitem(program.PARTS, "cpu", lambda full: pytest.fail("it was timed"))
    with pytest.raises(SystemExit):
        program.main(["--only", "cpu", "--into", name])
    assert f"'{name}' is not the name of a folder" in capsys.readouterr().err


def test_a_name_that_does_not_fit_its_column_is_shown_to_its_end() -> None:
    console = Console(width=24, record=True, file=io.StringIO())
    tables.show(console, "calls", {"rows": [{"call": f"{'long' * 9}end", "elements": 4}]})
    lines = console.export_text().splitlines()
    assert "".join(line.split("│")[1].strip() for line in lines if "│" in line).endswith("end")


def test_without_diffusers_the_rest_is_timed_and_what_needs_it_is_named(
    fast_program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    monkeypatch.setattr(growth, "sizes", lambda full: [])
    timed = []
    monkeypatch.setattr(growth, "in_child", lambda part, *_, threads: timed.append(part) or [])
    assert program.main(["--only", "growth", "pipeline", "--save"]) == 0
    assert timed == [scaling.thread_scaling, growth.slices, growth.pauses]
    terminal = capsys.readouterr().out
    for part, name, rows in (
        ("growth", "generators in a list", "generators"),
        ("pipeline", "pipelines", "rows"),
    ):
        result = json.loads((fast_program / f"{part}.json").read_text())
        assert result[rows] == []
        assert "diffusers" in result["left_out"][name]
        assert f"left out: {name}: " in terminal


def test_no_part_of_the_benchmarks_needs_diffusers_to_be_imported() -> None:
    code = "import sys; sys.modules['diffusers'] = None; import benchmarks.__main__"
    subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, check=True)
