# SPDX-License-Identifier: Apache-2.0
"""`bernoulli` and `multinomial`: the specification as code, then what follows from it.

The comparison is with a second reading of `docs/spec.md`, "Choices", in NumPy and integers of
Python; it shares nothing with the package but the reference's normal and uniform numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from checks import assert_same_bytes

import reprorng
from reprorng import Generator, backends, choices, shortcut
from reprorng.backends import Backend
from reprorng.backends.cpu import CpuBackend

FLOATS = [torch.float32, torch.float16, torch.bfloat16, torch.float64]
# An odd one, so that words of 64 bits have to be aligned.
POSITION = 7


@pytest.fixture(autouse=True)
def torchs_generator_stays() -> Iterator[None]:
    """Fail if a test's draws moved torch's global generator."""
    before = torch.get_rng_state()
    yield
    assert torch.equal(torch.get_rng_state(), before)


def drawn(kind: str, shape: tuple[int, ...], dtype: torch.dtype) -> np.ndarray:
    """What a generator at `POSITION` draws, from the reference."""
    generator = Generator(11, stream=5, position=POSITION)
    return getattr(generator, kind)(*shape, dtype=dtype, backend="reference").double().numpy()


def generator() -> Generator:
    return Generator(11, stream=5, position=POSITION)


def on_backend(backend: Backend, draw: Callable[[Generator], torch.Tensor]) -> torch.Tensor:
    with backends.use(backend.name):
        return draw(generator())


def weights_of(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Weights of every size, a few of them zero, that add up to no round number."""
    weights = reprorng.rand(*shape, seed=3).mul_(9).exp_().to(dtype)
    return weights.masked_fill_(reprorng.rand(*shape, seed=4) < 0.2, 0.0)


def race(weights: torch.Tensor, count: int) -> list[list[int]]:
    """The specification of a draw without replacement, row by row."""
    rows = weights.double().reshape(-1, weights.shape[-1]).numpy()
    x, y = np.moveaxis(drawn("randn", (*rows.shape, 2), torch.float32), -1, 0)
    with np.errstate(divide="ignore"):
        speeds = np.where(rows > 0, rows / (x * x + y * y), -1.0)
    return [sorted(range(len(row)), key=lambda j: (-row[j], j))[:count] for row in speeds]


def shares(weights: torch.Tensor, count: int) -> list[list[int]]:
    """The specification of a draw with replacement, row by row, with integers for the sums."""
    rows = weights.double().reshape(-1, weights.shape[-1]).tolist()
    uniforms = drawn("rand", (len(rows), count), torch.float64).tolist()
    size = math.ceil(math.log2(len(rows[0])))
    results = []
    for row, us in zip(rows, uniforms, strict=True):
        parts = [math.floor(p / max(row) * 2.0 ** (53 - size)) for p in row]
        ends = [sum(parts[: j + 1]) for j in range(len(parts))]
        assert ends[-1] <= 2**53
        results.append([sum(end <= Fraction(u * ends[-1]) for end in ends) for u in us])
    return results


# By the specification, on every backend


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(40,), (1, 1), (30, 7), (3, 100)])
def test_without_replacement_it_is_the_race_of_the_specification(
    backend: Backend, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    weights = weights_of(shape, dtype) + (dtype is torch.bfloat16 or shape == (1, 1))
    most = int((weights > 0).sum(-1).min())
    for count in {1, min(2, most), most}:
        got = on_backend(backend, lambda g, n=count: torch.multinomial(weights, n, generator=g))
        wanted = torch.tensor(race(weights, count)).view(*shape[:-1], count)
        assert_same_bytes(got, wanted)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(40,), (1, 1), (30, 7), (3, 64), (2, 65)])
