# SPDX-License-Identifier: Apache-2.0
"""Run what ptxas is given on every word there is, and compare with the CPU.

The PTX of the shipped kernels, translated to C, takes counters and not words. But Philox can be
inverted: any four words are the outputs of some block under almost any key. So a block is found
for each word, with words of no effect beside it, and the thread that makes this block is called.

    python -m tools.gpu.prove [--targets NAME ...] [--chunks N] [--elements N]

Exits with 1 if anything differs. That this machine's compiler and processor do what C says is
taken as given here; what ptxas and the GPU make of the PTX is not seen.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

import reprorng
from benchmarks.machine import describe
from reprorng import _core
from reprorng.backends.cpu import CpuBackend
from reprorng.plan import STREAM_WORDS, WORDS_PER_ELEMENT, Plan, make_plan
from tools.compiler import c_compiler
from tools.gpu import compile as gpu
from tools.gpu import native, ptx, to_c
from tools.gpu.native import Array, Native
from tools.gpu.root_estimates import FORMS, hard_roots, prove_root
from tools.prove_transform import BITS, CHUNK, RESULT, chunks, in_order

OUT = RESULT.with_name("gpu-proof.json")
KERNEL = "fill normal_float32"
THREADS = 2
VARIANT = CpuBackend().variant
"""The instruction set the CPU's bits are made with; the tests hold them all to be equal."""

TABLES = ("radius", "angle")
NEUTRAL_ANGLE = 0
"""An angle so small that its cosine is 1, and x is the radius."""


