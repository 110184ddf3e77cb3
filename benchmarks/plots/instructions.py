# SPDX-License-Identifier: Apache-2.0
"""The picture of what a normal costs on a GPU, counted in machine code."""

from __future__ import annotations

from typing import Any, TypeAlias

from matplotlib.figure import Figure

from benchmarks.plots.theme import Theme, footer
from benchmarks.saved import LeftOutError, Saved
from benchmarks.wording import OURS

TARGET = "sm_90"
# What the pipes of an NVIDIA multiprocessor do, in words; the rest is little and shown as one.
PIPES = {"float": "float", "alu": "integer and logic", "imad": "integer multiply"}
REST = "other"

Count: TypeAlias = dict[str, Any]

SHADES = (1.0, 0.72, 0.46, 0.25)


def instructions(figure: Figure, theme: Theme, saved: Saved) -> None:
    """Instructions a float32 normal, by pipe, of our kernel and of others'."""
    found = counts(saved)
    axes = figure.add_subplot()
    for place, (name, count) in enumerate(found.items()):
        colour = theme.ours if name == OURS else theme.peers["torch"]
        left = 0.0
        for (part, width), shade in zip(parts(count).items(), SHADES, strict=True):
            axes.barh(place, width, left=left, height=0.62, color=colour, alpha=shade)
            if place == len(found) - 1:
                axes.text(left + width / 2, place + 0.4, part, ha="center", va="top", fontsize=8)
            left += width
        axes.text(left + 1, place, f"{count['total']:.1f}", va="center", weight="bold")
    axes.set_yticks(range(len(found)), found, color=theme.ink)
    axes.set_ylim(len(found) - 0.2, -0.55)
    axes.set_xlim(0, 1.1 * max(count["total"] for count in found.values()))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.set_title(f"Instructions a float32 normal in {TARGET} machine code")
    result = saved.read("gpu-instructions")
    compiler = f"Triton {result['compiled_by']['triton']}"
    footer(figure, theme, f"counted, not timed: no GPU was used · {compiler} · {result['date']}")


def counts(saved: Saved) -> dict[str, Count]:
    """What was counted for a float32 normal, ours and others', the fewest first."""
    result = saved.read("gpu-instructions")
    others = result.get("others_on_sm_90")
    if not others:
        raise LeftOutError("gpu-instructions.json has no others_on_sm_90")
    found: dict[str, Count] = {OURS: result["kernels"]["fill normal_float32"][TARGET], **others}
    return dict(sorted(found.items(), key=lambda item: item[1]["total"]))


def parts(count: Count) -> dict[str, float]:
    """A count by what the instructions do."""
    pipes = count["pipes"]
    named = {text: pipes.get(pipe, 0.0) for pipe, text in PIPES.items()}
    return {**named, REST: sum(pipes.values()) - sum(named.values())}
