# SPDX-License-Identifier: Apache-2.0
"""The short way of plain draws does what the long way does, and only where nothing is asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from checks import assert_same_bytes
from diffusers.utils.torch_utils import randn_tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

import reprorng
from reprorng import Generator, _core, backends, memory, shortcut
from reprorng.backends.cpu import GRAIN, CpuBackend

Draw = Callable[[Generator], torch.Tensor]
BORDERS = (0, 1, 3, 4, 5, 4095, 4096, 4097, GRAIN, GRAIN + 1, 3 * GRAIN + 7)


@contextmanager
def long_way(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the short way refuse every draw."""
    with monkeypatch.context() as patch:
        patch.setattr(shortcut, "draw", lambda *_: None)
        patch.setattr(shortcut, "fill", lambda *_: False)
        yield


class Spy:
    """Counts the draws that went the short way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken = 0
        for name in ("draw", "fill"):
            monkeypatch.setattr(shortcut, name, self._counted(getattr(shortcut, name)))

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            done = function(*args)
            self.taken += done is not None and done is not False
            return done

        return counted


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    return Spy(monkeypatch)


PLAIN: dict[str, Draw] = {
    "randn": lambda g: g.randn(5),
    "rand": lambda g: g.rand(5),
    "shape": lambda g: g.randn(2, 3),
    "tuple": lambda g: g.randn((2, 3)),
    "scalar": lambda g: g.randn(()),
    "function": lambda g: reprorng.randn(5, generator=g),
    "torch": lambda g: torch.randn(5, generator=g),
    "dtype": lambda g: g.randn(5, dtype=torch.bfloat16),
    "device": lambda g: g.rand(5, device="cpu"),
    "as nothing": lambda g: g.rand(5, device=None, dtype=None, layout=None),
    "any device": lambda g: torch.rand(5, generator=g, device=g.device),
    "diffusers": lambda g: randn_tensor((1, 5), g, torch.device("cpu"), torch.float16),
    "normal_": lambda g: torch.empty(5).normal_(generator=g),
    "uniform_": lambda g: torch.empty(5, dtype=torch.float16).uniform_(generator=g),
    "bfloat16": lambda g: reprorng.normal_(torch.empty(5, dtype=torch.bfloat16), generator=g),
    "view": lambda g: g.normal_(torch.zeros(3, 5)[1]),
    "instruction set": lambda g: g.normal_(torch.empty(5), backend="cpu:scalar"),
}


@pytest.mark.parametrize("draw", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("position", [0, 1, 2**32 + 3, 2**34 - 2, 2**63, 2**64 - 6])
def test_a_plain_draw_is_the_draw_of_its_plan(
    draw: Draw, position: int, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    g = Generator(0x0123456789ABCDEF, stream=0xFEDCBA9876543210, position=position)
    planned = g.clone_state()
    drawn = draw(g)
    assert spy.taken == 1
    with long_way(monkeypatch):
        assert_same_bytes(drawn, draw(planned))
    assert g == planned
    assert g.position == position + drawn.numel()


@pytest.mark.parametrize("count", BORDERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_it_is_for_any_number_of_elements(
    count: int, dtype: torch.dtype, spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    g = Generator(1, position=1)
    planned = g.clone_state()
    for fill in (g.normal_, g.uniform_, g.normal_):
        drawn = fill(torch.empty(count, dtype=dtype))
        with long_way(monkeypatch):
            again = getattr(planned, fill.__name__)(torch.empty(count, dtype=dtype))
        assert_same_bytes(drawn, again)
        assert g == planned
    assert spy.taken == 3


def test_a_new_tensor_has_torchs_default_dtype(spy: Spy) -> None:
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.bfloat16)
        assert Generator(0).randn(3).dtype == torch.bfloat16
        torch.set_default_dtype(torch.float64)
        wide = Generator(0).randn(3)
    finally:
        torch.set_default_dtype(before)
    assert spy.taken == 1  # a float64 takes two words, which a plan has to align
    assert_same_bytes(wide, Generator(0).randn(3, dtype=torch.float64))


def with_mode(mode: Any, draw: Draw) -> Draw:
    def inside(g: Generator) -> torch.Tensor:
        with mode:
            return draw(g)

    return inside


NOT_PLAIN: dict[str, Draw] = {
    "two words": lambda g: g.normal_(torch.empty(5, dtype=torch.float64)),
    "backend": lambda g: g.normal_(torch.empty(5), backend="reference"),
    "forced": with_mode(backends.use("reference"), lambda g: g.randn(5)),
    "meta": lambda g: g.normal_(torch.empty(5, device="meta")),
    "default device": with_mode(torch.device("meta"), lambda g: g.randn(5)),
    "another device": lambda g: g.randn(5, device="meta"),
    "integers": lambda g: g.random_(torch.empty(5, dtype=torch.int64), 9),
}


@pytest.mark.parametrize("draw", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_plain_goes_the_long_way(draw: Draw, spy: Spy) -> None:
    draw(Generator(0))
    assert spy.taken == 0


def test_another_backend_of_the_cpu_is_not_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Mine(backends.ReferenceBackend):
        name = "mine"

        def fill(self, plan: Any, out: torch.Tensor) -> None:
            asked.append(plan.count)
            super().fill(plan, out)

    monkeypatch.setattr(backends, "_registry", dict(backends._registry))
    backends.preferred.cache_clear()
    try:
        backends.register(Mine())
        Generator(0).randn(5)
        Generator(0).normal_(torch.empty(6))
    finally:
        monkeypatch.undo()
        backends.preferred.cache_clear()
    assert asked == [5, 6]


WRONG: dict[str, Draw] = {
    "negative": lambda g: g.randn(-1),
    "word": lambda g: g.randn("five"),
    "float": lambda g: g.randn(5.0),
    "bool": lambda g: g.randn(True),
    "nothing": lambda g: g.randn(),
    "dtype": lambda g: g.randn(5, dtype=torch.int32),
    "dtype by name": lambda g: g.randn(5, dtype="float32"),
    "device": lambda g: g.randn(5, device="nowhere"),
    "list of devices": lambda g: g.randn(5, device=["cpu"]),
    "layout": lambda g: g.randn(5, layout=torch.sparse_coo),
    "keyword": lambda g: g.randn(5, names=None),
    "too much memory": lambda g: g.randn(2**62),
    "end": lambda g: g.at(2**64 - 2).randn(3),
    "end in place": lambda g: g.at(2**64 - 2).normal_(torch.empty(3)),
    "end of a place": lambda _: reprorng.randn(3, seed=0, position=2**64 - 2),
    "used up": lambda g: g.at(2**64).rand(1),
}


@pytest.mark.parametrize("draw", WRONG.values(), ids=WRONG)
def test_a_wrong_draw_raises_what_the_long_way_does_and_moves_nothing(
    draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    g = Generator(0, position=7)
    with pytest.raises(Exception) as short:  # noqa: PT011  # the next lines say which
        draw(g)
    with long_way(monkeypatch), pytest.raises(Exception) as long:  # noqa: PT011
        draw(g)
    assert (type(short.value), str(short.value)) == (type(long.value), str(long.value))
    assert g.position == 7


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_last_words_of_a_stream_can_be_drawn_in_a_place(count: int) -> None:
    drawn = reprorng.randn(count, seed=5, position=2**64 - count)
    assert_same_bytes(drawn, Generator(5, position=2**64 - count).randn(count))


@pytest.mark.parametrize("count", [3, memory.LARGE])
def test_inside_a_transform_a_draw_raises(count: int) -> None:
    g = Generator(0)
    for draw in (g.randn, lambda n: reprorng.randn(n, seed=0), lambda n: g.rand(n, out=None)):
        for transform in (torch.func.grad, torch.func.vmap):
            with pytest.raises(RuntimeError, match="transform"):
                transform(lambda x, draw=draw: x.sum() + draw(count).sum())(torch.zeros(2))
    assert g.position == 0


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
def test_in_a_trace_a_draw_raises() -> None:
    g = Generator(0)
    for draw in (g.randn, lambda n: g.normal_(torch.empty(n))):
        with pytest.raises(RuntimeError, match="cannot be traced"):
            torch.jit.trace(lambda x, draw=draw: x + draw(3), torch.zeros(3))
    assert g.position == 0


class Watching(TorchDispatchMode):
    """Sees all that torch dispatches, and changes nothing."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **kwargs or {})


