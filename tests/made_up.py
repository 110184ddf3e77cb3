# SPDX-License-Identifier: Apache-2.0
"""Results that nobody measured, in the form of measured ones, to test pictures and tables with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MACHINE = {
    "date": "2026-01-02",
    "commit": "0123456789ab",
    "algorithm": "philox4x32-10/v1",
    "machine": "AMD Nowhere (cpu family 0, model 0)",
    "cores": 2,
    "gpu": None,
    "instruction_set": "avx512",
    "system": "Linux x86_64",
    "compiler": "gcc 0.0",
    "python": "3.11.0",
    "versions": {"torch": "2.0", "numpy": "2.0", "absent": None},
    "idle": True,
    "left_out": {"absent peer": "not installed"},
}

# The time of one call in ns, and of each element.
SPEEDS = {
    "reprorng": (1200.0, 0.41),
    "reprorng avx2": (1200.0, 0.86),
    "reprorng portable": (1200.0, 38.0),
    "torch": (1300.0, 2.7),
    "NumPy Philox": (900.0, 9.6),
    "NumPy PCG64": (900.0, 8.2),
    "NumPy SFC64": (900.0, 7.9),
    "oneMKL Philox (BOXMULLER2)": (700.0, 7.1),
    "oneMKL Philox (ICDF)": (700.0, 5.9),
    "JAX threefry": (25000.0, 8.7),
    "TensorFlow Philox": (90000.0, 14.0),
    "randomgen Philox": (1000.0, 12.3),
    "NV noise in NumPy": (20000.0, 21.0),
    "diffusers, CPU generator": (3000.0, 2.8),
    "memset": (300.0, 0.05),
}
COUNTS = (4, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 16 * 21 * 60 * 104, 1 << 22, 1 << 24, 1 << 26)
TYPES = {
    ("normal", "bfloat16"): (0.42, 4.0),
    ("normal", "float16"): (0.43, 3.4),
    ("normal", "float64"): (1.05, 16.4),
    ("uniform", "float32"): (0.22, 2.3),
    ("uniform", "bfloat16"): (0.23, 3.3),
    ("uniform", "float16"): (0.23, 3.1),
    ("uniform", "float64"): (0.44, 5.2),
}


def cpu() -> dict[str, Any]:
    """Every contestant at every size, and both ends of the other types."""
    rows = []
    for count in COUNTS:
        for name, (call, each) in SPEEDS.items():
            torch = 2.7 + 1300 / count
            rows.append(_row("normal", "float32", count, name, (each + call / count, torch)))
    for name in ("reprorng", "torch"):
        for memory in ("fresh", "mapped"):
            new = {"memory": memory, "page_faults": 7}
            rows.append(_row("normal", "float32", 1 << 20, name, (3.3, 3.3)) | new)
        rows.append(_row("normal", "float32", 1 << 20, name, (0.2, 2.7)) | {"threads": 2})
    for (kind, dtype), (ours, torch) in TYPES.items():
        rows.append(_row(kind, dtype, 1 << 20, "reprorng", (ours, torch)))
        rows.append(_row(kind, dtype, 1 << 20, "reprorng avx2", (2.2 * ours, torch)))
        rows.append(_row(kind, dtype, 1 << 20, "torch", (torch, torch)))
    return {**MACHINE, "rows": rows}


def _row(
    kind: str, dtype: str, count: int, name: str, times: tuple[float, float]
) -> dict[str, Any]:
    time, torch = times
    ratio = round(torch / time, 3)
    return {
        "kind": kind,
        "dtype": dtype,
        "count": count,
        "memory": "touched",
        "threads": 1,
        "contestant": name,
        "ns_per_element": float(f"{time:.4g}"),
        "gb_per_s": round(4 / time, 3),
        "times_torch": ratio,
        "times_torch_quartiles": [round(0.97 * ratio, 3), round(1.04 * ratio, 3)],
        "of_memset": round(0.05 / time, 4),
    }


def gpu() -> dict[str, Any]:
    """A few rows of a GPU."""
    rows = [
        _row("normal", dtype, 1 << 20, name, (0.002, 0.004))
        for dtype in ("float32", "float16")
        for name in ("reprorng", "torch", "memset")
    ]
    return {**MACHINE, "rows": rows}


def calls() -> dict[str, Any]:
    """Small draws in every way there is to ask for them."""
    costs = {
        "torch.empty": 0.9,
        "torch.randn": 1.5,
        "reprorng.randn": 2.1,
        "g.randn": 2.4,
        "torch.randn(generator=g)": 4.3,
    }
    each = {"torch.empty": 0.0, "torch.randn": 0.0027}
    rows = []
    for name, cost in costs.items():
        for elements in (4, 64, 256, 1024, 4096):
            time = cost + each.get(name, 0.00041) * elements
            ratio = round((1.5 + 0.0027 * elements) / time, 3)
            rows.append(
                {
                    "call": name,
                    "elements": elements,
                    "microseconds": round(time, 3),
                    "times_torch": ratio,
                    "times_torch_quartiles": [round(0.9 * ratio, 3), round(1.1 * ratio, 3)],
                }
            )
    return {**MACHINE, "rows": rows}


def growth() -> dict[str, Any]:
    """Costs that grow as they should."""
    size = [
        {
            "count": 1 << k,
            "dtype": "float32",
            "threads": threads,
            "seconds": 0.45e-9 * 2**k / threads + 2e-6,
            "peak_bytes": 4 * 2**k + (1 << 20) if k > 10 else 0,
            "output_bytes": 4 * 2**k,
        }
        for k in range(10, 31, 4)
        for threads in (1, 2)
    ]
    threads = [
        {
            "count": 1 << k,
            "threads": n,
            "ns_per_element": 0.42 / n,
            "times_one_thread": 1.0 if n == 1 else round(1.97 - 14 / k**2 * (k < 18), 3),
        }
        for k in range(10, 27, 2)
        for n in (1, 2)
    ]
    offset = [
        {"offset": 1 << k if k else 0, "microseconds": 3.1, "times_zero": 1.0 + 0.0003 * k}
        for k in (0, 20, 40, 60)
    ]
    lists = [
        {
            "batch": batch,
            "microseconds": batch * each + 2,
            "microseconds_each": each + 2 / batch,
            "whose": whose,
        }
        for whose, each in (("reprorng", 9.5), ("torch", 44.0))
        for batch in (1, 4, 16, 64)
    ]
    pauses = [
        {"call": call, "count": 1 << 24, "pause_seconds": pause, "ns_per_element": each}
        for call, each in (("reprorng.randn", 0.6), ("torch.randn", 4.1))
        for pause in (0.0, 3.0)
    ]
    return {
        **MACHINE,
        "size": size,
        "threads": threads,
        "offset": offset,
        "generators": lists,
        "pauses": pauses,
    }


def cycles() -> dict[str, Any]:
    """One kernel, a little slower than its bound."""
    row = {
        "instruction_set": "avx512",
        "kernel": "normal_float32",
        "cycles": 1.125,
        "cycles_quartiles": [1.0625, 1.25],
        "cycles_of_fastest_twentieth": 0.95,
    }
    return {**MACHINE, "rows": [row]}


def pipeline() -> dict[str, Any]:
    """The share of noise in a pipeline."""
    rows = [
        {
            "pipeline": "DDPM",
            "scheduler": "DDIM",
            "steps": 50,
            "batch": 16,
            "whose": whose,
            "seconds": 1.25,
            "noise_seconds": seconds,
            "share": seconds / 1.25,
        }
        for whose, seconds in (("reprorng", 0.001), ("torch", 0.004))
    ]
    return {**MACHINE, "rows": rows}


def instructions() -> dict[str, Any]:
    """Counts of machine code."""
    pipes = {"alu": 12.0, "float": 15.0, "imad": 5.0, "memory": 0.5, "control": 0.5}
    cells = {target: {"total": 33.0, "pipes": pipes} for target in ("sm_80", "sm_90")}
    kernels = {"fill normal_float32": {**cells, "gfx942": {"vector": 35.0}}}
    larger = {pipe: 2 * each for pipe, each in pipes.items()}
    others = {"tl.randn": {"total": 66.0, "pipes": larger}}
    compiled_by = {"triton": "3.9.0", "tools": {}}
    return {**MACHINE, "compiled_by": compiled_by, "kernels": kernels, "others_on_sm_90": others}


def cpu_instructions() -> dict[str, Any]:
    """A result of `python -m tools.cpu.count`."""
    kinds = {"multiply": 1.0, "logic": 2.0, "fma, mul": 1.5, "blend": 0.25}
    model = {"cycles": 3.25, "busiest": "a port", "busy": 0.9}
    x86 = {"zen5_cycles": {"multipliers": 1.25, "pass after pass": 2.0}}
    one = {"total": 4.75, "passes": [0.5, 1, 1, 0.75, 0.5, 1], "kinds": kinds}
    kernels = {
        "avx2": {"normal_float32": {**one, **x86, "llvm_mca": {"a processor": model}}},
        "neon": {"normal_float32": {**one, "llvm_mca": {}}},
    }
    made_by = {"compilers": {"avx2": "g++ 0", "neon": "aarch64 g++ 0"}, "llvm-mca": "0"}
    rounds = {name: [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]] for name in kernels}
    found = {"unit": "an element", "rounds_of_passes": rounds, "kernels": kernels}
    return {**MACHINE, "made_by": made_by, **found}


def compat() -> dict[str, Any]:
    """One environment in which all passed."""
    row = {
        "torch": "2.9.0",
        "diffusers": "0.42.1",
        "versions": {"python": "3.11.0", "transformers": "5.0.0"},
        "passed": True,
        "outcomes": {"torch": "passed", "SDE": "not here"},
        "failures": {},
    }
    return {**MACHINE, "noise": {}, "rows": [row]}


def upstream() -> dict[str, Any]:
    """One selection of tests, one of which compares with a number of torch's."""
    differing = {"test": "tests/a.py::test_a", "now": "failed", "explained": True}
    selection = {
        "selection": "schedulers",
        "date": "2026-01-01",
        "commit": "0123456789ab",
        "outcomes": {
            "baseline": {"passed": 9, "failed": 1},
            "exact": {"passed": 9, "failed": 1},
            "real": {"passed": 8, "failed": 2},
        },
        "differences": {"real": [{**differing, "literal": "tests/a.py:12: 1.5"}]},
        "classes": {"collected": 3, "passing": 2},
        "reached": {"draws": 40, "tests": 2, "pipelines": 1, "moved_the_global_state": ["A"]},
    }
    checkout = {"commit": "0123456789ab", "package_tested": "the installed"}
    return {**MACHINE, "checkout": checkout, "selections": [selection]}


RESULTS = {
    "compat": compat,
    "upstream": upstream,
    "cpu-instructions": cpu_instructions,
    "cpu": cpu,
    "cycles": cycles,
    "gpu": gpu,
    "calls": calls,
    "growth": growth,
    "pipeline": pipeline,
    "gpu-instructions": instructions,
}


def write(folder: Path) -> Path:
    """The folder, with a file of each result in it, and one of another machine."""
    for name, make in RESULTS.items():
        (folder / f"{name}.json").write_text(json.dumps(make()))
    (folder / "laptop").mkdir()
    (folder / "laptop" / "cpu.json").write_text(json.dumps(cpu() | {"machine": "Elsewhere 1"}))
    return folder
