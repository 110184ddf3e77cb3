# SPDX-License-Identifier: Apache-2.0
"""The module functions mean what the methods mean, and what torch means where it has the thing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from checks import assert_same_bytes

import reprorng
from reprorng import Generator

FLOATS = [torch.float32, torch.float16, torch.bfloat16, torch.float64]
INTEGERS = [
    torch.int8,
    torch.uint8,
    torch.int16,
    torch.uint16,
    torch.int32,
    torch.uint32,
    torch.int64,
    torch.uint64,
]

# (name, positional arguments, keywords); a callable argument is called for a fresh tensor.
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("randn", (2, 3), {}),
    ("randn", ((2, 3),), {"dtype": torch.bfloat16}),
    ("rand", (2, 3), {}),
    ("rand", (5,), {"dtype": torch.float64}),
    ("bits", (2, 3), {}),
    ("bits", (3,), {"dtype": torch.int64}),
    ("randint", (10, (2, 3)), {}),
    ("randint", (-5, 10, (4,)), {"dtype": torch.int8}),
    ("randperm", (7,), {}),
    ("normal", (1.0, 2.0, (3,)), {}),
    ("normal", (lambda: torch.arange(3.0), 2.0), {}),
    ("randn_like", (lambda: torch.empty(2, 3),), {}),
    ("rand_like", (lambda: torch.empty(2, 3),), {"dtype": torch.float64}),
    ("normal_", (lambda: torch.empty(2, 3),), {}),
    ("normal_", (lambda: torch.empty(2, 3), 1.0, 2.0), {}),
    ("uniform_", (lambda: torch.empty(2, 3),), {}),
    ("uniform_", (lambda: torch.empty(2, 3), -1.0, 2.0), {}),
    ("random_", (lambda: torch.empty(2, 3, dtype=torch.int64),), {}),
    ("random_", (lambda: torch.empty(2, 3), 9), {}),
    ("random_", (lambda: torch.empty(2, 3), -9, 9), {}),
]
every_call = pytest.mark.parametrize(
    ("name", "args", "kwargs"), CALLS, ids=[f"{i}-{name}" for i, (name, _, _) in enumerate(CALLS)]
)


def fresh(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(arg() if callable(arg) else arg for arg in args)


@pytest.fixture
def default_state() -> Iterator[None]:
    """Leave the default generator as it was found."""
    before = reprorng.default_generator.get_state()
    yield
    reprorng.default_generator.set_state(before)


@pytest.fixture
def default_dtype() -> Iterator[None]:
    """Leave torch's default dtype as it was found."""
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


# Where numbers come from


