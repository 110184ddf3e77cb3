# SPDX-License-Identifier: Apache-2.0
"""What follows from the contract for every draw of the public interface, as hypothesis properties.

Any value depends on (seed, stream, position, kind, dtype) alone: not on how draws are cut, where
they are written or who computes them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from checks import assert_same_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from reprorng import Generator
from reprorng.backends.cpu import GRAIN

Draw = Callable[..., torch.Tensor]


def draws(kind: str, dtype: torch.dtype) -> Draw:
    """A function (generator, *size, out=...) for one kind of number."""
    if kind == "randint":
        return lambda g, *size, **o: g.randint(-1000, 2_000_000, size, dtype=dtype, **o)
    return lambda g, *size, **o: getattr(g, kind)(*size, dtype=dtype, **o)


FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
# (what to draw, words an element takes)
DRAWS = {
    **{f"randn-{d}": (draws("randn", d), d.itemsize // 8 + 1) for d in FLOATS},
    **{f"rand-{d}": (draws("rand", d), d.itemsize // 8 + 1) for d in FLOATS},
    **{
        f"bits-{d}": (draws("bits", d), d.itemsize // 4)
        for d in (torch.uint32, torch.int32, torch.uint64, torch.int64)
    },
    **{f"randint-{d}": (draws("randint", d), 2) for d in (torch.int64, torch.int32, torch.float32)},
}
every_draw = pytest.mark.parametrize(("draw", "width"), DRAWS.values(), ids=DRAWS)

uint64 = st.integers(0, 2**64 - 1)
# Small ones, and the neighbourhoods of the powers of two at which counters go wrong.
positions = st.one_of(
    st.integers(0, 300),
    st.builds(
        lambda power, off: 2**power + off, st.sampled_from([31, 32, 33, 34, 63]), st.integers(-9, 9)
    ),
    st.integers(0, 2**64 - 5000),
)
counts = st.integers(0, 300)


@st.composite
def generators(draw: st.DrawFn) -> Generator:
    """Any generator, with room for a few thousand words."""
    return Generator(draw(uint64), stream=draw(uint64), position=draw(positions))


def start_of(g: Generator, width: int) -> int:
    """The first word the next element uses."""
    return -(-g.position // width) * width


@every_draw
@settings(max_examples=30)
@given(g=generators(), a=counts, b=counts)
def test_two_draws_are_one_cut_in_two(draw: Draw, width: int, g: Generator, a: int, b: int) -> None:
    whole = g.clone_state()
    assert_same_bytes(torch.cat([draw(g, a), draw(g, b)]), draw(whole, a + b))
    assert g.position == whole.position


@every_draw
@settings(max_examples=30)
@given(g=generators(), a=counts, b=counts)
def test_a_shorter_draw_is_a_prefix(draw: Draw, width: int, g: Generator, a: int, b: int) -> None:
    whole = draw(g.clone_state(), a + b)
    assert_same_bytes(draw(g, a), whole[:a])


@every_draw
@settings(max_examples=30)
@given(g=generators(), skipped=counts, count=counts)
def test_a_slice_needs_nothing_before_it(
    draw: Draw, width: int, g: Generator, skipped: int, count: int
) -> None:
    # Also at odd elements: half of a pair of normals is computed without the other half.
    there = g.at(start_of(g, width) + width * skipped)
    assert_same_bytes(draw(there, count), draw(g, skipped + count)[skipped:])


@every_draw
@settings(max_examples=20)
@given(g=generators(), ends=st.lists(st.integers(0, 150), max_size=12))
def test_any_number_of_cuts_changes_nothing(
    draw: Draw, width: int, g: Generator, ends: list[int]
) -> None:
    cuts = [0, *sorted(ends), 150]
    whole = draw(g.clone_state(), 150)
    pieces = [draw(g, end - start) for start, end in pairwise(cuts)]
    assert_same_bytes(torch.cat(pieces), whole)


@every_draw
@settings(max_examples=20)
@given(g=generators(), count=st.integers(1, 50))
def test_a_draw_takes_the_words_it_says(draw: Draw, width: int, g: Generator, count: int) -> None:
    start = start_of(g, width)  # elements of two words begin at even positions
    draw(g, count)
    assert g.position == start + width * count


@every_draw
@settings(max_examples=20)
@given(g=generators(), count=st.integers(1, 50))
def test_two_word_elements_skip_an_odd_word(
    draw: Draw, width: int, g: Generator, count: int
) -> None:
    aligned = g.at(start_of(g, width))
    assert_same_bytes(draw(g, count), draw(aligned, count))
    assert g == aligned


@settings(max_examples=50)
@given(g=generators(), count=counts)
def test_two_words_are_the_halves_of_a_64_bit_word(g: Generator, count: int) -> None:
    words = g.at(start_of(g, 2)).bits(2 * count).tolist()
    wide = g.bits(count, dtype=torch.uint64).tolist()
    assert wide == [low | high << 32 for low, high in zip(words[::2], words[1::2], strict=True)]


@st.composite
def strided(draw: st.DrawFn) -> tuple[tuple[int, ...], Callable[[torch.Tensor], torch.Tensor]]:
    """The shape of some memory, and a view of it: sliced with steps and offsets, then permuted."""
    shape = tuple(draw(st.lists(st.integers(0, 9), min_size=1, max_size=4)))
    steps = [draw(st.integers(1, 3)) for _ in shape]
    offsets = [draw(st.integers(0, 2)) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    index = tuple(slice(o, None, s) for o, s in zip(offsets, steps, strict=True))
    return shape, lambda memory: memory[index].permute(order)


@every_draw
@settings(max_examples=30)
@given(g=generators(), layout=strided())
def test_strides_change_where_values_lie_and_nothing_else(
    draw: Draw, width: int, g: Generator, layout: tuple
) -> None:
    shape, view_of = layout
    memory = draw(Generator(0), *shape)
    before, outside = memory.clone(), torch.ones(shape, dtype=torch.bool)
    out = view_of(memory)
    view_of(outside).zero_()
    expected = draw(g.clone_state(), *out.shape)
    assert draw(g, *out.shape, out=out) is out
    assert_same_bytes(out, expected)
    signed = getattr(torch, f"int{8 * memory.itemsize}")  # torch selects no unsigned elements
    assert_same_bytes(memory.view(signed)[outside], before.view(signed)[outside], "outside")


@every_draw
@pytest.mark.parametrize("dims", [4, 5])
def test_memory_formats_change_nothing(draw: Draw, width: int, dims: int) -> None:
    shape = (2, 3, 5, 4, 7)[:dims]
    channels_last = torch.channels_last if dims == 4 else torch.channels_last_3d
    plain = draw(Generator(1), *shape)
    out = torch.empty(shape, dtype=plain.dtype, memory_format=channels_last)
    assert not out.is_contiguous()
    assert_same_bytes(draw(Generator(1), *shape, out=out), plain)


@pytest.mark.parametrize("kind", ["randn", "rand"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_new_tensor_in_a_memory_format_has_the_same_values(
    kind: str, memory_format: torch.memory_format
) -> None:
    plain = getattr(Generator(2), kind)(2, 3, 5, 4)
    made = getattr(Generator(2), kind)(2, 3, 5, 4, memory_format=memory_format)
    assert made.is_contiguous(memory_format=memory_format)
    assert_same_bytes(made, plain)
    assert_same_bytes(getattr(Generator(2), f"{kind}_like")(made), plain)


def test_a_view_that_negates_holds_the_same_values() -> None:
    # Torch stores the imaginary part of a conjugate as a flag on the view: memory holds -value.
    out = torch.zeros(9, dtype=torch.complex64).conj().imag
    assert out.is_neg()
    plain = Generator(3).randn(9)
    assert_same_bytes(Generator(3).randn(9, out=out), plain)


@settings(max_examples=100)
@given(g=generators(), count=counts, dtype=st.sampled_from([torch.float16, torch.bfloat16]))
def test_16_bit_normals_are_rounded_float32_normals(
    g: Generator, count: int, dtype: torch.dtype
) -> None:
    assert_same_bytes(g.clone_state().randn(count, dtype=dtype), g.randn(count).to(dtype))


@settings(max_examples=100)
@given(g=generators(), count=counts, dtype=st.sampled_from(FLOATS))
def test_uniforms_are_in_the_half_open_interval(
    g: Generator, count: int, dtype: torch.dtype
) -> None:
    values = g.rand(count, dtype=dtype)
    assert bool(((values >= 0) & (values < 1)).all())


@settings(max_examples=50)
@given(g=generators(), low=st.integers(-(2**63), 2**63 - 1), span=st.integers(1, 2**64))
def test_integers_are_in_their_range(g: Generator, low: int, span: int) -> None:
    high = min(low + span, 2**63)
    assert all(low <= x < high for x in g.randint(low, high, (50,)).tolist())


@every_draw
def test_threads_change_nothing(draw: Draw, width: int, keep_threads: None) -> None:
    # Enough that five threads get a share each, and no multiple of a share, block or pair.
    count = 5 * GRAIN + 3
    torch.set_num_threads(1)
    alone = draw(Generator(4, position=width), count)
    for threads in (2, 3, 8):
        torch.set_num_threads(threads)
        assert_same_bytes(draw(Generator(4, position=width), count), alone, f"{threads} threads")


@settings(max_examples=50)
@given(
    a=st.tuples(uint64, uint64),
    b=st.tuples(uint64, uint64),
    position=st.integers(0, 2**32),
)
def test_other_streams_and_seeds_give_other_words(
    a: tuple[int, int], b: tuple[int, int], position: int
) -> None:
    # Philox is a bijection of the counter for each key, so within a seed even blocks never repeat.
    first, second = (Generator(s, stream=t, position=position).bits(64) for s, t in (a, b))
    assert torch.equal(first, second) == (a == b)


def test_neighbouring_streams_and_seeds_share_no_words() -> None:
    # 2^14 of 2^32 words: about 0.03 equal pairs are expected, and these have none.
    words = [Generator(s, stream=t).bits(1024).tolist() for s in range(4) for t in range(4)]
    assert len({word for stream in words for word in stream}) == 16 * 1024