def test_with_replacement_it_is_the_sums_of_the_specification(
    backend: Backend, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    weights = weights_of(shape, dtype) + (shape == (1, 1))
    for count in (1, 50):
        got = on_backend(
            backend, lambda g, n=count: torch.multinomial(weights, n, True, generator=g)
        )
        wanted = torch.tensor(shares(weights, count)).view(*shape[:-1], count)
        assert_same_bytes(got, wanted)


@pytest.mark.parametrize("dtype", [*FLOATS, torch.bool, torch.uint8, torch.int64])
def test_bernoulli_is_1_where_a_uniform_number_is_below_the_probability(
    backend: Backend, dtype: torch.dtype
) -> None:
    uniform = drawn("rand", (50,), torch.float32)
    for p in (0.0, 1.0, 0.5, 0.3, 1 / 3, float(uniform[7]), np.nextafter(uniform[7], 1)):
        got = on_backend(
            backend, lambda g, p=p: torch.empty(50, dtype=dtype).bernoulli_(p, generator=g)
        )
        assert_same_bytes(got, torch.from_numpy(uniform < p).to(dtype), str(p))


@pytest.mark.parametrize("dtype", FLOATS)
def test_bernoulli_takes_the_probabilities_of_a_tensor_as_they_are(
    backend: Backend, dtype: torch.dtype
) -> None:
    uniform = drawn("rand", (50,), torch.float32)
    # Some are the numbers they are compared with, or nearly, and some are just above.
    p = torch.from_numpy(uniform.copy()).to(dtype).clamp_(max=1)
    p[::2] = torch.nextafter(p[::2], torch.ones(25, dtype=dtype))
    wanted = torch.from_numpy(uniform < p.double().numpy())
    assert wanted.any()
    assert not wanted.all()
    got = on_backend(backend, lambda g: torch.bernoulli(p, generator=g))
    assert_same_bytes(got, wanted.to(dtype))
    got = on_backend(backend, lambda g: torch.empty(50).bernoulli_(p, generator=g))
    assert_same_bytes(got, wanted.float())


def test_these_choices_are_frozen() -> None:
    weights = torch.tensor([[1.0, 2.0, 0.0, 4.0], [0.1, 0.2, 0.3, 0.4]])
    assert reprorng.multinomial(weights, 3, seed=8).tolist() == [[1, 0, 3], [2, 3, 1]]
    shared = [[3, 3, 1, 0, 1, 3], [3, 3, 3, 3, 1, 0]]
    assert reprorng.multinomial(weights, 6, True, seed=8).tolist() == shared
    flipped = [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    assert reprorng.bernoulli(weights / 4, seed=8).tolist() == flipped


@pytest.mark.parametrize("weights", [(1, 3), (0, 2), (1, 1), (0, 1, 3), (3, 5, 0, 7), range(1, 9)])
def test_next_to_where_a_share_ends_it_is_the_integers_of_the_specification(
    weights: Sequence[int],
) -> None:
    room = 53 - (len(weights) - 1).bit_length()
    parts = [math.floor(w / max(weights) * 2.0**room) for w in weights]
    ends = list(accumulate(parts))
    words = {0, *(2**53 * end // ends[-1] + step for end in ends for step in range(-4, 5))}
    uniform = [word / 2**53 for word in sorted(words) if 0 <= word < 2**53]
    drawn = choices._by_share(
        torch.tensor([weights], dtype=torch.float64),
        torch.tensor([uniform], dtype=torch.float64),
    )
    assert drawn[0].tolist() == [sum(end <= u * ends[-1] for end in ends) for u in uniform]


def test_equal_arrivals_are_in_the_order_of_their_indices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "fill", lambda *_: False)
    monkeypatch.setattr(CpuBackend, "fill", lambda self, plan, out: out.fill_(0.75))
    weights = torch.tensor([1.0, 3.0, 0.0, 3.0, 1.0, 3.0] * 50)
    threes = [j for j in range(300) if weights[j] == 3]
    ones = [j for j in range(300) if weights[j] == 1]
    for count in (1, 2, 250):
        assert reprorng.multinomial(weights, count, seed=0).tolist() == (threes + ones)[:count]


def test_rows_taken_a_few_at_a_time_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = weights_of((23, 10), torch.float32) + 1
    whole = [reprorng.multinomial(weights, n, seed=5) for n in (1, 4)]
    for entries in (1, 10, 39):
        monkeypatch.setattr(choices, "_ENTRIES_AT_ONCE", entries)
        assert_same_bytes(reprorng.multinomial(weights, 1, seed=5), whole[0])
        assert_same_bytes(reprorng.multinomial(weights, 4, seed=5), whole[1])


# What follows


def test_each_takes_the_words_the_specification_says() -> None:
    weights = torch.ones(3, 5)
    for draw, position in (
        (lambda g: g.multinomial(weights, 2), POSITION + 2 * 15),
        (lambda g: g.multinomial(weights.double(), 2), POSITION + 2 * 15),
        (lambda g: g.multinomial(weights, 2, True), POSITION + 1 + 2 * 6),
        (lambda g: g.multinomial(weights[:0], 2), POSITION),
        (lambda g: g.multinomial(weights[:0], 2, True), POSITION),
        (lambda g: g.bernoulli(weights), POSITION + 15),
        (lambda g: g.bernoulli(weights, 0.5), POSITION + 15),
        (lambda g: g.bernoulli_(weights.double(), 0.5), POSITION + 15),
        (lambda g: g.bernoulli(weights.to("meta")), POSITION),
        (lambda g: g.multinomial(weights.to("meta"), 2), POSITION),
    ):
        g = generator()
        draw(g)
        assert g == Generator(11, stream=5, position=position)


@pytest.mark.parametrize("replacement", ["yes", None, 1, 0.5])
def test_replacement_is_a_bool(replacement: Any) -> None:
    g = generator()
    with pytest.raises(TypeError, match=f"replacement must be a bool, not {replacement!r}"):
        g.multinomial(torch.ones(3), 1, replacement)
    assert g == generator()


def test_a_draw_of_fewer_is_the_beginning_of_one_of_more() -> None:
    weights = weights_of((20, 30), torch.float32)
    more = reprorng.multinomial(weights, 12, seed=2)
    for count in (1, 2, 11):
        assert_same_bytes(reprorng.multinomial(weights, count, seed=2), more[:, :count])


@pytest.mark.parametrize("replacement", [False, True])
def test_rows_are_drawn_one_after_the_other(replacement: bool) -> None:
    weights = weights_of((6, 30), torch.float32)
    one, many = Generator(8), Generator(8)
    rows = [one.multinomial(row, 4, replacement) for row in weights]
    assert_same_bytes(many.multinomial(weights, 4, replacement), torch.stack(rows))
    assert one == many


def test_with_replacement_and_in_bernoulli_two_draws_are_one_cut_in_two() -> None:
    weights = weights_of((30,), torch.float32)
    g = generator()
    halves = torch.cat([g.multinomial(weights, n, True) for n in (7, 10)])
    assert_same_bytes(generator().multinomial(weights, 17, True), halves)
    g = generator()
    halves = torch.cat([g.bernoulli(torch.full((n,), 0.4)) for n in (7, 10)])
    assert_same_bytes(generator().bernoulli(torch.full((17,), 0.4)), halves)


def test_where_weights_lie_and_whether_they_need_a_gradient_does_not_matter() -> None:
    weights = weights_of((6, 30), torch.float32)
    across = torch.nn.Parameter(weights.T.contiguous().T)
    assert not across.is_contiguous()
    for replacement in (False, True):
        wanted = generator().multinomial(weights, 4, replacement)
        assert_same_bytes(generator().multinomial(across, 4, replacement), wanted)
        out = torch.empty(4, 6, dtype=torch.int64).T
        assert generator().multinomial(weights, 4, replacement, out=out) is out
        assert_same_bytes(out, wanted)
    wanted = generator().bernoulli(weights > 0, 0.4)
    assert wanted.dtype is torch.bool
    got = generator().bernoulli(torch.nn.Parameter(across.detach().clone()), 0.4)
    assert not got.requires_grad
    assert_same_bytes(got, wanted.float())
    assert_same_bytes(generator().bernoulli(torch.full_like(across, 0.4)), got)


def test_weights_need_not_add_up_and_may_be_scaled_by_a_power_of_two() -> None:
    weights = weights_of((6, 30), torch.float64)
    for replacement in (False, True):
        wanted = generator().multinomial(weights, 4, replacement)
        for scale in (2.0**-900, 2.0**900):
            got = generator().multinomial(weights * scale, 4, replacement)
            assert_same_bytes(got, wanted)


def test_a_weight_of_zero_is_never_chosen_and_the_smallest_one_is() -> None:
    tiny = torch.tensor([0.0, 5e-324, 0.0, 1.0, 0.0], dtype=torch.float64)
    assert {tuple(reprorng.multinomial(tiny, 2, seed=s).tolist()) for s in range(50)} == {(3, 1)}
    weights = torch.tensor([0.0, 1e-3, 0.0, 1.0, 0.0])
    assert set(reprorng.multinomial(weights, 9999, True, seed=0).tolist()) == {1, 3}
    # Among so many, only a search that ends at the last one would find it.
    alone = torch.zeros(100_000).index_fill_(0, torch.tensor([70_000]), 1e-30)
    for replacement in (False, True):
        assert reprorng.multinomial(alone, 1, replacement, seed=0).tolist() == [70_000]


def test_it_can_be_compiled() -> None:
    g = generator()

    @torch.compile(backend="aot_eager", fullgraph=True)
    def draw(weights: torch.Tensor, p: torch.Tensor) -> list[torch.Tensor]:
        return [
            g.multinomial(weights, 2),
            g.multinomial(weights, 2, True),
            g.bernoulli(p),
            g.bernoulli(p, 0.3),
            p.clone().bernoulli_(0.3, generator=g),
        ]

    weights, p = weights_of((6, 30), torch.float32), torch.full((9,), 0.4)
    eager = generator()
    wanted = [
        eager.multinomial(weights, 2),
        eager.multinomial(weights, 2, True),
        eager.bernoulli(p),
        eager.bernoulli(p, 0.3),
        eager.bernoulli(p, 0.3),
    ]
    for got, expected in zip(draw(weights, p), wanted, strict=True):
        assert_same_bytes(got, expected)
    assert g == eager


# They are as probable as they should be

SAMPLES = 200_000


def chi_square(counts: torch.Tensor, probabilities: torch.Tensor) -> float:
    """How many standard deviations the statistic is above its mean."""
    expected = counts.sum() * probabilities
    statistic = float(((counts - expected) ** 2 / expected).sum())
    freedom = len(counts) - 1
    return (statistic - freedom) / math.sqrt(2 * freedom)


@pytest.mark.parametrize("replacement", [False, True])
def test_indices_are_as_probable_as_their_weights(replacement: bool) -> None:
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0, 10.0, 0.01, 0.5]).double()
    rows = weights.expand(SAMPLES, -1)
    count = 1 if not replacement else 3
    got = reprorng.multinomial(rows, count, replacement, seed=1)
    for sample in got.T:
        counts = torch.bincount(sample, minlength=len(weights))
        assert abs(chi_square(counts, weights / weights.sum())) < 4
        # A twentieth more of the one of ten would show.
        wrong = weights.clone()
        wrong[4] *= 1.05
        assert chi_square(counts, wrong / wrong.sum()) > 4


def test_pairs_without_replacement_are_as_probable_as_one_draw_after_the_other() -> None:
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0]).double() / 10
    got = reprorng.multinomial(weights.expand(SAMPLES, -1), 2, seed=1)
    pairs = torch.bincount(got[:, 0] * 4 + got[:, 1], minlength=16)
    first, second = weights[:, None], weights[None, :]
    probabilities = (first * second / (1 - first)).fill_diagonal_(0).flatten()
    possible = probabilities > 0
    assert pairs[~possible].sum() == 0
    assert abs(chi_square(pairs[possible], probabilities[possible])) < 4
    independent = (first * second).fill_diagonal_(0).flatten()[possible]
    assert chi_square(pairs[possible], independent / independent.sum()) > 10


