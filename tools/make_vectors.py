# SPDX-License-Identifier: Apache-2.0
"""Write the known answers in `reprorng/vectors` from the reference, or check them.

Random123's own answers are entered here by hand, as numbers from its distribution; all others are
what the reference backend gives. Vectors are never rewritten to make a test pass.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from reprorng.backends.reference import ReferenceBackend
from reprorng.plan import STREAM_WORDS, WORDS_PER_ELEMENT
from reprorng.spec import ALGORITHM
from reprorng.state import State
from reprorng.testing import (
    draw_brownian,
    draw_bytes,
    draw_scaled,
    place_of,
    plan_of_case,
)

FOLDER = Path(__file__).resolve().parent.parent / "reprorng" / "vectors"

# tests/kat_vectors of Random123: all zeros, all ones, and the digits of pi.
RANDOM123 = [
    {
        "id": "zeros",
        "counter": ["00000000", "00000000", "00000000", "00000000"],
        "key": ["00000000", "00000000"],
        "expected": ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"],
    },
    {
        "id": "ones",
        "counter": ["ffffffff", "ffffffff", "ffffffff", "ffffffff"],
        "key": ["ffffffff", "ffffffff"],
        "expected": ["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"],
    },
    {
        "id": "pi",
        "counter": ["243f6a88", "85a308d3", "13198a2e", "03707344"],
        "key": ["a4093822", "299f31d0"],
        "expected": ["d16cfe09", "94fdcceb", "5001e420", "24126ea1"],
    },
]

# Where a carry, a sign or a lane could go wrong; each with the reason it is there.
PLACES = {
    "start": (0, 0, 0),
    "odd": (1, 0, 3),
    "word_2_31": (2, 5, (1 << 31) - 3),
    "word_2_32": (1234, 0, (1 << 32) - 3),
    "block_2_32": ((1 << 64) - 1, 1, (1 << 34) - 3),
    "word_2_63": (0x0123456789ABCDEF, 0xFEDCBA9876543210, (1 << 63) - 3),
    "end": (3, (1 << 64) - 1, (1 << 64) - 20),
}
# Blocks of words at which a radius, an angle or its quarter turn begins or ends, for 32-bit words
# and, in the first two, for 64-bit words.
EDGES = [
    (0x00000000, 0x00000000, 0xFFFFFFFF, 0xFFFFFFFF),
    (0xFFFFFFFF, 0xFFFFFFFF, 0x00000000, 0x00000000),
    (0x7FFFFFFF, 0x20000000, 0x80000000, 0x1FFFFFFF),
    (0xFFFFFFC0, 0x40000000, 0xFFFFFF81, 0x80000000),
    (0x00000001, 0xC0000000, 0x00000080, 0x60000000),
]
# From an odd word, an odd number of blocks before block 2^32, to well past it: the carry falls
# inside a long draw, which is longer than any piece, tile or thread takes.
ACROSS = (42, 7, (1 << 34) - 4 * 131_073 - 3)
SHORT, LONG, SHOWN = 9, (1 << 20) + 5, 16
# The first value and the number of values of the ranges of integers; 0 stands for 2^64.
RANGES = [(-7, 1000), (5, (1 << 33) + 7), (-(1 << 62), (1 << 63) + 1), (-(1 << 63), 0)]


def draws() -> dict[str, Any]:
    """The content of `draws.json`."""
    cases = []
    for (kind, dtype), width in tqdm(WORDS_PER_ELEMENT.items(), desc="draws", disable=None):
        for interval in RANGES if kind == "integers" else [(0, 0)]:
            for place, state in PLACES.items():
                cases.append(case(place, (kind, dtype), state, SHORT, interval))
            for number, words in enumerate(EDGES):
                edge = (f"edge{number}", (kind, dtype), place_of(words))
                cases.append(case(*edge, 4 // width, interval))
            last = (4, 11, STREAM_WORDS - SHORT * width)
            cases.append(case("last", (kind, dtype), last, SHORT, interval))
        cases.append(case("across", (kind, dtype), ACROSS, LONG, interval))
    notes = {
        "expected": f"the first elements (at most {SHOWN}) as bit patterns, "
        "most significant digit first",
        "decimal": "the same for people",
        "sha256": "of all elements as little-endian bytes",
        "low, span": "of integers; a span of 0 stands for 2^64",
    }
    return {"algorithm": ALGORITHM, "spec": "docs/spec.md", "notes": notes, "cases": cases}


def case(
    place: str,
    drawn: tuple[str, str],
    state: tuple[int, int, int],
    count: int,
    interval: tuple[int, int],
) -> dict[str, Any]:
    """One known answer: `count` elements of a kind and dtype from a seed, stream and position."""
    kind, dtype = drawn
    span = interval[1]
    answer: dict[str, Any] = {
        "id": "-".join([kind, dtype, place] + ([f"span{span}"] if kind == "integers" else [])),
        "kind": kind,
        "dtype": dtype,
        "seed": str(state[0]),
        "stream": str(state[1]),
        "position": str(state[2]),
        "count": count,
        "low": str(interval[0]),
        "span": str(span),
    }
    data = draw_bytes(ReferenceBackend(), plan_of_case(answer))
    width = len(data) // count
    shown = [data[i : i + width] for i in range(0, min(count, SHOWN) * width, width)]
    answer["expected"] = [element[::-1].hex() for element in shown]
    answer["decimal"] = [decimal(element, dtype) for element in shown]
    answer["sha256"] = hashlib.sha256(data).hexdigest()
    return answer


def decimal(element: bytes, dtype: str) -> str:
    """One little-endian element in decimal."""
    if dtype == "bfloat16":
        return str(np.frombuffer(b"\0\0" + element, "<f4")[0])
    return str(np.frombuffer(element, np.dtype(dtype).newbyteorder("<"))[0])


# Function, arguments and dtype: chosen so that a wrong reading of the rounding, of the bound or of
# the order gives other bits.
SCALED: list[tuple[str, list[Any], str]] = [
    ("uniform", [1.0, 1.0 + 2.0**-23 + 2.0**-25], "float32"),
    ("uniform", [0.1, 0.7], "float32"),
    ("uniform", [0.1, 0.7], "bfloat16"),
    ("uniform", [0.1, 0.7], "float64"),
    ("uniform", [-1e-7, 0.0], "float16"),
    ("normal", [0.1, 0.7], "float32"),
    ("normal", [0.1, 0.7], "float16"),
    ("normal", [0.1, 0.7], "bfloat16"),
    ("normal", [0.1, 0.7], "float64"),
    ("randint", [-3, 7], "int64"),
    ("randint", [0, 256], "uint8"),
    ("randint", [-5, 1000], "float32"),
    ("randperm", [7], "int64"),
    ("randperm", [100], "uint8"),
]
# The same from another stream and an odd position, where a draw of wide elements leaves out a word.
ELSEWHERE = {"stream": "7", "position": "5"}
WEIGHTS = [0.1, 2.5, 0.0, 1e-300, 3.0, 0.7, 2.5]
SCALED_ELSEWHERE: list[tuple[str, list[Any], str]] = [
    ("random_", [], "int64"),
    ("random_", [], "uint8"),
    ("random_", [], "bool"),
    ("random_", [], "float16"),
    ("randint", [-5, 250], "bfloat16"),
    ("bernoulli", [0.3], "float32"),
    ("bernoulli", [1 / 3], "bool"),
    ("multinomial", [WEIGHTS, 6, False], "int64"),
    ("multinomial", [[WEIGHTS[:4], WEIGHTS[3:]], 3, False], "int64"),
    ("multinomial", [WEIGHTS, 500, True], "int64"),
    ("normal", [[0.1, -3.0, 1e4], [[0.7], [0.0], [1e-3], [50.0]]], "float32"),
    ("normal", [[0.1, -3.0, 1e4], [[0.7], [0.0], [1e-3], [50.0]]], "bfloat16"),
]
# Seed, size, interval and dtype of a motion, and parts of the interval to ask for: all and nothing,
# both halves in part, backwards, as deep as it goes, and a part that is rounded to a cell.
PARTS = [(0.0, 1.0), (0.2, 0.7), (0.7, 0.2), (0.3, 0.3), (0.5 - 2.0**-31, 0.5 + 2.0**-32)]
DEEP = [(2.0**-32, 1 - 2.0**-32), (0.3, 0.3 + 1.7 * 2.0**-32)]
MOTIONS = {
    "unit": (42, 5, 0.0, 1.0, "float32", [*PARTS, *DEEP]),
    "sigmas": (7, 3, 0.0291, 14.6146, "float32", [(14.6146, 9.9172), (0.0291, 3.3), (1.1, 1.3)]),
    "sigmas-float64": (7, 3, 0.0291, 14.6146, "float64", [(14.6146, 9.9172), (1.1, 1.3)]),
    "unit-float64": ((1 << 64) - 1, 2, 0.0, 1.0, "float64", [*PARTS, *DEEP]),
    "negative-bfloat16": (1, 5, -3.5, 9.7, "bfloat16", [(-3.5, 9.7), (0.1, -2.0), (0.0, 9.0)]),
    "negative-float16": (1, 5, -3.5, 9.7, "float16", [(-3.5, 9.7), (0.1, -2.0), (0.0, 9.0)]),
    "short": (3, 3, 1.0, 1.0 + 2.0**-20, "float32", [(1.0, 1.0 + 2.0**-21), (1.0 + 2.0**-22, 1.0)]),
}


def scaled() -> dict[str, Any]:
    """The content of `scaled.json`."""
    cases = [scaled_case(*drawn, {}) for drawn in SCALED]
    cases += [scaled_case(*drawn, ELSEWHERE) for drawn in SCALED_ELSEWHERE]
    notes = {
        "arguments": "of uniform low and high, of normal mean and std, of randint low and high, "
        "of randperm n, of bernoulli p, of multinomial weights, number and replacement, of random_ "
        "none; floats are their shortest decimal",
        "lists in arguments": "tensors in row-major order: of weights in float64, of means and "
        "standard deviations, which are broadcast together, in the dtype",
        "stream, position": "0 where there is none",
        "expected, sha256": "as in draws.json",
    }
    return {"algorithm": ALGORITHM, "spec": "docs/spec.md", "notes": notes, "cases": cases}


def scaled_case(
    function: str, arguments: list[Any], dtype: str, place: dict[str, str]
) -> dict[str, Any]:
    """One known answer of a function: from seed 42, and stream and position 0 unless given."""
    answer = {"function": function, "arguments": arguments, "dtype": dtype, "seed": "42", **place}
    x = draw_scaled(answer, backend="reference")
    elements = elements_of(x)
    parts = [function, dtype, *map(str, arguments), *place.values()]
    answer["id"] = "-".join(parts).replace(" ", "")
    answer["count"] = x.numel()
    answer["expected"] = patterns(elements[:SHOWN])
    answer["sha256"] = hashlib.sha256(elements.tobytes()).hexdigest()
    return answer


def brownian() -> dict[str, Any]:
    """The content of `brownian.json`."""
    cases = []
    for name, (seed, size, t0, t1, dtype, queries) in MOTIONS.items():
        answer: dict[str, Any] = {
            "id": name,
            "seed": str(seed),
            "size": size,
            "t0": t0,
            "t1": t1,
            "dtype": dtype,
            "queries": queries,
        }
        increments = draw_brownian(answer, backend="reference")
        answer["expected"] = [patterns(elements_of(x)) for x in increments]
        cases.append(answer)
    notes = {
        "queries": "ta and tb of the increments W(tb) - W(ta); floats are their shortest decimal",
        "expected": "all elements of each increment, as in draws.json",
    }
    return {"algorithm": ALGORITHM, "spec": "docs/spec.md", "notes": notes, "cases": cases}


def elements_of(x: torch.Tensor) -> NDArray[np.uint8]:
    """The bytes of each element, little-endian."""
    elements = x.flatten().view(torch.uint8).numpy()
    return elements.reshape(x.numel(), -1)


def patterns(elements: NDArray[np.uint8]) -> list[str]:
    """Elements as bit patterns, most significant digit first."""
    return [bytes(element)[::-1].hex() for element in elements]


def states() -> dict[str, Any]:
    """The content of `states.json`."""
    cases = []
    for name, place in PLACES.items():
        state = State(*place)
        children, after = state.spawn(2)
        spawned = {"spawn_2": [text(child) for child in children], "after_spawn_2": text(after)}
        cases.append({**state_case(name, state), **spawned})
    cases.append(state_case("used_up", State(4, 11, STREAM_WORDS)))
    notes = {
        "state": "integers as decimal strings, which every JSON reader keeps",
        "bytes": "the 68 bytes of the state, in order",
        "spawn_2": "missing where the stream has no words left, and so spawning fails",
    }
    return {"algorithm": ALGORITHM, "spec": "docs/spec.md", "notes": notes, "cases": cases}


def state_case(name: str, state: State) -> dict[str, Any]:
    """What is known of any state."""
    return {
        "id": name,
        "state": text(state),
        "bytes": state.to_bytes().hex(),
        "fold_in": {str(d): text(state.fold_in(d)) for d in (0, 1, (1 << 64) - 1)},
    }


def text(state: State) -> dict[str, str]:
    """A state with its integers as strings."""
    return {key: str(value) for key, value in state.to_dict().items()}


def render() -> dict[str, str]:
    """Every file's name and text."""
    philox = {
        "algorithm": "philox4x32-10",
        "source": "Random123, tests/kat_vectors",
        "notes": {"counter, key, expected": "32-bit words, word 0 first"},
        "cases": RANDOM123,
    }
    contents = {
        "philox": philox,
        "draws": draws(),
        "scaled": scaled(),
        "states": states(),
        "brownian": brownian(),
    }
    return {f"{name}.json": json.dumps(c, indent=1) + "\n" for name, c in contents.items()}


def main() -> int:
    """Write or compare the files; the exit status of the check is 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    status = 0
    for name, content in render().items():
        path = FOLDER / name
        if not check:
            path.write_text(content)
        elif not path.exists() or path.read_text() != content:
            sys.stderr.write(f"{name} is not what the reference gives\n")
            status = 1
    return status


if __name__ == "__main__":
    raise SystemExit(main())
