# SPDX-License-Identifier: Apache-2.0
"""Torch's own functions and diffusers with our generator: our numbers, or a loud refusal.

What must never happen is that torch's numbers come back from a call that names our generator.
"""

from __future__ import annotations

import inspect
import random
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from checks import assert_same_bytes
from torch.utils.data import DataLoader, RandomSampler, TensorDataset, random_split

import reprorng
from reprorng import Generator
from reprorng.adapter import HANDLERS
from reprorng.device import ANY_DEVICE, AnyDevice


def empty(*size: int, **options: Any) -> torch.Tensor:
    return torch.full(size, 7.0, **options)


def longs(*size: int) -> torch.Tensor:
    return empty(*size, dtype=torch.int64)


@pytest.fixture(autouse=True)
def global_generators_stay() -> Iterator[None]:
    """Fail if a test's draws moved torch's, NumPy's or Python's global generator."""

    def states() -> list[object]:
        # NumPy's state holds an array, whose repr is cut; its position is not.
        numpy_state = np.random.get_state()  # noqa: NPY002  # the global one is meant
        return [torch.get_rng_state().tolist(), repr(numpy_state), random.getstate()]

    before = states()
    yield
    assert states() == before


# Torch's functions are our methods

Draw = Callable[[Generator], torch.Tensor]

