# SPDX-License-Identifier: Apache-2.0
"""Every bad argument raises what torch users expect, says what is wrong, and draws nothing.

One table: a call, the exception it raises, and an expression its message matches, which names what
was given and what is allowed. After each, every generator is found as it was.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import reprorng
from reprorng import Generator, backends
from reprorng.state import State

ROOT = Path(__file__).parent.parent
END = 2**64

# A backend of this package that cannot run on this machine: there always is one, since no processor
# has both AVX2 and NEON.
UNRUNNABLE, REASON = next((n, why) for n, why in backends.available().items() if why is not None)
BACKEND_NAMES = "reference.*cpu:scalar.*cpu"
FLOAT_NAMES = "float32.*float16.*bfloat16.*float64"
SEEDS = r"\[-2\*\*63, 2\*\*64\)"
UINT64 = r"\[0, 2\*\*64\)"
POSITIONS = r"\[0, 2\*\*64\]"
END_OF_STREAM = r"a stream ends at position 2\*\*64"


@dataclass(frozen=True)
class Row:
    """One bad call.

    Attributes:
        call: What is called, with a generator to draw from.
        raises: The exception.
        match: What its message matches.
        position: Where the generator is before and after.
    """

    call: Callable[[Generator], object]
    raises: type[Exception] | tuple[type[Exception], ...]
    match: str
    position: int = 7


def overlapping() -> torch.Tensor:
    """Four elements on two places: what `expand` makes."""
    return torch.empty(2).expand(2, 2)


def inference_tensor() -> torch.Tensor:
    """A tensor torch lets nobody write outside inference mode."""
    with torch.inference_mode():
        return torch.empty(4)


def leaf() -> torch.Tensor:
    return torch.empty(4, requires_grad=True)


def nested() -> torch.Tensor:
    return torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])


def fake() -> torch.Tensor:
    """A tensor that has a device and no numbers."""
    with FakeTensorMode():
        return torch.ones(2)


def quantized() -> torch.Tensor:
    """Two integers that stand for floats."""
    return torch.quantize_per_tensor(torch.ones(2), 1.0, 0, torch.quint8)


def corrupt(state: torch.Tensor, index: int) -> torch.Tensor:
    """A copy of a state with one bit flipped."""
    changed = state.clone()
    changed[index] ^= 1
    return changed


def with_checksum(algorithm: str) -> torch.Tensor:
    """An undamaged state of another algorithm, as a later version might write it."""
    raw = State(1, algorithm=algorithm).to_bytes()
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8)


def state_dict(**changes: Any) -> dict[str, Any]:
    return {**Generator(1).state_dict(), **changes}


SEED_ROWS = {
    "float": Row(lambda g: Generator(1.0), TypeError, r"seed must be an integer, not 1\.0"),
    "bool": Row(lambda g: Generator(True), TypeError, "seed must be an integer, not True"),
    "numpy bool": Row(lambda g: Generator(np.bool_(True)), TypeError, "seed must be an integer"),
    "str": Row(lambda g: Generator("7"), TypeError, "seed must be an integer, not '7'"),
    "a device": Row(
        lambda g: Generator("cuda"), TypeError, "not 'cuda'; a device is given as device='cuda'"
    ),
    "torch.device": Row(
        lambda g: Generator(torch.device("cpu")), TypeError, "; a device is given as device='cpu'"
    ),
    "tensor of a bool": Row(
        lambda g: Generator(torch.tensor(True)), TypeError, r"an integer, not tensor\(True\)"
    ),
    "tensor of a float": Row(lambda g: Generator(torch.tensor(1.0)), TypeError, "an integer"),
    "meta tensor": Row(
        lambda g: Generator(torch.empty((), dtype=torch.int64, device="meta")),
        TypeError,
        "an integer, not tensor.*meta",
    ),
    "tensor of two": Row(lambda g: Generator(torch.ones(2)), TypeError, "seed must be an integer"),
    "too large": Row(lambda g: Generator(END), ValueError, f"{SEEDS}.*{END}"),
    "too small": Row(lambda g: Generator(-(2**63) - 1), ValueError, f"{SEEDS}.*{-(2**63) - 1}"),
    "manual_seed float": Row(lambda g: g.manual_seed(1.0), TypeError, r"integer, not 1\.0"),
    "manual_seed None": Row(lambda g: g.manual_seed(None), TypeError, "integer, not None"),
    "manual_seed range": Row(lambda g: g.manual_seed(END), ValueError, f"{SEEDS}.*{END}"),
    "module manual_seed": Row(lambda g: reprorng.manual_seed("x"), TypeError, "not 'x'"),
    "module manual_seed range": Row(lambda g: reprorng.manual_seed(END), ValueError, SEEDS),
    "seed=": Row(lambda g: reprorng.randn(2, seed=1.5), TypeError, r"integer, not 1\.5"),
    "seed= range": Row(lambda g: reprorng.randn(2, seed=END), ValueError, f"{SEEDS}.*{END}"),
    "seed= bool": Row(lambda g: reprorng.randn(2, seed=False), TypeError, "not False"),
    "stream": Row(lambda g: Generator(0, stream=-1), ValueError, f"stream.*{UINT64}.*-1"),
    "stream range": Row(lambda g: Generator(0, stream=END), ValueError, f"stream.*{UINT64}.*{END}"),
    "stream type": Row(lambda g: Generator(0, stream="0"), TypeError, "stream must be.*'0'"),
    "stream=": Row(lambda g: reprorng.rand(2, seed=0, stream=-1), ValueError, f"{UINT64}.*-1"),
    "algorithm": Row(
        lambda g: Generator(0, algorithm="mt19937"), ValueError, "'mt19937'.*philox4x32-10/v1"
    ),
    "device": Row(lambda g: Generator(0, device="fridge"), RuntimeError, "cpu, cuda.*fridge"),
    "seed and generator": Row(
        lambda g: reprorng.randn(2, generator=g, seed=1), TypeError, "generator or a seed, not both"
    ),
    "stream without seed": Row(
        lambda g: reprorng.randn(2, stream=1), TypeError, "stream and position go with a seed"
    ),
    "position without seed": Row(
        lambda g: reprorng.normal_(torch.empty(2), position=1), TypeError, "go with a seed"
    ),
    "stream and generator": Row(
        lambda g: reprorng.randn(2, generator=g, stream=1), TypeError, "go with a seed"
    ),
    "torch.Generator": Row(
        lambda g: reprorng.randn(2, generator=torch.Generator()),
        TypeError,
        r"must be a reprorng\.Generator, not torch.*Generator",
    ),
    "numpy generator": Row(
        lambda g: reprorng.uniform_(torch.empty(2), generator=np.random.default_rng(0)),
        TypeError,
        r"must be a reprorng\.Generator, not numpy.*Generator",
    ),
    "generator class": Row(
        lambda g: reprorng.randn(2, generator=Generator), TypeError, r"reprorng\.Generator, not"
    ),
    "list of generators": Row(
        lambda g: reprorng.randn(2, generator=[g, g]), TypeError, r"reprorng\.Generator, not.*list"
    ),
}

POSITION_ROWS = {
    "negative": Row(lambda g: Generator(0, position=-1), OverflowError, f"{POSITIONS}.*-1"),
    "too large": Row(lambda g: Generator(0, position=END + 1), OverflowError, f"{END + 1}"),
    "type": Row(lambda g: Generator(0, position=1.0), TypeError, r"position must be.*1\.0"),
    "set": Row(lambda g: setattr(g, "position", -1), OverflowError, f"{POSITIONS}.*-1"),
    "set type": Row(lambda g: setattr(g, "position", "3"), TypeError, "position must be.*'3'"),
    "at": Row(lambda g: g.at(END + 1), OverflowError, f"{POSITIONS}.*{END + 1}"),
    "advance back": Row(lambda g: g.advance(-8), OverflowError, f"{POSITIONS}.*-1"),
    "advance on": Row(lambda g: g.advance(END), OverflowError, f"{POSITIONS}.*{END + 7}"),
    "advance type": Row(lambda g: g.advance(0.5), TypeError, r"words must be.*0\.5"),
    "fold_in negative": Row(lambda g: g.fold_in(-1), ValueError, f"data.*{UINT64}.*-1"),
    "fold_in range": Row(lambda g: g.fold_in(END), ValueError, f"data.*{UINT64}.*{END}"),
    "fold_in type": Row(lambda g: g.fold_in("a"), TypeError, "data must be.*'a'"),
    "spawn negative": Row(lambda g: g.spawn(-1), RuntimeError, "n_children.*at least 0.*-1"),
    "spawn type": Row(lambda g: g.spawn(1.5), TypeError, r"n_children.*integer.*1\.5"),
}

# The generator stands three words before the end of its stream.
ENDING: dict[str, Callable[[Generator], object]] = {
    "randn": lambda g: g.randn(8),
    "randn float64": lambda g: g.randn(2, dtype=torch.float64),
    "rand float16": lambda g: g.rand(4, dtype=torch.float16),
    "bits": lambda g: g.bits(4),
    "bits uint64": lambda g: g.bits(2, dtype=torch.uint64),
    "randint": lambda g: g.randint(9, (2,)),
    "randint uint8": lambda g: g.randint(9, (2,), dtype=torch.uint8),
    "randperm": lambda g: g.randperm(2),
    "normal": lambda g: g.normal(1.0, 2.0, (8,)),
    "normal tensors": lambda g: g.normal(torch.zeros(8), 1.0),
    "randn_like": lambda g: g.randn_like(torch.empty(8)),
    "normal_": lambda g: g.normal_(torch.empty(8)),
    "uniform_": lambda g: g.uniform_(torch.empty(8), 1, 2),
    "random_": lambda g: g.random_(torch.empty(8), 5),
    "out": lambda g: g.randn(8, out=torch.empty(8)),
    "strided": lambda g: g.normal_(torch.empty(8, 2)[:, 0]),
    "spawn": lambda g: g.spawn(2),
    "module": lambda g: reprorng.randn(8, generator=g),
    "stateless": lambda g: reprorng.randn(8, seed=0, position=END - 3),
    "torch.randn": lambda g: torch.randn(8, generator=g),
    "Tensor.normal_": lambda g: torch.empty(8).normal_(generator=g),
}
END_ROWS = {
    name: Row(
        call, OverflowError, rf"(8|4|2).*1844674407370955161[34].*{END_OF_STREAM}", position=END - 3
    )
    for name, call in ENDING.items()
}

SIZE_ROWS = {
    "negative": Row(lambda g: g.randn(-1), RuntimeError, r"negative.*\[-1\]"),
    "negative in tuple": Row(lambda g: g.rand((2, -3)), RuntimeError, r"negative.*\[2, -3\]"),
    "negative of randint": Row(lambda g: g.randint(5, (-3,)), RuntimeError, r"negative.*\[-3\]"),
    "negative of normal": Row(lambda g: g.normal(0, 1, (-3,)), RuntimeError, r"negative.*\[-3\]"),
    "negative of bits": Row(lambda g: g.bits(-3), RuntimeError, r"negative.*\[-3\]"),
    "negative of randperm": Row(lambda g: g.randperm(-1), RuntimeError, "n must be.*0.*-1"),
    "none": Row(lambda g: g.randn(), TypeError, "size is needed"),
    "none of normal": Row(lambda g: g.normal(0.0, 1.0), TypeError, "size is needed"),
    "none of randint": Row(lambda g: g.randint(5), TypeError, r"\(high, size\).*not \(5\)"),
    "no high of randint": Row(
        lambda g: g.randint(low=1, size=(3,)), TypeError, r"not \(low=1, size=\(3,\)\)"
    ),
    "too many of randint": Row(lambda g: g.randint(1, 2, (3,), 4), TypeError, "low, high, size"),
    "keyword of a float": Row(lambda g: g.randn(size=2.0), TypeError, r"integers.*2\.0"),
    "twice": Row(lambda g: g.randn(2, size=(2,)), TypeError, r"twice.*\(2,\)"),
    "float": Row(lambda g: g.randn(2.0), TypeError, r"integers.*2\.0"),
    "float inside": Row(lambda g: g.randn((2, 2.5)), TypeError, r"integers.*2\.5"),
    "bool": Row(lambda g: g.randn(True), TypeError, "integers.*True"),
    "str": Row(lambda g: g.randn("23"), TypeError, "integers.*'23'"),
    "nested": Row(lambda g: g.randn((2,), 3), TypeError, r"integers.*\(\(2,\), 3\)"),
    "generator": Row(lambda g: g.randn(g), TypeError, "integers.*Generator"),
    "beyond memory": Row(lambda g: g.randn(2**62, 2**62), RuntimeError, "overflow.*4611686018427"),
    "size and tensor": Row(
        lambda g: g.normal(torch.zeros(2), 1.0, (2,)), TypeError, "both numbers"
    ),
    "no broadcast": Row(
        lambda g: g.normal(torch.zeros(2), torch.ones(3)), RuntimeError, r"(?s)2.*3|3.*2"
    ),
}

OPTION_ROWS = {
    "dtype of randn": Row(
        lambda g: g.randn(2, dtype=torch.int64), TypeError, f"normal.*int64.*{FLOAT_NAMES}"
    ),
    "dtype of rand": Row(
        lambda g: g.rand(2, dtype=torch.bool), TypeError, f"uniform.*bool.*{FLOAT_NAMES}"
    ),
    "float8": Row(
        lambda g: g.randn(2, dtype=torch.float8_e5m2), TypeError, f"float8_e5m2.*{FLOAT_NAMES}"
    ),
    "complex": Row(
        lambda g: g.randn(2, dtype=torch.complex64), TypeError, f"complex64.*{FLOAT_NAMES}"
    ),
    "dtype of bits": Row(
        lambda g: g.bits(2, dtype=torch.float32),
        TypeError,
        "bits.*float32.*uint32.*uint64.*int32.*int64",
    ),
    "dtype as str": Row(lambda g: g.randn(2, dtype="float32"), TypeError, "torch.dtype.*'float32'"),
    "dtype as type": Row(lambda g: g.rand(2, dtype=complex), TypeError, "torch.dtype.*complex"),
    "dtype as str of randint": Row(
        lambda g: g.randint(5, (2,), dtype="int64"), TypeError, "torch.dtype.*'int64'"
    ),
    "dtype as str of randperm": Row(
        lambda g: g.randperm(5, dtype="int64"), TypeError, "torch.dtype.*'int64'"
    ),
    "dtype as str of bits": Row(
        lambda g: g.bits(5, dtype="int64"), TypeError, "torch.dtype.*'int64'"
    ),
    "dtype as str of normal": Row(
        lambda g: g.normal(0.0, 1.0, (2,), dtype="half"), TypeError, "torch.dtype|dtype.*str"
    ),
    "complex randint": Row(
        lambda g: g.randint(5, (2,), dtype=torch.complex64), TypeError, "complex64.*integer"
    ),
    "complex randperm": Row(
        lambda g: g.randperm(5, dtype=torch.complex64), TypeError, "complex64.*integer"
    ),
    "dtype of randn_like": Row(
        lambda g: g.randn_like(torch.arange(2)), TypeError, f"int64.*{FLOAT_NAMES}"
    ),
    "dtype of normal_": Row(
        lambda g: g.normal_(torch.arange(2)), TypeError, f"int64.*{FLOAT_NAMES}"
    ),
    "dtype of uniform_": Row(
        lambda g: g.uniform_(torch.arange(2)), TypeError, f"int64.*{FLOAT_NAMES}"
    ),
    "dtype of mean": Row(
        lambda g: g.normal(torch.arange(2), 1.0), TypeError, f"int64.*{FLOAT_NAMES}"
    ),
    "layout": Row(
        lambda g: g.randn(2, layout=torch.sparse_coo), ValueError, "torch.strided.*sparse_coo"
    ),
    "layout as str": Row(lambda g: g.rand(2, layout="strided"), ValueError, "torch.strided.*stri"),
    "layout of randint": Row(
        lambda g: g.randint(5, (2,), layout=torch.sparse_csr), ValueError, "strided.*sparse_csr"
    ),
    "layout of randn_like": Row(
        lambda g: g.randn_like(torch.empty(2), layout=torch.sparse_coo),
        ValueError,
        "torch.strided.*sparse_coo",
    ),
    "sparse tensor": Row(
        lambda g: g.normal_(torch.eye(2).to_sparse()), RuntimeError, "strided.*sparse_coo"
    ),
    "sparse model": Row(
        lambda g: g.randn_like(torch.eye(2).to_sparse()), RuntimeError, "strided.*sparse_coo"
    ),
    "unknown device": Row(lambda g: g.randn(2, device="fridge"), RuntimeError, "cpu, cuda.*fridge"),
    "device type": Row(lambda g: g.randn(2, device=1.5), TypeError, "torch.device.*float"),
    "memory format": Row(
        lambda g: g.randn(2, memory_format=torch.channels_last), RuntimeError, "rank 4.*channels"
    ),
    "memory format type": Row(
        lambda g: g.randn(2, memory_format="channels_last"), TypeError, "memory_format.*str"
    ),
    "unknown keyword": Row(lambda g: g.randn(2, dtpye=torch.float16), TypeError, "dtpye"),
    "unknown keyword of randint": Row(lambda g: g.randint(5, (2,), hihg=3), TypeError, "hihg"),
    "unknown keyword of normal_": Row(lambda g: g.normal_(torch.empty(2), sdt=3), TypeError, "sdt"),
    "unknown keyword of a function": Row(
        lambda g: reprorng.randn(2, generator=g, dtpye=torch.float16), TypeError, "dtpye"
    ),
    # A method that ignored them would draw from its own state what was asked of another.
    "seed of a method": Row(lambda g: g.randn(2, seed=5), TypeError, "seed"),
    "generator of a method": Row(
        lambda g: g.randn(2, generator=Generator(5)), TypeError, "generator"
    ),
    # torch has no `out` there, and filling another tensor would leave this one as it was.
    "out of randn_like": Row(
        lambda g: g.randn_like(torch.empty(2), out=torch.empty(2)), TypeError, "out"
    ),
    "grad of bits": Row(
        lambda g: g.bits(2, requires_grad=True), RuntimeError, "(?i)floating point.*gradients"
    ),
    "grad of randint": Row(
        lambda g: g.randint(5, (2,), requires_grad=True), RuntimeError, "(?i)floating.*gradients"
    ),
    "grad of randperm": Row(
        lambda g: g.randperm(5, requires_grad=True), RuntimeError, "(?i)floating.*gradients"
    ),
}

RANGE_ROWS = {
    "empty": Row(lambda g: g.randint(5, 5, (2,)), RuntimeError, "low=5 and high=5"),
    "reversed": Row(lambda g: g.randint(5, 4, (2,)), RuntimeError, "low=5 and high=4"),
    "only high": Row(lambda g: g.randint(0, (2,)), RuntimeError, "low=0 and high=0"),
    "float bound": Row(lambda g: g.randint(0, 5.0, (2,)), TypeError, r"integers.*5\.0"),
    "beyond uint8": Row(
        lambda g: g.randint(257, (2,), dtype=torch.uint8),
        RuntimeError,
        r"\[0, 257\).*uint8.*0 to 255",
    ),
    "below uint8": Row(
        lambda g: g.randint(-1, 2, (2,), dtype=torch.uint8), RuntimeError, r"\[-1, 2\).*0 to 255"
    ),
    "beyond bool": Row(
        lambda g: g.randint(3, (2,), dtype=torch.bool), RuntimeError, r"\[0, 3\).*bool.*0 to 1"
    ),
    # Above 2^11 a float16 no longer holds every integer, and some would never come.
    "beyond float16": Row(
        lambda g: g.randint(2050, (2,), dtype=torch.float16), RuntimeError, "float16.*2048"
    ),
    "beyond int64": Row(lambda g: g.randint(2**63 + 1, (2,)), RuntimeError, "int64.*9223372036854"),
    "beyond out": Row(
        lambda g: g.randint(300, (2,), out=torch.empty(2, dtype=torch.uint8)),
        RuntimeError,
        r"\[0, 300\).*uint8.*0 to 255",
    ),
    "randperm beyond uint8": Row(
        lambda g: g.randperm(257, dtype=torch.uint8), RuntimeError, "uint8.*0 to 255"
    ),
    "randperm float": Row(lambda g: g.randperm(5.0), TypeError, r"n must be an integer.*5\.0"),
    "random_ empty": Row(
        lambda g: g.random_(torch.empty(2), 3, 3), RuntimeError, "low=3 and high=3"
    ),
    "random_ beyond int8": Row(
        lambda g: g.random_(torch.empty(2, dtype=torch.int8), 129), RuntimeError, "-128 to 127"
    ),
    "random_ float": Row(lambda g: g.random_(torch.empty(2), 0, 2.5), TypeError, r"integers.*2\.5"),
    "random_ complex": Row(
        lambda g: g.random_(torch.empty(2, dtype=torch.complex64)), TypeError, "complex64.*integer"
    ),
    "uniform_ reversed": Row(
        lambda g: g.uniform_(torch.empty(2), 2.0, 1.0), RuntimeError, r"\[2\.0, 1\.0\)"
    ),
    "uniform_ infinite": Row(
        lambda g: g.uniform_(torch.empty(2), 0.0, float("inf")), RuntimeError, "finite.*inf"
    ),
    "uniform_ nan": Row(
        lambda g: g.uniform_(torch.empty(2), float("nan"), 1.0), RuntimeError, "finite.*nan"
    ),
    "uniform_ too wide": Row(
        lambda g: g.uniform_(torch.empty(2, dtype=torch.float16), -6e4, 6e4),
        RuntimeError,
        "finite.*60000",
    ),
    # Finite and narrow, but not in the dtype: the numbers would be infinite, or below `low`.
    "uniform_ beyond float16": Row(
        lambda g: g.uniform_(torch.empty(2, dtype=torch.float16), 1e6, 1e6 + 1),
        RuntimeError,
        "1000000.*float16|float16.*1000000",
    ),
    "uniform_ beyond float32": Row(
        lambda g: g.uniform_(torch.empty(2), 1e39, 1e39), RuntimeError, r"1e\+39"
    ),
    "uniform_ str": Row(lambda g: g.uniform_(torch.empty(2), "0", 1), TypeError, "str"),
    "std negative": Row(lambda g: g.normal(0.0, -1.0, (2,)), RuntimeError, r"std.*0.*-1\.0"),
    "std negative in place": Row(
        lambda g: g.normal_(torch.empty(2), 0, -0.5), RuntimeError, r"std.*0.*-0\.5"
    ),
    "std negative tensor": Row(
        lambda g: g.normal(0.0, torch.tensor([1.0, -1.0])), RuntimeError, r"std.*0.*-1"
    ),
    "std nan": Row(lambda g: g.normal(0.0, float("nan"), (2,)), RuntimeError, "std.*0.*nan"),
    "std str": Row(lambda g: g.normal(0.0, "1", (2,)), TypeError, "str"),
    "mean str": Row(lambda g: g.normal("0", 1.0, (2,)), TypeError, "str"),
    "mean None": Row(lambda g: g.normal(None, 1.0, (2,)), TypeError, "None"),
    "mean str in place": Row(lambda g: g.normal_(torch.empty(2), "0"), TypeError, "str"),
    "tensor of complex means": Row(
        lambda g: g.normal(torch.full((2,), 1j), 1.0, dtype=torch.float32),
        TypeError,
        "mean must be real.*complex64",
    ),
    "tensor of complex stds": Row(
        lambda g: g.normal(torch.zeros(2), torch.ones(2, dtype=torch.complex64)),
        TypeError,
        "std must be real.*complex64",
    ),
    "mean complex": Row(lambda g: g.normal(1j, 1.0, (2,)), TypeError, "(?i)complex|1j"),
    # Numbers of Python that torch cannot multiply by, found out before anything is drawn.
    "mean fraction": Row(lambda g: g.normal(Fraction(1, 3), 1.0, (2,)), TypeError, "Fraction"),
    "low fraction": Row(lambda g: g.uniform_(torch.empty(2), Fraction(1, 3), 1), TypeError, "Frac"),
    "mean beyond any float": Row(
        lambda g: g.normal_(torch.empty(2), 10**400, 1.0), OverflowError, "too (big|large)"
    ),
    "mean on another device": Row(
        lambda g: g.normal(torch.zeros(2), torch.ones(2, device="meta")),
        RuntimeError,
        "(?s)cpu.*meta|meta.*cpu",
    ),
    "std without numbers": Row(
        lambda g: g.normal(torch.ones(3), torch.ones((), device="meta")),
        RuntimeError,
        "std must be.*cpu.*float32 on meta",
    ),
    "fake mean": Row(
        lambda g: g.normal(fake(), 1.0, out=torch.empty(2)), RuntimeError, "mean.*FakeTensor"
    ),
    "mean in blocks": Row(
        lambda g: g.normal(torch.ones(2).to_mkldnn(), 1.0, out=torch.empty(2)),
        RuntimeError,
        "mean must be a strided.*mkldnn",
    ),
    "quantized mean": Row(
        lambda g: g.normal(quantized(), 1.0, out=torch.empty(2)), RuntimeError, "mean.*quint8"
    ),
    "probability without numbers": Row(
        lambda g: g.bernoulli_(torch.empty(2), torch.ones(2, device="meta")),
        RuntimeError,
        "p must be.*meta",
    ),
    "quantized bernoulli_": Row(
        lambda g: g.bernoulli_(quantized()), TypeError, "quint8.*not quantized"
    ),
    "quantized randperm": Row(
        lambda g: g.randperm(2, out=quantized()), TypeError, "quint8.*not quantized"
    ),
    # It holds powers of 2 alone.
    "scale of bernoulli_": Row(
        lambda g: g.bernoulli_(torch.empty(2, dtype=torch.float8_e8m0fnu)), TypeError, "e8m0fnu"
    ),
    "scale of randint": Row(
        lambda g: g.randint(0, 2, (2,), dtype=torch.float8_e8m0fnu), TypeError, "e8m0fnu"
    ),
    "scale of random_": Row(
        lambda g: g.random_(torch.empty(2, dtype=torch.float8_e8m0fnu)), TypeError, "e8m0fnu"
    ),
    "nested": Row(lambda g: g.normal_(nested()), RuntimeError, "tensor must not be nested.*unbind"),
    "nested and scaled": Row(lambda g: g.uniform_(nested(), 1, 2), RuntimeError, "not be nested"),
    "nested model": Row(lambda g: g.randn_like(nested()), RuntimeError, "input must not be nested"),
    "nested probabilities": Row(lambda g: g.bernoulli(nested()), RuntimeError, "not be nested"),
    "mean too large in place": Row(
        lambda g: g.normal_(torch.empty(2), torch.zeros(3)),
        (TypeError, RuntimeError),
        "3",
    ),
}

OUT_ROWS = {
    "shape": Row(
        lambda g: g.randn(3, out=torch.empty(2)), RuntimeError, r"shape \[2\].*\[3\] was asked"
    ),
    "shape of normal": Row(
        lambda g: g.normal(torch.zeros(3), 1.0, out=torch.empty(3, 1)),
        RuntimeError,
        r"shape \[3, 1\].*\[3\]",
    ),
    "shape of randint": Row(
        lambda g: g.randint(5, (3,), out=torch.empty(2)), RuntimeError, r"\[2\].*\[3\]"
    ),
    "shape of randperm": Row(
        lambda g: g.randperm(3, out=torch.empty(2)), RuntimeError, r"\[2\].*\[3\]"
    ),
    "shape of bits": Row(
        lambda g: g.bits(3, out=torch.empty(2, dtype=torch.int32)), RuntimeError, r"\[2\].*\[3\]"
    ),
    "dtype": Row(
        lambda g: g.randn(2, out=torch.empty(2), dtype=torch.float16),
        RuntimeError,
        "float32.*float16 was asked",
    ),
    "dtype of bits": Row(
        lambda g: g.bits(2, out=torch.empty(2, dtype=torch.int32), dtype=torch.uint32),
        RuntimeError,
        "int32.*uint32 was asked",
    ),
    "dtype of randint": Row(
        lambda g: g.randint(5, (2,), out=torch.empty(2), dtype=torch.int64),
        RuntimeError,
        "float32.*int64 was asked",
    ),
    "integer": Row(lambda g: g.randn(2, out=torch.arange(2)), TypeError, f"int64.*{FLOAT_NAMES}"),
    "device": Row(
        lambda g: g.randn(2, out=torch.empty(2), device="meta"), RuntimeError, "on cpu.*meta was"
    ),
    "no tensor": Row(lambda g: g.randn(2, out=[0, 0]), TypeError, "torch.Tensor, not list"),
    "no tensor of randint": Row(
        lambda g: g.randint(5, (2,), out=[0, 0]), TypeError, "torch.Tensor, not list"
    ),
    "no tensor of randperm": Row(
        lambda g: g.randperm(2, out=[0, 0]), TypeError, "torch.Tensor, not list"
    ),
    "no tensor of bits": Row(
        lambda g: g.bits(2, out=np.zeros(2)), TypeError, "torch.Tensor, not ndarray"
    ),
    "no tensor in place": Row(lambda g: g.normal_([0.0]), TypeError, "torch.Tensor, not list"),
    "no tensor to uniform_": Row(lambda g: g.uniform_([0.0]), TypeError, "torch.Tensor, not list"),
    "no tensor to random_": Row(
        lambda g: g.random_(np.zeros(2)), TypeError, "torch.Tensor, not ndarray"
    ),
    "no tensor to randn_like": Row(
        lambda g: g.randn_like([0.0]), TypeError, "torch.Tensor, not list"
    ),
    "expanded": Row(
        lambda g: g.randn(2, 2, out=overlapping()), RuntimeError, r"single memory.*clone\(\)"
    ),
    "expanded in place": Row(
        lambda g: g.uniform_(overlapping(), 1, 2), RuntimeError, "single memory.*clone"
    ),
    "expanded normal": Row(
        lambda g: g.normal_(overlapping(), 1, 2), RuntimeError, "single memory.*clone"
    ),
    "expanded integers": Row(
        lambda g: g.random_(overlapping(), 5), RuntimeError, "single memory.*clone"
    ),
    "expanded bits": Row(
        lambda g: g.bits(2, 2, out=torch.empty(2, dtype=torch.int32).expand(2, 2)),
        RuntimeError,
        "single memory.*clone",
    ),
    "expanded permutation": Row(
        lambda g: g.randperm(2, out=torch.empty(1).expand(2)), RuntimeError, "single memory.*clone"
    ),
    # No stride is zero, and still two elements lie on one place: which of them stays is undefined.
    "strides that meet": Row(
        lambda g: g.randn(2, 2, out=torch.empty(4).as_strided((2, 2), (1, 1))),
        RuntimeError,
        "single memory.*clone",
    ),
    "sliding window": Row(
        lambda g: g.normal_(torch.empty(8).unfold(0, 4, 1)), RuntimeError, "single memory.*clone"
    ),
    # Looking at every place one by one would take all memory there is.
    "expanded beyond memory": Row(
        lambda g: g.normal_(torch.empty(1).expand(2**60)), RuntimeError, "single memory.*clone"
    ),
    "leaf": Row(lambda g: g.randn(4, out=leaf()), RuntimeError, r"requires grad.*torch\.no_grad"),
    "leaf in place": Row(lambda g: g.normal_(leaf()), RuntimeError, r"requires grad.*no_grad"),
    "leaf uniform": Row(lambda g: g.uniform_(leaf(), 1, 2), RuntimeError, "requires grad.*no_grad"),
    "leaf scaled": Row(lambda g: g.normal_(leaf(), 1, 2), RuntimeError, "requires grad.*no_grad"),
    "leaf integers": Row(lambda g: g.random_(leaf(), 5), RuntimeError, "requires grad.*no_grad"),
    "leaf through torch": Row(
        lambda g: leaf().normal_(generator=g), RuntimeError, "requires grad.*no_grad"
    ),
    "inference tensor": Row(
        lambda g: g.normal_(inference_tensor()), RuntimeError, "inference tensor.*inference_mode"
    ),
    "inference out": Row(
        lambda g: g.randn(4, out=inference_tensor()), RuntimeError, "inference.*inference_mode"
    ),
    "inference scaled": Row(
        lambda g: g.uniform_(inference_tensor(), 1, 2), RuntimeError, "inference.*inference_mode"
    ),
}

STATE_ROWS = {
    "of torch": Row(
        lambda g: g.set_state(torch.Generator().get_state()),
        RuntimeError,
        r"not the state of a reprorng\.Generator.*68 bytes.*this has \d{4} ",
    ),
    "short": Row(lambda g: g.set_state(g.get_state()[:-1]), RuntimeError, "68 bytes.*this has 67"),
    "empty": Row(lambda g: g.set_state(torch.empty(0).byte()), RuntimeError, "68 bytes.*has 0"),
    "long": Row(
        lambda g: g.set_state(torch.cat([g.get_state(), g.get_state()])),
        RuntimeError,
        "68 bytes.*this has 136",
    ),
    "foreign of the right length": Row(
        lambda g: g.set_state(torch.zeros(68, dtype=torch.uint8)), RuntimeError, "b'reprorng'.*x00"
    ),
    **{
        f"bit flipped in byte {index}": Row(
            lambda g, index=index: g.set_state(corrupt(g.get_state(), index)),
            RuntimeError,
            "corrupt.*checksum",
        )
        for index in (8, 31, 32, 47, 48, 56, 60, 64, 67)
    },
    "of another algorithm": Row(
        lambda g: g.set_state(with_checksum("philox4x32-10/v2")),
        RuntimeError,
        "'philox4x32-10/v2'.*philox4x32-10/v1",
    ),
    "float tensor": Row(lambda g: g.set_state(torch.zeros(68)), TypeError, "uint8.*float32"),
    "bytes": Row(lambda g: g.set_state(bytes(68)), TypeError, "uint8 tensor, not bytes"),
    "array": Row(lambda g: g.set_state(g.get_state().numpy()), TypeError, "tensor, not ndarray"),
    "None": Row(lambda g: g.set_state(None), TypeError, "uint8 tensor, not NoneType"),
    "dict without a key": Row(
        lambda g: g.load_state_dict({"seed": 1}), RuntimeError, r"algorithm.*position.*\['seed'\]"
    ),
    "dict with a foreign key": Row(
        lambda g: g.load_state_dict(state_dict(offset=0)), RuntimeError, "algorithm.*'offset'"
    ),
    "dict of NumPy": Row(
        lambda g: g.load_state_dict(np.random.PCG64(0).state), RuntimeError, "bit_generator"
    ),
    "dict of an optimizer": Row(
        lambda g: g.load_state_dict({"state": {}, "param_groups": []}), RuntimeError, "param_groups"
    ),
    "dict of another algorithm": Row(
        lambda g: g.load_state_dict(state_dict(algorithm="x")), RuntimeError, "'x'.*philox4x32-10"
    ),
    "dict with a seed out of range": Row(
        lambda g: g.load_state_dict(state_dict(seed=END)), RuntimeError, f"seed.*{UINT64}.*{END}"
    ),
    "dict with a negative seed": Row(
        lambda g: g.load_state_dict(state_dict(seed=-1)), RuntimeError, f"seed.*{UINT64}.*-1"
    ),
    "dict with a position out of range": Row(
        lambda g: g.load_state_dict(state_dict(position=END + 1)), RuntimeError, f"{END + 1}"
    ),
    "dict with a float": Row(
        lambda g: g.load_state_dict(state_dict(position=1.0)), TypeError, r"position.*1\.0"
    ),
    "dict as JSON": Row(
        lambda g: g.load_state_dict(json.dumps(state_dict())), TypeError, "dict, not str"
    ),
    "state as dict": Row(lambda g: g.load_state_dict(g.get_state()), TypeError, "dict, not Tensor"),
}

BACKEND_ROWS = {
    "unknown": Row(
        lambda g: g.randn(2, backend="abacus"), ValueError, f"'abacus'.*{BACKEND_NAMES}"
    ),
    "unrunnable": Row(
        lambda g: g.randn(2, backend=UNRUNNABLE),
        RuntimeError,
        f"'{UNRUNNABLE}' cannot run here: {re.escape(REASON)}.*{BACKEND_NAMES}",
    ),
    "unknown in place": Row(
        lambda g: g.uniform_(torch.empty(2), 1, 2, backend="abacus"), ValueError, "'abacus'"
    ),
    "unknown to randint": Row(
        lambda g: g.randint(5, (2,), backend="abacus"), ValueError, "'abacus'"
    ),
    "unknown to randperm": Row(lambda g: g.randperm(5, backend="abacus"), ValueError, "'abacus'"),
    "unknown to normal": Row(
        lambda g: g.normal(0, 2, (2,), backend="abacus"), ValueError, "'abacus'"
    ),
    "of another type": Row(
        lambda g: g.randn(2, backend=5), (TypeError, ValueError), "5.*reference"
    ),
    "empty name": Row(lambda g: g.randn(2, backend=""), ValueError, f"''.*{BACKEND_NAMES}"),
    "prefix of a name": Row(lambda g: g.randn(2, backend="cpu:"), ValueError, "'cpu:'"),
    "use unknown": Row(
        lambda g: backends.use("abacus").__enter__(), ValueError, f"'abacus'.*{BACKEND_NAMES}"
    ),
    "use unrunnable": Row(
        lambda g: backends.use(UNRUNNABLE).__enter__(), RuntimeError, f"'{UNRUNNABLE}' cannot"
    ),
    "get unknown": Row(lambda g: backends.get("abacus"), ValueError, f"'abacus'.*{BACKEND_NAMES}"),
    "get unrunnable": Row(lambda g: backends.get(UNRUNNABLE), RuntimeError, "cannot run here"),
}

TABLES = {
    "seed": SEED_ROWS,
    "position": POSITION_ROWS,
    "end": END_ROWS,
    "size": SIZE_ROWS,
    "option": OPTION_ROWS,
    "range": RANGE_ROWS,
    "out": OUT_ROWS,
    "state": STATE_ROWS,
    "backend": BACKEND_ROWS,
}


@pytest.fixture
def nothing_changes() -> Iterator[None]:
    """Fail if the default generator, torch's or NumPy's global one is not found as it was."""

    def states() -> list[object]:
        return [
            repr(reprorng.default_generator),
            torch.get_rng_state().tolist(),
            repr(np.random.get_state()),  # noqa: NPY002  # the global one is meant
        ]

    before = states()
    yield
    assert states() == before


# Torch says of nested and of quantized tensors that they will change.
@pytest.mark.filterwarnings("ignore:.*nested tensors", "ignore:.*quantize")
@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{table}-{name}")
        for table, rows in TABLES.items()
        for name, row in rows.items()
    ],
)
def test_bad_input_raises_by_name_and_draws_nothing(row: Row) -> None:
    g = Generator(1234, stream=5, position=row.position)
    before = repr(g)
    with pytest.raises(row.raises, match=row.match):
        row.call(g)
    assert repr(g) == before
    assert bytes(g.get_state().tolist()) == State(1234, 5, row.position).to_bytes()


def test_a_tensor_is_as_it_was_after_a_draw_that_was_refused() -> None:
    x = torch.arange(4.0)
    version = x._version
    g = Generator(0)
    for draw in (
        lambda: g.normal_(x, 0.0, -1.0),
        lambda: g.uniform_(x, 2.0, 1.0),
        lambda: g.random_(x, 5, 5),
        lambda: g.randn(3, out=x),
        lambda: g.randn(4, out=x, dtype=torch.float64),
        lambda: Generator(0, position=END - 1).normal_(x),
        lambda: g.normal_(x, backend="abacus"),
    ):
        with pytest.raises((RuntimeError, OverflowError, ValueError)):
            draw()
        assert x.tolist() == [0, 1, 2, 3]
    assert x._version == version


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
        timeout=120,
    )


DRAW_AND_REPORT = """
import torch, reprorng
g = reprorng.Generator(1, position=7)
for draw in (lambda: g.randn(3), lambda: torch.randn(3, generator=g)):
    try:
        draw()
    except Exception as error:
        print(type(error).__name__, error, g.position)
