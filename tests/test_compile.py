# SPDX-License-Identifier: Apache-2.0
"""Draws inside `torch.compile`: one operator each, which draws when the graph runs, eager's bits.

A compiler may contract a product and a sum, and some do by default, so none of our arithmetic may
reach one; and it would draw once, while it compiles, what every run has to draw anew.
"""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from checks import assert_same_bytes
from torch._dynamo.exc import Unsupported
from torch._dynamo.testing import CompileCounter
from torch._dynamo.variables.torch import get_overridable_functions
from torch._subclasses.fake_tensor import FakeTensorMode

import reprorng
from reprorng import Generator, backends, ops

# Torch uses what it deprecates, for one thing when Inductor is loaded.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Draw = Callable[[Generator], Any]

MEAN = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(3, 4)
STD = MEAN + 1.5
IMAGE = torch.empty(2, 3, 4, 5, dtype=torch.float16).to(memory_format=torch.channels_last)


@pytest.fixture(autouse=True)
def no_graphs() -> None:
    """Start each test without what others have compiled."""
    torch._dynamo.reset()


def compiled(function: Callable[..., Any], backend: Any = "aot_eager") -> Callable[..., Any]:
    return torch.compile(function, fullgraph=True, backend=backend)


def assert_as_eager(draw: Draw, backend: Any = "aot_eager", runs: int = 2) -> None:
    """Fail unless each run of the compiled `draw` gives what each call of `draw` does."""
    expected, actual = Generator(7, position=3), Generator(7, position=3)
    function = compiled(draw, backend)
    for _ in range(runs):
        wanted, got = draw(expected), function(actual)
        for want, have in zip(*map(tuple_of, (wanted, got)), strict=True):
            assert_same_bytes(have, want)
            assert have.stride() == want.stride()
        assert actual == expected


def tuple_of(value: Any) -> tuple[torch.Tensor, ...]:
    return value if isinstance(value, tuple) else (value,)


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype)


