# SPDX-License-Identifier: Apache-2.0
"""Planted faults: wrong backends and wrong bytes, each of which must be caught.

A check that passes proves nothing until it has been seen to fail. Each fault here is one that a
compiler, a vector type or a hurried author really makes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from checks import (
    KERNELS,
    Canvas,
    assert_same_bytes,
    plan_of,
    reference_bytes,
    skip_unless_runnable,
)
from numpy.typing import NDArray

from reprorng import backends, trials
from reprorng.backends import reference
from reprorng.backends.reference import ReferenceBackend
from reprorng.plan import WORDS_PER_ELEMENT, Plan
from reprorng.spec import FLOAT32, FLOAT64
from reprorng.testing import check_backend

Array = NDArray[Any]
Fill = Callable[[Plan, torch.Tensor], None]

BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
TRANSFORMS = {"FLOAT32": FLOAT32, "FLOAT64": FLOAT64}
philox, fma, words_of = reference.philox4x32_10, reference.fma, reference.words
radius_of, integers_of = reference.radius, reference.integers


class Imitation:
    """A third party's backend; `fill` is the reference's, unless a fault is given.

    Args:
        fill: What it does instead.
        **patches: Functions or constants of the reference to replace while it fills, and only then:
            what it is compared with stays right.
    """

    name = "imitation"
    devices = ("cpu",)

    def __init__(self, fill: Fill | None = None, **patches: Any) -> None:
        self._fill = fill or ReferenceBackend().fill
        self._patches = patches

    def why_not(self) -> str | None:
        return None

    def fill(self, plan: Plan, out: torch.Tensor) -> None:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._patches.items():
                patch.setattr(reference, name, value)
            self._fill(plan, out)


def right(plan: Plan, out: torch.Tensor) -> None:
    """What a backend does that is right, and fast, but for a fault that is no one's arithmetic."""
    backends.get("cpu").fill(plan, out)


def test_a_right_backend_of_a_third_party_is_accepted() -> None:
    assert check_backend(Imitation()) > 100


def test_every_backend_is_accepted(backend: backends.Backend) -> None:
    assert check_backend(backend) > 100


def test_a_backend_that_cannot_run_is_not_accepted() -> None:
    backend = Imitation()
    backend.why_not = lambda: "it is out of order"  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="out of order"):
        check_backend(backend)


def rejected(backend: Imitation) -> str:
    """The message with which a faulty backend is turned down."""
    with pytest.raises(AssertionError, match="imitation") as caught:
        check_backend(backend)
    return str(caught.value)


# One wrong bit


def flips_a_bit(kind: str, dtype: str, index: int) -> Fill:
    """Right, but for the lowest bit of one element of one kind of draw."""

    def fill(plan: Plan, out: torch.Tensor) -> None:
        right(plan, out)
        if (plan.kind, plan.dtype) == (kind, dtype) and plan.count > abs(index):
            out.view(BITS[out.itemsize])[index] ^= 1

    return fill


@pytest.mark.parametrize("index", [0, -1, 1000])
@pytest.mark.parametrize(("kind", "dtype"), KERNELS, ids=["-".join(k) for k in KERNELS])
def test_a_single_wrong_bit_is_caught(kind: str, dtype: str, index: int) -> None:
    assert dtype in rejected(Imitation(flips_a_bit(kind, dtype, index)))


# Wrong words


def lanes(*order: int) -> Callable[..., Array]:
    return lambda key, stream, blocks: philox(key, stream, blocks)[:, order]