def test_samples_with_replacement_are_independent() -> None:
    weights = torch.tensor([1.0, 2.0, 3.0]).double() / 6
    got = reprorng.multinomial(weights, 2 * SAMPLES, True, seed=1).view(-1, 2)
    pairs = torch.bincount(got[:, 0] * 3 + got[:, 1], minlength=9)
    assert abs(chi_square(pairs, (weights[:, None] * weights[None, :]).flatten())) < 4


def test_bernoulli_is_as_probable_as_asked_for() -> None:
    for p in (0.001, 0.3, 0.9):
        ones = float(reprorng.bernoulli(torch.full((SAMPLES,), p), seed=1).sum())
        assert abs(ones - p * SAMPLES) < 4 * math.sqrt(SAMPLES * p * (1 - p))


# Bad input raises and draws nothing

W = torch.ones(2, 5)
ABOVE = torch.tensor([0.5, 2.0, -1.0])
BAD: dict[str, tuple[type[Exception], str, Callable[[Generator], Any]]] = {
    "integers": (TypeError, "int64", lambda g: g.multinomial(W.long(), 1)),
    "complex": (TypeError, "complex64", lambda g: g.multinomial(W.cfloat(), 1)),
    "no tensor": (TypeError, "list", lambda g: g.multinomial([1.0, 2.0], 1)),
    "no number": (RuntimeError, "dimensions", lambda g: g.multinomial(W[0, 0], 1)),
    "3-d": (RuntimeError, "dimensions", lambda g: g.multinomial(W[None], 1)),
    "none": (RuntimeError, "at least 1", lambda g: g.multinomial(W, 0)),
    "negative count": (RuntimeError, "-1", lambda g: g.multinomial(W, -1)),
    "float count": (TypeError, "integer", lambda g: g.multinomial(W, 1.0)),
    "too many": (RuntimeError, "at most", lambda g: g.multinomial(W, 6)),
    "no category": (RuntimeError, "categories, 0", lambda g: g.multinomial(W[:, :0], 1, True)),
    "negative": (RuntimeError, "element < 0", lambda g: g.multinomial(W - 2, 1)),
    "infinite": (RuntimeError, "inf", lambda g: g.multinomial(W / 0, 1)),
    "NaN": (RuntimeError, "nan", lambda g: g.multinomial(W * math.nan, 1, True)),
    "one NaN": (
        RuntimeError,
        "nan",
        lambda g: g.multinomial(W.clone().fill_diagonal_(math.nan), 1),
    ),
    "a row of zeros": (
        RuntimeError,
        "above 0",
        lambda g: g.multinomial(W * torch.tensor([[1.0], [0.0]]), 1, True),
    ),
    "too few above zero": (
        RuntimeError,
        "3 of a row",
        lambda g: g.multinomial(W * torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0]), 3),
    ),
    "out of another shape": (
        RuntimeError,
        "shape",
        lambda g: g.multinomial(W, 2, out=torch.empty(2, 3, dtype=torch.int64)),
    ),
    "out of another dtype": (
        RuntimeError,
        "dtype",
        lambda g: g.multinomial(W, 2, out=torch.empty(2, 2, dtype=torch.int32)),
    ),
    "bernoulli above 1": (RuntimeError, "1.5", lambda g: g.bernoulli(W, 1.5)),
    "bernoulli below 0": (RuntimeError, "-0.5", lambda g: g.bernoulli_(W.clone(), -0.5)),
    "bernoulli NaN": (RuntimeError, "nan", lambda g: g.bernoulli(W, math.nan)),
    "bernoulli tensor": (RuntimeError, "one is 2.0$", lambda g: g.bernoulli(ABOVE)),
    "bernoulli tensor below 0": (RuntimeError, "one is -0.5$", lambda g: g.bernoulli(-ABOVE)),
    "bernoulli tensor NaN": (RuntimeError, "one is nan$", lambda g: g.bernoulli(W * math.nan)),
    "bernoulli of integers": (TypeError, "int64", lambda g: g.bernoulli(W.long())),
    "bernoulli p of integers": (TypeError, "int64", lambda g: g.bernoulli(W, W.long())),
    "bernoulli of no tensor": (TypeError, "float", lambda g: g.bernoulli(0.5)),
    "bernoulli p text": (TypeError, "number", lambda g: g.bernoulli(W, "0.5")),
    "bernoulli of complex": (
        TypeError,
        "complex64",
        lambda g: g.bernoulli_(W.cfloat(), 0.5),
    ),
    "bernoulli too large": (RuntimeError, "expand", lambda g: g.bernoulli(W, torch.ones(3, 2, 5))),
    "bernoulli of a leaf": (
        RuntimeError,
        "requires grad",
        lambda g: g.bernoulli_(torch.nn.Parameter(W.clone()), 0.5),
    ),
    "bernoulli overlapping": (
        RuntimeError,
        "single memory location",
        lambda g: g.bernoulli_(W[0, :1].expand(3), 0.5),
    ),
}