# (what torch is asked, what our generator is asked)
PAIRS: dict[str, tuple[Draw, Draw]] = {
    "randn": (lambda g: torch.randn(2, 3, generator=g), lambda g: g.randn(2, 3)),
    "randn tuple": (lambda g: torch.randn((2, 3), generator=g), lambda g: g.randn(2, 3)),
    "randn size": (lambda g: torch.randn(size=(2, 3), generator=g), lambda g: g.randn(2, 3)),
    "randn 0-d": (lambda g: torch.randn((), generator=g), lambda g: g.randn(())),
    "randn empty": (lambda g: torch.randn(0, generator=g), lambda g: g.randn(0)),
    "randn options": (
        lambda g: torch.randn(
            5,
            generator=g,
            dtype=torch.float16,
            device="cpu",
            layout=torch.strided,
            pin_memory=False,
            requires_grad=True,
        ),
        lambda g: g.randn(5, dtype=torch.float16, requires_grad=True),
    ),
    "randn out": (
        lambda g: torch.randn(5, generator=g, out=empty(5)),
        lambda g: g.randn(5),
    ),
    "randn meta": (
        lambda g: torch.randn(5, generator=g, device="meta").new_zeros(5, device="cpu"),
        lambda g: torch.zeros(5),
    ),
    "rand": (
        lambda g: torch.rand(5, generator=g, dtype=torch.float64),
        lambda g: g.rand(5, dtype=torch.float64),
    ),
    "rand out": (lambda g: torch.rand(5, generator=g, out=empty(5)), lambda g: g.rand(5)),
    "randint": (lambda g: torch.randint(9, (5,), generator=g), lambda g: g.randint(9, (5,))),
    "randint low": (
        lambda g: torch.randint(-3, 9, (5,), generator=g, dtype=torch.int8),
        lambda g: g.randint(-3, 9, (5,), dtype=torch.int8),
    ),
    "randint keywords": (
        lambda g: torch.randint(low=2, high=9, size=(5,), generator=g),
        lambda g: g.randint(2, 9, (5,)),
    ),
    "randint high": (
        lambda g: torch.randint(high=9, size=[5], generator=g),
        lambda g: g.randint(9, (5,)),
    ),
    "randint out": (
        lambda g: torch.randint(9, (5,), generator=g, out=empty(5)),
        lambda g: g.randint(9, (5,), dtype=torch.float32),
    ),
    "randperm": (lambda g: torch.randperm(9, generator=g), lambda g: g.randperm(9)),
    "randperm dtype": (
        lambda g: torch.randperm(9, generator=g, dtype=torch.int32, device="cpu"),
        lambda g: g.randperm(9, dtype=torch.int32),
    ),
    "normal numbers": (
        lambda g: torch.normal(1.0, 2.0, (5,), generator=g),
        lambda g: g.normal(1.0, 2.0, (5,)),
    ),
    "normal keywords": (
        lambda g: torch.normal(mean=1.0, std=2.0, size=(5,), generator=g, dtype=torch.float64),
        lambda g: g.normal(1.0, 2.0, (5,), dtype=torch.float64),
    ),
    "normal tensors": (
        lambda g: torch.normal(torch.arange(5.0), torch.ones(5), generator=g),
        lambda g: g.normal(torch.arange(5.0), torch.ones(5)),
    ),
    "normal mean": (
        lambda g: torch.normal(torch.arange(5.0), generator=g),
        lambda g: g.normal(torch.arange(5.0)),
    ),
    "normal std": (
        lambda g: torch.normal(3.0, torch.arange(5.0), generator=g),
        lambda g: g.normal(3.0, torch.arange(5.0)),
    ),
    "normal out": (
        lambda g: torch.normal(torch.arange(5.0), 2.0, generator=g, out=empty(5)),
        lambda g: g.normal(torch.arange(5.0), 2.0),
    ),
    "randn_like": (
        lambda g: torch.randn_like(empty(2, 3), generator=g, dtype=torch.float64),
        lambda g: g.randn(2, 3, dtype=torch.float64),
    ),
    "rand_like": (lambda g: torch.rand_like(empty(2, 3), generator=g), lambda g: g.rand(2, 3)),
    "randint_like": (
        lambda g: torch.randint_like(empty(2, 3), 9, generator=g),
        lambda g: g.randint(9, (2, 3), dtype=torch.float32),
    ),
    "randint_like low": (
        lambda g: torch.randint_like(empty(2, 3), -3, 9, dtype=torch.int64, generator=g),
        lambda g: g.randint(-3, 9, (2, 3)),
    ),
    "randint_like keywords": (
        lambda g: torch.randint_like(empty(3), low=2, high=9, requires_grad=True, generator=g),
        lambda g: g.randint(2, 9, (3,), dtype=torch.float32, requires_grad=True),
    ),
    "multinomial": (
        lambda g: torch.multinomial(empty(3, 4), 2, generator=g),
        lambda g: g.multinomial(empty(3, 4), 2),
    ),
    "multinomial keywords": (
        lambda g: torch.multinomial(
            input=empty(4), num_samples=9, replacement=True, generator=g, out=longs(9)
        ),
        lambda g: g.multinomial(empty(4), 9, True),
    ),
    "multinomial of a tensor": (
        lambda g: empty(3, 4).multinomial(2, replacement=True, generator=g),
        lambda g: g.multinomial(empty(3, 4), 2, True),
    ),
    "bernoulli": (
        lambda g: torch.bernoulli(empty(3, 4) / 9, generator=g),
        lambda g: g.bernoulli(empty(3, 4) / 9),
    ),
    "bernoulli p": (
        lambda g: torch.bernoulli(empty(5), 0.3, generator=g),
        lambda g: g.bernoulli(empty(5), 0.3),
    ),
    "bernoulli out": (
        lambda g: torch.bernoulli(empty(5) / 9, generator=g, out=longs(5)),
        lambda g: g.bernoulli(longs(5), 7 / 9),
    ),
    "bernoulli of a tensor": (
        lambda g: empty(5).bernoulli(p=0.3, generator=g),
        lambda g: g.bernoulli(empty(5), 0.3),
    ),
    "bernoulli_": (
        lambda g: longs(5).bernoulli_(generator=g),
        lambda g: g.bernoulli_(longs(5), 0.5),
    ),
    "bernoulli_ p": (
        lambda g: empty(5).bernoulli_(p=0.3, generator=g),
        lambda g: g.bernoulli(empty(5), 0.3),
    ),
    "bernoulli_ tensor": (
        lambda g: empty(3, 5).bernoulli_(torch.linspace(0, 1, 5), generator=g),
        lambda g: g.bernoulli(torch.linspace(0, 1, 5).expand(3, 5)),
    ),
    "normal_": (lambda g: empty(5).normal_(generator=g), lambda g: g.randn(5)),
    "normal_ scaled": (
        lambda g: empty(5).normal_(1, 2, generator=g),
        lambda g: g.normal(1.0, 2.0, (5,)),
    ),
    "normal_ keywords": (
        lambda g: empty(5).normal_(mean=1, std=2, generator=g),
        lambda g: g.normal(1.0, 2.0, (5,)),
    ),
    "uniform_": (lambda g: empty(5).uniform_(generator=g), lambda g: g.rand(5)),
    "uniform_ scaled": (
        lambda g: empty(5).uniform_(-1, 3, generator=g),
        lambda g: g.uniform_(empty(5), -1, 3),
    ),
    "uniform_ to": (
        lambda g: empty(5).uniform_(to=3, generator=g),
        lambda g: g.uniform_(empty(5), 0, 3),
    ),
    "uniform_ keywords": (
        lambda g: empty(5).uniform_(**{"from": -1, "to": 3}, generator=g),
        lambda g: g.uniform_(empty(5), -1, 3),
    ),
    # As in `x.uniform_(y.min(), y.max())`: torch takes a 0-d tensor for its number.
    "uniform_ 0-d bounds": (
        lambda g: empty(5).uniform_(torch.tensor(-1.0), torch.tensor(3.0), generator=g),
        lambda g: g.uniform_(empty(5), -1, 3),
    ),
    "normal_ 0-d moments": (
        lambda g: empty(5).normal_(torch.tensor(1.0), torch.tensor(2.0), generator=g),
        lambda g: g.normal(1.0, 2.0, (5,)),
    ),
    "randint 0-d bounds": (
        lambda g: torch.randint(torch.tensor(2), torch.tensor(9), (5,), generator=g),
        lambda g: g.randint(2, 9, (5,)),
    ),
    "random_": (
        lambda g: empty(5, dtype=torch.int64).random_(generator=g),
        lambda g: g.random_(empty(5, dtype=torch.int64)),
    ),
    "random_ high": (
        lambda g: empty(5).random_(9, generator=g),
        lambda g: g.randint(9, (5,), dtype=torch.float32),
    ),
    "random_ to": (
        lambda g: empty(5).random_(to=9, generator=g),
        lambda g: g.randint(9, (5,), dtype=torch.float32),
    ),
    "random_ range": (
        lambda g: empty(5).random_(3, 9, generator=g),
        lambda g: g.randint(3, 9, (5,), dtype=torch.float32),
    ),
    "random_ keywords": (
        lambda g: empty(5).random_(**{"from": 3, "to": 9}, generator=g),
        lambda g: g.randint(3, 9, (5,), dtype=torch.float32),
    ),
    # For torch an upper bound of None is the largest number, and `from` stays `from`.
    "random_ from": (
        lambda g: empty(5, dtype=torch.int8).random_(100, None, generator=g),
        lambda g: g.randint(100, 128, (5,), dtype=torch.int8),
    ),
    "random_ from keyword": (
        lambda g: empty(5, dtype=torch.int8).random_(**{"from": 100, "to": None}, generator=g),
        lambda g: g.randint(100, 128, (5,), dtype=torch.int8),
    ),
    "init.normal_": (
        lambda g: torch.nn.init.normal_(empty(3, 4), 1.0, 2.0, generator=g),
        lambda g: g.normal(1.0, 2.0, (3, 4)),
    ),
    "init.uniform_": (
        lambda g: torch.nn.init.uniform_(empty(3, 4), -1.0, 2.0, generator=g),
        lambda g: g.uniform_(empty(3, 4), -1.0, 2.0),
    ),
    "init.kaiming_normal_": (
        lambda g: torch.nn.init.kaiming_normal_(empty(3, 4), generator=g),
        lambda g: g.normal_(empty(3, 4), 0.0, 2**0.5 / 4**0.5),
    ),
    "init.kaiming_uniform_": (
        lambda g: torch.nn.init.kaiming_uniform_(empty(3, 4), generator=g),
        lambda g: g.uniform_(empty(3, 4), -(3**0.5) * 2**0.5 / 2, 3**0.5 * 2**0.5 / 2),
    ),
    "init.xavier_normal_": (
        lambda g: torch.nn.init.xavier_normal_(empty(3, 5), generator=g),
        lambda g: g.normal_(empty(3, 5), 0.0, 0.5),
    ),
    "init.xavier_uniform_": (
        lambda g: torch.nn.init.xavier_uniform_(empty(3, 5), generator=g),
        lambda g: g.uniform_(empty(3, 5), -(3**0.5) * 0.5, 3**0.5 * 0.5),
    ),
    "init.orthogonal_": (
        lambda g: torch.nn.init.orthogonal_(empty(4, 4), generator=g),
        lambda g: orthogonal(g.randn(4, 4)),
    ),
}


