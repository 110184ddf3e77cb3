# SPDX-License-Identifier: Apache-2.0
"""Check the float32 transform on every word there is, and write down what was found.

Box-Muller is separable: a radius of one word, a rotation by another. So each half can be tried on
all 2^32 words, on the fastest CPU kernel, against float64 arithmetic whose own error is a millionth
of what is measured. The normals, their products, are sampled. Exits with 1 if a bound is exceeded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.machine import describe
from reprorng import _core

Array = NDArray[Any]

RESULT = Path(__file__).resolve().parent.parent / "benchmarks" / "results" / "transform-proof.json"
BITS = 22
CHUNK = 1 << BITS
BOUNDS = {"radius": 1.6, "cosine": 1.5, "sine": 1.5, "normal": 3.2}
SHARE_ABOVE_2 = 0.0005


def ulps(got: Array, exact: Array) -> Array:
    """How far `got` is from `exact`, in units of the last place of a float32 of that size."""
    _, exponent = np.frexp(exact)
    return np.ldexp(np.abs(got.astype(np.float64) - exact), 24 - exponent)


def exact_radius(words: Array) -> Array:
    """sqrt(-2 ln u) in float64; near u = 1 from the exact complement."""
    w = words.astype(np.float64)
    upper = words >= 1 << 31
    log_u = np.where(upper, np.log1p((w - 2.0**32 + 0.5) * 2.0**-32), np.log((w + 0.5) * 2.0**-32))
    return np.sqrt(-2 * log_u)


def exact_angle(words: Array) -> tuple[Array, Array]:
    """Cosine and sine, in float64, of the angle of each word (see the table in docs/spec.md)."""
    v = ((words << np.uint32(2)) | np.uint32(2)).view(np.int32) * (np.pi / 4 * 2.0**-31)
    along = np.where(words >> np.uint32(31), -np.cos(v), np.cos(v))
    swap = (words >> np.uint32(30)) & np.uint32(1) != 0
    return np.where(swap, np.sin(v), along), np.where(swap, along, np.sin(v))


@dataclass
class Tally:
    """What is known of one function after some of its values."""

    count: int = 0
    worst: float = 0.0
    worst_at: list[int] = field(default_factory=list)
    squares: float = 0.0
    correctly_rounded: int = 0
    above_2: int = 0
    smallest: float = math.inf
    largest: float = 0.0
    not_normal: int = 0

    def add(self, got: Array, exact: Array, *inputs: Array) -> None:
        """Take in values, what they should be, and the words they came from."""
        error = ulps(got, exact)
        magnitude = np.abs(got)
        i = int(np.argmax(error))
        if error[i] > self.worst:
            self.worst, self.worst_at = float(error[i]), [int(words[i]) for words in inputs]
        self.count += len(got)
        self.squares += float(np.sum(error * error))
        self.correctly_rounded += int(np.count_nonzero(got == exact.astype(np.float32)))
        self.above_2 += int(np.count_nonzero(error > 2))
        self.smallest = min(self.smallest, float(magnitude.min()))
        self.largest = max(self.largest, float(magnitude.max()))
        tiny = np.finfo(np.float32).tiny
        self.not_normal += int(np.count_nonzero(~np.isfinite(got) | (magnitude < tiny)))

    def report(self) -> dict[str, Any]:
        """The findings as numbers."""
        return {
            "values": self.count,
            "max_error_ulp": round(self.worst, 4),
            "max_error_at_words": [f"{word:08x}" for word in self.worst_at],
            "rms_error_ulp": round(math.sqrt(self.squares / self.count), 4),
            "correctly_rounded": round(self.correctly_rounded / self.count, 4),
            "share_above_2_ulp": self.above_2 / self.count,
            "smallest_magnitude": float(self.smallest).hex(),
            "largest_magnitude": float(self.largest).hex(),
            "largest_magnitude_decimal": round(self.largest, 7),
            "zeros_subnormals_infinities_nans": self.not_normal,
        }


def chunks(count: int) -> list[int]:
    """The first words of `count` chunks: all of them, or an even choice with both ends."""
    starts = np.linspace(0, (1 << 32) - CHUNK, count).astype(np.uint64)
    return [int(start) // CHUNK * CHUNK for start in starts]


def in_order(
    work: Callable[[int], Any], starts: list[int], title: str, threads: int
) -> Iterator[tuple[int, Any]]:
    """The result for each chunk, in order, computed a few chunks ahead."""
    with ThreadPoolExecutor(threads) as pool:
        for batch in tqdm(range(0, len(starts), threads), desc=title, disable=None):
            some = starts[batch : batch + threads]
            yield from zip(some, pool.map(work, some), strict=True)


def prove_radius(starts: list[int], fast: int, others: list[int], threads: int) -> dict[str, Any]:
    """The radius of every word of the chunks."""

    def work(start: int) -> tuple[Array, Array, Array, bool]:
        words = np.arange(start, start + CHUNK, dtype=np.uint64).astype(np.uint32)
        got = _core.radius(fast, words)
        same = all(np.array_equal(got, _core.radius(other, words)) for other in others)
        return words, got, exact_radius(words), same

    tally, digest, rising, differing = Tally(), hashlib.sha256(), 0, 0
    moments = np.zeros(2)
    for _, (words, got, exact, same) in in_order(work, starts, "radius", threads):
        tally.add(got, exact, words)
        digest.update(got.tobytes())
        rising += int(np.count_nonzero(np.diff(got) > 0))
        differing += not same
        square = got.astype(np.float64) ** 2
        moments += square.mean(), (square * square).mean()
    return tally.report() | {
        "sha256_of_table": digest.hexdigest(),
        "neighbours_out_of_order": rising,
        "chunks_differing_between_instruction_sets": differing,
        "mean_square": moments[0] / len(starts),
        "mean_fourth_power": moments[1] / len(starts),
    }


def prove_angle(starts: list[int], fast: int, others: list[int], threads: int) -> dict[str, Any]:
    """The cosine and sine of every word of the chunks."""
    ones = np.ones(CHUNK, np.float32)

    def work(start: int) -> tuple[Array, tuple[Array, Array], tuple[Array, Array], bool]:
        words = np.arange(start, start + CHUNK, dtype=np.uint64).astype(np.uint32)
        got = _core.rotate(fast, ones, words)
        same = all(np.array_equal(got, _core.rotate(other, ones, words)) for other in others)
        return words, got, exact_angle(words), same

    tallies, digest, differing = (Tally(), Tally()), hashlib.sha256(), 0
    moments = np.zeros((2, 2))
    for _, (words, got, exact, same) in in_order(work, starts, "angle", threads):
        for i in range(2):
            tallies[i].add(got[i], exact[i], words)
            digest.update(got[i].tobytes())
            wide = got[i].astype(np.float64)
            moments[i] += wide.mean(), (wide * wide).mean()
        differing += not same
    moments /= len(starts)
    return {
        "cosine": tallies[0].report() | {"mean": moments[0][0], "mean_square": moments[0][1]},
        "sine": tallies[1].report() | {"mean": moments[1][0], "mean_square": moments[1][1]},
        "sha256_of_tables": digest.hexdigest(),
        "chunks_differing_between_instruction_sets": differing,
    }


def edge_words() -> Array:
    """Words around every power of two and every quarter and eighth of the range."""
    centres = [1 << i for i in range(33)] + [i << 29 for i in range(8)]
    near = {(c + d) % (1 << 32) for c in centres for d in range(-16, 17)}
    return np.array(sorted(near), np.uint32)


def prove_normals(count: int, fast: int) -> dict[str, Any]:
    """The normals of `count` random pairs of words, and of every pair of edge words."""
    rng = np.random.Generator(np.random.Philox(1))
    edges = edge_words()
    tally, edge_tally = Tally(), Tally()

    def check(into: Tally, a: Array, b: Array) -> None:
        radius = exact_radius(a)
        for got, exact in zip(
            _core.rotate(fast, _core.radius(fast, a), b), exact_angle(b), strict=True
        ):
            into.add(got, radius * exact, a, b)

    for _ in tqdm(range(-(-count // CHUNK)), desc="normals", disable=None):
        pair = rng.integers(0, 1 << 32, (2, CHUNK), np.uint32)
        check(tally, pair[0], pair[1])
    for word in tqdm(edges, desc="edges", disable=None):
        check(edge_tally, np.full(len(edges), word, np.uint32), edges)
    return {"random": tally.report(), "edges": edge_tally.report()}


def failures(result: dict[str, Any]) -> list[str]:
    """What exceeds a bound, in words."""
    angle, normals = result["angle"], result["normals"]
    parts = {
        "radius": [result["radius"]],
        "cosine": [angle["cosine"]],
        "sine": [angle["sine"]],
        "normal": [normals["random"], normals["edges"]],
    }
    found = []
    for name, reports in parts.items():
        for report in reports:
            if report["max_error_ulp"] > BOUNDS[name]:
                found.append(f"{name}: {report['max_error_ulp']} ulp, at most {BOUNDS[name]}")
            if report["zeros_subnormals_infinities_nans"]:
                found.append(f"{name}: a value that is zero, subnormal, infinite or NaN")
    if normals["random"]["share_above_2_ulp"] >= SHARE_ABOVE_2:
        found.append(f"normal: a share of {normals['random']['share_above_2_ulp']} above 2 ulp")
    for name in ("radius", "angle"):
        if result[name]["chunks_differing_between_instruction_sets"]:
            found.append(f"{name}: instruction sets differ")
    return found


def main() -> int:
    """Run the proof; the exit status is 1 if a bound is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=1 << (32 - BITS), help="of 2^22 words each")
    parser.add_argument("--pairs", type=int, default=1 << 27, help="random pairs of words")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where to write; default: nothing for a sample")
    arguments = parser.parse_args()

    runnable = [(i, name) for i, (name, _, runs) in enumerate(_core.variants()) if runs]
    vectorised = [i for i, name in runnable if name != "scalar"] or [runnable[0][0]]
    starts = chunks(arguments.chunks)
    begin = time.time()
    result = {
        **describe(),
        "exhaustive": len(starts) == 1 << (32 - BITS),
        "instruction_sets": [name for i, name in runnable if i in vectorised],
        "radius": prove_radius(starts, vectorised[0], vectorised[1:], arguments.threads),
        "angle": prove_angle(starts, vectorised[0], vectorised[1:], arguments.threads),
        "normals": prove_normals(arguments.pairs, vectorised[0]),
    }
    result["seconds"] = round(time.time() - begin)
    text = json.dumps(result, indent=1)
    print(text)
    target = arguments.out or (RESULT if result["exhaustive"] else None)
    if target:
        target.write_text(text + "\n")
    for line in failures(result):
        print(f"BOUND EXCEEDED: {line}")
    return bool(failures(result))


if __name__ == "__main__":
    raise SystemExit(main())