@every_call
def test_a_function_with_a_generator_is_the_method(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    a, b = Generator(5, stream=2, position=3), Generator(5, stream=2, position=3)
    expected = getattr(a, name)(*fresh(args), **kwargs)
    assert_same_bytes(getattr(reprorng, name)(*fresh(args), generator=b, **kwargs), expected)
    assert a == b
    assert b.position > 3


@every_call
def test_a_function_with_a_seed_is_a_new_generator_each_time(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    expected = getattr(Generator(5, stream=2, position=3), name)(*fresh(args), **kwargs)
    before = repr(reprorng.default_generator)
    for _ in range(2):
        drawn = getattr(reprorng, name)(*fresh(args), seed=5, stream=2, position=3, **kwargs)
        assert_same_bytes(drawn, expected)
    assert repr(reprorng.default_generator) == before


@every_call
@pytest.mark.usefixtures("default_state")
def test_a_function_with_neither_draws_from_the_default_generator(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    g = Generator(8)
    assert reprorng.manual_seed(8) is reprorng.default_generator
    for nothing in ({}, {"generator": None}, {"seed": None}, {"generator": None, "seed": None}):
        expected = getattr(g, name)(*fresh(args), **kwargs)
        drawn = getattr(reprorng, name)(*fresh(args), **nothing, **kwargs)
        assert_same_bytes(drawn, expected)
    assert reprorng.default_generator.position == g.position


@every_call
def test_no_call_touches_torchs_global_generator(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    tensors, before = fresh(args), torch.get_rng_state()
    getattr(reprorng, name)(*tensors, seed=0, **kwargs)
    assert torch.equal(torch.get_rng_state(), before)


def test_stream_and_position_of_a_stateless_draw_are_those_of_a_generator() -> None:
    x = reprorng.randn(10, seed=1)
    assert_same_bytes(reprorng.randn(6, seed=1, position=4), x[4:])
    assert not torch.equal(reprorng.randn(10, seed=1, stream=1), x)
    assert_same_bytes(reprorng.randn(10, seed=-1), reprorng.randn(10, seed=2**64 - 1))
    assert_same_bytes(reprorng.randn(10, seed=np.int64(1), position=np.uint8(0)), x)


def test_draws_follow_each_other_in_the_stream() -> None:
    g = Generator(1)
    parts = [g.randn(3), g.randn(1), g.randn(4)]  # pairs of normals are split twice
    assert_same_bytes(torch.cat(parts), reprorng.randn(8, seed=1))


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _ in CALLS))
def test_an_in_place_function_returns_its_tensor_and_others_a_new_one(name: str) -> None:
    args = next(args for other, args, _ in CALLS if other == name)
    tensors = fresh(args)
    drawn = getattr(reprorng, name)(*tensors, seed=0)
    assert (drawn is tensors[0]) == name.endswith("_")


# Sizes


@pytest.mark.parametrize("function", [reprorng.randn, reprorng.rand, reprorng.bits])
def test_a_size_is_integers_or_one_sequence_or_a_keyword(function: Callable[..., Any]) -> None:
    expected = function(2, 3, seed=0)
    assert expected.shape == (2, 3)
    sizes: list[Any] = [(2, 3), [2, 3], torch.Size([2, 3]), (np.int64(2), np.int32(3))]
    for size in sizes:
        assert_same_bytes(function(size, seed=0), expected)
        assert_same_bytes(function(size=size, seed=0), expected)
        assert_same_bytes(function(*size, seed=0), expected)
    for one in (6, np.int64(6)):
        assert_same_bytes(function(size=one, seed=0).view(2, 3), expected)


@pytest.mark.parametrize("size", [(), (0,), (0, 3), (2, 0, 3), (1,), (1, 1, 1)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_zero_dimensions_and_zero_elements_work_in_every_function(
    size: tuple[int, ...], dtype: torch.dtype
) -> None:
    count = math.prod(size)
    words = count * (2 if dtype == torch.float64 else 1)
    for draw in (
        lambda g: g.randn(size, dtype=dtype),
        lambda g: g.rand(size, dtype=dtype),
        lambda g: g.normal(1.0, 2.0, size, dtype=dtype),
        lambda g: g.normal(torch.ones(size, dtype=dtype), 2.0),
        lambda g: g.randn_like(torch.empty(size, dtype=dtype)),
        lambda g: g.rand_like(torch.empty(size, dtype=dtype)),
        lambda g: g.normal_(torch.empty(size, dtype=dtype)),
        lambda g: g.uniform_(torch.empty(size, dtype=dtype), 1.0, 3.0),
        lambda g: g.randn(size, out=torch.empty(size, dtype=dtype)),
    ):
        g = Generator(0)
        drawn = draw(g)
        assert (drawn.shape, drawn.dtype, g.position) == (size, dtype, words)
    for draw in (
        lambda g: g.randint(5, size, dtype=dtype),
        lambda g: g.random_(torch.empty(size, dtype=dtype), 5),
        lambda g: g.bits(size, dtype=torch.int64),
    ):
        g = Generator(0)
        assert (draw(g).shape, g.position) == (size, 2 * count)


def test_a_zero_dimensional_tensor_holds_the_first_element() -> None:
    assert reprorng.randn((), seed=3).item() == reprorng.randn(1, seed=3).item()
    x = torch.empty(())
    assert reprorng.normal_(x, seed=3) is x
    assert x.item() == reprorng.randn(1, seed=3).item()


def test_a_shape_only_arranges_the_elements() -> None:
    x = reprorng.randn(24, seed=0)
    assert_same_bytes(reprorng.randn(2, 3, 4, seed=0), x.view(2, 3, 4))


# dtype, device, layout, memory format, requires_grad


@pytest.mark.usefixtures("default_dtype")
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_default_dtype_is_torchs(dtype: torch.dtype) -> None:
    expected = [reprorng.randn(3, seed=0, dtype=dtype), reprorng.rand(3, seed=0, dtype=dtype)]
    scaled = reprorng.normal(1.0, 2.0, (3,), seed=0, dtype=dtype)
    torch.set_default_dtype(dtype)
    assert_same_bytes(reprorng.randn(3, seed=0), expected[0])
    assert_same_bytes(reprorng.rand(3, seed=0), expected[1])
    assert_same_bytes(reprorng.normal(1.0, 2.0, (3,), seed=0), scaled)
    assert_same_bytes(reprorng.randn(3, seed=0, dtype=None), expected[0])


@pytest.mark.usefixtures("default_dtype")
def test_integers_and_bits_do_not_follow_the_default_dtype() -> None:
    torch.set_default_dtype(torch.float64)
    assert reprorng.randint(5, (3,), seed=0).dtype == torch.int64
    assert reprorng.randperm(5, seed=0).dtype == torch.int64
    assert reprorng.bits(5, seed=0).dtype == torch.uint32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_16_bit_normals_are_the_float32_ones_rounded(dtype: torch.dtype) -> None:
    expected = reprorng.randn(4096, seed=0).to(dtype)
    assert_same_bytes(reprorng.randn(4096, seed=0, dtype=dtype), expected)
    assert_same_bytes(reprorng.randn_like(expected, seed=0), expected)
    assert_same_bytes(reprorng.normal_(torch.empty(4096, dtype=dtype), seed=0), expected)


def test_bits_of_a_signed_dtype_are_the_same_bits() -> None:
    for signed, unsigned in ((torch.int32, torch.uint32), (torch.int64, torch.uint64)):
        x = reprorng.bits(64, seed=0, dtype=signed)
        assert x.dtype == signed
        assert bool((x < 0).any())
        assert_same_bytes(x.view(unsigned), reprorng.bits(64, seed=0, dtype=unsigned))


def test_64_bits_are_two_words_the_first_one_low() -> None:
    w = reprorng.bits(8, seed=0).tolist()
    expected = [low | high << 32 for low, high in zip(w[::2], w[1::2], strict=True)]
    assert reprorng.bits(4, seed=0, dtype=torch.uint64).tolist() == expected


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), torch.device("cpu", 0), "cpu:0"])
def test_a_device_is_given_as_torch_takes_it(device: Any) -> None:
    expected = torch.empty(3, device=device).device
    drawn = reprorng.randn(3, seed=0, device=device)
    assert drawn.device == expected
    assert_same_bytes(drawn, reprorng.randn(3, seed=0))
    for like in (reprorng.randn_like, reprorng.rand_like):
        assert like(torch.empty(3), seed=0, device=device).device == expected


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a device 0")
def test_a_device_index_is_not_taken_for_no_device() -> None:
    # 0 is the first accelerator: a CPU tensor would be a silent wrong answer.
    for call in (
        lambda: reprorng.randn(3, seed=0, device=0),
        lambda: reprorng.randn_like(torch.empty(3), seed=0, device=0),
        lambda: reprorng.rand_like(torch.empty(3), seed=0, device=0),
        lambda: reprorng.normal(torch.zeros(3), 1.0, seed=0, device=0),
    ):
        with pytest.raises(RuntimeError, match="accelerator"):
            call()


META_CALLS: dict[str, Callable[[Generator], torch.Tensor]] = {
    "randn": lambda g: g.randn(3, device="meta"),
    "rand": lambda g: g.rand(3, dtype=torch.float64, device="meta"),
    "bits": lambda g: g.bits(3, dtype=torch.int32, device="meta"),
    "randint": lambda g: g.randint(5, (3,), device="meta"),
    "randint uint8": lambda g: g.randint(5, (3,), dtype=torch.uint8, device="meta"),
    "randperm": lambda g: g.randperm(3, device="meta"),
    "normal": lambda g: g.normal(1.0, 2.0, (3,), device="meta"),
    "normal tensors": lambda g: g.normal(torch.zeros(3, device="meta"), torch.ones(3).to("meta")),
    "randn_like": lambda g: g.randn_like(torch.empty(3, device="meta")),
    "rand_like": lambda g: g.rand_like(torch.empty(3), device="meta"),
    "normal_": lambda g: g.normal_(torch.empty(3, device="meta"), 1, 2),
    "uniform_": lambda g: g.uniform_(torch.empty(3, device="meta"), 1, 2),
    "random_": lambda g: g.random_(torch.empty(3, device="meta"), 5),
    "out": lambda g: g.randn(3, out=torch.empty(3, device="meta")),
}


@pytest.mark.parametrize("draw", META_CALLS.values(), ids=META_CALLS)
def test_a_meta_tensor_has_a_shape_and_draws_nothing(
    draw: Callable[[Generator], torch.Tensor],
) -> None:
    g = Generator(0, position=5)
    drawn = draw(g)
    assert (drawn.shape, drawn.device.type, g.position) == ((3,), "meta", 5)


def test_torchs_default_device_is_ours() -> None:
    with torch.device("meta"):
        drawn = [
            reprorng.randn(3, seed=0),
            reprorng.randint(5, (3,), seed=0),
            reprorng.randperm(3, seed=0),
            reprorng.normal(1.0, 2.0, (3,), seed=0),
            reprorng.bits(3, seed=0),
        ]
    assert [x.device.type for x in drawn] == ["meta"] * 5


CPU_CALLS: dict[str, Callable[[torch.Tensor, Generator], object]] = {
    "randn": lambda x, g: g.randn(3, device="cpu"),
    "bits": lambda x, g: g.bits(3, dtype=torch.int32, device="cpu"),
    "randint": lambda x, g: g.randint(5, (3,), dtype=torch.uint8, device="cpu"),
    "randperm": lambda x, g: g.randperm(3, device="cpu"),
    "normal": lambda x, g: g.normal(x, 2.0),
    "normal_": lambda x, g: g.normal_(x, 1.0, 2.0),
    "uniform_": lambda x, g: g.uniform_(x, 1.0, 2.0),
    "random_": lambda x, g: g.random_(x, 5),
    "strided": lambda x, g: g.normal_(torch.empty(3, 2, device="cpu")[:, 0]),
    "state": lambda x, g: g.get_state(),
    "set_state": lambda x, g: g.set_state(g.get_state()).randn(3, device="cpu"),
}


@pytest.mark.parametrize("draw", CPU_CALLS.values(), ids=CPU_CALLS)
def test_torchs_default_device_changes_no_draw_that_names_another(
    draw: Callable[[torch.Tensor, Generator], object],
) -> None:
    # Scratch memory of ours must say where it is, or it follows the user's default device.
    expected = draw(torch.ones(3), Generator(0))
    x = torch.ones(3)
    with torch.device("meta"):
        drawn = draw(x, Generator(0))
    assert_same_bytes(drawn, expected)  # type: ignore[arg-type]


def test_the_strided_layout_is_accepted() -> None:
    expected = reprorng.randn(3, seed=0)
    assert_same_bytes(reprorng.randn(3, seed=0, layout=torch.strided), expected)
    assert_same_bytes(reprorng.randn(3, seed=0, layout=None), expected)
    assert_same_bytes(reprorng.randn_like(expected, seed=0, layout=torch.strided), expected)


@pytest.mark.parametrize("name", ["randn", "rand"])
def test_a_memory_format_moves_elements_and_changes_none(name: str) -> None:
    expected = getattr(reprorng, name)(2, 3, 4, 5, seed=0)
    drawn = getattr(reprorng, name)(2, 3, 4, 5, seed=0, memory_format=torch.channels_last)
    assert drawn.is_contiguous(memory_format=torch.channels_last)
    assert_same_bytes(drawn, expected)


def test_like_keeps_the_memory_format_unless_told_otherwise() -> None:
    expected = reprorng.randn(2, 3, 4, 5, seed=0)
    model = torch.empty(2, 3, 4, 5, memory_format=torch.channels_last)
    for x in (model, model.transpose(0, 3).contiguous().transpose(0, 3)):
        drawn = reprorng.randn_like(x, seed=0)
        assert drawn.stride() == torch.empty_like(x).stride() != expected.stride()
        assert_same_bytes(drawn, expected)
    drawn = reprorng.randn_like(model, seed=0, memory_format=torch.contiguous_format)
    assert drawn.stride() == expected.stride()
    assert_same_bytes(drawn, expected)


def test_like_takes_dtype_and_shape_from_its_model() -> None:
    model = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    drawn = reprorng.randn_like(model, seed=0)
    assert_same_bytes(drawn, reprorng.randn(2, 3, seed=0, dtype=torch.float64))
    assert not drawn.requires_grad  # as torch.randn_like
    # An integer model is no obstacle if the dtype is given.
    drawn = reprorng.rand_like(torch.arange(6), seed=0, dtype=torch.float16)
    assert_same_bytes(drawn, reprorng.rand(6, seed=0, dtype=torch.float16))


def test_requires_grad_makes_a_leaf_that_backward_reaches() -> None:
    for draw in (
        lambda: reprorng.randn(3, seed=0, requires_grad=True),
        lambda: reprorng.rand(3, seed=0, requires_grad=True),
        lambda: reprorng.normal(1.0, 2.0, (3,), seed=0, requires_grad=True),
        lambda: reprorng.randn_like(torch.empty(3), seed=0, requires_grad=True),
        lambda: reprorng.randint(9, (3,), seed=0, dtype=torch.float32, requires_grad=True),
        lambda: reprorng.randperm(3, seed=0, dtype=torch.float32, requires_grad=True),
    ):
        x = draw()
        assert x.requires_grad
        assert x.is_leaf
        (2 * x).sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [2, 2, 2]
    assert not reprorng.randn(3, seed=0).requires_grad


def test_pin_memory_is_torchs() -> None:
    if torch.accelerator.is_available():
        assert reprorng.randn(3, seed=0, pin_memory=True).is_pinned()
    else:
        with pytest.raises(RuntimeError, match="pin"):
            reprorng.randn(3, seed=0, pin_memory=True)
    assert not reprorng.randn(3, seed=0, pin_memory=False).is_pinned()


# out= and strides


STRIDED: dict[str, Callable[[torch.dtype], torch.Tensor]] = {
    "transposed": lambda d: torch.zeros(5, 4, dtype=d).t(),
    "every second": lambda d: torch.zeros(4, 10, dtype=d)[:, ::2],
    "column": lambda d: torch.zeros(4, 5, 3, dtype=d)[..., 1],
    "offset": lambda d: torch.zeros(21, dtype=d)[1:].view(4, 5),
    "permuted": lambda d: torch.zeros(5, 1, 4, dtype=d).permute(2, 0, 1).squeeze(-1),
}


@pytest.mark.parametrize("make", STRIDED.values(), ids=STRIDED)
@pytest.mark.parametrize("dtype", FLOATS)
def test_strides_decide_where_an_element_goes_and_not_which_it_is(
    make: Callable[[torch.dtype], torch.Tensor], dtype: torch.dtype
) -> None:
    for draw in (
        lambda g, out: g.randn(4, 5, dtype=dtype, out=out),
        lambda g, out: g.rand(4, 5, out=out),
        lambda g, out: g.normal(1.0, 2.0, (4, 5), out=out),
        lambda g, out: g.randint(9, (4, 5), out=out),
        lambda g, out: g.normal_(out),
        lambda g, out: g.normal_(out, 1.0, 2.0),
        lambda g, out: g.uniform_(out),
        lambda g, out: g.uniform_(out, 1.0, 3.0),
        lambda g, out: g.random_(out, 9),
    ):
        expected = draw(Generator(0), torch.empty(4, 5, dtype=dtype))
        out = make(dtype)
        whole = out._base if out._base is not None else out
        assert draw(Generator(0), out) is out
        assert_same_bytes(out, expected)
        # What lies between the elements of `out` is somebody else's.
        out.zero_()
        assert not whole.any()


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint32, torch.int64, torch.uint64])
def test_strided_bits_are_right(dtype: torch.dtype) -> None:
    expected = reprorng.bits(4, 5, seed=0, dtype=dtype)
    for make in STRIDED.values():
        out = make(dtype)
        assert reprorng.bits(4, 5, seed=0, out=out) is out
        assert_same_bytes(out, expected)