DRAWS: dict[str, Draw] = {
    "randn": lambda g: g.randn(1000),
    "rand of 16 bits": lambda g: g.rand(size=(4, 3), dtype=torch.bfloat16),
    "bits": lambda g: g.bits(5),
    "bits as int64": lambda g: g.bits(5, dtype=torch.int64),
    "bits into out": lambda g: g.bits(5, out=empty(5, dtype=torch.int32)),
    "randint": lambda g: g.randint(-5, 10, (20,)),
    "randint as float16": lambda g: g.randint(10, (20,), dtype=torch.float16),
    "randint of all of int64": lambda g: g.randint(-(2**63), 2**63, (20,)),
    "randperm": lambda g: g.randperm(20),
    "normal": lambda g: g.normal(1.5, 0.3, (1000,)),
    "normal of tensors": lambda g: g.normal(MEAN, STD[0]),
    "normal of both": lambda g: g.normal(0.1, STD, dtype=torch.float32),
    "randn_like": lambda g: g.randn_like(IMAGE),
    "rand_like": lambda g: g.rand_like(MEAN),
    "normal_ of strides": lambda g: g.normal_(empty(3, 4).t(), 1.5, 0.3),
    "normal_ of one element tensors": lambda g: g.normal_(empty(9), MEAN[0, 1], torch.tensor(3)),
    "uniform_": lambda g: g.uniform_(empty(1000), 0.1, 0.7),
    "random_": lambda g: g.random_(empty(9, dtype=torch.int32)),
    "memory format": lambda g: g.randn(2, 3, 4, 5, memory_format=torch.channels_last),
    "out": lambda g: g.randn(2, 3, out=empty(2, 3, dtype=torch.float16)),
    "any device": lambda g: g.randn(3, device=g.device),
    "a forced backend": lambda g: g.randn(3, backend="reference"),
    "reprorng.randn": lambda g: reprorng.randn(9, generator=g),
    "reprorng.normal_": lambda g: reprorng.normal_(empty(9), 1.5, 0.3, generator=g),
    "a seed": lambda g: reprorng.randn(9, seed=5),
    "a large place": lambda g: reprorng.randn(9, seed=-1, stream=2**64 - 1, position=2**64 - 9),
    "a seed, scaled": lambda g: reprorng.normal(1.5, 0.3, (1000,), seed=0),
    "Tensor.normal_": lambda g: empty(9).normal_(1.5, 0.3, generator=g),
    "Tensor.uniform_": lambda g: empty(9).uniform_(to=0.7, generator=g),
    "Tensor.random_": lambda g: empty(9).random_(3, 10, generator=g),
    "nn.init": lambda g: torch.nn.init.kaiming_uniform_(empty(4, 3), generator=g),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_compiled_draw_is_one_operator_and_has_eagers_bits(name: str) -> None:
    calls: list[str] = []

    def record(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        nodes = [node for node in graph.graph.nodes if node.op.startswith("call")]
        calls.extend(str(getattr(node.target, "__name__", node.target)) for node in nodes)
        return graph.forward

    assert_as_eager(DRAWS[name], record)
    assert [call for call in calls if "draw_" in call] == ["draw_.default"]
    # Nothing else that could change a bit of what is drawn.
    assert not {"mul", "mul_", "add", "add_", "addcmul", "sub", "sub_", "clamp_"} & set(calls)


@pytest.mark.parametrize("name", DRAWS)
def test_it_has_eagers_bits_after_functionalization(name: str) -> None:
    assert_as_eager(DRAWS[name])


def several(g: Generator) -> tuple[torch.Tensor, ...]:
    first = g.randn(5)
    g.randn(3)  # nobody reads it, and its words are used
    image = empty(6, 4)
    g.normal_(image[1:5].t(), 1.5, 0.3)
    scaled = g.uniform_(empty(50), 0.1, 0.7) * 3 + g.bits(50, dtype=torch.int64)
    reprorng.randn(3, generator=g)
    return g.randint(10, (2,)), image[1:5] * 2, first, scaled, g.randn(5), g.randn(5)


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_draws_stay_in_order_and_none_is_shared_or_left_out(backend: str) -> None:
    assert_as_eager(several, backend, runs=3)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_two_generators_and_one_twice(backend: str) -> None:
    def draw(a: Generator, b: Generator) -> tuple[torch.Tensor, ...]:
        return a.randn(4), b.randn(4), a.rand(4)

    function = compiled(draw, backend)
    one, same = Generator(1), Generator(1)
    for given, equal in [
        ((Generator(1), Generator(2)), (Generator(1), Generator(2))),
        ((one, one), (same, same)),
    ]:
        for got, wanted in zip(function(*given), draw(*equal), strict=True):
            assert_same_bytes(got, wanted)
        assert given == equal


def test_the_default_generator() -> None:
    def draw() -> torch.Tensor:
        return reprorng.normal_(torch.empty(9), 1.5, 0.3)

    function = compiled(draw)
    for seed in (1, 2):
        reprorng.manual_seed(seed)
        got = function(), function()
        reprorng.manual_seed(seed)
        for tensor in got:
            assert_same_bytes(tensor, draw())


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_a_tensor_from_outside_is_filled_in_place(backend: str) -> None:
    def draw(tensor: torch.Tensor, g: Generator) -> None:
        reprorng.normal_(tensor.t(), 1.5, 0.3, generator=g)

    tensor, same = torch.zeros(3, 4), torch.zeros(3, 4)
    version = tensor._version
    compiled(draw, backend)(tensor, Generator(0))
    draw(same, Generator(0))
    assert_same_bytes(tensor, same)
    assert tensor._version > version


def test_noise_has_no_gradient_and_what_it_multiplies_has_one() -> None:
    weight = torch.linspace(1, 2, 4, requires_grad=True)

    def loss(weight: torch.Tensor, g: Generator) -> torch.Tensor:
        return (weight * g.randn(4) + g.normal(weight, 0.5)).sum()

    gradients = [
        torch.autograd.grad(function(weight, Generator(0)), weight)[0]
        for function in (loss, compiled(loss))
    ]
    assert_same_bytes(gradients[1], gradients[0])
    assert_same_bytes(gradients[0], Generator(0).randn(4))


# How often it compiles


def test_any_number_of_seeds_takes_two_graphs() -> None:
    # The first is for its seed alone, as torch does it with every integer; then seeds are variable.
    counter = CompileCounter()
    function = compiled(lambda seed: reprorng.randn(9, seed=seed), counter)
    for seed in (5, 6, 7, -3, 0, 1, 2**62, -(2**63), 2**63 - 1, 2**63, 2**64 - 1):
        assert_same_bytes(function(seed), reprorng.randn(9, seed=seed))
    assert counter.frame_count == 2


@pytest.mark.parametrize("seed", [-(2**63), -1, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_variable_seed_of_any_size_passes_through_inductor(seed: int) -> None:
    function = torch.compile(lambda s: reprorng.randn(9, seed=s), fullgraph=True, dynamic=True)
    assert_same_bytes(function(3), reprorng.randn(9, seed=3))
    assert_same_bytes(function(seed), reprorng.randn(9, seed=seed))


def test_another_generator_or_position_takes_no_other_graph() -> None:
    counter = CompileCounter()
    function = compiled(lambda g: g.randn(9), counter)
    for seed in range(10):
        g, same = Generator(seed, stream=seed), Generator(seed, stream=seed)
        for _ in range(2):
            assert_same_bytes(function(g), same.randn(9))
    assert counter.frame_count == 1


@pytest.mark.parametrize(
    "draw",
    [
        lambda g, n: g.randn(n),
        lambda g, n: g.randint(n, (9,)),
        lambda g, n: g.normal(0.0, n / 7, (9,)),
        lambda g, n: g.uniform_(torch.empty(9), -n / 7, n / 7),
        lambda g, n: reprorng.randn(9, seed=1, stream=n, position=n),
    ],
    ids=["size", "bound", "std", "range", "place"],
)
def test_other_numbers_take_two_graphs(draw: Callable[[Generator, int], torch.Tensor]) -> None:
    counter = CompileCounter()
    function = compiled(draw, counter)
    g, same = Generator(0), Generator(0)
    for n in range(2, 12):
        assert_same_bytes(function(g, n), draw(same, n))
    assert counter.frame_count <= 2


# Torch's own functions

FUNCTIONS: dict[Callable[..., Any], Draw] = {
    torch.randn: lambda g: torch.randn(9, generator=g),
    torch.rand: lambda g: torch.rand((9,), generator=g, dtype=torch.float64),
    torch.randint: lambda g: torch.randint(0, 10, (9,), generator=g),
    torch.randperm: lambda g: torch.randperm(9, generator=g),
    torch.normal: lambda g: torch.normal(1.5, 0.3, (9,), generator=g),
    torch.multinomial: lambda g: torch.multinomial(torch.arange(1.0, 40.0), 9, generator=g),
    torch.bernoulli: lambda g: torch.bernoulli(torch.full((40,), 0.5), generator=g),
}
LATEST = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 13)
if LATEST:  # before, not all of these take a generator
    FUNCTIONS |= {
        torch.randn_like: lambda g: torch.randn_like(IMAGE, generator=g),
        torch.rand_like: lambda g: torch.rand_like(MEAN, generator=g),
        torch.randint_like: lambda g: torch.randint_like(MEAN, 9, generator=g),
    }


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_torchs_functions_compile_where_the_compiler_asks_the_generator(
    function: Callable[..., Any],
) -> None:
    draw = FUNCTIONS[function]
    if function in get_overridable_functions():
        assert_as_eager(draw)
        return
    g = Generator(7)
    with pytest.raises(Unsupported):
        compiled(draw)(g)
    assert g == Generator(7)
    # Where the graph may break, it does there, and the numbers are still those of the generator.
    broken, same = torch.compile(draw, backend="eager"), Generator(7)
    for _ in range(2):
        assert_same_bytes(broken(g), draw(same))
    assert g == same


@pytest.mark.skipif(not LATEST, reason="more of them break older graphs")
def test_those_that_break_the_graph_are_the_ones_the_readme_names() -> None:
    breaking = FUNCTIONS.keys() - get_overridable_functions()
    assert breaking == {torch.normal, torch.randn_like, torch.rand_like, torch.randint_like}


def test_what_is_not_implemented_still_raises_by_name() -> None:
    g = Generator(0)
    with pytest.raises(NotImplementedError, match="poisson"):
        torch.compile(lambda: torch.poisson(torch.ones(3), generator=g), backend="eager")()
    with pytest.raises(Unsupported):
        compiled(lambda: torch.poisson(torch.ones(3), generator=g))()
    assert g.position == 0


# What a graph cannot know


def change_the_state(g: Generator) -> list[Any]:
    drawn = [g.randn(3), g.position]
    g.position = 7
    drawn += [g.randn(3), g.get_state(), g.state_dict(), repr(g)]
    g.advance(5)
    drawn += [g.randn(3), g.clone_state(), g.at(3).randn(3), g == Generator(3, position=15)]
    g.manual_seed(5)
    drawn += [g.randn(3), g.initial_seed(), [child.randn(3) for child in g.spawn(2)]]
    return [*drawn, g.fold_in(1).randn(3), g.randn(3)]


def test_the_position_is_that_between_two_draws() -> None:
    function = torch.compile(lambda g: (g.randn(4), g.position, g.randn(3)), backend="eager")
    g = Generator(3)
    assert [function(g)[1] for _ in range(3)] == [4, 11, 18]


@pytest.mark.filterwarnings("ignore:Dynamo does not know how to trace")
def test_reading_or_changing_the_state_leaves_the_graph() -> None:
    function = torch.compile(change_the_state, backend="eager")
    g, same = Generator(3), Generator(3)
    for _ in range(3):
        for got, wanted in zip(function(g), change_the_state(same), strict=True):
            assert str(got) == str(wanted)
        assert g == same


@pytest.mark.parametrize("transform", [torch.vmap, lambda f: torch.func.grad(lambda x: f(x).sum())])
def test_a_transform_raises_as_it_does_outside(transform: Callable[..., Any]) -> None:
    g = Generator(0)
    function = transform(lambda x: x * g.randn(3))
    with pytest.raises(Unsupported):
        compiled(function)(torch.ones(3, 3))
    with pytest.raises(RuntimeError, match=r"inside a torch\.func transform"):
        torch.compile(function, backend="eager")(torch.ones(3, 3))
    assert g.position == 0


# Errors

WEIGHT = torch.ones(3, requires_grad=True)
AT_RUN_TIME: dict[str, tuple[type[Exception], str, Draw]] = {
    "std": (RuntimeError, "std must be at least 0", lambda g: g.normal(0.0, -1.0, (4,))),
    "stds": (RuntimeError, "std must be at least 0", lambda g: g.normal(MEAN, MEAN)),
    "range": (RuntimeError, "finite range", lambda g: g.uniform_(empty(3), 1.0, 0.0)),
    "bounds": (RuntimeError, "less than high", lambda g: g.randint(5, 5, (3,))),
    "dtype of bounds": (
        RuntimeError,
        "out of bounds for torch.float16",
        lambda g: g.randint(2**14, (3,), dtype=torch.float16),
    ),
    "overlap": (RuntimeError, "single memory", lambda g: g.randn(3, 3, out=empty(3).expand(3, 3))),
    "end": (OverflowError, "stream ends", lambda g: g.randn(5)),
    "overlap of a permutation": (
        RuntimeError,
        "single memory",
        lambda g: g.randperm(2, out=torch.empty(1, dtype=torch.int64).expand(2)),
    ),
    "backend": (ValueError, "no backend is named", lambda g: g.randn(3, backend="abacus")),
    "seed": (ValueError, "seed must be in", lambda g: reprorng.randn(3, seed=2**64)),
    "stream": (ValueError, "stream must be in", lambda g: reprorng.randn(3, seed=0, stream=-1)),
    "position": (
        OverflowError,
        "stream ends",
        lambda g: reprorng.randn(1, seed=0, position=2**64),
    ),
}
AT_COMPILE_TIME: dict[str, tuple[type[Exception], str, Draw]] = {
    "dtype": (TypeError, "normal has no dtype", lambda g: g.randn(3, dtype=torch.int32)),
    "keyword": (TypeError, "unknown keyword", lambda g: g.randn(3, device_type="cpu")),
    "seed": (TypeError, "seed must be an integer", lambda g: reprorng.randn(3, seed=1.5)),
    "grad": (RuntimeError, "requires grad", lambda g: g.normal_(WEIGHT)),
    "size": (RuntimeError, "negative dimension", lambda g: g.randn(-1)),
}


@pytest.mark.parametrize("name", AT_RUN_TIME)
def test_what_values_forbid_raises_eagers_error_when_the_graph_runs(name: str) -> None:
    error, message, draw = AT_RUN_TIME[name]
    g = Generator(0, position=2**64 - 4)
    for function in (draw, compiled(draw)):
        with pytest.raises(error, match=message):
            function(g)
        assert g.position == 2**64 - 4


@pytest.mark.parametrize("name", AT_COMPILE_TIME)
def test_what_types_and_shapes_forbid_is_said_by_the_compiler(name: str) -> None:
    error, message, draw = AT_COMPILE_TIME[name]
    g = Generator(0)
    with pytest.raises(Unsupported, match=message):
        compiled(draw)(g)
    # With a graph that may break it is eager's error.
    for function in (draw, torch.compile(draw, backend="eager")):
        with pytest.raises(error, match=message):
            function(g)
    assert g.position == 0


def test_an_error_leaves_the_grad_mode_as_it_was() -> None:
    with pytest.raises(RuntimeError, match="std must be"):
        compiled(lambda g: g.normal(0.0, -1.0, (4,)), "eager")(Generator(0))
    assert torch.is_grad_enabled()


def test_on_the_meta_device_nothing_is_drawn() -> None:
    g = Generator(0)
    drawn = compiled(lambda g: g.normal(1.0, 2.0, (3,), device="meta"), "inductor")(g)
    assert (drawn.is_meta, drawn.shape, g.position) == (True, (3,), 0)


# The operator

ARGUMENTS = {
    "a place": ([0, 5, 0, 1, 0, 7], "normal", [], []),
    "tensors": ([0, 5, 0, 1, 0, 7], "normal", [0, 2.0], [torch.ones(4), None]),
    "gradients": ([0, 5, 0, 1, 0, 7], "normal", [0, 2.0], [torch.ones(4).requires_grad_(), None]),
    "integers": ([0, 5, 0, 1, 0, 7], "integers", [-5, 5], [None, None]),
    "a generator": ([], "uniform", [-1.0, 1.0], [None, None]),
}


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("out", [torch.zeros(5, 4), torch.zeros(4, 5).t()], ids=["", "strides"])
def test_the_operator_is_what_it_says_it_is(name: str, out: torch.Tensor) -> None:
    g = Generator(0)
    place, *rest = ARGUMENTS[name]
    ticket = None if place else g.in_graph()
    torch.library.opcheck(torch.ops.reprorng.draw_.default, (out, ticket, place, *rest, None))


def test_with_fake_tensors_it_draws_nothing() -> None:
    g = Generator(0)
    with FakeTensorMode() as mode:
        ticket = mode.from_tensor(g.in_graph())
        torch.ops.reprorng.draw_(torch.empty(3), ticket, [], "normal", [], [], None)
    assert g.position == 0


def test_a_backend_chosen_around_a_compiled_function_draws() -> None:
    function = compiled(lambda: reprorng.randn(3, seed=0))
    assert_same_bytes(function(), reprorng.randn(3, seed=0))
    with backends.use("reference") as reference, pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "fill", lambda plan, out: out.fill_(7))
        assert function().tolist() == [7.0, 7.0, 7.0]


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, Generator.clone_state, lambda g: pickle.loads(pickle.dumps(g))],
    ids=["copy", "deepcopy", "clone_state", "pickle"],
)
def test_a_copy_is_a_generator_of_its_own_in_graphs_too(
    copied: Callable[[Generator], Generator],
) -> None:
    g = Generator(3, position=5)
    function = compiled(lambda g: g.randn(4))
    drawn = function(copied(g))
    assert g.position == 5
    assert_same_bytes(function(g), drawn)