def orthogonal(x: torch.Tensor) -> torch.Tensor:
    """What `torch.nn.init.orthogonal_` makes of its normal numbers."""
    q, r = torch.linalg.qr(x)
    return q * torch.diag(r).sign()


@pytest.mark.parametrize(("asked", "ours"), PAIRS.values(), ids=PAIRS)
def test_torch_with_our_generator_is_our_method(asked: Draw, ours: Draw) -> None:
    a, b = Generator(5, stream=2, position=3), Generator(5, stream=2, position=3)
    for _ in range(2):  # the second one follows the first in the stream
        got, wanted = asked(a), ours(b)
        assert_same_bytes(got, wanted)
        assert got.requires_grad == wanted.requires_grad
        assert a == b


def test_every_function_of_the_table_is_compared() -> None:
    # A handler added without a line above would be one nobody has compared with the method.
    names = {name.split()[0] for name in PAIRS}
    assert {func.__name__ for func in HANDLERS} <= names


def test_an_in_place_draw_and_an_out_return_the_tensor_itself() -> None:
    g, x = Generator(0), empty(5)
    assert x.normal_(generator=g) is x
    assert torch.nn.init.uniform_(x, generator=g) is x
    assert torch.randn(5, generator=g, out=x) is x
    assert torch.normal(x, 1.0, generator=g, out=x) is x