def blocks_as(change: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda key, stream, blocks: philox(key, stream, change(blocks))


WRONG_WORDS = {
    "swapped blocks": {"philox4x32_10": blocks_as(lambda b: b ^ np.uint64(1))},
    "blocks swapped by fours, as by an unpack": {
        "philox4x32_10": blocks_as(lambda b: np.where(b % 8 < 4, b + 4, b - 4).astype(np.uint64))
    },
    "swapped neighbouring lanes": {"philox4x32_10": lanes(1, 0, 3, 2)},
    "swapped middle lanes": {"philox4x32_10": lanes(0, 2, 1, 3)},
    "a block number of 32 bits": {"philox4x32_10": blocks_as(lambda b: b & np.uint64(2**32 - 1))},
    "a signed block number of 32 bits": {
        "philox4x32_10": blocks_as(lambda b: b.astype(np.int32).astype(np.int64).astype(np.uint64))
    },
    "a carry lost within a draw": {
        "philox4x32_10": blocks_as(lambda b: b[:1] >> 32 << 32 | b & np.uint64(2**32 - 1))
    },
    "a position of 32 bits": {"words": lambda k, s, p, n: words_of(k, s, p % 2**32, n)},
    "a signed position of 64 bits": {
        "words": lambda k, s, p, n: words_of(k, s, p if p < 2**63 else 0, n)
    },
    "a seed of 32 bits": {"words": lambda k, s, p, n: words_of(k % 2**32, s, p, n)},
    "a stream of 32 bits": {"words": lambda k, s, p, n: words_of(k, s % 2**32, p, n)},
    "seed and stream swapped": {"words": lambda k, s, p, n: words_of(s, k, p, n)},
    "nine rounds": {"PHILOX_ROUNDS": 9},
}


@pytest.mark.parametrize("fault", WRONG_WORDS)
def test_wrong_words_are_caught(fault: str) -> None:
    rejected(Imitation(**WRONG_WORDS[fault]))


# Wrong arithmetic


def unfused(real: type) -> Callable[..., Array]:
    def multiply_add(a: Array, b: Array, c: Array) -> Array:
        return a * b + c if np.result_type(a) == real else fma(a, b, c)

    return multiply_add


def shifted(name: str, field: str, index: int | None) -> dict[str, Any]:
    """A transform with one constant moved by one unit in its last place."""
    transform = TRANSFORMS[name]
    real = {"FLOAT32": np.float32, "FLOAT64": np.float64}[name]
    old = getattr(transform, field)
    if index is None:
        return {name: replace(transform, **{field: float(np.nextafter(real(old), real(9)))})}
    new = list(old)
    new[index] = float(np.nextafter(real(old[index]), real(9)))
    return {name: replace(transform, **{field: tuple(new)})}


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_an_unfused_multiply_add_is_caught(real: type) -> None:
    assert real.__name__ in rejected(Imitation(fma=unfused(real)))


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize(
    ("field", "index"),
    [("log", 0), ("log", 3), ("cos", 0), ("sin", 1), ("angle", None), ("log4", None)],
)
def test_a_constant_one_unit_off_is_caught(name: str, field: str, index: int | None) -> None:
    rejected(Imitation(**shifted(name, field, index)))


def truncated_to_float16(plan: Plan, out: torch.Tensor) -> None:
    if (plan.kind, plan.dtype) != ("normal", "float16"):
        return right(plan, out)
    full = torch.empty(plan.count)
    right(replace(plan, dtype="float32"), full)
    out.copy_((full.view(torch.int32) & ~0x1FFF).view(torch.float32))


def rounded_half_up(x: Array) -> Array:
    return ((x.view(np.uint32) + np.uint32(0x8000)) >> np.uint32(16)).astype(np.uint16)


def test_truncation_to_bfloat16_is_caught() -> None:
    fault = Imitation(to_bfloat16=lambda x: (x.view(np.uint32) >> 16).astype(np.uint16))
    assert "bfloat16" in rejected(fault)


def test_ties_rounded_up_to_bfloat16_are_caught() -> None:
    assert "bfloat16" in rejected(Imitation(to_bfloat16=rounded_half_up))


def test_truncation_to_float16_is_caught() -> None:
    assert "float16" in rejected(Imitation(truncated_to_float16))


def test_integers_by_remainder_are_caught() -> None:
    def by_remainder(w: Array, low: int, span: int) -> Array:
        return ((w % np.uint64(span) if span else w) + np.uint64(low % 2**64)).view(np.int64)

    assert "int64" in rejected(Imitation(integers=by_remainder))


# Wrong layout


def pairs_from_the_start_of_the_draw(plan: Plan, out: torch.Tensor) -> None:
    """A normal depends on where its draw began, as in most libraries."""
    if (plan.kind, plan.dtype) != ("normal", "float32"):
        return right(plan, out)
    w = words_of(plan.key, plan.stream, plan.position, plan.count + plan.count % 2)
    x, y = reference.rotate(reference.radius(w[0::2], FLOAT32), w[1::2], FLOAT32)
    out.copy_(torch.from_numpy(np.stack([x, y], axis=-1).reshape(-1)[: plan.count]))


def halves_of_64_bit_words_swapped(plan: Plan, out: torch.Tensor) -> None:
    right(plan, out)
    if plan.dtype == "uint64":
        out.copy_(out.view(torch.int32).view(-1, 2).flip(-1).reshape(-1).view(torch.uint64))


def last_element_missing(plan: Plan, out: torch.Tensor) -> None:
    if plan.count > 1:
        right(replace(plan, count=plan.count - 1), out[:-1])


def one_element_past_the_end(plan: Plan, out: torch.Tensor) -> None:
    right(replace(plan, count=plan.count + 1), out.as_strided((plan.count + 1,), (1,)))


def one_element_before_the_start(plan: Plan, out: torch.Tensor) -> None:
    right(plan, out)
    out.as_strided((1,), (1,), out.storage_offset() - 1).zero_()


def whole_blocks_only(plan: Plan, out: torch.Tensor) -> None:
    """Starts at the block of the first word, not at the word."""
    block = plan.position - plan.position % 4
    right(replace(plan, position=block), out)


@pytest.mark.parametrize(
    "fill",
    [
        pairs_from_the_start_of_the_draw,
        halves_of_64_bit_words_swapped,
        last_element_missing,
        one_element_past_the_end,
        one_element_before_the_start,
        whole_blocks_only,
    ],
)
def test_a_wrong_layout_is_caught(fill: Fill) -> None:
    rejected(Imitation(fill))


# Faults that few draws show


def carry_lost_in_long_draws(key: int, stream: int, blocks: Array) -> Array:
    """Vector steps with 32-bit lanes, single blocks without."""
    if len(blocks) >= 16:
        blocks = blocks[:1] >> 32 << 32 | blocks & np.uint64(2**32 - 1)
    return philox(key, stream, blocks)


def radius_without_complement(w: Array, transform: Any) -> Array:
    """The 128 words next to 2^32 give 0, where u was rounded to 1 before its logarithm."""
    r = radius_of(w, transform)
    return np.where(w >= 2**32 - 128, r.dtype.type(0), r) if transform.bits == 32 else r


def narrow_product(w: Array, low: int, span: int) -> Array:
    """A 64-bit product of the words' upper halves, which is right for no span above 2^32."""
    if span <= 2**32:
        return integers_of(w, low, span)
    return ((w >> np.uint64(32)) * np.uint64(span >> 32)).view(np.int64) + low


def odd_starts_of_long_draws(plan: Plan, out: torch.Tensor) -> None:
    """A fast path that takes the start of its first block for its own."""
    right(replace(plan, position=plan.position & -4) if plan.count > 2000 else plan, out)


@pytest.mark.parametrize(
    "backend",
    [
        Imitation(philox4x32_10=carry_lost_in_long_draws),
        Imitation(radius=radius_without_complement),
        Imitation(integers=narrow_product),
        Imitation(odd_starts_of_long_draws),
        Imitation(flips_a_bit("normal", "float32", 70_000)),  # more than one piece, grid or thread
    ],
    ids=["carry", "complement", "product", "odd", "large"],
)
def test_a_fault_that_only_some_draws_show_is_caught(backend: Imitation) -> None:
    rejected(backend)


# Faults that only a check of every case shows


def flips_where(is_wrong: Callable[[Plan, torch.Tensor], bool]) -> Fill:
    """Right, but for the lowest bit of the last element of some draws."""

    def fill(plan: Plan, out: torch.Tensor) -> None:
        right(plan, out)
        if is_wrong(plan, out):
            out.view(BITS[out.itemsize])[-1] ^= 1

    return fill


def wrong_the_second_time() -> Fill:
    """What is kept from a draw spoils the next one that is like it."""
    seen: set[Plan] = set()

    def is_wrong(plan: Plan, _: torch.Tensor) -> bool:
        again = plan in seen
        seen.add(plan)
        return again

    return flips_where(is_wrong)


def carry_lost_at(boundary: int) -> Fill:
    """Right, but that a draw of some blocks goes on at word 0 after a boundary."""

    def fill(plan: Plan, out: torch.Tensor) -> None:
        right(plan, out)
        before = (boundary - plan.position) // plan.words_per_element
        if 100 < plan.count < 1000 and 0 < before < plan.count:
            right(replace(plan, position=0, count=plan.count - before), out[before:])

    return fill


def one_plan_for_all_threads() -> Fill:
    """The plan lies where another thread can replace it before it is drawn."""
    held: list[Plan] = []

    def fill(plan: Plan, out: torch.Tensor) -> None:
        held[:] = [plan]
        time.sleep(0.001)
        right(replace(held[0], count=plan.count, kind=plan.kind, dtype=plan.dtype), out)

    return fill


def is_wide(plan: Plan) -> bool:
    return plan.words_per_element == 2


RARELY_WRONG: dict[str, Fill] = {
    "a single normal that is the second of its pair": flips_where(
        lambda plan, _: (plan.kernel, plan.count, plan.first % 2) == ("normal_float32", 1, 1)
    ),
    "what is left over from odd starts": flips_where(
        lambda plan, _: plan.first % 4 == 3 and plan.count % 8 == 6
    ),
    "what is left over from odd starts of wide elements": flips_where(
        lambda plan, _: is_wide(plan) and plan.first % 4 == 2 and plan.count % 8 == 6
    ),
    "long draws of an even length": flips_where(
        lambda plan, _: plan.count > 4096 and plan.count % 2 == 0
    ),
    "aligned memory": flips_where(lambda _, out: out.data_ptr() % 64 == 0),
    "a few elements in aligned memory": flips_where(
        lambda plan, out: plan.count == 11 and out.data_ptr() % 64 == 0
    ),
    "long draws to aligned memory": flips_where(
        lambda plan, out: plan.count > 1 << 20 and out.data_ptr() % 64 == 0
    ),
    "the second time": wrong_the_second_time(),
    "the last word of a stream": flips_where(lambda plan, _: plan.end == 1 << 64),
    "a single element at the end of a stream": flips_where(
        lambda plan, _: plan.end == 1 << 64 and plan.count == 1
    ),
    "a carry out of 32 bits of words": carry_lost_at(1 << 32),
    "a carry out of 32 bits of blocks": carry_lost_at(1 << 34),
    "a carry out of 32 bits of wide blocks": carry_lost_at(1 << 35),
    "several threads": one_plan_for_all_threads(),
} | {
    f"a span of {span}": flips_where(lambda plan, _, span=span: (plan.low, plan.span) == span)
    for span in trials.RANGES
}


@pytest.mark.parametrize("fault", RARELY_WRONG)
def test_a_backend_that_is_rarely_wrong_is_caught(fault: str) -> None:
    rejected(Imitation(RARELY_WRONG[fault]))


@pytest.mark.parametrize(("kernel", "words"), WORDS_PER_ELEMENT.items())
def test_what_a_backend_is_said_to_be_tried_in_is_tried(
    kernel: tuple[str, str], words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "_answer", lambda plan: bytes(plan.count))
    plans = [plan for plan, _ in trials.answered() if (plan.kind, plan.dtype) == kernel]
    tried = {(plan.first % 4, plan.count) for plan in plans if plan.first < 4}
    lengths = (*range(1, 34), 64, 191, 193, 1025, 4098)
    assert tried >= {(lane, count) for lane in range(4) for count in lengths}
    long = [(plan.position, plan.first % 4) for plan in plans if plan.count > 4096]
    for start in (0, *(1 << n for n in (31, 32, 33, 34, 63)), (1 << 64) - (1 << 14)):
        lanes = {lane for position, lane in long if 0 <= position - start < 4 * words}
        assert lanes == {0, 1, 2, 3}
    for carry in (1 << n for n in (32, 33, 34, 35)):
        assert any(plan.position < carry < plan.end for plan in plans)
    ends = {plan.count for plan in plans if plan.end == 1 << 64}
    assert ends >= {1, 2, 3, 9, 193}
    assert all(plan.key >> 32 and plan.stream >> 32 for plan in plans)


class FromDevice(Imitation):
    """A backend that also draws from a position on its device."""

    def __init__(self, fault: Callable[[int], int | None] = lambda position: position) -> None:
        super().__init__(right)
        self._fault = fault

    def fill_from(self, plan: Plan, out: torch.Tensor, position: torch.Tensor) -> None:
        assert plan.position == 0
        assert (position.dtype, position.numel()) == (torch.int64, 1)
        found = self._fault(int(position))
        if found is None:
            out.zero_()
        else:
            right(replace(plan, position=found % 2**64), out)


def test_a_backend_that_reads_the_position_right_is_accepted() -> None:
    assert check_backend(FromDevice()) == 2 * check_backend(Imitation(right))


@pytest.mark.parametrize(
    "fault",
    [
        lambda position: None,
        lambda position: 0,
        lambda position: position % 2**32,
        lambda position: abs(position),
    ],
    ids=["nothing is drawn", "it is not read", "32 bits of it", "signed"],
)
def test_a_backend_that_reads_the_position_wrong_is_caught(
    fault: Callable[[int], int | None],
) -> None:
    assert "fill_from" in rejected(FromDevice(fault))


# The comparisons of these tests


def test_the_comparison_sees_each_bit_of_each_element() -> None:
    expected = torch.arange(5, dtype=torch.float32)
    for index in range(5):
        for bit in range(32):
            actual = expected.clone()
            actual.view(torch.int32)[index] ^= 1 << bit if bit < 31 else -(1 << 31)
            with pytest.raises(AssertionError, match=f"1 of 5 .* index {index}: got 0x"):
                assert_same_bytes(actual, expected)


def test_the_comparison_names_both_values_and_counts_differences() -> None:
    got, wanted = torch.tensor([1.0, 2.0, -0.0, 4.0]), torch.tensor([1.0, 2.0, 0.0, 5.0])
    message = "here: 2 of 4 elements differ, the first at index 2: got 0x80000000, expected 0x00000"
    with pytest.raises(AssertionError, match=message):
        assert_same_bytes(got, wanted, "here")


def test_the_comparison_takes_a_nan_for_its_own_bits() -> None:
    nan = torch.tensor([float("nan")])
    assert_same_bytes(nan, nan.clone())
    with pytest.raises(AssertionError, match="1 of 1"):
        assert_same_bytes(nan, -nan)


@pytest.mark.parametrize(
    "other", [torch.zeros(3), torch.zeros(2, 2), torch.zeros(4).double(), torch.zeros(4).int()]
)
def test_the_comparison_sees_another_shape_or_type(other: torch.Tensor) -> None:
    with pytest.raises(AssertionError):
        assert_same_bytes(torch.zeros(4), other)


@pytest.mark.parametrize("fault", [one_element_past_the_end, last_element_missing])
def test_the_canvas_sees_writes_outside_and_gaps_inside(fault: Fill) -> None:
    plan = plan_of("normal", "float32", 1, 20)
    Canvas("float32", 20).check(Imitation(), plan, reference_bytes(plan))
    with pytest.raises(AssertionError, match="differ, the first at"):
        Canvas("float32", 20).check(Imitation(fault), plan, reference_bytes(plan))


def test_a_required_backend_that_cannot_run_fails_where_another_one_skips() -> None:
    skip_unless_runnable("one", None, {"one"})
    with pytest.raises(pytest.skip.Exception, match="no such device"):
        skip_unless_runnable("one", "no such device", {"other"})
    with pytest.raises(pytest.fail.Exception, match="no such device"):
        skip_unless_runnable("one", "no such device", {"one"})
