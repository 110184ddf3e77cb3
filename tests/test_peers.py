# SPDX-License-Identifier: Apache-2.0
"""The contestants of the benchmarks draw what they are timed for, and who is missing is named."""

from __future__ import annotations

import os
import sys
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

import reprorng
from benchmarks import contestants, mkl, nv
from benchmarks.cases import DTYPES, Case
from benchmarks.contestants import CPU, Contestant, NumPyGenerator
from reprorng.testing import load_vectors


def numbers(who: Contestant, case: Case) -> np.ndarray | None:
    """What a contestant's job draws; None if it has no such numbers."""
    job = who.job(case, case.buffer())
    if job is None:
        return None
    found: Any = job()
    return found.double().numpy() if isinstance(found, torch.Tensor) else np.asarray(found, float)


def require(who: Contestant) -> None:
    """Skip a test of somebody who is missing, or fail it where all have to be there."""
    reason = who.why_not()
    if reason is not None:
        assert not os.environ.get("REPRORNG_REQUIRE_PEERS"), reason
        pytest.skip(reason)


@pytest.mark.parametrize("who", CPU, ids=[who.name for who in CPU])
def test_everyone_draws_what_is_asked_for(who: Contestant) -> None:
    require(who)
    drawn = 0
    for kind, dtype, memory in product(("normal", "uniform"), DTYPES, ("touched", "fresh")):
        x = numbers(who, Case(kind, dtype, 1 << 14, memory))
        if x is None:
            continue
        drawn += 1
        assert x.shape == (1 << 14,)
        if who.name == "memset":
            assert not x.any()
            continue
        mean, deviation = (0.0, 1.0) if kind == "normal" else (0.5, 12**-0.5)
        # Five standard errors of a mean of 2^14 numbers; bfloat16 loses up to 1/256 of each.
        assert x.mean() == pytest.approx(mean, abs=5 * deviation / 128 + 1 / 256), (kind, dtype)
        assert x.std() == pytest.approx(deviation, rel=0.05), (kind, dtype)
    assert drawn >= 2


def test_touched_memory_is_written_and_fresh_memory_is_not_kept() -> None:
    for who in contestants.OURS:
        if who.why_not() is None:
            buffer = Case("normal", "float32", 64).buffer()
            job = who.job(Case("normal", "float32", 64), buffer)
            assert job is not None
            job()
            assert buffer.count_nonzero() == 64
    assert Case("normal", "float32", 64, "fresh").buffer().numel() == 0


def test_a_forced_backend_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(reprorng, "normal_", lambda x, **options: asked.append(options["backend"]))
    case = Case("normal", "float32", 4)
    job = contestants.Ours("x", "cpu:scalar").job(case, case.buffer())
    assert job is not None
    job()
    assert asked == ["cpu:scalar"]


def test_missing_peers_are_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library() -> None:
        raise ImportError("no package mkl")

    for module in ("jax", "tensorflow", "diffusers"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(mkl, "library", no_library)
    missing = NumPyGenerator("somebody", "no_such_package", "Philox")
    found = contestants.left_out([missing, *CPU])
    expected = {"JAX threefry", "TensorFlow Philox", "diffusers, CPU generator", "somebody"}
    expected |= {"oneMKL ARS5 (ICDF)"} | {f"oneMKL Philox ({m})" for m in mkl.METHODS}
    assert expected <= found.keys()
    assert all(found.values())
    assert found["somebody"] == "No module named 'no_such_package'"
    assert "torch" not in found


def test_nv_noise_is_philox() -> None:
    for case in load_vectors("philox")["cases"]:
        words = {name: [int(w, 16) for w in case[name]] for name in ("counter", "key", "expected")}
        counter = np.array(words["counter"], np.uint32).reshape(4, 1)
        key = words["key"][0] | words["key"][1] << 32
        assert nv.philox(counter, key)[:, 0].tolist() == words["expected"]


def test_nv_noise_is_what_cuda_gives() -> None:
    # By `torch.randn(12, device="cuda")` after `torch.manual_seed(0)`, to the digits torch prints.
    known = [-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797]
    known += [-0.6229, -0.3284, -1.0745, -0.3631, -1.6711, 2.2655]
    noise = nv.NvNoise(0)
    first = noise.randn(12)
    assert first.dtype == np.float32
    np.testing.assert_allclose(first, known, atol=5.1e-5)
    assert not np.isin(noise.randn(12), first).any()


def test_onemkl_makes_a_float64_of_one_word_of_32_bits() -> None:
    case = Case("uniform", "float64", 1 << 14)
    for generator in mkl.GENERATORS:
        who = mkl.Mkl("STD", generator)
        require(who)
        x = numbers(who, case)
        assert x is not None
        assert not (x * 2.0**32 % 1).any()
        assert (x * 2.0**31 % 1).any()


def test_onemkl_philox_is_philox() -> None:
    require(mkl.Mkl("ICDF"))
    assert mkl.raw_words(0, 8) == reprorng.bits(8, seed=0).tolist()