def test_a_layer_of_init_draws_from_our_generator_wherever_torch_lets_it() -> None:
    functions = {
        name: f
        for name, f in vars(torch.nn.init).items()
        if not name.startswith("_") and name.endswith("_") and callable(f)
        if "generator" in inspect.signature(f).parameters
    }
    # It ignores any generator, torch's own too, when it chooses which rows to clear.
    del functions["sparse_"]
    assert {"normal_", "trunc_normal_", "orthogonal_"} <= functions.keys()
    for name, function in functions.items():
        drawn = [function(empty(4, 4), generator=g) for g in (Generator(0), Generator(0))]
        other = function(empty(4, 4), generator=Generator(1))
        # That torch's global generator did not move is what the fixture checks.
        assert_same_bytes(drawn[0], drawn[1], name)
        assert not torch.equal(drawn[0], other), name


# Everything else raises by name

REFUSED: dict[str, tuple[str, Callable[[Generator], object]]] = {
    "poisson": ("torch.poisson", lambda g: torch.poisson(empty(3), generator=g)),
    "binomial": ("torch.binomial", lambda g: torch.binomial(empty(3), empty(3) / 9, generator=g)),
    "exponential_": ("torch.Tensor.exponential_", lambda g: empty(3).exponential_(generator=g)),
    "geometric_": ("torch.Tensor.geometric_", lambda g: empty(3).geometric_(0.5, generator=g)),
    "cauchy_": ("torch.Tensor.cauchy_", lambda g: empty(3).cauchy_(generator=g)),
    "log_normal_": ("torch.Tensor.log_normal_", lambda g: empty(3).log_normal_(generator=g)),
    "rrelu": ("torch.rrelu", lambda g: torch.rrelu(empty(3), 0.1, 0.2, True, g)),
    "standard gamma": (
        "_standard_gamma",
        lambda g: torch._standard_gamma(empty(3), generator=g),
    ),
    "dirichlet": ("_sample_dirichlet", lambda g: torch._sample_dirichlet(empty(3), generator=g)),
    "aten.randn": ("aten.randn", lambda g: torch.ops.aten.randn([3], generator=g)),
    "aten.randn.generator": (
        "aten.randn.generator",
        lambda g: torch.ops.aten.randn.generator([3], generator=g),
    ),
    "aten.normal_": ("aten.normal_", lambda g: torch.ops.aten.normal_(empty(3), generator=g)),
    # No draw at all: a generator is not a tensor.
    "add": ("torch.add", lambda g: torch.add(empty(3), g)),
    "plus": ("add", lambda g: empty(3) + g),
    "stack": ("torch.stack", lambda g: torch.stack([empty(3), g])),
}


@pytest.mark.parametrize(("name", "call"), REFUSED.values(), ids=REFUSED)
def test_what_we_do_not_draw_raises_by_name(name: str, call: Callable[[Generator], object]) -> None:
    g = Generator(0, position=3)
    with pytest.raises(NotImplementedError) as caught:
        call(g)
    message = str(caught.value)
    assert name in message.split("with")[0]
    # And it says what can be done instead.
    assert "torch.randn" in message
    assert "torch.Tensor.normal_" in message
    assert g == Generator(0, position=3)


def test_a_generator_in_the_place_of_a_size_is_refused() -> None:
    with pytest.raises((TypeError, NotImplementedError)):
        torch.randn(Generator(0))


# Every operator that takes a generator, whether anybody has heard of it or not

SAMPLE: dict[str, object] = {
    "size": [2, 2], "shape": [2, 2], "dtype": torch.float32, "device": torch.device("cpu"),
    "requires_grad": False, "from": 0, "low": 0, "to": 2, "high": 2, "mean": 0.5, "std": 0.5,
    "p": 0.5, "prob": torch.full((2, 2), 0.5), "n": 2, "num_samples": 1,
}  # fmt: skip
BY_TYPE: dict[str, object] = {"Tensor": None, "int": 1, "float": 0.5, "bool": True, "number": 0.5}


