# SPDX-License-Identifier: Apache-2.0
"""Pictures of how fast numbers are drawn: against size, against torch, and in small draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.plots.theme import (
    Theme,
    counts_axis,
    exponent,
    footer,
    height_of,
    label_ends,
    log_axis,
    measured,
)
from benchmarks.saved import Row, Saved, at_typical_count, fastest, unique
from benchmarks.wording import (
    ALLOCATING_NOTE,
    AVX2,
    GENERIC_MKL_NOTE,
    LIBRARIES,
    OURS,
    shown,
)

ONE_RUN = "one thread, buffers touched before, medians of one interleaved run"
ONE_THREAD = "one thread, medians of one interleaved run"
BAR = 0.7

FAR = 256
"""Neighbours that are so many times as large have no line between them: it would cross others'
where nobody measured."""

# Torch's function given our generator draws our numbers; without numbers, only memory is made.
CALLS = {
    "reprorng.randn": (OURS, "-"),
    "torch.randn(generator=g)": (OURS, ":"),
    "torch.randn": ("torch", "-"),
    "torch.empty": ("memset", "--"),
}


def throughput(figure: Figure, theme: Theme, saved: Saved) -> None:
    """Numbers a second against how many are drawn."""
    rows = saved.rows("cpu", kind="normal", dtype="float32", memory="touched", threads=1)
    axes = figure.add_subplot()
    counts_axis(axes)
    log_axis(axes, "/s")
    ours = [[r for r in rows if r["contestant"] == name] for name in (OURS, AVX2)]
    ends = []
    for curve in (*ours, *(fastest(rows, library) for library in LIBRARIES)):
        if curve:
            name = curve[0]["contestant"]
            counts, speeds = _points(curve)
            axes.plot(
                counts,
                speeds,
                color=theme.colour(name),
                linestyle="--" if name == "memset" else "-",
                linewidth=2.4 if name == OURS else 1.3,
                marker="o",
                clip_on=False,
                zorder=3 if name == OURS else 2,
            )
            ends.append((speeds[-1], shown(name), theme.colour(name)))
    axes.set_xlim(right=max(unique(rows, "count")))
    label_ends(axes, [(height_of(axes, y), text, colour) for y, text, colour in ends], 0.052)
    axes.set_title("Float32 normals a second, one thread")
    result = saved.read("cpu")
    footer(figure, theme, measured(result), ONE_RUN, notes(result))


def notes(result: dict[str, Any]) -> str:
    """What the stars mean, and of oneMKL on a processor it has no code of its own for."""
    generic = [GENERIC_MKL_NOTE] if "AMD" in result["machine"] else []
    return "; ".join([ALLOCATING_NOTE, *generic])


def _points(curve: Sequence[Row]) -> tuple[list[float], list[float]]:
    """The counts and speeds of a curve, with a gap where it would be a guess."""
    counts: list[float] = []
    speeds: list[float] = []
    for row in curve:
        if counts and row["count"] > FAR * counts[-1]:
            counts.append(math.nan)
            speeds.append(math.nan)
        counts.append(row["count"])
        speeds.append(1e9 / row["ns_per_element"])
    return counts, speeds


def ratios(figure: Figure, theme: Theme, saved: Saved) -> None:
    """Speed over that of torch: of each type drawn, and of everybody for float32 normals."""
    rows = saved.rows("cpu", memory="touched", threads=1)
    left, right = figure.subplots(1, 2)
    _types(left, theme, rows)
    normals = [r for r in rows if (r["kind"], r["dtype"]) == ("normal", "float32")]
    bars = [r for r in at_typical_count(normals) if r["contestant"] != "memset"]
    bars.sort(key=lambda row: -row["times_torch"])
    _bars(right, theme, bars, range(len(bars)), BAR)
    _name_bars(right, theme, [shown(row["contestant"]) for row in bars])
    right.set_title(f"{exponent(bars[0]['count'])} float32 normals: × torch")
    result = saved.read("cpu")
    footer(figure, theme, measured(result), f"{ONE_RUN} and quartiles", notes(result))


def _types(axes: Axes, theme: Theme, rows: list[Row]) -> None:
    """A bar for each type drawn, and a thinner one for AVX2 below it."""
    types = list(dict.fromkeys((row["kind"], row["dtype"]) for row in rows))
    for contestant, below, height in ((OURS, -0.19, 0.42), (AVX2, 0.22, 0.26)):
        bars, places = [], []
        for place, pair in enumerate(types):
            same = [r for r in rows if (r["kind"], r["dtype"]) == pair]
            found = [r for r in at_typical_count(same) if r["contestant"] == contestant]
            bars += found
            places += [place + below] * len(found)
        _bars(axes, theme, bars, places, height)
    axes.axvline(1, color=theme.muted, linewidth=0.8, zorder=0.9)
    _name_bars(axes, theme, [f"{dtype} {kind}" for kind, dtype in types])
    axes.set_title(f"{OURS}, and on AVX2: × torch")


def _bars(
    axes: Axes, theme: Theme, rows: list[Row], places: Sequence[float], height: float
) -> None:
    """Horizontal bars of `times_torch` with quartiles and their values behind."""
    for row, place in zip(rows, places, strict=True):
        value, (low, high) = row["times_torch"], row["times_torch_quartiles"]
        axes.barh(place, value, height, color=theme.colour(row["contestant"]))
        axes.plot([low, high], [place, place], color=theme.ink, linewidth=1, solid_capstyle="butt")
        axes.annotate(
            f"{value:.1f}" if value >= 1 else f"{value:.2f}",
            xy=(max(value, high), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8 if height > 0.3 else 7,
        )


def _name_bars(axes: Axes, theme: Theme, names: list[str]) -> None:
    axes.set_xlim(0, 1.12 * axes.dataLim.x1)
    axes.set_yticks(range(len(names)), names, color=theme.ink)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(len(names) - 0.4, -0.6)


def calls(figure: Figure, theme: Theme, saved: Saved) -> None:
    """The time of a draw, from its call on, against its size."""
    axes = figure.add_subplot()
    counts_axis(axes)
    log_axis(axes, "s", ticks=(1, 2, 5))
    ends = []
    for call, (whose, style) in CALLS.items():
        curve = sorted(saved.rows("calls", call=call), key=lambda row: row["elements"])
        colour = theme.colour(whose)
        seconds = [1e-6 * row["microseconds"] for row in curve]
        elements = [row["elements"] for row in curve]
        axes.plot(elements, seconds, color=colour, linestyle=style, marker="o", clip_on=False)
        ends.append((seconds[-1], call, colour))
    axes.set_xlim(right=elements[-1])
    label_ends(axes, [(height_of(axes, y), text, colour) for y, text, colour in ends], 0.065)
    axes.set_title("Time of one draw of n float32 normals, call included")
    footer(figure, theme, measured(saved.read("calls")), ONE_THREAD)
