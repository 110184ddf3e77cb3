# SPDX-License-Identifier: Apache-2.0
"""Cycles an element: what they are counted in, and what is made of the times."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import made_up
import pytest
from rich.console import Console

from benchmarks import cycles, tables
from benchmarks.pages import BLOCKS
from benchmarks.saved import Saved
from reprorng.backends.cpu import CpuBackend
from tools.compiler import c_compiler
from tools.cpu.build import KERNELS

COMPILER = c_compiler()


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
def test_every_addition_of_the_chain_is_done(tmp_path: Path) -> None:
    chain = cycles.compile_chain(COMPILER or [], tmp_path)
    for count in (0, 2, 34, 1000):
        x, y = count, 1
        for _ in range(count // 2):
            x = (x + y) % 2**64
            y = (x + y) % 2**64
        assert chain(count) == x


def test_a_row_is_the_time_of_a_draw_in_additions() -> None:
    each = cycles.ADDITIONS / cycles.COUNT
    times = [(n + 2.0 * n * k, n) for n in (1.0, 3.0) for k in range(1, 22)]
    row = cycles._row("avx2", "normal_float32", times)
    assert row["cycles"] == pytest.approx(23 * each)
    assert row["cycles_quartiles"] == pytest.approx([13 * each, 33 * each])
    assert row["cycles_of_fastest_twentieth"] == pytest.approx(5 * each)


def test_the_chain_is_timed_after_every_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would run at another frequency if it came after nothing or after other chains."""
    done: list[str] = []
    took = {"draw": 2.0, "add": 3.0}

    def clock(job: Callable[[], None], repeats: int) -> float:
        job()
        return took[done[-1]]

    monkeypatch.setattr(cycles, "process_seconds", clock)
    turn = cycles._turn(lambda: done.append("draw"), lambda: done.append("add"))
    assert turn == (2.0 * cycles.PAIRS, 3.0 * cycles.PAIRS)
    assert done == ["draw", "add"] * cycles.PAIRS


def test_every_vector_instruction_set_that_runs_here_is_timed() -> None:
    rows = cycles.measure(lambda count: sum(range(count)), 2)
    able = [one.instruction_set for one in CpuBackend.variants() if one.why_not() is None]
    assert [(row["instruction_set"], row["kernel"]) for row in rows] == [
        (name, kernel) for name in able if name != "scalar" for kernel in KERNELS
    ]
    tables.show(Console(file=io.StringIO()), "cycles", {"rows": rows})


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
def test_a_compiler_may_have_words_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", " ".join(["env", *(COMPILER or [])]))
    assert cycles.compile_chain(c_compiler() or [], tmp_path)(2) == 3


def test_without_a_compiler_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert cycles.cycles(full=False) == {
        "left_out": {"cycles": "there is no C compiler"},
        "rows": [],
    }


def test_the_page_has_every_machine_that_was_timed(tmp_path: Path) -> None:
    saved = Saved(made_up.write(tmp_path))
    elsewhere = made_up.cycles() | {"machine": "Elsewhere 1"}
    (tmp_path / "laptop" / "cycles.json").write_text(json.dumps(elsewhere))
    here, table, there, same_table = BLOCKS["cycles table"](saved).split("\n\n")
    assert there == here.replace(made_up.MACHINE["machine"], "Elsewhere 1")
    assert table == same_table
    assert table.splitlines()[2:] == ["| AVX-512 normal float32 | 1.12 (1.06–1.25) | 0.950 |"]
