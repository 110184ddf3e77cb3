# SPDX-License-Identifier: Apache-2.0
"""`ambient` makes the draws that name no generator ours, and `strict` lets none happen."""

from __future__ import annotations

import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import numpy as np
import pytest
import torch
from checks import assert_same_bytes
from torch.nn import functional

import reprorng
from reprorng import Generator, ambient, modes, strict
from reprorng.modes import ForeignDrawError
from reprorng.watch import drawing_names

Draw = Callable[[], torch.Tensor]


def empty(*size: int) -> torch.Tensor:
    return torch.full(size, 0.25)


# (what is called, what our generator is asked instead)
OURS: dict[str, tuple[Draw, Callable[[Generator], torch.Tensor]]] = {
    "randn": (lambda: torch.randn(5), lambda g: g.randn(5)),
    "rand": (lambda: torch.rand(2, 3), lambda g: g.rand(2, 3)),
    "randint": (lambda: torch.randint(9, (5,)), lambda g: g.randint(9, (5,))),
    "randperm": (lambda: torch.randperm(9), lambda g: g.randperm(9)),
    "randn_like": (lambda: torch.randn_like(empty(4)), lambda g: g.randn(4)),
    "rand_like": (lambda: torch.rand_like(empty(4)), lambda g: g.rand(4)),
    "normal": (lambda: torch.normal(1.0, 2.0, (3,)), lambda g: g.normal(1.0, 2.0, (3,))),
    "normal_": (lambda: empty(5).normal_(), lambda g: g.randn(5)),
    "uniform_": (lambda: empty(5).uniform_(), lambda g: g.rand(5)),
    "multinomial": (
        lambda: torch.multinomial(empty(7), 3),
        lambda g: g.multinomial(empty(7), 3),
    ),
    "bernoulli": (lambda: torch.bernoulli(empty(9)), lambda g: g.bernoulli(empty(9))),
    "bernoulli_": (lambda: empty(9).bernoulli_(0.5), lambda g: g.bernoulli(empty(9), 0.5)),
    "init": (lambda: torch.nn.init.normal_(empty(6)), lambda g: g.randn(6)),
    "generator=None": (lambda: torch.randn(5, generator=None), lambda g: g.randn(5)),
}

REFUSED: dict[str, Callable[[], object]] = {
    "exponential_": lambda: empty(3).exponential_(),
    "poisson": lambda: torch.poisson(empty(3)),
    "cauchy_": lambda: empty(3).cauchy_(),
    "dropout": lambda: functional.dropout(empty(3), 0.5),
    "dropout_layer": lambda: torch.nn.Dropout(0.5)(empty(3)),
    "rrelu": lambda: functional.rrelu(empty(3), training=True),
    "aten": lambda: torch.ops.aten.rand.default([3]),
    "attention": lambda: functional.scaled_dot_product_attention(
        empty(1, 2, 4), empty(1, 2, 4), empty(1, 2, 4), dropout_p=0.5
    ),
}

DRAW_NOTHING: dict[str, Callable[[], object]] = {
    "arithmetic": lambda: empty(3) @ empty(3),
    "dropout in evaluation": lambda: torch.nn.Dropout(0.5).eval()(empty(3)),
    "attention": lambda: functional.scaled_dot_product_attention(
        empty(1, 2, 4), empty(1, 2, 4), empty(1, 2, 4)
    ),
    "ours": lambda: torch.randn(3, generator=Generator(0)),
    "our own": lambda: reprorng.randn(3, seed=0),
    "meta": lambda: torch.empty(3, device="meta").normal_(),
}


@pytest.mark.parametrize(("call", "ours"), OURS.values(), ids=OURS)
def test_in_ambient_a_draw_without_a_generator_is_ours(
    call: Draw, ours: Callable[[Generator], torch.Tensor]
) -> None:
    before = torch.get_rng_state()
    a, b = Generator(3, stream=1), Generator(3, stream=1)
    with ambient(a) as given:
        assert given is a
        drawn = call()
    assert_same_bytes(drawn, ours(b))
    assert a == b
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_in_ambient_what_we_do_not_draw_raises_by_name(call: Callable[[], object]) -> None:
    g = Generator(0)
    with ambient(g), pytest.raises(NotImplementedError, match=r"does not implement .*test_modes"):
        call()
    assert g == Generator(0)


def test_in_ambient_a_generator_that_was_named_is_left_alone() -> None:
    g = Generator(0)
    with ambient(g):
        ours = torch.randn(3, generator=Generator(1))
        torchs = torch.randn(3, generator=torch.Generator().manual_seed(1))
    assert_same_bytes(ours, reprorng.randn(3, seed=1))
    assert_same_bytes(torchs, torch.randn(3, generator=torch.Generator().manual_seed(1)))
    assert g.position == 0