@pytest.mark.parametrize(
    "x",
    [torch._neg_view(torch.zeros(4, 5)), torch.zeros(4, 5, dtype=torch.complex64).conj().imag],
    ids=["contiguous", "strided"],
)
def test_a_view_that_torch_negates_reads_back_what_was_drawn(x: torch.Tensor) -> None:
    # Its memory holds the negative of every number.
    assert x.is_neg()
    reprorng.normal_(x, seed=0)
    assert torch.equal(x, reprorng.randn(4, 5, seed=0))
    reprorng.uniform_(x, 1.0, 2.0, seed=0)
    assert torch.equal(x, reprorng.uniform_(torch.empty(4, 5), 1.0, 2.0, seed=0))


def test_memory_that_is_not_aligned_to_an_element_is_filled_right() -> None:
    x = torch.frombuffer(bytearray(81), dtype=torch.float64, offset=1, count=10)
    assert_same_bytes(reprorng.normal_(x, seed=0), reprorng.randn(10, seed=0, dtype=torch.float64))


def test_a_lazy_copy_is_made_before_it_is_written() -> None:
    x = torch.zeros(5)
    y = torch._lazy_clone(x)  # shares memory with `x` until someone writes
    reprorng.normal_(y, seed=0)
    assert not x.any()


@pytest.mark.parametrize("dtype", FLOATS)
def test_out_decides_the_dtype(dtype: torch.dtype) -> None:
    out = torch.empty(5, dtype=dtype)
    assert reprorng.randn(5, seed=0, out=out) is out
    assert_same_bytes(out, reprorng.randn(5, seed=0, dtype=dtype))


