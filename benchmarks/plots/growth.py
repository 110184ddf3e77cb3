# SPDX-License-Identifier: Apache-2.0
"""How cost grows: with size, threads, the offset of a slice, and generators in a list."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

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
from benchmarks.saved import LeftOutError, Row, Saved, unique

# Slices must cost the same at every offset, within this.
FLAT_WITHIN = 0.05


def growth(figure: Figure, theme: Theme, saved: Saved) -> None:
    """Time and memory against size, speed-up by threads, and a slice against its offset."""
    panels = (_time, _memory, _threads, _offsets)
    for axes, draw in zip(figure.subplots(2, 2).flat, panels, strict=True):
        try:
            draw(axes, theme, saved)
        except LeftOutError as error:
            axes.set_axis_off()
            axes.text(0.5, 0.5, f"left out: {error}", color=theme.muted, ha="center", va="center")
    clocks = "times on the clock on the wall, but for slices: CPU time"
    footer(figure, theme, measured(saved.read("growth")), clocks)


def _time(axes: Axes, theme: Theme, saved: Saved) -> None:
    rows = _sizes(saved)
    log_axis(axes, "s")
    _curves(axes, theme, rows, "seconds")
    axes.set_title("Time of a float32 draw")


def _sizes(saved: Saved) -> list[Row]:
    return saved.rows("growth", "size", dtype="float32")


def _threads(axes: Axes, theme: Theme, saved: Saved) -> None:
    rows = saved.on_several_threads("growth", "threads")
    for threads in unique(rows, "threads"):
        axes.axhline(threads, color=theme.muted, linestyle="--", linewidth=0.8)
    axes.set_ylim(0, 1.08 * max(unique(rows, "threads")))
    _curves(axes, theme, rows, "times_one_thread")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.set_title("Speed over that of one thread")


def _curves(axes: Axes, theme: Theme, rows: list[Row], value: str) -> None:
    """A curve against the count for each number of threads."""
    counts_axis(axes)
    ends = []
    for threads in unique(rows, "threads"):
        same = sorted((r for r in rows if r["threads"] == threads), key=lambda row: row["count"])
        colour = theme.ours if threads > 1 else theme.ours_weaker
        heights = [row[value] for row in same]
        counts = [row["count"] for row in same]
        axes.plot(counts, heights, color=colour, marker="o", clip_on=False)
        ends.append((heights[-1], f"{threads} thread{'s' if threads > 1 else ''}", colour))
    axes.set_xlim(right=max(unique(rows, "count")))
    label_ends(axes, [(height_of(axes, y), text, colour) for y, text, colour in ends], 0.1)


def _memory(axes: Axes, theme: Theme, saved: Saved) -> None:
    """The peak of whichever number of threads takes most, beside the output itself."""
    # Where there was memory left from before, a draw took none, which no logarithm shows.
    known = [row for row in _sizes(saved) if row["peak_bytes"]]
    if not known:
        raise LeftOutError("growth.json does not know the peak of memory")
    counts_axis(axes)
    log_axis(axes, "B")
    most = [
        max((r for r in known if r["count"] == count), key=lambda row: row["peak_bytes"])
        for count in sorted(unique(known, "count"))
    ]
    counts = [row["count"] for row in most]
    curves = (("peak", theme.ours, "-"), ("output", theme.muted, "--"))
    for name, colour, style in curves:
        heights = [row[f"{name}_bytes"] for row in most]
        axes.plot(counts, heights, color=colour, linestyle=style, clip_on=False)
    axes.set_xlim(right=counts[-1])
    ends = [(height_of(axes, most[-1][f"{name}_bytes"]), name, c) for name, c, _ in curves]
    label_ends(axes, ends, 0.1)
    axes.set_title("Memory of the first such draw")


def _offsets(axes: Axes, theme: Theme, saved: Saved) -> None:
    """The offsets are too far apart for an axis, so each has its place on it."""
    rows = sorted(saved.rows("growth", "offset"), key=lambda row: row["offset"])
    places = range(len(rows))
    axes.axhspan(1 - FLAT_WITHIN, 1 + FLAT_WITHIN, color=theme.faint, alpha=0.6, linewidth=0)
    axes.plot(places, [row["times_zero"] for row in rows], color=theme.ours, marker="o")
    axes.set_xticks(places, [exponent(row["offset"]) for row in rows])
    axes.set_ylim(0, max(1.3, *(1.1 * row["times_zero"] for row in rows)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.set_xlabel("offset of the slice")
    axes.set_title(f"Time of a slice over that at 0 (grey: ±{100 * FLAT_WITHIN:.0f} %)")


def generators(figure: Figure, theme: Theme, saved: Saved) -> None:
    """What an image costs whose noise comes from a list with a generator for each."""
    rows = saved.rows("growth", "generators")
    axes = figure.add_subplot()
    counts_axis(axes, "generators in the list")
    ends = []
    for name in unique(rows, "whose"):
        curve = sorted((row for row in rows if row["whose"] == name), key=lambda r: r["batch"])
        colour = theme.colour(name)
        heights = [row["microseconds_each"] for row in curve]
        axes.plot([row["batch"] for row in curve], heights, color=colour, marker="o", clip_on=False)
        ends.append((heights[-1], name, colour))
    axes.set_ylim(bottom=0)
    axes.set_xlim(right=max(unique(rows, "batch")))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} µs"))
    label_ends(axes, [(height_of(axes, y), text, colour) for y, text, colour in ends], 0.1)
    axes.set_title("Time of each generator of a list")
    footer(figure, theme, measured(saved.read("growth")))
