# SPDX-License-Identifier: Apache-2.0
"""The `Generator`: its state, how to save, move and derive it, what threads and errors do to it."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from checks import assert_same_bytes
from torch.overrides import TorchFunctionMode

import reprorng
from reprorng import CapturableGenerator, Generator, backends, shortcut
from reprorng.backends.cpu import CpuBackend
from reprorng.device import AnyDevice
from reprorng.plan import Plan, make_plan

LAST = (1 << 64) - 1


def philox(key: int, counter: tuple[int, int, int, int]) -> list[int]:
    """One block, written from the figure of the paper and not from the package.

    The two 32-bit lanes of each half are kept as one 64-bit product, so that a mistake in splitting
    it cannot be made twice.
    """
    left, right = [counter[0], counter[1]], [counter[2], counter[3]]
    keys = [key % 2**32, key // 2**32]
    for _ in range(10):
        high_left, low_left = divmod(0xD2511F53 * left[0], 2**32)
        high_right, low_right = divmod(0xCD9E8D57 * right[0], 2**32)
        left, right = (
            [high_right ^ left[1] ^ keys[0], low_right],
            [high_left ^ right[1] ^ keys[1], low_left],
        )
        keys = [(keys[0] + 0x9E3779B9) % 2**32, (keys[1] + 0xBB67AE85) % 2**32]
    return [*left, *right]


def derived(seed: int, stream: int, data: int, mask: bytes) -> tuple[int, int]:
    """(seed, stream) of the derived generator, as `docs/spec.md`, "Derived streams", defines it."""
    key = seed ^ int.from_bytes(mask.ljust(8, b"\0"), "little")
    w = philox(key, (data % 2**32, data // 2**32, stream % 2**32, stream // 2**32))
    return w[0] + (w[1] << 32), w[2] + (w[3] << 32)


# Construction and seeds


def test_the_philox_of_this_file_gives_the_known_answers_of_random123() -> None:
    assert philox(0, (0, 0, 0, 0)) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ones = 2**32 - 1
    words = [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    assert philox(2**64 - 1, (ones, ones, ones, ones)) == words


def test_the_words_drawn_are_philox_of_the_seed_and_the_stream() -> None:
    # Every half of key and counter is different, so no two can be exchanged unnoticed.
    seed, stream, block = 0x0123456789ABCDEF, 0xFEDCBA9876543210, 0x1122334455667788
    g = Generator(seed, stream=stream, position=4 * block % 2**64)
    block %= 2**62
    counter = (block % 2**32, block // 2**32, stream % 2**32, stream // 2**32)
    assert g.bits(4).tolist() == philox(seed, counter)


def test_a_new_generator_is_at_the_start_of_stream_zero() -> None:
    g = Generator(5)
    assert (g.initial_seed(), g.stream, g.position) == (5, 0, 0)
    assert g.algorithm == reprorng.ALGORITHM == "philox4x32-10/v1"


def test_every_part_of_the_state_can_be_given() -> None:
    g = Generator(LAST, stream=LAST, position=LAST, algorithm="philox4x32-10/v1")
    assert (g.initial_seed(), g.stream, g.position) == (LAST, LAST, LAST)


def test_everything_but_the_seed_is_a_keyword() -> None:
    with pytest.raises(TypeError, match="positional"):
        Generator(1, 2)  # type: ignore[misc]


@pytest.mark.parametrize("seed", [-1, -(2**63), -12345, 0, 1, 2**63, LAST])
def test_a_seed_wraps_exactly_as_in_torch(seed: int) -> None:
    assert Generator(seed).initial_seed() == torch.Generator().manual_seed(seed).initial_seed()


def test_a_negative_seed_draws_the_numbers_of_its_unsigned_twin() -> None:
    assert_same_bytes(Generator(-1).randn(8), Generator(LAST).randn(8))


@pytest.mark.parametrize(
    "seed", [np.int64(-3), np.uint64(2**64 - 3), np.int8(-3)], ids=["int64", "uint64", "int8"]
)
def test_numpy_integers_are_seeds(seed: np.integer) -> None:
    g = Generator(seed)
    assert g.initial_seed() == 2**64 - 3
    # A NumPy integer that were kept would overflow in later arithmetic.
    assert type(g.initial_seed()) is int


@pytest.mark.parametrize("kind", ["stream", "position"])
def test_numpy_integers_are_streams_and_positions(kind: str) -> None:
    g = Generator(0, **{kind: np.uint64(LAST)})
    assert getattr(g, kind) == LAST
    assert type(getattr(g, kind)) is int


def test_without_a_seed_each_generator_takes_another_one_from_the_system() -> None:
    generators = [Generator() for _ in range(8)]
    seeds = {g.initial_seed() for g in generators}
    assert len(seeds) == 8
    # 64 bits and not 32: eight seeds below 2^32 have probability 2^-256.
    assert max(seeds) >= 1 << 32
    assert_same_bytes(generators[0].randn(4), Generator(generators[0].initial_seed()).randn(4))


def test_an_unseeded_generator_leaves_the_global_generators_alone() -> None:
    before = torch.get_rng_state()
    Generator()
    Generator(0).seed()
    assert torch.equal(torch.get_rng_state(), before)


def test_manual_seed_returns_the_generator_at_the_start() -> None:
    g = Generator(1, stream=9)
    g.randn(10)
    assert g.manual_seed(-2) is g
    assert (g.initial_seed(), g.position) == (2**64 - 2, 0)
    assert g == Generator(-2)  # the seed alone decides all that follows


def test_seed_starts_another_stream_and_tells_which() -> None:
    g = Generator(1, position=7)
    seeds = {g.seed() for _ in range(8)}
    assert len(seeds) == 8
    assert max(seeds) >= 1 << 32  # as above: 64 bits and not 32
    assert g.position == 0
    last = g.seed()
    assert last == g.initial_seed()
    assert_same_bytes(g.randn(4), Generator(last).randn(4))


# What it is


@pytest.mark.parametrize("device", [None, "cpu", "cuda:1"])
def test_the_repr_is_an_expression_that_makes_an_equal_generator(device: str | None) -> None:
    g = Generator(-1, stream=3, position=2**64, device=device)
    again = eval(repr(g), {"Generator": Generator})
    assert again == g
    assert again.device == g.device
    assert repr(again) == repr(g)


def test_an_unseeded_generators_repr_tells_its_seed() -> None:
    g = Generator()
    assert f"seed={g.initial_seed()}," in repr(g)


@pytest.mark.parametrize(
    "other",
    [Generator(2), Generator(1, stream=1), Generator(1, position=1)],
    ids=["seed", "stream", "position"],
)
def test_generators_are_equal_if_seed_stream_and_position_are(other: Generator) -> None:
    assert Generator(1) == Generator(1)
    assert Generator(1) != other
    assert Generator(1) != 1


def test_a_device_makes_no_difference_to_equality_because_it_decides_no_number() -> None:
    assert Generator(1, device="cpu") == Generator(1)


def test_equality_follows_the_position() -> None:
    a, b = Generator(1), Generator(1)
    a.randn(3)
    assert a != b
    b.randn(3)
    assert a == b


def test_a_generator_is_unhashable_because_it_changes() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Generator(1))


def test_a_generator_is_no_torch_generator() -> None:
    # A subclass would be taken by torch for its own and silently draw other numbers.
    assert not isinstance(Generator(1), torch.Generator)


# Position


def test_the_position_counts_words_and_rounds_up_for_wide_elements() -> None:
    g = Generator(0)
    seen = []
    draws: list[Callable[[], object]] = [
        lambda: g.randn(3),
        lambda: g.randn(3, dtype=torch.float16),
        lambda: g.randn(3, dtype=torch.bfloat16),
        lambda: g.randn(2, dtype=torch.float64),  # from 9, which is odd, and so from 10
        lambda: g.rand(1),
        lambda: g.rand(1, dtype=torch.float64),
        lambda: g.bits(1),
        lambda: g.bits(1, dtype=torch.int64),
        lambda: g.randint(5, (3,)),
        lambda: g.randint(5, (3,), dtype=torch.uint8),  # as many as for int64
        lambda: g.randperm(2),
    ]
    for draw in draws:
        draw()
        seen.append(g.position)
    assert seen == [3, 6, 9, 14, 15, 18, 19, 22, 28, 34, 38]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_draw_of_nothing_leaves_even_an_odd_position(dtype: torch.dtype) -> None:
    g = Generator(0, position=5)
    g.randn(0, dtype=dtype)
    g.rand(3, 0, 2, dtype=dtype)
    g.randint(5, (0,))
    g.randperm(0)
    g.spawn(0)
    assert g.position == 5


def test_the_position_can_be_set() -> None:
    g = Generator(0)
    x = g.randn(10)
    g.position = 4
    assert g.position == 4
    assert_same_bytes(g.randn(6), x[4:])


@pytest.mark.parametrize("name", ["seed", "stream", "postion"])
def test_what_can_be_set_is_the_position_and_nothing_else(name: str) -> None:
    g = Generator(1, position=3)
    with pytest.raises(AttributeError, match=rf"'{name}' of a Generator.*manual_seed\(seed\)"):
        setattr(g, name, 1234)
    assert g == Generator(1, position=3)
    assert callable(g.seed)


def test_a_subclass_has_attributes_of_its_own() -> None:
    class Named(Generator):
        pass

    g = Named(1)
    g.name = "mine"  # type: ignore[attr-defined]
    assert g.name == "mine"  # type: ignore[attr-defined]
    assert g == Generator(1)


class Tagged(Generator):
    """One that is made in another way, and has something of its own."""

    def __init__(self, tag: str) -> None:
        """See the class."""
        super().__init__(1, stream=2, position=3, device="cpu")
        self.tag = tag


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))]
)
def test_a_copy_of_a_subclass_is_of_it_too(copied: Callable[[Generator], Generator]) -> None:
    g = Tagged("mine")
    other = copied(g)
    assert type(other) is Tagged
    assert (other, other.tag, other.device) == (g, "mine", torch.device("cpu"))
    other.randn(5)
    assert g.position == 3


def test_advance_skips_what_a_draw_would_have_used() -> None:
    g = Generator(0)
    assert g.advance(4) is g
    assert_same_bytes(g.randn(6), Generator(0).randn(10)[4:])
    assert g.advance(-10).position == 0


def test_at_makes_a_generator_elsewhere_and_leaves_this_one() -> None:
    g = Generator(3, stream=4, position=1, device="cpu")
    other = g.at(100)
    assert (other.initial_seed(), other.stream, other.position) == (3, 4, 100)
    assert other.device == torch.device("cpu")
    other.randn(5)
    assert g.position == 1


def test_the_last_words_of_a_stream_can_be_drawn_and_no_more() -> None:
    g = Generator(0, position=2**64 - 3)
    assert g.bits(3).shape == (3,)
    assert g.position == 2**64
    assert g.randn(0).shape == (0,)
    with pytest.raises(OverflowError, match=re_end()):
        g.bits(1)
    assert g.position == 2**64


def test_the_last_wide_element_is_counted_from_the_rounded_position() -> None:
    # Position 2^64 - 3 rounds up to 2^64 - 2, so one float64 fits and two do not.
    g = Generator(0, position=2**64 - 3)
    with pytest.raises(OverflowError, match=re_end()):
        g.randn(2, dtype=torch.float64)
    assert g.position == 2**64 - 3
    g.randn(1, dtype=torch.float64)
    assert g.position == 2**64


def re_end() -> str:
    return r"a stream ends at position 2\*\*64"


# Saving and loading


def some_generators() -> list[Generator]:
    """States in which each half of each number differs, and the one that needs 65 bits."""
    return [
        Generator(0),
        Generator(0x0123456789ABCDEF, stream=0xFEDCBA9876543210, position=0x1122334455667788),
        Generator(LAST, stream=LAST, position=2**64),
    ]


@pytest.mark.parametrize("g", some_generators(), ids=["zero", "halves", "end"])
class TestSaving:
    def test_get_state_is_a_uint8_tensor_that_set_state_takes(self, g: Generator) -> None:
        state = g.get_state()
        assert (state.dtype, state.dim(), state.device.type) == (torch.uint8, 1, "cpu")
        other = Generator(42, position=1)
        assert other.set_state(state) is other
        assert other == g

    def test_state_dict_survives_json(self, g: Generator) -> None:
        other = Generator(42, position=1)
        other.load_state_dict(json.loads(json.dumps(g.state_dict())))
        assert other == g

    def test_state_dict_holds_what_the_constructor_takes(self, g: Generator) -> None:
        assert Generator(**g.state_dict()) == g  # type: ignore[arg-type]

    def test_clone_state_is_equal_and_apart(self, g: Generator) -> None:
        before = repr(g)
        other = g.clone_state()
        assert other == g
        other.manual_seed(77)
        assert repr(g) == before

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_pickle_keeps_the_state(self, g: Generator, protocol: int) -> None:
        assert pickle.loads(pickle.dumps(g, protocol)) == g

    def test_a_copy_is_equal_and_apart(self, g: Generator) -> None:
        before = repr(g)
        for copied in (copy.deepcopy(g), copy.copy(g)):
            assert copied == g
            copied.manual_seed(77)
            assert repr(g) == before


@pytest.mark.parametrize("device", [None, "cpu", "cuda:1"])
def test_every_copy_keeps_the_device(device: str | None) -> None:
    g = Generator(1, device=device)
    copies = [g.clone_state(), copy.deepcopy(g), pickle.loads(pickle.dumps(g)), g.at(3)]
    copies += [g.fold_in(1), *g.spawn(1)]
    assert [made.device for made in copies] == [g.device] * len(copies)


def test_a_loaded_state_draws_on_where_the_saved_one_would_have() -> None:
    g = Generator(1)
    g.randn(3)  # half a pair is in use: the state must be enough to draw the other half
    state = g.get_state()
    expected = g.randn(5)
    assert_same_bytes(Generator(0).set_state(state).randn(5), expected)


def test_a_state_is_a_snapshot() -> None:
    g = Generator(1)
    state, as_dict = g.get_state(), g.state_dict()
    g.randn(3)
    assert Generator(0).set_state(state).position == 0
    assert as_dict["position"] == 0
    state.zero_()  # and writing to it does not reach the generator
    assert g.position == 3


def test_the_bytes_of_a_state_are_those_of_the_specification() -> None:
    state = Generator(0x0102030405060708, stream=9, position=2**64).get_state()
    raw = bytes(state.tolist())
    assert len(raw) == 68
    assert raw[:32] == b"reprorng" + b"philox4x32-10/v1".ljust(24, b"\0")
    assert raw[32:64] == b"".join(
        value.to_bytes(8, "little") for value in (0x0102030405060708, 9, 0, 1)
    )


def test_a_state_that_is_a_strided_view_or_has_two_dimensions_loads() -> None:
    g = Generator(5, position=9)
    padded = torch.zeros(68, 2, dtype=torch.uint8)
    padded[:, 0] = g.get_state()
    assert Generator(0).set_state(padded[:, 0]) == g


# Derived streams


@pytest.mark.parametrize(
    ("seed", "stream", "data"),
    [(0, 0, 0), (1234, 0, 1), (0x0123456789ABCDEF, 0xFEDCBA9876543210, 0x1122334455667788)],
)
def test_fold_in_is_one_philox_block_under_its_mask(seed: int, stream: int, data: int) -> None:
    child = Generator(seed, stream=stream, position=17).fold_in(data)
    assert (child.initial_seed(), child.stream) == derived(seed, stream, data, b"fold_in")
    assert child.position == 0


def test_fold_in_ignores_and_keeps_the_position() -> None:
    g = Generator(1)
    before = g.fold_in(5)
    g.randn(3)
    assert g.fold_in(5) == before
    assert g.position == 3


def test_fold_in_differs_by_data_seed_and_stream() -> None:
    children = [
        Generator(0).fold_in(0),
        Generator(0).fold_in(1),
        Generator(0).fold_in(1 << 32),
        Generator(1).fold_in(0),
        Generator(0, stream=1).fold_in(0),
        Generator(0).fold_in(0).fold_in(0),
    ]
    assert len({repr(child) for child in children}) == len(children)


@pytest.mark.parametrize("position", [0, 6, 2**32 - 2, 2**63])
def test_spawn_numbers_its_children_by_the_words_it_uses(position: int) -> None:
    seed, stream = 0x0123456789ABCDEF, 0xFEDCBA9876543210
    g = Generator(seed, stream=stream, position=position)
    children = g.spawn(3)
    expected = [derived(seed, stream, position + 2 * i, b"spawn") for i in range(3)]
    assert [(child.initial_seed(), child.stream) for child in children] == expected
    assert {child.position for child in children} == {0}
    assert g.position == position + 6


def test_spawn_rounds_an_odd_position_up_first() -> None:
    g = Generator(1, position=5)
    children = g.spawn(2)
    assert g.position == 10
    assert children == Generator(1, position=6).spawn(2)


def test_spawn_gives_other_children_every_time() -> None:
    g = Generator(1)
    children = [*g.spawn(2), *g.spawn(2), *Generator(1, position=1).spawn(0)]
    assert len({repr(child) for child in children}) == 4
    assert children == Generator(1).spawn(4)


def test_fold_in_and_spawn_never_agree() -> None:
    # Both number their children from 0; only the masks keep them apart.
    assert Generator(1).fold_in(0) != Generator(1).spawn(1)[0]


def test_spawn_stops_at_the_end_of_the_stream() -> None:
    g = Generator(1, position=2**64 - 4)
    with pytest.raises(OverflowError, match=re_end()):
        g.spawn(3)
    assert g.position == 2**64 - 4
    assert len(g.spawn(2)) == 2
    assert g.position == 2**64


# Threads and errors


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Let threads interrupt each other between any two bytecodes, not every 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: list[Callable[[], None]]) -> None:
    """Run each in a thread of its own, all at once; raise the first error of any."""
    barrier = threading.Barrier(len(work))
    errors: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        barrier.wait()
        try:
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_no_number_of_words_below_zero_can_be_reserved() -> None:
    g = Generator(0, position=5)
    with pytest.raises(ValueError, match=r"-1 elements.*at least 0"):
        g.reserve(-1, "normal", "float32")
    assert g.position == 5


def test_words_are_given_back_after_an_error_unless_somebody_has_drawn() -> None:
    g = Generator(0, position=5)
    with pytest.raises(KeyError), g.reserve(10, "normal", "float32"):
        raise KeyError
    assert g.position == 5

    def draw_in_between() -> None:
        with g.reserve(10, "normal", "float32"):
            g.randn(1)
            raise KeyError

    with pytest.raises(KeyError):
        draw_in_between()
    assert g.position == 16


def test_a_draw_that_ends_where_the_reserved_one_did_is_no_reason_to_go_back() -> None:
    g = Generator(0)

    def start_again() -> None:
        with g.reserve(10, "normal", "float32"):
            g.position = 0
            g.randn(10)
            raise KeyError

    with pytest.raises(KeyError):
        start_again()
    assert g.position == 10


def test_threads_that_share_a_generator_never_draw_the_same_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow_plan(*args: Any, **kwargs: Any) -> Plan:
        plan = make_plan(*args, **kwargs)
        time.sleep(0.001)  # every other thread gets its chance between reading and moving
        return plan

    monkeypatch.setattr("reprorng.generator.make_plan", slow_plan)
    g = Generator(7)
    lengths = [1, 2, 3, 5, 8]
    drawn: list[list[int]] = [[] for _ in range(8)]

    def draw(into: list[int]) -> None:
        for length in lengths:
            into.extend(g.bits(length).tolist())

    in_threads([lambda into=into: draw(into) for into in drawn])  # type: ignore[misc]
    total = 8 * sum(lengths)
    assert g.position == total
    # Equal as sorted lists: nothing drawn twice, nothing left out.
    assert sorted(word for words in drawn for word in words) == sorted(
        Generator(7).bits(total).tolist()
    )


@pytest.mark.usefixtures("eager_switching")
def test_threads_that_share_a_generator_never_spawn_the_same_child() -> None:
    g = Generator(7)
    children: list[list[Generator]] = [[] for _ in range(8)]

    def spawn(into: list[Generator]) -> None:
        for _ in range(100):
            into.extend(g.spawn(2))

    in_threads([lambda into=into: spawn(into) for into in children])  # type: ignore[misc]
    assert len({repr(child) for some in children for child in some}) == 1600
    assert g.position == 3200


@pytest.mark.usefixtures("eager_switching")
def test_threads_that_advance_a_generator_lose_no_step() -> None:
    g = Generator(7)

    def advance() -> None:
        for _ in range(1000):
            g.advance(1)

    in_threads([advance] * 8)
    assert g.position == 8000


class Failing:
    """A backend whose fill does something and then fails."""

    name = "failing"
    devices = ("cpu",)

    def __init__(self, before_failing: Callable[[], object] = lambda: None) -> None:
        self.before_failing = before_failing

    def why_not(self) -> None:
        return None

    def fill(self, plan: Plan, out: torch.Tensor) -> None:
        self.before_failing()
        raise RuntimeError("the device is on fire")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    backend = Failing()
    # In the first place, where no draw takes it that does not name it.
    monkeypatch.setattr(backends, "_registry", {backend.name: backend, **backends._registry})
    return backend


DRAWS: dict[str, Callable[[Generator], object]] = {
    "randn": lambda g: g.randn(8, backend="failing"),
    "randn float64": lambda g: g.randn(8, dtype=torch.float64, backend="failing"),
    "rand": lambda g: g.rand(8, backend="failing"),
    "bits": lambda g: g.bits(8, backend="failing"),
    "randint": lambda g: g.randint(5, (8,), backend="failing"),
    "randint uint8": lambda g: g.randint(5, (8,), dtype=torch.uint8, backend="failing"),
    "randperm": lambda g: g.randperm(8, backend="failing"),
    "normal": lambda g: g.normal(1.0, 2.0, (8,), backend="failing"),
    "randn_like": lambda g: g.randn_like(torch.empty(8), backend="failing"),
    "normal_": lambda g: g.normal_(torch.empty(8), backend="failing"),
    "normal_ strided": lambda g: g.normal_(torch.empty(8, 2)[:, 0], backend="failing"),
    "uniform_": lambda g: g.uniform_(torch.empty(8), 1, 2, backend="failing"),
    "random_": lambda g: g.random_(torch.empty(8), 5, backend="failing"),
    "bernoulli": lambda g: g.bernoulli(torch.full((8,), 0.5), backend="failing"),
    "bernoulli_": lambda g: g.bernoulli_(torch.empty(8), backend="failing"),
    "multinomial": lambda g: g.multinomial(torch.ones(8), 3, backend="failing"),
}


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_draw_that_fails_gives_its_words_back(draw: Callable[[Generator], object]) -> None:
    g = Generator(1, position=3)
    with pytest.raises(RuntimeError, match="on fire"):
        draw(g)
    assert g == Generator(1, position=3)


def test_a_draw_that_fails_keeps_the_words_another_thread_has_drawn_since(failing: Failing) -> None:
    g = Generator(1)
    drawn: list[torch.Tensor] = []
    failing.before_failing = lambda: in_threads([lambda: drawn.append(g.bits(4, backend="cpu"))])
    with pytest.raises(RuntimeError, match="on fire"):
        g.bits(8, backend="failing")
    # Going back to 0 would hand out the other thread's words a second time.
    assert g.position == 12
    assert_same_bytes(drawn[0], Generator(1, position=8).bits(4))
    assert_same_bytes(g.bits(4), Generator(1, position=12).bits(4))


def test_a_draw_that_fails_does_not_undo_a_seed_set_meanwhile(failing: Failing) -> None:
    g = Generator(1)
    failing.before_failing = lambda: in_threads([lambda: g.manual_seed(2)])
    with pytest.raises(RuntimeError, match="on fire"):
        g.bits(8, backend="failing")
    assert g == Generator(2)


def test_an_interrupted_draw_gives_its_words_back(failing: Failing) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    failing.before_failing = interrupt
    g = Generator(1, position=3)
    with pytest.raises(KeyboardInterrupt):
        g.randn(8, backend="failing")
    assert g.position == 3


LATER: dict[str, Callable[[Generator], object]] = {
    "randperm": lambda g: g.randperm(8),
    "randint": lambda g: g.randint(5, (8,), dtype=torch.uint8),
    "normal_": lambda g: g.normal_(torch.empty(8), 1.0, 2.0),
    "normal": lambda g: g.normal(torch.ones(8), torch.ones(8)),
    "uniform_": lambda g: g.uniform_(torch.empty(8), 1.0, 2.0),
    "uniform_ strided": lambda g: g.uniform_(torch.empty(8, 2)[:, 0], 1.0, 2.0),
    "bernoulli_": lambda g: g.bernoulli_(torch.empty(8)),
    "multinomial": lambda g: g.multinomial(torch.ones(8), 3),
    "multinomial with replacement": lambda g: g.multinomial(torch.ones(8), 3, True),
}


class Interrupting(TorchFunctionMode):
    """Does something in place of a copy after the numbers are made, and interrupts."""

    def __init__(
        self, meanwhile: Callable[[], object], monkeypatch: pytest.MonkeyPatch, copies: int = 0
    ) -> None:
        super().__init__()
        self.meanwhile = meanwhile
        self.copies = copies
        self.filled = 0
        for way in (CpuBackend, shortcut):
            monkeypatch.setattr(way, "fill", self._counted(way.fill))

    def _counted(self, fill: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            done = fill(*args)
            self.filled += done is not False
            return done

        return run

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.filled and func is torch.Tensor.copy_:
            if self.copies == 0:
                self.meanwhile()
                raise KeyboardInterrupt
            self.copies -= 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("capturable", [False, True])
@pytest.mark.parametrize("draw", LATER.values(), ids=LATER)
def test_a_step_after_the_words_that_fails_gives_them_back(
    draw: Callable[[Any], object], capturable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Generator(1, position=3)
    g = CapturableGenerator.from_generator(start, "cpu") if capturable else start.clone_state()
    interrupting = Interrupting(lambda: None, monkeypatch)
    with pytest.raises(KeyboardInterrupt), interrupting:
        draw(g)
    assert interrupting.filled == 1
    assert (g.to_generator() if capturable else g) == start  # type: ignore[union-attr]
    draw(g)
    assert g.position > 3


def test_the_last_copy_of_scaled_numbers_that_fails_gives_them_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    g = Generator(1, position=3)
    with pytest.raises(KeyboardInterrupt), Interrupting(lambda: None, monkeypatch, copies=1):
        g.uniform_(torch.empty(8, 2)[:, 0], 1.0, 2.0)
    assert g.position == 3


@pytest.mark.parametrize("draw", LATER.values(), ids=LATER)
def test_a_step_that_fails_keeps_the_words_another_draw_has_taken_since(
    draw: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    g, same = Generator(1, position=3), Generator(1, position=3)
    draw(same)
    with pytest.raises(KeyboardInterrupt), Interrupting(lambda: g.bits(4), monkeypatch):
        draw(g)
    # Going back to 3 would hand out the other draw's words a second time.
    assert g.position == same.position + 4


@pytest.mark.parametrize("draw", LATER.values(), ids=LATER)
def test_a_step_that_fails_where_another_draw_has_ended_is_no_reason_to_go_back(
    draw: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    g, same = Generator(1), Generator(1)
    draw(same)

    def start_again() -> None:
        g.position = 0
        g.bits(same.position)

    with pytest.raises(KeyboardInterrupt), Interrupting(start_again, monkeypatch):
        draw(g)
    assert g == same


def test_any_device_is_that_of_a_generator_without_one() -> None:
    g = Generator(1, device=Generator(0).device)
    assert isinstance(g.device, AnyDevice)
    assert repr(g) == repr(Generator(1))


def test_a_tensor_of_an_integer_is_a_seed_whatever_its_dtype() -> None:
    drawn = Generator(1).bits(8, dtype=torch.uint64)
    assert max(drawn.tolist()) >= 2**63
    for word in drawn:
        assert Generator(word).initial_seed() == word.item()
    assert Generator(torch.tensor(-1, dtype=torch.int8)) == Generator(-1)


def test_a_dtype_can_be_a_type_of_pythons_as_in_torch() -> None:
    for dtype in (float, int, bool):
        wanted = torch.empty(0, dtype=dtype).dtype
        assert_same_bytes(
            torch.randint(2, (9,), dtype=dtype, generator=Generator(1)),
            Generator(1).randint(2, (9,), dtype=wanted),
        )
    assert_same_bytes(Generator(1).randn(3, dtype=float), Generator(1).randn(3, dtype=torch.double))


def test_a_mean_and_a_std_that_are_tensors_of_a_number_are_numbers_beside_a_size() -> None:
    mean, std = torch.tensor(1.5), torch.tensor(2, dtype=torch.int8)
    drawn = Generator(1).normal(1.5, 2.0, (3,))
    for moments in ((mean, std), (1.5, std), (mean, 2.0)):
        assert_same_bytes(torch.normal(*moments, (3,), generator=Generator(1)), drawn)