@pytest.mark.parametrize(("error", "words", "call"), BAD.values(), ids=BAD)
def test_bad_input_raises_and_draws_nothing(
    error: type[Exception], words: str, call: Callable[[Generator], Any]
) -> None:
    g = generator()
    with pytest.raises(error, match=words):
        call(g)
    assert g == generator()


# In torch's and diffusers' own code


def test_a_weighted_sampler_draws_from_our_generator() -> None:
    weights = [0.1, 0.7, 0.2]
    for replacement in (False, True):
        got = list(
            torch.utils.data.WeightedRandomSampler(weights, 3, replacement, generator=generator())
        )
        wanted = generator().multinomial(torch.tensor(weights, dtype=torch.float64), 3, replacement)
        assert got == wanted.tolist()


LOGITS = reprorng.randn(2, 12, 20, seed=6)
TOKENS = reprorng.randint(20, (2, 12), seed=6)


def amused(g: Generator) -> list[torch.Tensor]:
    scheduler = diffusers.AmusedScheduler(mask_token_id=20)
    scheduler.set_timesteps(4)
    sample = torch.full((2, 12), 20)
    sample = scheduler.step(LOGITS, 2, sample, generator=g).prev_sample
    return [sample, scheduler.add_noise(TOKENS, 1, generator=g)]