def test_out_decides_the_dtype_of_integers() -> None:
    out = torch.empty(5, dtype=torch.uint8)
    assert reprorng.randint(200, (5,), seed=0, out=out) is out
    assert out.tolist() == reprorng.randint(200, (5,), seed=0).tolist()
    assert reprorng.randperm(5, seed=0, out=out) is out
    assert out.tolist() == reprorng.randperm(5, seed=0).tolist()


def test_out_on_any_device_stays_where_it_is() -> None:
    # "Any device" means where the data is; here that is not torch's default device.
    out = torch.empty(3, device="meta")
    assert Generator(0).randn(3, out=out, device=Generator(0).device) is out


def test_the_cpu_may_be_named_by_its_index() -> None:
    # A tensor there says that it has none; torch takes both for the same.
    out = torch.empty(3)
    for device in ("cpu", "cpu:0", torch.device("cpu", 0)):
        assert Generator(0).randn(3, out=out, device=device) is out
        assert_same_bytes(Generator(0).randn(3, device=device), out)
    with pytest.raises(RuntimeError, match="out is on cpu, but device cpu:1 was asked for"):
        Generator(0).randn(3, out=out, device="cpu:1")


# Integers


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (0, 2), (-3, 4), (0, 10**6 + 3), (-(2**63), 2**63), (2**63 - 1, 2**63), (5, 2**40)],
)
def test_an_integer_is_the_high_half_of_word_times_range(low: int, high: int) -> None:
    words = reprorng.bits(200, seed=0, dtype=torch.uint64).tolist()
    drawn = reprorng.randint(low, high, (200,), seed=0).tolist()
    assert drawn == [low + (word * (high - low) >> 64) for word in words]