def test_a_mode_that_watches_is_not_passed_by(spy: Spy) -> None:
    x = torch.empty(5)
    with Watching():
        drawn = Generator(0).randn(5)
        Generator(0).normal_(x)
    assert spy.taken == 0
    for got in (drawn, x):
        assert_same_bytes(got, Generator(0).randn(5))


class Strided(torch.overrides.TorchFunctionMode):
    """Makes `torch.empty` return every second element of something longer."""

    asked = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.empty:
            self.asked += 1
            count = args[0] if isinstance(args[0], int) else args[0][0]
            return torch.zeros(2 * count)[::2]
        return func(*args, **kwargs or {})


def test_a_mode_that_makes_other_tensors_is_not_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    with Strided() as mode:
        drawn = Generator(0).randn(5)
    with long_way(monkeypatch), Strided() as planned:
        Generator(0).randn(5)
    assert mode.asked == planned.asked
    assert drawn.stride() == (2,)
    assert_same_bytes(drawn, Generator(0).randn(5))


def test_a_wrong_size_is_told_before_a_wrong_backend() -> None:
    token = backends.forced.set("nobody")
    try:
        with pytest.raises(TypeError, match="size"):
            Generator(0).randn("five")
        with pytest.raises(ValueError, match="nobody"):
            Generator(0).randn(5)
    finally:
        backends.forced.reset(token)