def random_schemas() -> list[torch._C.FunctionSchema]:
    return [
        schema
        for schema in torch._C._jit_get_all_schemas()
        if any("Generator" in str(argument.type) for argument in schema.arguments)
    ]


def sample_arguments(schema: torch._C.FunctionSchema) -> tuple[list[object], dict[str, object]]:
    """Small arguments that fit a schema; its `out` tensors are among the keywords."""
    args: list[object] = []
    kwargs: dict[str, object] = {}
    for argument in schema.arguments:
        kind = str(argument.type)
        if "Generator" in kind or (argument.has_default_value() and not argument.is_out):
            continue
        value = SAMPLE.get(argument.name, BY_TYPE.get(kind, [2, 2]))
        if kind == "Tensor":
            value = torch.full((2,) if "randperm" in schema.name else (2, 2), 0.5)
        if argument.kwarg_only or argument.is_out:
            kwargs[argument.name] = value
        else:
            args.append(value)
    return args, kwargs


def ways_to_call(schema: torch._C.FunctionSchema) -> Iterator[tuple[str, Callable[..., object]]]:
    """Every name under which Python reaches the operator of a schema."""
    space, name = schema.name.split("::")
    packet = getattr(getattr(torch.ops, space), name)
    yield f"torch.ops.{schema.name}", packet
    yield (
        f"torch.ops.{schema.name}.{schema.overload_name}",
        getattr(packet, schema.overload_name or "default"),
    )
    places = (torch, torch.Tensor, torch._C._nn, torch.nn.functional, torch.special, torch._refs)
    for place in places:
        function = getattr(place, name, None)
        if callable(function) and not isinstance(function, ModuleType):
            yield f"{place.__name__}.{name}", function


def outcome(function: Callable[..., object], schema: torch._C.FunctionSchema, g: Any) -> Any:
    """What a call with a generator gives, or the error it raises."""
    args, kwargs = sample_arguments(schema)
    try:
        return function(*args, generator=g, **kwargs)
    except Exception as error:
        return error


def test_no_operator_that_takes_a_generator_draws_torchs_numbers_with_ours() -> None:
    drawn: set[str] = set()
    refused: set[str] = set()
    for schema in random_schemas():
        for name, function in ways_to_call(schema):
            torchs = outcome(function, schema, torch.Generator())
            before = torch.get_rng_state()
            ours = outcome(function, schema, Generator(0))
            assert torch.equal(torch.get_rng_state(), before), f"{name} used torch's generator"
            if isinstance(ours, torch.Tensor):
                assert_same_bytes(ours, outcome(function, schema, Generator(0)), name)
                drawn.add(name)
            elif not isinstance(torchs, Exception):
                # A call that works with torch's generator: only by name may it fail with ours.
                assert isinstance(ours, NotImplementedError), f"{name}: {ours!r}"
                refused.add(name)
    assert {name.rsplit(".", 1)[-1] for name in drawn} == {func.__name__ for func in HANDLERS}
    assert not any("torch.ops" in name for name in drawn)
    # The arguments made up here fit: most calls are real ones.
    assert len(refused) > 60
    assert {"torch.binomial", "Tensor.exponential_", "torch.ops.aten::poisson"} <= refused


def test_the_list_of_operators_holds_the_well_known_ones() -> None:
    # Guards the test above against a schema listing that has lost its generators.
    names = {schema.name.removeprefix("aten::") for schema in random_schemas()}
    assert {"randn", "bernoulli", "multinomial", "exponential_", "poisson", "rrelu"} <= names
    assert {func.__name__ for func in HANDLERS} <= names


def test_without_torch_function_torch_refuses_our_generator() -> None:
    # What the fallback is where torch does not ask us: an error, not its own numbers.
    with torch._C.DisableTorchFunctionSubclass(), pytest.raises(TypeError, match="Generator"):
        torch.randn(3, generator=Generator(0))


# The device of a generator


def test_the_device_is_none_in_particular() -> None:
    device = Generator(0).device
    assert isinstance(device, AnyDevice)
    assert device is ANY_DEVICE
    # Code that asks for a type must find neither of those it has rules for.
    assert device.type not in {"cpu", "cuda", "mps", "meta", "xpu"}
    assert device.index is None
    assert (str(device), repr(device)) == ("any", "device(type='any')")


def test_any_device_equals_itself_and_no_other() -> None:
    device = Generator(0).device
    assert device == Generator(1).device
    assert hash(device) == hash(AnyDevice())
    for other in (torch.device("cpu"), torch.device("cuda"), "cpu", "any", None, 0):
        assert device != other
        assert other != device