def test_randint_takes_its_arguments_in_torchs_ways() -> None:
    expected = reprorng.randint(0, 9, (3,), seed=0)
    for drawn in (
        reprorng.randint(9, (3,), seed=0),
        reprorng.randint(9, size=(3,), seed=0),
        reprorng.randint(high=9, size=(3,), seed=0),
        reprorng.randint(low=0, high=9, size=(3,), seed=0),
        reprorng.randint(0, 9, size=[3], seed=0),
        reprorng.randint(0, high=9, size=(3,), seed=0),
        reprorng.randint(np.int64(0), torch.tensor(9), (np.int64(3),), seed=0),
    ):
        assert_same_bytes(drawn, expected)


@pytest.mark.parametrize("dtype", [*INTEGERS, torch.bool, *FLOATS])
def test_randint_holds_the_same_integers_in_every_dtype(dtype: torch.dtype) -> None:
    high = 2 if dtype == torch.bool else 100
    drawn = reprorng.randint(high, (500,), seed=0, dtype=dtype)
    assert drawn.dtype == dtype
    expected = reprorng.randint(high, (500,), seed=0)
    assert drawn.to(torch.int64).tolist() == expected.tolist()
    assert set(expected.tolist()) == set(range(high))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_randint_reaches_both_ends_of_a_dtype(dtype: torch.dtype) -> None:
    info = torch.iinfo(dtype)
    # Integers come from int64, so the upper half of uint64 is out of reach, as in torch.
    top = min(info.max, 2**63 - 1)
    assert (
        reprorng.randint(info.min, info.min + 1, (2,), seed=0, dtype=dtype).tolist()
        == [info.min] * 2
    )
    assert reprorng.randint(top, top + 1, (2,), seed=0, dtype=dtype).tolist() == [top] * 2


