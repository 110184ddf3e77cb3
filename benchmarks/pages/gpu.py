# SPDX-License-Identifier: Apache-2.0
"""What the GPU kernels cost, counted in machine code."""

from __future__ import annotations

from benchmarks.pages.markdown import table
from benchmarks.plots.instructions import TARGET
from benchmarks.saved import Row, Saved

KERNELS = (
    "normal_float32",
    "normal_float16",
    "normal_bfloat16",
    "normal_float64",
    "uniform_float32",
    "bits_uint32",
)
"""Those that people ask for; the result has the others."""


def costs(saved: Saved) -> str:
    """Instructions an output on every target; others' were counted on one."""
    result = saved.read("gpu-instructions")
    targets = list(result["kernels"][f"fill {KERNELS[0]}"])
    lines = [
        [name.replace("_", " "), *(_one(result["kernels"][f"fill {name}"][t]) for t in targets)]
        for name in KERNELS
        if f"fill {name}" in result["kernels"]
    ]
    for name, count in result["others_on_sm_90"].items():
        lines.append([name, *(_one(count) if t == TARGET else "" for t in targets)])
    return table(["", *targets], lines)


def in_short(saved: Saved) -> str:
    """The same on one target, in a sentence."""
    result = saved.read("gpu-instructions")
    ours = {
        name: _one(result["kernels"][f"fill {name}"][TARGET])
        for name in KERNELS
        if f"fill {name}" in result["kernels"]
    }
    first, *more = (f"{count} for {name.replace('_', ' ')}" for name, count in ours.items())
    fewest_first = sorted(result["others_on_sm_90"].items(), key=lambda item: item[1]["total"])
    others = (f"{name} {_one(count)}" for name, count in fewest_first)
    return (
        f"On GPUs, counted in machine code for {TARGET} ({result['date']}) and not timed, "
        f"instructions a number: {first} ({', '.join(others)}); {', '.join(more)}."
    )


def _one(count: Row) -> str:
    """The instructions; of AMD's machines those of the vector unit."""
    return f"{count.get('total', count.get('vector')):.1f}"