def test_a_tensor_filled_in_place_counts_the_write() -> None:
    x = torch.zeros(5)
    Generator(0).normal_(x)
    assert x._version == 1


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
def test_inside_forward_mode_a_draw_has_no_tangent(spy: Spy) -> None:
    g = Generator(0)
    fills: list[Callable[[torch.Tensor], Any]] = [
        g.normal_,
        g.uniform_,
        lambda x: x.normal_(generator=g),
        lambda x: x.uniform_(2, 3, generator=g),
        lambda x: g.normal_(x, backend="reference"),
    ]
    for fill in fills:
        with forward_ad.dual_level():
            x = forward_ad.make_dual(torch.zeros(3), torch.ones(3))
            fill(x)
            drawn, tangent = forward_ad.unpack_dual(x)
            assert bool(drawn.all())
            assert tangent is None or not tangent.any()
    assert spy.taken == 0


def test_elements_that_lie_between_their_places_are_drawn_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places: list[int] = []

    def fill(backend: CpuBackend, plan: Any, out: torch.Tensor) -> None:
        places.append(out.data_ptr() % 4)
        cpu_fill(backend, plan, out)

    cpu_fill = CpuBackend.fill
    monkeypatch.setattr(CpuBackend, "fill", fill)
    x = misaligned(GRAIN)
    assert x.data_ptr() % 4 != 0
    with long_way(monkeypatch):
        Generator(0).normal_(x)
    assert places == [0]
    assert torch.equal(x, reprorng.randn(GRAIN, seed=0))


def resized(count: int, nbytes: int, first: int = 0) -> torch.Tensor:
    """A tensor whose storage has become too small for it."""
    x = torch.empty(count)[first:]
    x.untyped_storage().resize_(nbytes)
    return x


def misaligned(count: int) -> torch.Tensor:
    """A tensor as of the bytes of a file."""
    return torch.frombuffer(bytearray(4 * count + 1), dtype=torch.float32, offset=1, count=count)


def inference() -> torch.Tensor:
    with torch.inference_mode():
        return torch.empty(3)


MEMORY: dict[str, tuple[Callable[[], Any], bool]] = {
    "plain": (lambda: torch.empty(5), True),
    "row": (lambda: torch.empty(3, 4)[1:2], True),
    "column of one": (lambda: torch.empty(3, 1).T, True),
    "empty": (lambda: torch.empty(3, 0, 2).transpose(0, 2), True),
    "scalar": (lambda: torch.empty(()), True),
    "lazy clone": (lambda: torch._lazy_clone(torch.zeros(5)), True),
    "strided": (lambda: torch.empty(10)[::2], False),
    "transposed": (lambda: torch.empty(3, 4).T, False),
    "channels last": (lambda: torch.empty(2, 3, 4, 5).to(memory_format=torch.channels_last), False),
    "expanded": (lambda: torch.empty(1).expand(5), False),
    "float64": (lambda: torch.empty(3, dtype=torch.float64), False),
    "meta": (lambda: torch.empty(3, device="meta"), False),
    "grad": (lambda: torch.empty(3, requires_grad=True), False),
    "parameter": (lambda: torch.nn.Parameter(torch.empty(3)), False),
    "inference": (inference, False),
    "negative": (lambda: torch._neg_view(torch.empty(3)), False),
    "zeros": (lambda: torch._efficientzerotensor(3), False),
    "functional": (lambda: torch._to_functional_tensor(torch.empty(3)), False),
    "misaligned": (lambda: misaligned(5), False),
    "no storage": (lambda: resized(100, 0), False),
    "short storage": (lambda: resized(100, 399), False),
    "short storage of a part": (lambda: resized(100, 399, first=50), False),
    "sparse": (lambda: torch.eye(3).to_sparse(), False),
    "mkldnn": (lambda: torch.eye(3).to_mkldnn(), False),
    "nested": (lambda: torch.nested.nested_tensor([torch.empty(2), torch.empty(3)]), False),
    "none": (lambda: None, False),
}
"""Tensors, and whether the kernel may write the memory of each as it is."""


def taken() -> dict[str, bool]:
    """Which of them it does write."""
    found = {}
    variant, filler = CpuBackend().variant, shortcut.FILLERS["normal"]
    for name, (make, _) in MEMORY.items():
        tensor = make()
        count = tensor.numel() if isinstance(tensor, torch.Tensor) else 0
        cursor = _core.Cursor(0, 0, 0)
        found[name] = filler.fill(cursor, variant, tensor)
        assert cursor.now() == (0, 0, count if found[name] else 0)
    return found


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_memory_that_is_not_plain_is_never_written() -> None:
    assert taken() == {name: plain for name, (_, plain) in MEMORY.items()}


def test_a_torch_without_the_exchange_of_dlpack_is_asked_attribute_by_attribute() -> None:
    code = (
        "import torch\n"
        "if hasattr(torch.Tensor, '__dlpack_c_exchange_api__'):\n"
        "    del torch.Tensor.__dlpack_c_exchange_api__\n"
        "import test_shortcut\n"
        "test_shortcut.test_memory_that_is_not_plain_is_never_written()\n"
    )
    folder = Path(__file__).parent
    ran = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(ran, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