RANDOM_RANGES: dict[torch.dtype, tuple[int, int]] = {
    # What torch documents for `random_()`: all of a dtype that is not negative; for a float,
    # up to 2^mantissa, below which every integer can be held.
    torch.bool: (0, 1),
    torch.int8: (0, 127),
    torch.uint8: (0, 255),
    torch.int16: (0, 2**15 - 1),
    torch.int32: (0, 2**31 - 1),
    torch.int64: (0, 2**63 - 1),
    torch.float16: (0, 2**11),
    torch.bfloat16: (0, 2**8),
    torch.float32: (0, 2**24),
    torch.float64: (0, 2**53),
}


@pytest.mark.parametrize(("dtype", "limits"), RANDOM_RANGES.items(), ids=str)
def test_random_without_bounds_takes_all_the_dtype_holds_from_zero(
    dtype: torch.dtype, limits: tuple[int, int]
) -> None:
    low, high = limits
    words = reprorng.bits(20000, seed=0, dtype=torch.uint64).tolist()
    drawn = reprorng.random_(torch.empty(20000, dtype=dtype), seed=0)
    assert [int(x) for x in drawn.tolist()] == [
        low + (word * (high + 1 - low) >> 64) for word in words
    ]


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.float32])
def test_random_takes_one_bound_or_two(dtype: torch.dtype) -> None:
    x = torch.empty(50, dtype=dtype)
    expected = reprorng.randint(7, (50,), seed=0, dtype=dtype)
    assert_same_bytes(reprorng.random_(x, 7, seed=0), expected)
    assert_same_bytes(reprorng.random_(x, 0, 7, seed=0), expected)
    assert_same_bytes(reprorng.random_(x, low=0, high=7, seed=0), expected)
    # `high` alone is the bound: every value must lie below it.
    assert_same_bytes(reprorng.random_(x, high=7, seed=0), expected)
    expected = reprorng.randint(3, 7, (50,), seed=0, dtype=dtype)
    assert_same_bytes(reprorng.random_(x, 3, 7, seed=0), expected)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 1000])
def test_a_permutation_is_the_order_of_the_next_64_bit_words(n: int) -> None:
    words = reprorng.bits(n, seed=0, dtype=torch.uint64).tolist()
    drawn = reprorng.randperm(n, seed=0)
    assert drawn.dtype == torch.int64
    assert drawn.tolist() == sorted(range(n), key=words.__getitem__)
    # Words with the highest bit set are not negative: the order is that of unsigned words.
    assert n < 1000 or any(word >> 63 for word in words)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, *FLOATS])
def test_a_permutation_is_the_same_in_every_dtype(dtype: torch.dtype) -> None:
    drawn = reprorng.randperm(200, seed=0, dtype=dtype)
    assert drawn.dtype == dtype
    assert drawn.to(torch.int64).tolist() == reprorng.randperm(200, seed=0).tolist()


