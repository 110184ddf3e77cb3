# SPDX-License-Identifier: Apache-2.0
"""`BrownianTree`: its definition, its distribution, and that nothing but seed and times decides."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import weakref
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import scipy.stats
import torch
from checks import assert_same_bytes, raw
from torch.utils._python_dispatch import TorchDispatchMode

import reprorng
from reprorng import BrownianTree
from reprorng.backends import Backend
from reprorng.testing import load_vectors

SAMPLES = 10**6
DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64]


# Its definition


class Specified:
    """The section "Brownian motion" of `docs/spec.md`, in NumPy; 16 bits are left to the caller."""

    def __init__(self, seed: int, size: int, t0: float, t1: float, real: type = np.float32) -> None:
        self.seed, self.size, self.t0, self.t1, self.real = seed, size, t0, t1, real

    def cell(self, t: float) -> int:
        t0 = Fraction(self.t0)
        return round((Fraction(t) - t0) * 2**32 / (Fraction(self.t1) - t0))

    def normal(self, stream: int) -> np.ndarray:
        dtype = getattr(torch, self.real.__name__)
        return reprorng.randn(
            self.size, seed=self.seed, stream=stream, position=2**63, dtype=dtype
        ).numpy()

    def change(self, node: int) -> np.ndarray:
        """What W changes in the interval of a node."""
        length = self.t1 - self.t0
        if node == 1:
            return self.normal(0) * self.real(math.sqrt(length))
        above = node // 2
        level = above.bit_length() - 1
        away = self.normal(above) * self.real(math.sqrt(length * 2.0**-level) / 2)
        half = self.change(above) * self.real(0.5)
        return half - away if node % 2 else half + away

    def within(self, node: int, a: int, b: int) -> list[int]:
        """The nodes whose changes `visit` adds, in order."""
        level = node.bit_length() - 1
        cells = 2 ** (32 - level)
        low = (node - 2**level) * cells
        high = low + cells
        if high <= a or b <= low:
            return []
        if a <= low and high <= b:
            return [node]
        lower, upper = self.within(2 * node, a, b), self.within(2 * node + 1, a, b)
        return lower + upper if lower == [2 * node] else upper + lower

    def __call__(self, ta: float, tb: float) -> np.ndarray:
        first, last = self.cell(ta), self.cell(tb)
        total = np.zeros(self.size, self.real)
        if first != last:
            for node in self.within(1, min(first, last), max(first, last)):
                total = total + self.change(node)
        return -total if last < first else total


@pytest.mark.parametrize(("t0", "t1"), [(0.0, 1.0), (-3.5, 9.7), (0.0291, 14.6146)])
def test_the_change_in_each_node_is_what_the_definition_says(t0: float, t1: float) -> None:
    tree = BrownianTree(5, 9, t0, t1)
    for number in [*range(1, 32), 2**31, 2**32 - 1, 2**31 + 0x2AAAAAAA]:
        level = number.bit_length() - 1
        step = (Fraction(t1) - Fraction(t0)) / 2**level
        first = Fraction(t0) + step * (number - 2**level)
        increment = tree(float(first), float(first + step))
        expected = torch.from_numpy(Specified(5, 9, t0, t1).change(number))
        assert_same_bytes(increment + 0.0, expected + 0.0, f"node {number}")


def test_an_interval_that_is_no_node_is_the_sum_of_the_largest_nodes_in_it() -> None:
    tree = BrownianTree(5, 9, 0.0, 1.0)
    parts = [Specified(5, 9, 0.0, 1.0).change(number) for number in (17, 9, 5, 6, 28)]
    total = sum(part.astype(np.float64) for part in parts)
    np.testing.assert_allclose(tree(1 / 16, 13 / 16), total, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("t0", "t1"), [(0.0, 1.0), (-3.5, 9.7), (0.0291, 14.6146)])
def test_any_increment_is_bit_for_bit_what_the_specification_says(
    t0: float, t1: float, dtype: torch.dtype
) -> None:
    tree = BrownianTree(5, 3, t0, t1, dtype=dtype)
    specified = Specified(5, 3, t0, t1, np.float64 if dtype is torch.float64 else np.float32)
    rng = np.random.default_rng(1)
    for length in (1.0, 0.3, 1e-3, 1e-8):
        ta = t0 + (t1 - t0) * rng.random() * (1 - length)
        tb = min(ta + (t1 - t0) * length * rng.random(), t1)
        for query in [(ta, tb), (tb, ta), (t0, ta), (tb, t1)]:
            assert_same_bytes(tree(*query), torch.from_numpy(specified(*query)), f"{query}")


@pytest.mark.parametrize("case", load_vectors("brownian")["cases"], ids=lambda case: case["id"])
def test_the_known_answers_are_what_the_specification_says(case: dict) -> None:
    dtype = getattr(torch, case["dtype"])
    real = np.float64 if dtype is torch.float64 else np.float32
    specified = Specified(int(case["seed"]), case["size"], case["t0"], case["t1"], real)
    for query, expected in zip(case["queries"], case["expected"], strict=True):
        increment = raw(torch.from_numpy(specified(*query)).to(dtype))
        assert [int(pattern, 16) for pattern in expected] == increment.tolist()


def test_a_time_is_the_nearest_multiple_of_the_length_times_2_to_the_minus_32() -> None:
    tree = BrownianTree(0, 5, 0.0, 1.0)
    cell = 2.0**-32
    here, there = tree(0.0, 0.3), tree(0.0, 0.3 + cell)
    assert_same_bytes(tree(0.0, 0.3 + cell / 100), here)
    assert not torch.equal(here, there)
    assert_same_bytes(tree(1.0 - cell * 0.51, 1.0), tree(1.0 - cell, 1.0))
    assert torch.count_nonzero(tree(1.0 - cell * 0.49, 1.0)) == 0


def test_no_generator_of_the_seed_draws_the_numbers_of_a_node() -> None:
    # Image k of a batch draws from stream k, and the tree of the same seed from streams as well.
    tree = BrownianTree(3, 4096, 0.0, 1.0)
    changes = [tree(i / 8, (i + 1) / 8) for i in range(8)]
    for stream in range(16):
        noise = reprorng.Generator(3, stream=stream).randn(4096)
        for change in changes:
            assert abs(np.corrcoef(noise, change)[0, 1]) < 5 / math.sqrt(4096)


# Its distribution

TIMES = (-2.0, -1.99, -1.5, -0.123456789, 0.0, 0.7, 0.7000001, 1.9, 3.0)


@cache
def increments(seed: int = 11) -> np.ndarray:
    """The increments between `TIMES`, a row each."""
    tree = BrownianTree(seed, SAMPLES, TIMES[0], TIMES[-1])
    pairs = itertools.pairwise(TIMES)
    return np.stack([tree(ta, tb).numpy() for ta, tb in pairs]).astype(np.float64)


def assert_normal(values: np.ndarray, variance: float) -> None:
    """Fail unless the moments and the distribution are within what chance gives once in 10^4."""
    n = len(values)
    scaled = values / math.sqrt(variance)
    assert abs(scaled.mean()) < 4 / math.sqrt(n)
    assert abs(scaled.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs((scaled**3).mean()) < 4 * math.sqrt(15 / n)
    assert abs((scaled**4).mean() - 3) < 4 * math.sqrt(96 / n)
    assert scipy.stats.kstest(scaled, "norm").pvalue > 1e-3


@pytest.mark.parametrize("index", range(len(TIMES) - 1))
def test_an_increment_is_normal_with_the_length_as_its_variance(index: int) -> None:
    assert_normal(increments()[index], TIMES[index + 1] - TIMES[index])


def test_the_whole_and_its_halves_are_normal_too() -> None:
    tree = BrownianTree(4, SAMPLES, 0.0, 9.0)
    for ta, tb in [(0.0, 9.0), (0.0, 4.5), (4.5, 9.0), (2.25, 6.75)]:
        assert_normal(tree(ta, tb).double().numpy(), tb - ta)


def test_increments_over_disjoint_intervals_are_independent() -> None:
    # Squares show a shared magnitude, which products of signs would hide.
    off_diagonal = ~np.eye(len(TIMES) - 1, dtype=bool)
    for values in (increments(), increments() ** 2, np.sign(increments())):
        correlations = np.corrcoef(values)[off_diagonal]
        assert np.abs(correlations).max() < 4.5 / math.sqrt(SAMPLES)


def test_elements_and_seeds_are_independent() -> None:
    one, other = increments(11)[2], increments(12)[2]
    for left, right in [(one, other), (one[:-1], one[1:]), (one[::2], one[1::2])]:
        for power in (1, 2):
            correlation = np.corrcoef(left**power, right**power)[0, 1]
            assert abs(correlation) < 4.5 / math.sqrt(len(left))


def test_the_motion_has_the_covariance_of_brownian_motion() -> None:
    walk = np.cumsum(increments(), axis=0)
    times = np.array(TIMES[1:]) - TIMES[0]
    expected = np.minimum(times[:, None], times[None, :])
    deviation = np.sqrt((times[:, None] * times[None, :] + expected**2) / SAMPLES)
    assert (np.abs(walk @ walk.T / SAMPLES - expected) < 4.5 * deviation).all()


@pytest.mark.parametrize(
    ("ta", "tm", "tb"), [(0.0, 0.5, 1.0), (0.0, 0.25, 1.0), (0.1, 0.30001, 0.9), (0.4, 0.5, 0.52)]
)
def test_between_two_times_it_is_a_bridge(ta: float, tm: float, tb: float) -> None:
    # Given both ends, W in between is normal about the line, whatever the ends are.
    tree = BrownianTree(21, SAMPLES, 0.0, 1.0)
    whole, first = tree(ta, tb).double().numpy(), tree(ta, tm).double().numpy()
    away = first - whole * (tm - ta) / (tb - ta)
    assert_normal(away, (tm - ta) * (tb - tm) / (tb - ta))
    for power in (1, 2):
        correlation = np.corrcoef(away**power, whole**power)[0, 1]
        assert abs(correlation) < 4.5 / math.sqrt(SAMPLES)


# Its consistency


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 2.0**-18), (torch.float64, 2.0**-47)])
def test_increments_of_adjacent_intervals_add_up(dtype: torch.dtype, bound: float) -> None:
    tree = BrownianTree(7, 2000, 0.0, 3.0, dtype=dtype)
    rng = np.random.default_rng(0)
    for _ in range(100):
        length = 3 * 2.0 ** -float(rng.integers(0, 24))
        ta = rng.random() * (3 - length)
        tm, tb = ta + rng.random() * length, ta + length
        error = (tree(ta, tm) + tree(tm, tb) - tree(ta, tb)).abs().max().item()
        assert error < bound * math.sqrt(tb - ta)


def test_queries_in_any_order_and_number_give_the_same_bits() -> None:
    pairs = [(0.1, 0.2), (0.0, 1.0), (0.15, 0.9), (0.2, 0.3), (0.1, 0.2), (0.5, 0.5), (0.9, 0.3)]
    tree = BrownianTree(1, 50, 0.0, 1.0)
    first = {pair: tree(*pair) for pair in pairs}
    for pair in reversed(pairs):
        assert_same_bytes(tree(*pair), first[pair])
        assert_same_bytes(BrownianTree(1, 50, 0.0, 1.0)(*pair), first[pair])


def test_backwards_it_is_the_negative() -> None:
    tree = BrownianTree(1, 50, 0.0, 1.0)
    assert_same_bytes(tree(0.9, 0.3), -tree(0.3, 0.9))


@pytest.mark.parametrize("time", [0.0, 0.3, 1.0])
def test_from_a_time_to_itself_nothing_changes(time: float) -> None:
    assert_same_bytes(BrownianTree(1, 5, 0.0, 1.0)(time, time), torch.zeros(5))


def test_a_smaller_tensor_is_the_beginning_of_a_larger_one() -> None:
    large = BrownianTree(1, (4, 5, 6), 0.0, 1.0)(0.2, 0.7).flatten()
    for size in [(4, 5, 6), (60,), (2, 5), (7,), (1,), (), (0, 3)]:
        small = BrownianTree(1, size, 0.0, 1.0)(0.2, 0.7)
        assert small.shape == size
        assert_same_bytes(small.flatten(), large[: small.numel()])


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_backend_gives_the_same_bits(backend: Backend, dtype: torch.dtype) -> None:
    device = "cpu" if "cpu" in backend.devices else backend.devices[0]
    expected = BrownianTree(6, 7, 0.1, 3.0, dtype=dtype, device="cpu")(0.3, 2.0)
    with reprorng.backends.use(backend.name):
        tree = BrownianTree(6, 7, 0.1, 3.0, dtype=dtype, device=device)
        assert_same_bytes(tree(0.3, 2.0).cpu(), expected)


def test_modes_that_flush_subnormals_change_nothing() -> None:
    # The shortest and the longest motion have the smallest and the largest numbers.
    pairs = [(2.0**-64, 0.3), (2.0**64, 0.9)]
    trees = [(BrownianTree(1, 20000, 0.0, length), length * part) for length, part in pairs]
    before = [tree(0.0, time) for tree, time in trees]
    assert torch.set_flush_denormal(True)
    try:
        flushed = [tree(0.0, time) for tree, time in trees]
    finally:
        torch.set_flush_denormal(False)
    for one, other in zip(before, flushed, strict=True):
        assert_same_bytes(one, other)
        assert one.isfinite().all()
        assert one.abs().min() > 2.0**-120


# Its dtype, device and times


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_16_bits_are_float32_rounded_once(dtype: torch.dtype) -> None:
    wide = BrownianTree(1, 500, 0.0, 1.0)(0.7, 0.2)
    assert_same_bytes(BrownianTree(1, 500, 0.0, 1.0, dtype=dtype)(0.7, 0.2), wide.to(dtype))


def test_float64_is_a_motion_of_its_own_with_the_same_distribution() -> None:
    increment = BrownianTree(1, 10**5, 0.0, 1.0, dtype=torch.float64)(0.2, 0.7)
    assert increment.dtype is torch.float64
    assert not torch.equal(increment, increment.float().double())
    assert_normal(increment.numpy(), 0.5)


def test_the_dtype_and_device_are_torchs_defaults_unless_given() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        tree = BrownianTree(1, 3, 0.0, 1.0)
    finally:
        torch.set_default_dtype(torch.float32)
    assert tree(0.0, 1.0).dtype is torch.float64
    with torch.device("meta"):
        assert BrownianTree(1, 3, 0.0, 1.0)(0.0, 1.0).is_meta
    assert BrownianTree(1, 3, 0.0, 1.0, device="meta")(0.0, 0.3).shape == (3,)


@pytest.mark.parametrize(
    "as_time", [Fraction, np.float64, lambda t: torch.tensor(t, dtype=torch.float64)]
)
def test_a_time_is_any_kind_of_number(as_time: type) -> None:
    tree = BrownianTree(1, 5, as_time(0.25), as_time(2.5))
    expected = BrownianTree(1, 5, 0.25, 2.5)(0.75, 1.1)
    assert_same_bytes(tree(as_time(0.75), as_time(1.1)), expected)


def test_copies_and_its_repr_are_the_same_tree() -> None:
    tree = BrownianTree(-1, (2, 3), 0.5, 2.5, dtype=torch.float16, device="cpu")
    expected = tree(0.7, 1.9)
    evaluated = eval(repr(tree), {"BrownianTree": BrownianTree, "torch": torch})
    for other in (copy.deepcopy(tree), pickle.loads(pickle.dumps(tree)), evaluated):
        assert_same_bytes(other(0.7, 1.9), expected)
        assert repr(other) == repr(tree)


def test_no_global_generator_moves() -> None:
    before = torch.get_rng_state()
    BrownianTree(1, 5, 0.0, 1.0)(0.2, 0.7)
    assert_same_bytes(torch.get_rng_state(), before)


class _Alive(TorchDispatchMode):
    """Counts the tensors made inside that are alive at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[weakref.ref[torch.Tensor]] = []
        self.most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.made = [ref for ref in self.made if ref() is not None]
        self.made.append(weakref.ref(result))
        self.most = max(self.most, len({id(ref()) for ref in self.made}))
        return result