@pytest.mark.parametrize("device", ["cpu", "cuda:3", torch.device("meta"), torch.device("mps")])
def test_a_device_that_is_asked_for_is_reported_and_decides_no_number(device: Any) -> None:
    g = Generator(0, device=device)
    assert g.device == torch.device(device)
    assert isinstance(g.device, torch.device)
    drawn = torch.randn(3, generator=g)
    assert drawn.device == torch.device("cpu")
    assert_same_bytes(drawn, reprorng.randn(3, seed=0))


def test_to_any_device_leaves_a_tensor_where_it_is() -> None:
    device = Generator(0).device
    for x in (torch.ones(2), torch.ones(2, device="meta"), torch.nn.Parameter(torch.ones(2))):
        assert x.to(device) is x
        assert x.to(device=device) is x
        assert x.to(device, non_blocking=True) is x
        assert x.to(device, x.dtype) is x
        half = x.to(device, torch.float16)
        assert (half.dtype, half.device) == (torch.float16, x.device)
        assert x.to(device, dtype=torch.float16).dtype == torch.float16
        copied = x.to(device, copy=True)
        assert copied is not x
        assert copied.device == x.device


def test_a_module_to_any_device_stays() -> None:
    layer = torch.nn.Linear(2, 2, device="meta")
    assert layer.to(Generator(0).device) is layer
    assert layer.weight.device.type == "meta"


def test_any_device_in_a_factory_is_the_cpu() -> None:
    # Torch hides its default device from whoever answers for an argument, so it cannot be that.
    device: Any = Generator(0).device
    factories: list[Callable[[], torch.Tensor]] = [
        lambda: torch.empty(2, device=device),
        lambda: torch.zeros(2, device=device),
        lambda: torch.full((2,), 1.0, device=device),
        lambda: torch.arange(2, device=device),
        lambda: torch.linspace(0, 1, 2, device=device),
        lambda: torch.eye(2, device=device),
        lambda: torch.tensor([1.0], device=device),
        lambda: torch.as_tensor([1.0], device=device),
        lambda: torch.nn.LayerNorm(2, device=device).weight,
        lambda: torch.randn(2, device=device, generator=Generator(0)),
    ]
    for make in factories:
        assert make().device == torch.device("cpu")
        with torch.device("meta"):
            assert make().device == torch.device("cpu")
    assert torch.device(device) == torch.device("cpu")
    assert reprorng.randn(2, device=device, seed=0).device == torch.device("cpu")


def test_any_device_beside_data_is_where_the_data_is() -> None:
    device: Any = Generator(0).device
    for where in ("cpu", "meta"):
        x = torch.ones(2, device=where)
        for made in (
            torch.zeros_like(x, device=device),
            torch.empty_like(x, device=device),
            x.new_zeros(2, device=device),
            torch.randn_like(x, device=device, generator=Generator(0)),
            reprorng.randn_like(x, device=device, seed=0),
        ):
            assert made.device == x.device


def test_torchs_own_draws_take_any_device_too() -> None:
    device: Any = Generator(0).device
    ours = torch.randn(3, generator=torch.Generator().manual_seed(1), device=device)
    assert_same_bytes(ours, torch.randn(3, generator=torch.Generator().manual_seed(1)))


def test_a_draw_on_any_device_is_the_draw() -> None:
    g = Generator(0)
    drawn = torch.randn(3, generator=g, device=g.device)  # type: ignore[call-overload]
    assert_same_bytes(drawn, reprorng.randn(3, seed=0))


# Modes and contexts


def test_torchs_contexts_change_no_number() -> None:
    expected = reprorng.randn(5, seed=0)
    with torch.inference_mode():
        drawn = torch.randn(5, generator=Generator(0))
        assert drawn.is_inference()
        assert_same_bytes(drawn, expected)
        assert_same_bytes(drawn.normal_(generator=Generator(0)), expected)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert_same_bytes(torch.randn(5, generator=Generator(0)), expected)
    with torch.device("cpu"):
        assert_same_bytes(torch.randn(5, generator=Generator(0)), expected)
    with torch.device("meta"):
        g = Generator(0)
        assert torch.randn(5, generator=g).device.type == "meta"
        assert g.position == 0
        assert_same_bytes(torch.randn(5, generator=g, device="cpu"), expected)


def test_the_default_device_is_followed() -> None:
    torch.set_default_device("meta")
    try:
        assert torch.randn(5, generator=Generator(0)).device.type == "meta"
        assert_same_bytes(
            torch.randn(5, generator=Generator(0), device="cpu"),
            reprorng.randn(5, seed=0, device="cpu"),
        )
    finally:
        torch.set_default_device(None)