# Scaled normals and uniforms


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_scaled_normal_is_rounded_after_each_operation(dtype: torch.dtype) -> None:
    mean, std = 0.1, 0.3  # neither is a float: they are rounded to the dtype first
    real = {torch.float32: np.float32, torch.float64: np.float64}[dtype]
    x = reprorng.randn(1000, seed=0, dtype=dtype).numpy()
    expected = torch.from_numpy(x * real(std) + real(mean))
    assert_same_bytes(reprorng.normal(mean, std, (1000,), seed=0, dtype=dtype), expected)
    assert_same_bytes(reprorng.normal_(torch.empty(1000, dtype=dtype), mean, std, seed=0), expected)
    means, stds = torch.full((1000,), mean, dtype=dtype), torch.full((1000,), std, dtype=dtype)
    for given in ((means, stds), (means, std), (mean, stds)):
        assert_same_bytes(reprorng.normal(*given, seed=0), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_scaled_16_bit_normal_is_rounded_once(dtype: torch.dtype) -> None:
    x = reprorng.randn(4096, seed=0)
    expected = (x * 3.0 + 100.0).to(dtype)
    assert_same_bytes(reprorng.normal(100.0, 3.0, (4096,), seed=0, dtype=dtype), expected)
    # Rounding in between gives other numbers, so the comparison above means something.
    assert not torch.equal(expected, x.to(dtype) * 3.0 + 100.0)


@pytest.mark.parametrize("dtype", FLOATS)
def test_mean_zero_and_std_one_are_the_plain_normals(dtype: torch.dtype) -> None:
    expected = reprorng.randn(64, seed=0, dtype=dtype)
    for zero, one in ((0, 1), (0.0, 1.0), (-0.0, True)):
        assert_same_bytes(reprorng.normal(zero, one, (64,), seed=0, dtype=dtype), expected)
    tensors = torch.zeros(64, dtype=dtype), torch.ones(64, dtype=dtype)
    assert_same_bytes(reprorng.normal(*tensors, seed=0), expected)


def test_normal_has_torchs_forms_and_defaults() -> None:
    expected = reprorng.randn(3, seed=0) * 2 + 1
    for drawn in (
        reprorng.normal(mean=1.0, std=2.0, size=(3,), seed=0),
        reprorng.normal(1, 2, [3], seed=0),
        reprorng.normal(torch.tensor(1.0), torch.full((3,), 2.0), seed=0),
        reprorng.normal(torch.ones(1), torch.full((3,), 2.0), seed=0),
    ):
        assert_same_bytes(drawn, expected)
    # torch's defaults for a missing mean and std
    assert_same_bytes(reprorng.normal(std=torch.ones(3), seed=0), reprorng.randn(3, seed=0))
    assert_same_bytes(reprorng.normal(torch.zeros(3), seed=0), reprorng.randn(3, seed=0))


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        (torch.zeros(2, 1), torch.ones(3)),
        (torch.zeros(3, dtype=torch.float16), torch.ones(3)),
        (torch.zeros((), dtype=torch.float64), torch.ones(3)),
        (0.0, torch.ones(2, dtype=torch.float64)),
        (torch.zeros(2, dtype=torch.bfloat16), 1.0),
    ],
    ids=["broadcast", "half and float", "0-d and float", "number", "bfloat16"],
)
def test_normal_of_tensors_has_torchs_shape_and_dtype(mean: Any, std: Any) -> None:
    expected = torch.normal(mean, std)
    drawn = reprorng.normal(mean, std, seed=0)
    assert (drawn.shape, drawn.dtype) == (expected.shape, expected.dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_standard_deviation_of_zero_gives_the_mean(dtype: torch.dtype) -> None:
    g = Generator(0)
    mean = torch.arange(5, dtype=dtype)
    assert_same_bytes(g.normal(mean, 0.0), mean)
    assert g.position == (10 if dtype == torch.float64 else 5)  # the words are used all the same


def test_out_may_be_the_mean_or_share_memory_with_it() -> None:
    mean, std = torch.arange(6.0), torch.arange(1.0, 7.0)
    expected = reprorng.normal(mean, std, seed=0)
    aliased = mean.clone()
    assert reprorng.normal(aliased, std, seed=0, out=aliased) is aliased
    assert_same_bytes(aliased, expected)
    aliased = std.clone()
    assert_same_bytes(reprorng.normal(mean, aliased, seed=0, out=aliased), expected)
    # Shifted by one: filling in order would overwrite means still to be read.
    memory = torch.cat([mean, torch.zeros(1)])
    assert_same_bytes(reprorng.normal(memory[:-1], std, seed=0, out=memory[1:]), expected)


def below(high: float, dtype: torch.dtype) -> float:
    """The largest number of the dtype below `high`, which the dtype must hold."""
    return torch.nextafter(
        torch.tensor(high, dtype=dtype), torch.tensor(-math.inf, dtype=dtype)
    ).item()


# Ranges a few of whose numbers round to the upper bound unless that is prevented.
TIGHT = {
    torch.float16: (1.0, 2.0),
    torch.bfloat16: (1.0, 2.0),
    torch.float32: (1.0, 1.0 + 2.0**-21),
    torch.float64: (1.0, 1.0 + 2.0**-50),
}


@pytest.mark.parametrize(("dtype", "limits"), TIGHT.items(), ids=str)
def test_uniform_never_reaches_its_upper_bound_by_rounding(
    dtype: torch.dtype, limits: tuple[float, float]
) -> None:
    low, high = limits
    computed = dtype if dtype == torch.float64 else torch.float32
    x = reprorng.rand(1 << 16, seed=0, dtype=dtype).to(computed)
    unchecked = (x * (high - low) + low).to(dtype)
    assert unchecked.max() == high  # else this range would prove nothing
    drawn = reprorng.uniform_(torch.empty(1 << 16, dtype=dtype), low, high, seed=0)
    assert drawn.max().item() == below(high, dtype)
    assert drawn.min().item() == low
    assert_same_bytes(drawn, unchecked.clamp(max=below(high, dtype)))


@pytest.mark.parametrize(
    ("low", "high"),
    [(-1.0, 1.0), (0.0, 3.0), (-2.0, -1.0), (0.0, 1e-3), (100.0, 101.0), (-0.3, 0.3), (0.0, 1e-7)],
)
@pytest.mark.parametrize("dtype", FLOATS)
def test_uniform_stays_below_its_upper_bound_as_a_real_number(
    dtype: torch.dtype, low: float, high: float
) -> None:
    drawn = reprorng.uniform_(torch.empty(1 << 14, dtype=dtype), low, high, seed=0)
    exact = drawn.to(torch.float64)
    assert exact.max().item() < high
    # From below the dtype's own `low` bounds it, which may lie a rounding off.
    assert exact.min().item() >= torch.tensor(low, dtype=dtype).item()


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_empty_uniform_range_gives_its_bound_as_in_torch(dtype: torch.dtype) -> None:
    x = torch.empty(3, dtype=dtype)
    assert reprorng.uniform_(x, 2.0, 2.0, seed=0).tolist() == [2.0] * 3
    assert x.clone().uniform_(2.0, 2.0).tolist() == [2.0] * 3


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_widest_uniform_range_is_finite_in_every_number(dtype: torch.dtype) -> None:
    top = torch.finfo(dtype).max
    drawn = reprorng.uniform_(torch.empty(4096, dtype=dtype), -top / 2, top / 2, seed=0)
    assert bool(torch.isfinite(drawn).all())
    assert drawn.min() < 0 < drawn.max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_scaled_uniform_is_rounded_after_each_operation(dtype: torch.dtype) -> None:
    low, high = 0.1, 0.8
    real = {torch.float32: np.float32, torch.float64: np.float64}[dtype]
    x = reprorng.rand(1000, seed=0, dtype=dtype).numpy()
    expected = torch.from_numpy(x * real(high - low) + real(low))
    drawn = reprorng.uniform_(torch.empty(1000, dtype=dtype), low, high, seed=0)
    assert_same_bytes(drawn, expected)


@pytest.mark.parametrize("dtype", FLOATS)
def test_uniform_without_bounds_is_rand(dtype: torch.dtype) -> None:
    expected = reprorng.rand(64, seed=0, dtype=dtype)
    assert_same_bytes(reprorng.uniform_(torch.empty(64, dtype=dtype), seed=0), expected)
    assert_same_bytes(reprorng.uniform_(torch.empty(64, dtype=dtype), 0, 1, seed=0), expected)


# In float32 itself torch's own operations flush, and docs/spec.md says so.
@pytest.mark.parametrize("dtype", [torch.float16])
def test_flushing_subnormals_changes_no_scaled_draw(dtype: torch.dtype) -> None:
    scale = 1e-6

    def draw() -> list[torch.Tensor]:
        return [
            reprorng.normal_(torch.empty(256, dtype=dtype), 0.0, scale, seed=0),
            reprorng.uniform_(torch.empty(256, dtype=dtype), 0.0, scale, seed=0),
        ]

    expected = draw()
    tiny = torch.finfo(dtype).tiny
    assert all(bool(((x != 0) & (x.abs() < tiny)).any()) for x in expected)
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush subnormals")
    try:
        flushed = draw()
    finally:
        torch.set_flush_denormal(False)
    for got, wanted in zip(flushed, expected, strict=True):
        assert_same_bytes(got, wanted)


# Autograd

IN_PLACE: dict[str, Callable[[torch.Tensor], object]] = {
    "normal_": lambda x: reprorng.normal_(x, seed=0),
    "normal_ scaled": lambda x: reprorng.normal_(x, 1.0, 2.0, seed=0),
    "uniform_": lambda x: reprorng.uniform_(x, seed=0),
    "uniform_ scaled": lambda x: reprorng.uniform_(x, 1.0, 2.0, seed=0),
    "random_": lambda x: reprorng.random_(x, 5, seed=0),
    "randn out": lambda x: reprorng.randn(x.shape, seed=0, out=x),
    "normal out": lambda x: reprorng.normal(1.0, 2.0, x.shape, seed=0, out=x),
    "randint out": lambda x: reprorng.randint(5, x.shape, seed=0, out=x),
    "randperm out": lambda x: reprorng.randperm(len(x), seed=0, out=x),
}


@pytest.mark.parametrize("overwrite", IN_PLACE.values(), ids=IN_PLACE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])  # of one word and of two
@pytest.mark.parametrize("strided", [False, True], ids=["contiguous", "strided"])
def test_a_tensor_saved_for_backward_cannot_be_overwritten_unnoticed(
    overwrite: Callable[[torch.Tensor], object], strided: bool, dtype: torch.dtype
) -> None:
    x = torch.ones(4, requires_grad=True, dtype=dtype)
    saved = torch.ones(4, 2, dtype=dtype)[:, 0] if strided else torch.ones(4, dtype=dtype)
    y = (x * saved).sum()  # backward needs `saved`
    before = saved._version
    overwrite(saved)
    assert saved._version > before
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_integers_count_as_a_change_too() -> None:
    for dtype in (torch.int32, torch.int64):
        x = torch.zeros(4, dtype=dtype)
        for overwrite in (reprorng.bits, lambda n, **options: reprorng.randint(5, (n,), **options)):
            before = x._version
            overwrite(4, seed=0, out=x)
            assert x._version > before