def test_a_query_holds_a_few_tensors_at_a_time_however_deep_it_goes() -> None:
    with _Alive() as alive:
        BrownianTree(1, 5, 0.0, 1.0)(2.0**-31, 1 - 2.0**-31)
    assert alive.most < 12


def test_a_compiler_does_not_see_the_arithmetic() -> None:
    # It might contract a product and a sum, and then the bits would be others.
    seen: list[str] = []

    def record(graph, inputs):
        seen.extend(str(n.target) for n in graph.graph.nodes if n.op.startswith("call"))
        return graph.forward

    tree = BrownianTree(1, 50, 0.0, 1.0)
    compiled = torch.compile(lambda x: x.sin() + tree(0.2, 0.7).cos(), backend=record)
    x = torch.ones(50)
    assert_same_bytes(compiled(x), x.sin() + tree(0.2, 0.7).cos())
    assert any("sin" in name for name in seen)
    assert not any("mul" in name or "sub" in name or "add_" in name for name in seen)


# Bad input


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((1.5, 3, 0.0, 1.0), {}, TypeError, "seed must be an integer, not 1.5"),
        ((2**64, 3, 0.0, 1.0), {}, ValueError, "seed must be in"),
        ((0, (2, 1.5), 0.0, 1.0), {}, TypeError, "a size is integers"),
        ((0, (2, -1), 0.0, 1.0), {}, RuntimeError, "negative dimension"),
        ((0, 3, "0", 1.0), {}, TypeError, "t0 must be a number, not '0'"),
        ((0, 3, 0.0, None), {}, TypeError, "t1 must be a number, not None"),
        ((0, 3, 0.0, 1j), {}, TypeError, "t1 must be a number"),
        ((0, 3, 0.0, torch.ones(2)), {}, TypeError, "t1 must be a number"),
        ((0, 3, 0.0, torch.ones((), device="meta")), {}, TypeError, "t1 must be a number"),
        ((0, 3, 1.0, 1.0), {}, ValueError, "t1 - t0 must be in"),
        ((0, 3, 1.0, 0.0), {}, ValueError, "t0 is 1.0 and t1 is 0.0"),
        ((0, 3, 0.0, math.nan), {}, ValueError, "t1 - t0 must be in"),
        ((0, 3, 0.0, math.inf), {}, ValueError, "t1 - t0 must be in"),
        ((0, 3, 0.0, 2.0**-65), {}, ValueError, "t1 - t0 must be in"),
        ((0, 3, 0.0, 2.0**65), {}, ValueError, "t1 - t0 must be in"),
        ((0, 3, 0.0, 1.0), {"dtype": torch.int64}, TypeError, "normal has no dtype torch.int64"),
        ((0, 3, 0.0, 1.0), {"dtype": "float32"}, TypeError, "dtype must be a torch.dtype"),
        ((0, 3, 0.0, 1.0), {"device": "nowhere"}, RuntimeError, "nowhere"),
    ],
)
def test_a_tree_that_cannot_be_is_refused_when_it_is_made(
    arguments: tuple, keywords: dict, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        BrownianTree(*arguments, **keywords)


@pytest.mark.parametrize(
    ("times", "error", "message"),
    [
        ((-0.1, 0.5), ValueError, r"ta must be in \[0.0, 1.0\], not -0.1"),
        ((0.5, 1.1), ValueError, r"tb must be in \[0.0, 1.0\], not 1.1"),
        ((0.5, math.nan), ValueError, "tb must be in"),
        ((0.5, math.inf), ValueError, "tb must be in"),
        (("0.5", 1.0), TypeError, "ta must be a number, not '0.5'"),
        ((0.5, torch.ones(1)), TypeError, "tb must be a number"),
    ],
)
def test_a_time_that_cannot_be_is_refused(
    times: tuple, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        BrownianTree(0, 3, 0.0, 1.0)(*times)


def test_a_time_beyond_any_float_is_out_of_range() -> None:
    with pytest.raises(ValueError, match="t1 must be a number that a float holds, not 10"):
        BrownianTree(0, (3,), 0, 10**400)
    with pytest.raises(ValueError, match="tb must be a number that a float holds"):
        BrownianTree(0, (3,), 0, 1)(0, Fraction(10**400))