def test_a_torch_function_mode_sees_the_call_and_passes_it_on() -> None:
    class Watch(torch.overrides.TorchFunctionMode):
        seen: list[Any]

        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            self.seen.append(func)
            return func(*args, **(kwargs or {}))

    watch = Watch()
    watch.seen = []
    with watch:
        drawn = torch.randn(5, generator=Generator(0))
    assert torch.randn in watch.seen
    assert_same_bytes(drawn, reprorng.randn(5, seed=0))


def test_a_tensor_subclass_is_filled_like_any_tensor() -> None:
    class Image(torch.Tensor):
        """As torchvision's are: it keeps its type through torch's functions."""

    x = empty(5).as_subclass(Image)
    assert x.normal_(generator=Generator(0)) is x
    assert_same_bytes(x.as_subclass(torch.Tensor), reprorng.randn(5, seed=0))
    drawn = torch.randn_like(x, generator=Generator(1))
    assert type(drawn) is Image
    assert_same_bytes(drawn.as_subclass(torch.Tensor), reprorng.randn(5, seed=1))


def test_nothing_is_recorded_by_autograd() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * torch.randn(3, generator=Generator(0))
    y.sum().backward()
    assert x.grad is not None
    assert_same_bytes(x.grad, reprorng.randn(3, seed=0))


# torch.utils.data


def dataset() -> TensorDataset:
    return TensorDataset(torch.arange(10))


def test_a_random_sampler_shuffles_with_our_permutation() -> None:
    assert (
        list(RandomSampler(dataset(), generator=Generator(3))) == Generator(3).randperm(10).tolist()
    )


def test_a_random_sampler_with_replacement_draws_our_integers() -> None:
    sampler = RandomSampler(dataset(), replacement=True, num_samples=40, generator=Generator(3))
    g = Generator(3)
    expected = g.randint(10, (32,)).tolist() + g.randint(10, (8,)).tolist()  # as torch splits it
    assert list(sampler) == expected


def test_a_subset_random_sampler_shuffles_with_our_permutation() -> None:
    sampler = torch.utils.data.SubsetRandomSampler(range(5, 15), generator=Generator(3))
    assert list(sampler) == [5 + i for i in Generator(3).randperm(10).tolist()]


def test_random_split_cuts_our_permutation() -> None:
    parts = random_split(dataset(), [3, 7], generator=Generator(3))  # type: ignore[arg-type]
    order = Generator(3).randperm(10).tolist()
    assert [list(part.indices) for part in parts] == [order[:3], order[3:]]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_data_loader_repeats_its_epochs(workers: int) -> None:
    def epochs(g: Generator) -> list[list[int]]:
        loader = DataLoader(dataset(), batch_size=4, shuffle=True, generator=g, num_workers=workers)  # type: ignore[call-overload]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads
            return [[int(i) for (batch,) in loader for i in batch] for _ in range(2)]

    first = epochs(Generator(3))
    assert first == epochs(Generator(3))
    assert first[0] != first[1]
    assert [sorted(epoch) for epoch in first] == [list(range(10))] * 2
    assert first != epochs(Generator(4))


# diffusers


@pytest.fixture(scope="module")
def randn_tensor() -> Callable[..., torch.Tensor]:
    return pytest.importorskip("diffusers.utils.torch_utils").randn_tensor  # type: ignore[no-any-return]


Draws = Callable[..., torch.Tensor]


def test_randn_tensor_with_one_generator_is_one_draw(randn_tensor: Draws) -> None:
    g = Generator(0)
    drawn = randn_tensor((3, 4), generator=g)
    assert_same_bytes(drawn, reprorng.randn(3, 4, seed=0))
    assert g.position == 12


def test_randn_tensor_with_a_list_draws_each_row_from_its_own_generator(
    randn_tensor: Draws,
) -> None:
    generators = [Generator(seed) for seed in (3, 1, 2)]
    drawn = randn_tensor((3, 2, 2), generator=generators)
    for row, seed in zip(drawn, (3, 1, 2), strict=True):
        assert_same_bytes(row, reprorng.randn(2, 2, seed=seed))
    # So an image of a batch is the image alone.
    assert_same_bytes(drawn[1:2], randn_tensor((1, 2, 2), generator=Generator(1)))
    assert [g.position for g in generators] == [4, 4, 4]


