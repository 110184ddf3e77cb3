# SPDX-License-Identifier: Apache-2.0
"""How every picture looks: colours on a light and on a dark page, labels, and the footer.

Curves are labelled where they end instead of in a legend, and labels that would meet are moved
apart by as little as possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.wording import OURS, power, prefixed


@dataclass(frozen=True)
class Theme:
    """Colours for one background, which itself stays transparent."""

    name: str
    ink: str
    muted: str
    faint: str
    ours: str
    ours_weaker: str
    peers: dict[str, str]

    def colour(self, contestant: str) -> str:
        """The colour of a contestant, by the first word of its name."""
        if contestant.startswith(OURS):
            return self.ours if contestant == OURS else self.ours_weaker
        return self.peers.get(contestant.split()[0].rstrip(","), self.muted)

    def rc(self) -> dict[str, Any]:
        """Settings of matplotlib; the salt makes the names inside a file the same every time."""
        return {
            "svg.hashsalt": OURS,
            "svg.fonttype": "path",
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "font.size": 9,
            "text.color": self.ink,
            "axes.edgecolor": self.faint,
            "axes.labelcolor": self.muted,
            "axes.titlecolor": self.ink,
            "axes.titlelocation": "left",
            "axes.titlepad": 10,
            "axes.titlesize": 9.5,
            "axes.titleweight": "bold",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": self.faint,
            "grid.linewidth": 0.6,
            "xtick.color": self.faint,
            "ytick.color": self.faint,
            "xtick.labelcolor": self.muted,
            "ytick.labelcolor": self.muted,
            "lines.linewidth": 1.6,
            "lines.markersize": 4,
        }


LIGHT = Theme(
    name="light",
    ink="#1f2328",
    muted="#59636e",
    faint="#d1d9e0",
    ours="#0969da",
    ours_weaker="#5b8dbf",
    peers={
        "torch": "#bc4c00",
        "NumPy": "#1a7f37",
        "oneMKL": "#8250df",
        "JAX": "#bf3989",
        "TensorFlow": "#9a6700",
        "randomgen": "#1b7c83",
    },
)
DARK = Theme(
    name="dark",
    ink="#f0f6fc",
    muted="#9198a1",
    faint="#3d444d",
    ours="#4493f8",
    ours_weaker="#8ab4e0",
    peers={
        "torch": "#f0883e",
        "NumPy": "#3fb950",
        "oneMKL": "#ab7df8",
        "JAX": "#f778ba",
        "TensorFlow": "#d29922",
        "randomgen": "#39c5cf",
    },
)


def measured(result: dict[str, Any]) -> str:
    """Where and when a result was measured, in a line."""
    busy = " · other work was running" if result.get("idle") is False else ""
    quick = " · a quick run" if result.get("full") is False else ""
    return f"{result['machine']}, {result['instruction_set']} · {result['date']}{quick}{busy}"


def footer(figure: Figure, theme: Theme, *lines: str) -> None:
    """Write lines below a picture, and leave the rest of it to the axes."""
    height = 0.02 + 0.16 * len(lines) / figure.get_figheight()
    figure.set_layout_engine("constrained", h_pad=0.08, rect=(0.0, height, 1.0, 1.0 - height))
    figure.text(0.008, 0.012, "\n".join(lines), color=theme.muted, fontsize=7, va="bottom")


def label_ends(axes: Axes, labels: Iterable[tuple[float, str, str]], gap: float) -> None:
    """Write labels (height as a fraction of the axes, text, colour) at the right of the axes."""
    ordered = sorted(labels)
    places = spread([height for height, _, _ in ordered], gap)
    for (height, text, colour), place in zip(ordered, places, strict=True):
        axes.annotate(
            text,
            xy=(1.0, height),
            xytext=(1.04, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=colour,
            fontsize=8.5,
            va="center",
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.5,
                "relpos": (0.0, 0.5),
                "shrinkA": 1,
                "shrinkB": 3,
            },
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Ascending heights moved at least a gap apart, with the least sum of squared moves.

    Less `gap` for each one below, that is the nearest ascending sequence: neighbours that are out
    of order are pooled into their mean.
    """
    pools: list[tuple[float, int]] = []
    for index, height in enumerate(heights):
        mean, size = height - index * gap, 1
        while pools and pools[-1][0] > mean:
            other, others = pools.pop()
            mean = (mean * size + other * others) / (size + others)
            size += others
        pools.append((mean, size))
    flat = [mean for mean, size in pools for _ in range(size)]
    return [mean + index * gap for index, mean in enumerate(flat)]


def height_of(axes: Axes, value: float) -> float:
    """Where a value lies on the vertical axis, as a fraction of its length."""
    _, pixel = axes.transData.transform((axes.get_xlim()[0], value))
    return float(axes.transAxes.inverted().transform((0.0, pixel))[1])


def counts_axis(axes: Axes, label: str = "numbers drawn") -> None:
    """A horizontal axis for counts, in powers of two."""
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(LogLocator(base=2, numticks=8))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)


def exponent(count: int) -> str:
    """A count as `power` writes it, set as a formula."""
    base, hat, raised = power(count).partition("^")
    return f"${base}^{{{raised}}}$" if hat else base


def log_axis(axes: Axes, unit: str, ticks: Sequence[float] = (1,)) -> None:
    """A vertical logarithmic axis whose ticks have prefixes instead of powers of ten.

    Args:
        axes: Whose axis it is.
        unit: What the values are in.
        ticks: Where in each decade there is one.
    """
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: prefixed(value, unit)))
    axes.yaxis.set_minor_locator(NullLocator())