with reprorng.backends.use("reference"):
    print(g.randn(3).shape, g.position)
print(g.randn(3, backend="reference").shape, g.position)
"""


@pytest.mark.parametrize(
    ("name", "error"),
    [("abacus", "ValueError no backend is named 'abacus'"), (UNRUNNABLE, "RuntimeError backend")],
)
def test_a_bad_name_in_the_environment_raises_at_every_draw_and_draws_nothing(
    name: str, error: str
) -> None:
    done = run(DRAW_AND_REPORT, REPRORNG_BACKEND=name)
    assert done.returncode == 0, done.stderr  # importing the package still works
    first, second, used, forced = done.stdout.splitlines()
    for line in (first, second):
        assert line.startswith(error)
        assert f"'{name}'" in line
        assert "reference" in line
        assert "cpu:scalar" in line
        assert line.endswith(" 7")
    # And there is a way out.
    assert (used, forced) == ("torch.Size([3]) 10", "torch.Size([3]) 13")


# Memory that is not there: the kernels write to an address, so without a check this is a crash.
WITHOUT_MEMORY = {
    # Of which torch says that they are immutable.
    "zero tensor": "x = torch._efficientzerotensor(4)",
    # What FSDP does to parameters it has sharded; torch says that its data is not allocated.
    "freed storage": "x = torch.empty(4); x.untyped_storage().resize_(0)",
    # What tracing and `torch.compile` use; it has a device and no data.
    "fake tensor": (
        "from torch._subclasses.fake_tensor import FakeTensorMode\n"
        "x = FakeTensorMode().from_tensor(torch.ones(4))"
    ),
    # The tensor has memory, and what the numbers are made in on their way to it has none.
    "mode of fake tensors": (
        "from torch._subclasses.fake_tensor import FakeTensorMode\n"
        "x = torch.ones(4)\n"
        "FakeTensorMode(allow_non_fake_inputs=True).__enter__()"
    ),
    # What `torch.export` and AOT compilation rewrite in-place operations with.
    "functional tensor": ("x = torch._to_functional_tensor(torch.ones(4))"),
    "wrapper subclass": (
        "from torch.testing._internal.logging_tensor import LoggingTensor\n"
        "x = LoggingTensor(torch.ones(4))"
    ),
}


@pytest.mark.parametrize("make", WITHOUT_MEMORY.values(), ids=WITHOUT_MEMORY)
def test_a_tensor_without_memory_of_its_own_does_not_crash_and_draws_nothing(make: str) -> None:
    done = run(
        "import torch, reprorng\n"
        f"{make}\n"
        "g = reprorng.Generator(0)\n"
        "try:\n"
        "    g.normal_(x)\n"
        "except (RuntimeError, TypeError, NotImplementedError) as error:\n"
        "    print(error)\n"
        "print('position', g.position)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "position 0"


def test_diffusers_refuses_a_generator_list_of_the_wrong_length() -> None:
    diffusers = pytest.importorskip("diffusers")
    unet = diffusers.UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8,),
        norm_num_groups=4,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        add_attention=False,
    )
    pipeline = diffusers.DDIMPipeline(unet, diffusers.DDIMScheduler())
    generators = [Generator(seed) for seed in range(2)]
    with pytest.raises(ValueError, match=r"list of generators of length 2.*batch size of 3"):
        pipeline(batch_size=3, generator=generators, num_inference_steps=1)
    assert generators == [Generator(0), Generator(1)]