def vq_diffusion(g: Generator) -> list[torch.Tensor]:
    scheduler = diffusers.VQDiffusionScheduler(num_vec_classes=21)
    scheduler.set_timesteps(10)
    log_probabilities = LOGITS.log_softmax(-1).permute(0, 2, 1)
    steps = [9, 8]
    sample = torch.full((2, 12), 20)
    for step in steps:
        sample = scheduler.step(log_probabilities, torch.tensor([step]), sample, g).prev_sample
    return [sample]


def block_refinement(g: Generator) -> list[torch.Tensor]:
    scheduler = diffusers.BlockRefinementScheduler(block_length=12)
    scheduler.set_timesteps(4)
    options = {"sampling_method": "multinomial", "generator": g}
    step = scheduler.step(LOGITS, 0, TOKENS, **options)
    return [
        step.prev_sample,
        *scheduler.add_noise(
            TOKENS,
            torch.ones_like(TOKENS),
            prompt_length=2,
            block_length=5,
            mask_token_id=20,
            generator=g,
        ),
    ]


def discrete_ddim(g: Generator) -> list[torch.Tensor]:
    scheduler = diffusers.DiscreteDDIMScheduler(num_inference_steps=4)
    sample = scheduler.step(LOGITS, 1, TOKENS, temperature=1.0, generator=g).prev_sample
    return [sample, scheduler.step_correct(LOGITS, 1, sample, generator=g).prev_sample]


def entropy_bound(g: Generator) -> list[torch.Tensor]:
    scheduler = diffusers.EntropyBoundScheduler(num_inference_steps=4)
    return [scheduler.step(LOGITS, 1, TOKENS, generator=g).prev_sample]


@pytest.mark.parametrize(
    "scheduler", [amused, vq_diffusion, block_refinement, discrete_ddim, entropy_bound]
)
def test_a_scheduler_of_tokens_draws_from_our_generator_alone(
    scheduler: Callable[[Generator], list[torch.Tensor]],
) -> None:
    g = generator()
    once, again, other = scheduler(g), scheduler(generator()), scheduler(Generator(12))
    assert g.position > POSITION
    for first, second in zip(once, again, strict=True):
        assert_same_bytes(first, second)
    assert any(not torch.equal(a, b) for a, b in zip(once, other, strict=True))
