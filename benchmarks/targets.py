# SPDX-License-Identifier: Apache-2.0
"""What speed is aimed for, as data, and whether a run reached it.

A target is met when every one of its figures was measured and is good enough, and missed as soon as
one is not. A run that measured only some, all good, has not met it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmarks.run import digits

Rows: TypeAlias = Sequence[dict[str, Any]]

PARTS = ("cpu", "calls", "growth")
"""The parts of a run that targets speak of."""

Results: TypeAlias = dict[str, dict[str, Any]]
"""The results of a run, by part."""

NOT_MEASURED = None
"""What takes the place of a figure without rows, and of an answer that cannot be given."""

_ALL = (16, 18, 20, 22, 24, 26)
_TYPES = (16, 18, 20, 22)
"""The logarithms of the sizes that targets speak of."""

_BASE = {"kind": "normal", "dtype": "float32", "memory": "touched", "threads": 1}
"""The case a target is about unless it says otherwise."""

_OURS = "reprorng"


@dataclass(frozen=True)
class Target:
    """One target.

    Attributes:
        name: What it says.
        required: The worst figure that is good enough.
        figures: From the results to each figure, None for one that was not measured.
        at_most: Whether smaller figures are better.
    """

    name: str
    required: float
    figures: Callable[[Results], list[float | None]]
    at_most: bool = False

    def judge(self, results: Results) -> dict[str, Any]:
        """The target with its worst figure, and whether it is met; None if that is not known."""
        figures = self.figures(results)
        measured = [figure for figure in figures if figure is not NOT_MEASURED]
        found = None
        met: bool | None = NOT_MEASURED
        if measured:
            found = max(measured) if self.at_most else min(measured)
            enough = found <= self.required if self.at_most else found >= self.required
            if not enough or len(measured) == len(figures):
                met = enough
        shown = None if found is None else digits(found)
        return {"name": self.name, "required": self.required, "found": shown, "met": met}


def judge(results: Results) -> list[dict[str, Any]]:
    """Every target, judged."""
    return [target.judge(results) for target in TARGETS]


def _speed(results: Results, contestant: str, count: int) -> float | None:
    """Nanoseconds a float32 normal on one thread, by the fastest method of a contestant."""
    rows: Rows = results.get("cpu", {}).get("rows", ())
    times = [
        row["ns_per_element"]
        for row in _matching(rows, _BASE | {"count": count})
        if row["contestant"] == contestant or row["contestant"].startswith(f"{contestant} (")
    ]
    return min(times, default=NOT_MEASURED)


def _times_torch(contestant: str, cases: Iterable[dict[str, Any]]) -> Callable[..., Any]:
    """How many times as fast as torch, medians of ratios within a round."""
    wanted = [_BASE | {"contestant": contestant} | case for case in cases]
    return lambda results: [
        _one(results.get("cpu", {}).get("rows", ()), each, "times_torch") for each in wanted
    ]


def _times(peer: str) -> Callable[[Results], list[float | None]]:
    """How many times as fast as the fastest method of a peer, at every size."""

    def figures(results: Results) -> list[float | None]:
        found: list[float | None] = []
        for case in _counts(*_ALL):
            own, theirs = (_speed(results, who, case["count"]) for who in (_OURS, peer))
            found.append(None if own is None or theirs is None else theirs / own)
        return found

    return figures


def _scaling(count: int) -> Callable[[Results], list[float | None]]:
    """How many times as fast on two threads as on one."""
    wanted = {"count": count, "threads": 2}
    return lambda results: [
        _one(results.get("growth", {}).get("threads", ()), wanted, "times_one_thread")
    ]


def _call(call: str) -> Callable[[Results], list[float | None]]:
    """The time of a draw of four elements over that of `torch.randn`."""
    wanted = {"call": call, "elements": 4}

    def figures(results: Results) -> list[float | None]:
        speed = _one(results.get("calls", {}).get("rows", ()), wanted, "times_torch")
        return [None if speed is None else 1 / speed]

    return figures


def _distance(results: Results) -> list[float | None]:
    """How far the cost of a slice at 2^60 is from that at 0, as a share of the latter."""
    times = _one(results.get("growth", {}).get("offset", ()), {"offset": 1 << 60}, "times_zero")
    return [None if times is None else abs(times - 1)]


def _one(rows: Rows, wanted: dict[str, Any], field: str) -> float | None:
    found = _matching(rows, wanted)
    return found[0][field] if found else NOT_MEASURED


def _matching(rows: Rows, wanted: dict[str, Any]) -> Rows:
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def _counts(*bits: int, **case: Any) -> list[dict[str, Any]]:
    return [{"count": 1 << exponent, **case} for exponent in bits]


TARGETS = (
    Target(
        "float32, 1 thread, 2^16 to 2^26: times torch.randn",
        6,
        _times_torch(_OURS, _counts(*_ALL)),
    ),
    Target("float32, 1 thread, 2^16 to 2^26: times NumPy Philox", 16, _times("NumPy Philox")),
    Target(
        "float32, 1 thread, 2^16 to 2^26: times oneMKL Philox's best", 9, _times("oneMKL Philox")
    ),
    Target(
        "float32, fresh tensors of 2^20 to 2^24: times torch.randn",
        4,
        _times_torch(_OURS, _counts(20, 22, 24, memory="fresh")),
    ),
    Target("float32, 2 threads, 2^18: times our one thread", 1.7, _scaling(1 << 18)),
    Target("float32, 2 threads, 2^22: times our one thread", 1.9, _scaling(1 << 22)),
    Target(
        "float32, 2 threads, 2^18: times torch.randn",
        10,
        _times_torch(_OURS, _counts(18, threads=2)),
    ),
    Target(
        "float32, 2 threads, 2^22: times torch.randn",
        11,
        _times_torch(_OURS, _counts(22, threads=2)),
    ),
    Target(
        "float32, AVX2 forced, 2^16 to 2^26: times torch.randn",
        4,
        _times_torch("reprorng avx2", _counts(*_ALL)),
    ),
    *(
        Target(
            f"{dtype}, 2^16 to 2^22: times torch.randn",
            required,
            _times_torch(_OURS, _counts(*_TYPES, dtype=dtype)),
        )
        for dtype, required in (("bfloat16", 6), ("float16", 5), ("float64", 8))
    ),
    Target(
        "uniform float32, 2^16 to 2^22: times torch.rand",
        6,
        _times_torch(_OURS, _counts(*_TYPES, kind="uniform")),
    ),
    Target(
        "4 elements, reprorng.randn: time over torch.randn's", 1.5, _call("reprorng.randn"), True
    ),
    Target(
        "4 elements, torch.randn(generator=g): time over torch.randn's",
        3,
        _call("torch.randn(generator=g)"),
        at_most=True,
    ),
    Target("4096 elements at offset 2^60: off the time at 0 by", 0.05, _distance, at_most=True),
)