MODES: dict[str, Callable[[Callable[[], Generator]], Generator]] = {
    "inference": lambda make: torch.inference_mode()(make)(),
    "fake tensors": lambda make: within(FakeTensorMode(), make),
    "another default device": lambda make: within(torch.device("meta"), make),
    "functionalization": lambda make: torch.func.functionalize(lambda _: make())(torch.ones(1)),
}


def within(mode: Any, make: Callable[[], Generator]) -> Generator:
    with mode:
        return make()


@pytest.mark.parametrize("mode", MODES)
def test_where_a_generator_was_made_does_not_matter(mode: str) -> None:
    made: list[Generator] = []
    MODES[mode](lambda: made.append(Generator(3)) or torch.ones(1))
    function = compiled(lambda g: (g.randn(4), g.randn(3)))
    for got, wanted in zip(function(made[0]), (Generator(3).randn(7)).split([4, 3]), strict=True):
        assert_same_bytes(got, wanted)


def test_a_generator_does_not_live_for_its_ticket() -> None:
    ticket = Generator(0).in_graph()
    gc.collect()
    with pytest.raises(RuntimeError, match="generator this graph draws from is gone"):
        torch.ops.reprorng.draw_(torch.empty(3), ticket, [], "normal", [], [], None)
    assert int(ticket) not in ops._live