@cache
def neutral_radius() -> int:
    """A word whose radius is 1, so that x and y are cosine and sine."""
    middle = round(math.exp(-0.5) * 2**32)
    words = np.arange(middle - 4096, middle + 4096, dtype=np.uint64).astype(np.uint32)
    (found,) = np.nonzero(_core.radius(VARIANT, words) == 1)
    return int(words[found[len(found) // 2]])


def translations(
    folder: Path, kernels: Iterable[str], targets: Iterable[str]
) -> Iterator[tuple[str, list[gpu.Artifact]]]:
    """Each distinct translation of the kernels, and what it is the translation of."""
    made = gpu.load(folder)
    for kernel in kernels:
        distinct: dict[str, list[gpu.Artifact]] = {}
        for artifact in (made[kernel, target] for target in targets):
            source = to_c.translate(ptx.parse((folder / artifact.assembly).read_text()))
            distinct.setdefault(source, []).append(artifact)
        yield from distinct.items()


def block_words(radius_words: Array, angle_words: Array) -> tuple[Array, Array, Array, Array]:
    """The four words of blocks, of which the first and the last matter."""
    angle = np.full(len(radius_words), NEUTRAL_ANGLE, np.uint32)
    radius = np.full(len(radius_words), neutral_radius(), np.uint32)
    return radius_words, angle, radius, angle_words


def expected(words: tuple[Array, Array, Array, Array]) -> Array:
    """The four normals of blocks as the CPU makes them."""
    rows: list[Array] = []
    for radius_word, angle_word in (words[:2], words[2:]):
        rows += _core.rotate(VARIANT, _core.radius(VARIANT, radius_word), angle_word)
    return np.stack(rows)


def differences(got: Array, want: Array, words: tuple[Array, ...]) -> list[str]:
    """The blocks whose normals differ in a bit, by their words."""
    (where,) = np.nonzero((got.view(np.uint32) != want.view(np.uint32)).any(axis=0))
    return [" ".join(f"{w[i]:08x}" for w in words) for i in where]


@dataclass
class Sweep:
    """What is known of one translation after some chunks."""

    words: int = 0
    differing: list[str] = field(default_factory=list)
    digests: dict[str, Any] = field(
        default_factory=lambda: {name: hashlib.sha256() for name in TABLES}
    )
    hard: list[int] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """The findings as plain data."""
        return {
            "radius_words": self.words,
            "angle_words": self.words,
            "differing": len(self.differing),
            "first_differing": self.differing[:16],
            "sha256": {name: digest.hexdigest() for name, digest in self.digests.items()},
        }


def sweep(kernel: Native, starts: list[int], hard_roots: Array, title: str) -> dict[str, Any]:
    """Every word of the chunks through a kernel, as a radius word and as an angle word.

    Args:
        kernel: A kernel of float32 normals.
        starts: The first words of chunks.
        hard_roots: The fractions of the roots that not every estimate leads to.
        title: For the progress bar.
    """

    def work(start: int) -> tuple[Array, list[str], Array]:
        every = np.arange(start, start + CHUNK, dtype=np.uint64).astype(np.uint32)
        words = block_words(every, every)
        planes = kernel.sweep(words)
        hard = np.isin(planes[0].view(np.uint32) & 0x7FFFFF, hard_roots)
        return planes, differences(planes, expected(words), words), every[hard]

    found = Sweep()
    for _, (planes, differing, hard) in in_order(work, starts, title, THREADS):
        found.words += CHUNK
        found.differing += differing
        found.hard += hard.tolist()
        found.digests["radius"].update(planes[0].tobytes())
        for plane in planes[2:]:
            found.digests["angle"].update(plane.tobytes())
    return found.report() | {"estimates": try_estimates(kernel, np.array(found.hard, np.uint32))}


def try_estimates(kernel: Native, radius_words: Array) -> dict[str, Any]:
    """How many of some radii another estimate of 1 / sqrt(x) changes."""
    words = block_words(radius_words, radius_words)
    want = expected(words)
    report: dict[str, Any] = {"words_with_a_hard_root": len(radius_words)}
    for name in ("LOWEST", "BEST", "HIGHEST"):
        got = kernel.sweep(words, estimate=getattr(native, name))
        report[f"differing_with_{name.lower()}"] = len(differences(got, want, words))
    return report


def sweep_by_elements(kernel: Native, starts: list[int]) -> dict[str, Any]:
    """The chunks once more, stored element by element, at each place that needs it."""
    differing = []
    for i, start in enumerate(starts):
        every = np.arange(start, start + CHUNK, dtype=np.uint64).astype(np.uint32)
        words = block_words(every, every)
        got = kernel.sweep(words, lead=1 + i % 3)
        differing += differences(got, expected(words), words)
    return {"words": len(starts) * CHUNK, "differing": len(differing)}


def plans(kind: str, dtype: str, count: int) -> list[Plan]:
    """Draws of `count` elements at the start, across the carry into c1, and up to the end."""
    width = WORDS_PER_ELEMENT[kind, dtype]
    carry = 1 << 34  # in words: 2^32 blocks
    positions = [width, carry - count * width // 2 - width, 0x123456789ABCDEF0]
    positions.append(STREAM_WORDS - count * width)
    seed, stream = 0xFEDCBA9876543210, 0x0123456789ABCDEF
    ranges = [(0, 10), (-(1 << 63), 0), (-5, (1 << 63) + 1), (1 << 62, (1 << 62) - 1)]
    return [
        make_plan(seed + i, stream + i, position, count, kind, dtype, low=low, span=span)
        for i, (position, (low, span)) in enumerate(zip(positions, ranges, strict=True))
    ]


def cpu_bytes(plan: Plan) -> Array:
    """The bytes of a draw as the CPU backend makes them."""
    out = torch.empty(plan.count, dtype=getattr(torch, plan.dtype))
    reprorng.backends.get("cpu").fill(plan, out)
    return out.view(torch.uint8).numpy()


def prove_draws(folder: Path, targets: list[str], elements: int) -> list[dict[str, Any]]:
    """Every kernel on contiguous draws of so many elements in all."""
    reports = []
    names = [f"{e} {k}_{d}" for e in ("fill", "fill_from") for k, d in WORDS_PER_ELEMENT]
    for kernel in tqdm(names, desc="draws", disable=None):
        kind, dtype = kernel.split()[1].split("_")
        draws = [(plan, cpu_bytes(plan)) for plan in plans(kind, dtype, elements // 4)]
        for source, artifacts in translations(folder, [kernel], targets):
            run = Native(artifacts[0], source, *native.QUICK)
            differing = 0
            for lead, (plan, want) in enumerate(draws):
                size = len(want) // plan.count
                same = run.draw(plan, lead).reshape(-1, size) == want.reshape(-1, size)
                differing += int(np.count_nonzero(~same.all(axis=1)))
            reports.append(
                {
                    "kernel": kernel,
                    "targets": [artifact.target for artifact in artifacts],
                    "elements": sum(plan.count for plan, _ in draws),
                    "differing": differing,
                }
            )
    return reports


def failures(result: dict[str, Any]) -> list[str]:
    """What is not as it should be, in words."""
    found = []
    proven = json.loads(RESULT.read_text())
    want = {
        "radius": proven["radius"]["sha256_of_table"],
        "angle": proven["angle"]["sha256_of_tables"],
    }
    for report in result["sweeps"]:
        name = ", ".join(report["targets"])
        if result["exhaustive"] and report["sha256"] != want:
            found.append(f"{name}: the tables have not the hashes of {RESULT.name}")
        if report["differing"] or report["stored_by_elements"]["differing"]:
            found.append(f"{name}: words whose normals are not the CPU's")
    for report in result["draws"]:
        if report["differing"]:
            found.append(f"{report['kernel']} for {report['targets']}: elements differ")
    nvidia, others = (result["roots"][name] for name in FORMS)
    if others["wrong"] or nvidia["wrong"] > 2:
        found.append("the square root: an estimate that should do does not")
    if nvidia["mantissas_whose_best_estimate_is_not_rounded"]:
        found.append("the model of rsqrt is not the rounded one")
    return found


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", nargs="+", choices=gpu.CUDA, default=gpu.CUDA)
    parser.add_argument("--chunks", type=int, default=1 << (32 - BITS), help="of 2^22 words each")
    parser.add_argument("--elements", type=int, default=1 << 26, help="of each kernel")
    parser.add_argument("--python", default=sys.executable, help="one that has Triton")
    parser.add_argument("--out", type=Path, help="where to write; default: nothing for a sample")
    return parser.parse_args()


def _sweep_targets(folder: Path, targets: list[str], starts: list[int], hard: Array) -> list[Any]:
    reports = []
    for source, artifacts in translations(folder, [KERNEL], targets):
        begin = time.time()
        names = [artifact.target for artifact in artifacts]
        kernel = Native(artifacts[0], source, *native.FAST)
        compiled = time.time()
        report = sweep(kernel, starts, hard, " ".join(names))
        seconds = {"compiling": round(compiled - begin), "sweeping": round(time.time() - compiled)}
        by_elements = sweep_by_elements(kernel, chunks(min(len(starts), 9)))
        reports.append(
            {"kernel": KERNEL, "targets": names}
            | report
            | {"stored_by_elements": by_elements, "seconds": seconds}
        )
    return reports


def main() -> int:
    """Run the proof; the exit status is 1 if anything differs."""
    arguments = _parse()
    begin = time.time()
    folder = gpu.artifacts(arguments.python)
    starts = chunks(arguments.chunks)
    roots = {name: prove_root(*form) for name, form in FORMS.items()}
    version = subprocess.check_output([*(c_compiler() or ["cc"]), "--version"], text=True)
    result = {
        **describe(),
        "triton": next(iter(gpu.load(folder).values())).triton,
        "c_compiler": version.splitlines()[0],
        "exhaustive": len(starts) == 1 << (32 - BITS),
        "roots": roots,
        "draws": prove_draws(folder, arguments.targets, arguments.elements),
        "sweeps": _sweep_targets(folder, arguments.targets, starts, hard_roots(roots)),
    }
    result["seconds"] = round(time.time() - begin)
    text = json.dumps(result, indent=1)
    print(text)
    target = arguments.out or (OUT if result["exhaustive"] else None)
    if target:
        target.write_text(text + "\n")
    for line in failures(result):
        print(f"DIFFERENT: {line}")
    return bool(failures(result))


if __name__ == "__main__":
    raise SystemExit(main())