def test_ambient_puts_back_a_state_that_was_seeded_inside() -> None:
    before = torch.get_rng_state()
    with ambient(Generator(0)):
        torch.manual_seed(0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("call", [call for call, _ in OURS.values()], ids=OURS)
def test_strict_refuses_a_draw_without_a_generator(call: Draw) -> None:
    before = torch.get_rng_state()
    with strict(), pytest.raises(ForeignDrawError, match=r"test_modes\.py:\d+ in <lambda>"):
        call()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_strict_refuses_every_other_draw(call: Callable[[], object]) -> None:
    with strict(), pytest.raises(ForeignDrawError, match="strict: "):
        call()


def test_strict_refuses_a_generator_of_torchs() -> None:
    with strict(), pytest.raises(ForeignDrawError, match=r"torch\.randn"):
        torch.randn(3, generator=torch.Generator())


@pytest.mark.parametrize(
    "scope", [strict, lambda: ambient(Generator(0))], ids=["strict", "ambient"]
)
@pytest.mark.parametrize("call", DRAW_NOTHING.values(), ids=DRAW_NOTHING)
def test_what_draws_nothing_of_torchs_passes(
    call: Callable[[], object], scope: Callable[[], strict | ambient]
) -> None:
    with scope():
        call()


def moved_and_failed(move: Callable[[], object]) -> None:
    move()
    raise KeyError


@pytest.mark.parametrize(
    ("move", "who"),
    [
        (lambda: np.random.rand(), "NumPy's generator"),  # noqa: NPY002  # the global one is meant
        (lambda: random.random(), "Python's generator"),
        (lambda: torch.manual_seed(1), "torch's generator for cpu"),
    ],
    ids=["numpy", "python", "seeded"],
)
def test_strict_names_at_its_end_which_global_generator_moved(
    move: Callable[[], object], who: str
) -> None:
    states = np.random.get_state(), random.getstate(), torch.get_rng_state()  # noqa: NPY002
    try:
        with pytest.raises(ForeignDrawError, match=who), strict():
            move()
        # An error that is on its way already says more.
        with pytest.raises(KeyError), strict():
            moved_and_failed(move)
    finally:
        np.random.set_state(states[0])  # noqa: NPY002
        random.setstate(states[1])
        torch.set_rng_state(states[2])


def test_the_innermost_scope_decides() -> None:
    a, b = Generator(1), Generator(2)
    with ambient(a):
        with ambient(b):
            assert modes.current() is b
            inner = torch.randn(3)
        with strict(), pytest.raises(ForeignDrawError):
            torch.randn(3)
        assert modes.current() is a
        outer = torch.randn(3)
    assert modes.current() is None
    assert_same_bytes(inner, reprorng.randn(3, seed=2))
    assert_same_bytes(outer, reprorng.randn(3, seed=1))


def test_a_scope_ends_with_an_error_and_leaves_nothing_behind() -> None:
    before = torch.get_rng_state()
    with pytest.raises(KeyError), ambient(Generator(0)):
        raise KeyError
    assert modes.current() is None
    assert torch._C._len_torch_function_stack() == 0
    assert torch.equal(torch.get_rng_state(), before)


def test_scopes_are_decorators_and_can_be_entered_again() -> None:
    g = Generator(5)

    @ambient(g)
    def draw() -> torch.Tensor:
        return torch.randn(2)

    assert_same_bytes(torch.cat([draw(), draw()]), reprorng.randn(4, seed=5))


def test_strict_decorates_with_and_without_parentheses() -> None:
    for decorate in (strict, strict()):

        @decorate
        def draw() -> torch.Tensor:
            return torch.randn(2)

        assert draw.__name__ == "draw"
        with pytest.raises(ForeignDrawError):
            draw()
    assert isinstance(strict(), strict)
    with pytest.raises(
        TypeError, match="strict takes keywords, or as a decorator a function, not 3"
    ):
        strict(3)


def test_what_runs_after_its_call_has_returned_cannot_be_decorated() -> None:
    def numbers() -> Iterator[torch.Tensor]:
        yield torch.zeros(3).normal_()

    async def later() -> torch.Tensor:
        return torch.zeros(3).normal_()

    async def each_later() -> AsyncIterator[torch.Tensor]:
        yield torch.zeros(3).normal_()

    for scope in (strict, ambient(Generator(0)), reprorng.deterministic):
        for function in (numbers, later, each_later):
            with pytest.raises(TypeError, match=f"before the body of .*{function.__name__}"):
                scope(function)


def test_a_scope_holds_for_its_own_thread() -> None:
    seen: list[object] = []
    with ambient(Generator(0)):
        thread = threading.Thread(target=lambda: seen.append(modes.current()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_ambient_takes_a_generator_of_ours() -> None:
    with pytest.raises(TypeError, match=r"reprorng\.Generator, not torch"):
        ambient(torch.Generator())  # type: ignore[arg-type]


def test_the_names_of_what_draws_come_from_torchs_own_tags() -> None:
    known = {"randn", "rand", "randint", "randperm", "normal", "multinomial", "bernoulli"}
    known |= {"exponential_", "poisson", "dropout", "rrelu", "normal_", "uniform_", "random_"}
    assert known <= drawing_names()
    assert not {"add", "mul", "empty", "zeros", "linear"} & drawing_names()