def test_a_parameter_is_filled_under_no_grad_and_still_requires_grad() -> None:
    for backend in ("cpu", "reference"):
        p = torch.nn.Parameter(torch.zeros(4))
        with torch.no_grad():
            assert reprorng.normal_(p, seed=0, backend=backend) is p
        assert p.requires_grad
        assert_same_bytes(p, reprorng.randn(4, seed=0))


def test_a_draw_is_no_part_of_a_graph() -> None:
    mean = torch.zeros(3, requires_grad=True)
    drawn = reprorng.normal_(torch.empty(3), seed=0)
    assert drawn.grad_fn is None
    assert reprorng.randn(3, seed=0).is_leaf
    with torch.enable_grad():
        assert not reprorng.randn_like(mean, seed=0).requires_grad


@every_call
def test_inference_mode_changes_no_number(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    expected = getattr(reprorng, name)(*fresh(args), seed=0, **kwargs)
    outside = fresh(args)
    with torch.inference_mode():
        inside = getattr(reprorng, name)(*fresh(args), seed=0, **kwargs)
        # A normal tensor can be filled inside as well.
        drawn = getattr(reprorng, name)(*outside, seed=0, **kwargs)
    assert_same_bytes(inside, expected)
    assert_same_bytes(drawn, expected)
    assert inside.is_inference()


# Backends


def test_a_backend_is_forced_by_argument_and_changes_no_number() -> None:
    for name, args, kwargs in CALLS:
        expected = getattr(reprorng, name)(*fresh(args), seed=0, **kwargs)
        drawn = getattr(reprorng, name)(*fresh(args), seed=0, backend="reference", **kwargs)
        assert_same_bytes(drawn, expected, name)
