# SPDX-License-Identifier: Apache-2.0
"""What autograd learns of a draw in place is what it learns of torch's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.autograd import forward_ad
from torch.autograd.graph import allow_mutation_on_saved_tensors

import reprorng
from reprorng import Generator

Generators = Generator | torch.Generator

IN_PLACE: dict[str, Callable[[torch.Tensor, Generators], object]] = {
    "normal_": lambda x, g: x.normal_(generator=g),
    "normal_ scaled": lambda x, g: x.normal_(1.0, 2.0, generator=g),
    "uniform_": lambda x, g: x.uniform_(generator=g),
    "uniform_ scaled": lambda x, g: x.uniform_(1.0, 2.0, generator=g),
    "random_": lambda x, g: x.random_(5, generator=g),
    "bernoulli_": lambda x, g: x.bernoulli_(0.5, generator=g),
}
DTYPES = (torch.float32, torch.float64, torch.bfloat16)

in_place = pytest.mark.parametrize("draw", IN_PLACE.values(), ids=IN_PLACE)


@in_place
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_a_backward_pass_needs_is_kept_where_torch_keeps_it(
    draw: Callable[[torch.Tensor, Generators], object], dtype: torch.dtype
) -> None:
    with allow_mutation_on_saved_tensors():
        a = torch.ones(3, dtype=dtype, requires_grad=True)
        saved = torch.full((3,), 5.0, dtype=dtype)
        product = (a * saved).sum()
        draw(saved, Generator(1))
        product.backward()
    assert a.grad is not None
    assert a.grad.tolist() == [5, 5, 5]
    assert saved.tolist() != [5, 5, 5]


def test_it_is_kept_where_a_draw_is_into_out_or_ours_by_a_scope() -> None:
    with allow_mutation_on_saved_tensors(), reprorng.ambient(Generator(1)):
        a = torch.ones(3, requires_grad=True)
        first, second = torch.full((3,), 5.0), torch.full((3,), 7.0)
        sums = (a * first).sum() + (a * second).sum()
        torch.randn(3, out=first, generator=Generator(1))
        second.normal_()
        sums.backward()
    assert a.grad is not None
    assert a.grad.tolist() == [12, 12, 12]


def test_where_a_mode_of_torchs_looks_on_the_numbers_are_the_same() -> None:
    for name, draw in IN_PLACE.items():
        alone, watched = torch.empty(9), torch.empty(9)
        draw(alone, Generator(1))
        with allow_mutation_on_saved_tensors():
            draw(watched, Generator(1))
        assert torch.equal(alone, watched), name


@in_place
def test_what_is_drawn_over_has_no_gradient_any_more(
    draw: Callable[[torch.Tensor, Generators], object],
) -> None:
    for generator in (Generator(1), torch.Generator()):
        w = torch.ones(3, requires_grad=True)
        y = w * 1
        draw(y[:2], generator)
        y.sum().backward()
        assert w.grad is not None
        assert w.grad.tolist() == [0, 0, 1]
    g = Generator(1)
    draw(torch.ones(3, requires_grad=True) * 1, g)
    same = Generator(1)
    draw(torch.ones(3), same)
    assert g == same


OUT: dict[str, Callable[[torch.Tensor, Generator], object]] = {
    "randn": lambda out, g: torch.randn(3, out=out, generator=g),
    "randint": lambda out, g: torch.randint(5, (3,), out=out, generator=g),
    "normal": lambda out, g: torch.normal(torch.zeros(3), 1.0, out=out, generator=g),
    "bernoulli": lambda out, g: torch.bernoulli(torch.ones(3), out=out, generator=g),
}


@pytest.mark.parametrize("draw", OUT.values(), ids=OUT)
def test_out_may_not_depend_on_others(draw: Callable[[torch.Tensor, Generator], object]) -> None:
    w, g = torch.ones(3, requires_grad=True), Generator(1)
    y = w * 1
    with pytest.raises(RuntimeError, match=r"out requires grad.*no_grad"):
        draw(y, g)
    assert g == Generator(1)
    y.sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [1, 1, 1]


def view_of_leaf() -> torch.Tensor:
    return torch.ones(3, requires_grad=True)[:2]


def view_without_history() -> torch.Tensor:
    """A view of which autograd has not seen how it was made."""
    y = torch.ones(3, requires_grad=True) * 1
    with torch.no_grad():
        return y[:2]


@in_place
@pytest.mark.parametrize("made", [view_of_leaf, view_without_history])
def test_where_torch_draws_over_no_view_neither_do_we_and_no_word_is_used(
    draw: Callable[[torch.Tensor, Generators], object], made: Callable[[], torch.Tensor]
) -> None:
    g = Generator(1, position=3)
    for generator in (g, torch.Generator()):
        with pytest.raises(RuntimeError, match=r"view|requires grad"):
            draw(made(), generator)
    assert g == Generator(1, position=3)


@pytest.mark.filterwarnings("ignore:.*torch.jit")  # which the first of them compiles with
def test_a_mean_with_a_tangent_gives_none_to_what_is_drawn() -> None:
    with forward_ad.dual_level():
        x = forward_ad.make_dual(torch.ones(3), torch.full((3,), 5.0))
        for mean, std in ((x, 1.0), (0.0, x), (x, x)):
            drawn = torch.normal(mean, std, generator=Generator(1))  # type: ignore[arg-type]
            tangent = forward_ad.unpack_dual(drawn).tangent
            assert tangent is None or not tangent.any()