@pytest.mark.parametrize("batch", [1, 3])
def test_randn_tensor_takes_a_list_of_one_as_that_one(randn_tensor: Draws, batch: int) -> None:
    drawn = randn_tensor((batch, 5), generator=[Generator(4)])
    assert_same_bytes(drawn, reprorng.randn(batch, 5, seed=4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_randn_tensor_draws_in_the_dtype_asked_for(randn_tensor: Draws, dtype: torch.dtype) -> None:
    drawn = randn_tensor((2, 3), generator=[Generator(0), Generator(1)], dtype=dtype)
    assert drawn.dtype == dtype
    assert_same_bytes(drawn[1], reprorng.randn(3, seed=1, dtype=dtype))


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), None])
def test_randn_tensor_takes_a_device_in_any_form(randn_tensor: Draws, device: Any) -> None:
    drawn = randn_tensor((2, 3), generator=Generator(0), device=device, layout=torch.strided)
    assert drawn.device == torch.device("cpu")
    assert_same_bytes(drawn, reprorng.randn(2, 3, seed=0))


def test_randn_tensor_draws_on_the_device_asked_for_and_not_on_the_generators(
    randn_tensor: Draws,
) -> None:
    # A generator on "cpu" makes it draw there and copy; ours is on none, so a GPU's kernel draws.
    assert randn_tensor((2, 3), generator=Generator(0), device="meta").device.type == "meta"
    g = Generator(0)
    randn_tensor((2, 3), generator=g, device="meta")
    assert g.position == 0
    fixed = Generator(0, device="cpu")
    randn_tensor((2, 3), generator=fixed, device="meta")
    assert fixed.position == 6


def test_randn_tensor_refuses_a_layout_we_do_not_draw(randn_tensor: Draws) -> None:
    g = Generator(0)
    with pytest.raises(ValueError, match=r"strided.*sparse_coo"):
        randn_tensor((2, 3), generator=g, layout=torch.sparse_coo)
    assert g.position == 0


@pytest.fixture(scope="module")
def unet() -> Any:
    """A model of about ten thousand random weights, the same in every run."""
    diffusers = pytest.importorskip("diffusers")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return diffusers.UNet2DModel(
            sample_size=8,
            in_channels=1,
            out_channels=1,
            layers_per_block=1,
            block_out_channels=(8,),
            norm_num_groups=4,
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            add_attention=False,
        ).eval()


def sample(unet: Any, kind: str, generator: Any, batch: int = 2) -> np.ndarray:
    """Two images of 8 × 8 after 4 noisy steps."""
    import diffusers

    if kind == "ddim":
        pipeline = diffusers.DDIMPipeline(unet, diffusers.DDIMScheduler())
        options = {"eta": 1.0}
    else:
        pipeline = diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler())
        options = {}
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline(
        batch_size=batch, generator=generator, num_inference_steps=4, output_type="np", **options
    ).images
    assert images.shape == (batch, 8, 8, 1)
    assert np.isfinite(images).all()
    return images


# DDPM draws the first latents and then for every step but the last, DDIM for every step.
PIPELINES = {"ddpm": 4, "ddim": 5}


@pytest.mark.parametrize(("kind", "draws"), PIPELINES.items(), ids=PIPELINES)
def test_a_pipeline_takes_all_its_noise_from_our_generator(
    unet: Any, kind: str, draws: int
) -> None:
    g = Generator(0)
    first = sample(unet, kind, g)
    assert g.position == draws * 2 * 64
    assert np.array_equal(first, sample(unet, kind, Generator(0)))
    assert not np.array_equal(first, sample(unet, kind, Generator(1)))


@pytest.mark.parametrize("kind", PIPELINES)
def test_a_pipeline_takes_a_list_of_generators(unet: Any, kind: str) -> None:
    generators = [Generator(0), Generator(1)]
    first = sample(unet, kind, generators)
    assert [g.position for g in generators] == [PIPELINES[kind] * 64] * 2
    assert np.array_equal(first, sample(unet, kind, [Generator(0), Generator(1)]))
    # Each image follows its own generator; the model's sums may round otherwise in another batch.
    alone = sample(unet, kind, Generator(1), batch=1)
    assert np.allclose(first[1], alone[0], atol=1e-4)
    assert not np.allclose(first[0], alone[0], atol=1e-2)


def test_the_backend_changes_no_image(unet: Any) -> None:
    images = []
    for name in ("cpu", "reference", "cpu:scalar"):
        with reprorng.backends.use(name):
            images.append(sample(unet, "ddim", Generator(0)))
    for one, other in pairwise(images):
        assert np.array_equal(one, other)
