# SPDX-License-Identifier: Apache-2.0
"""`CapturableGenerator`: a `Generator`'s words, from a position in device memory.

On the CPU a backend that reads the position for itself, as a kernel does, stands in for the GPU's.
"""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from checks import assert_same_bytes, synchronisation_raises
from torch._dynamo.exc import Unsupported
from torch.utils._python_dispatch import TorchDispatchMode

import reprorng
from reprorng import CapturableGenerator, Generator, backends
from reprorng.backends.cpu import CpuBackend
from reprorng.draws import Draws
from reprorng.plan import Plan, make_plan

CUDA = torch.cuda.is_available()
needs_gpu = pytest.mark.skipif(not CUDA, reason="torch finds no CUDA or ROCm device")

CPU = torch.device("cpu")


@cache
def std(device: torch.device) -> torch.Tensor:
    """Standard deviations that are there before a graph is captured."""
    return torch.linspace(0.5, 2, 8).to(device)


# One of each way to fill, of one and of two words an element, and of nothing. Odd counts leave an
# odd position behind, from which two words an element have to be rounded up.
DRAWS: dict[str, Callable[[Draws, torch.device], torch.Tensor]] = {
    "randn": lambda g, d: g.randn(1001, device=d),
    "randn float64": lambda g, d: g.randn(501, device=d, dtype=torch.float64),
    "randn bfloat16": lambda g, d: g.randn(1001, device=d, dtype=torch.bfloat16),
    "rand": lambda g, d: g.rand(3, 5, device=d),
    "bits": lambda g, d: g.bits(7, device=d),
    "nothing": lambda g, d: g.randn(0, device=d, dtype=torch.float64),
    "bits 64": lambda g, d: g.bits(7, device=d, dtype=torch.int64),
    "randint": lambda g, d: g.randint(-5, 100, (7,), device=d),
    "normal": lambda g, d: g.normal(1.5, 0.3, (9,), device=d),
    "normal of tensors": lambda g, d: g.normal(0.5, std(d)),
    "uniform_": lambda g, d: g.uniform_(torch.empty(9, device=d), 0.1, 0.7),
    "strides": lambda g, d: g.normal_(torch.empty(4, 5, device=d).t()),
    "torch.rand": lambda g, d: torch.rand(5, generator=g, device=d),
    "Tensor.normal_": lambda g, d: torch.empty(5, device=d).normal_(2.0, 3.0, generator=g),
    "reprorng.randn": lambda g, d: reprorng.randn(5, generator=g, device=d),
}


class Reader(CpuBackend):
    """The CPU kernels, told the position by a tensor only, as late as the kernel runs."""

    def fill_from(self, plan: Plan, out: torch.Tensor, position: torch.Tensor) -> None:
        assert plan.position == 0
        assert (position.dtype, position.numel(), position.device) == (torch.int64, 1, out.device)
        self.fill(replace(plan, position=int(position) % 2**64), out)


def test_a_plain_generator_raises_while_a_graph_is_captured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    plan = make_plan(0, 0, 0, 4, "normal", "float32")
    on_gpu: Any = SimpleNamespace(is_cuda=True)
    with pytest.raises(RuntimeError, match="CapturableGenerator"):
        Generator(0).write(CpuBackend(), plan, on_gpu)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A registered reader, which nobody draws with who does not ask for it."""
    reader = Reader()
    reprorng.randn(1, seed=0)  # from here on it is known who draws by default
    monkeypatch.setitem(backends._registry, "reader", reader)
    return reader


@pytest.fixture(params=["host", "device"])
def reads(request: pytest.FixtureRequest, reader: Reader) -> Iterator[str]:
    """Who reads the position: the host, as for backends without `fill_from`, or the backend."""
    with backends.use("reader" if request.param == "device" else "cpu"):
        yield request.param


@pytest.mark.usefixtures("reads")
@pytest.mark.parametrize("start", [0, 1, 2**63 - 3, 2**64 - 4096], ids=str)
def test_it_draws_what_a_generator_draws(start: int) -> None:
    place: dict[str, Any] = {"stream": 2**64 - 1, "position": start}
    g, same = CapturableGenerator(-7, device="cpu", **place), Generator(-7, **place)
    for name, draw in DRAWS.items():
        assert_same_bytes(draw(g, CPU), draw(same, CPU), name)
        assert g.position == same.position, name
    assert_same_bytes(g.randperm(9), same.randperm(9))
    assert g.to_generator() == same


def test_a_backend_that_reads_the_position_is_not_waited_for(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[torch.Tensor] = []
    monkeypatch.setattr(reader, "fill_from", lambda plan, out, position: given.append(position))
    g = CapturableGenerator(1, position=3, device="cpu")
    # A standard deviation is looked at, and bounds are rounded by the CPU.
    names = DRAWS.keys() - {"normal of tensors", "uniform_", "nothing"}
    with backends.use("reader"), monkeypatch.context() as patch:
        for way in ("__int__", "__bool__", "__index__", "__float__", "item", "tolist", "numpy"):
            patch.setattr(torch.Tensor, way, None)
        for name in names:
            DRAWS[name](g, CPU)
    assert len(given) == len(names)


@pytest.mark.usefixtures("reads")
def test_after_an_error_the_position_is_where_it_was() -> None:
    g = CapturableGenerator(1, position=3, device="cpu")
    for draw in (
        lambda: g.randn(3, dtype=torch.int32),
        lambda: g.normal(0.0, -1.0, (3,)),
        lambda: g.randn(3, 3, out=torch.empty(3).expand(3, 3)),
        lambda: g.randn(3, backend="abacus"),
    ):
        with pytest.raises((TypeError, RuntimeError, ValueError)):
            draw()
        assert g.position == 3


def test_an_error_of_the_backend_counts_nothing_as_drawn(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "fill", lambda plan, out: 1 / 0)
    g = CapturableGenerator(1, position=3, device="cpu")
    with pytest.raises(ZeroDivisionError):
        g.randn(3, dtype=torch.float64, backend="reader")
    assert g.position == 3
    assert_same_bytes(g.randn(3), Generator(1, position=3).randn(3))


def test_where_the_host_reads_the_position_the_end_is_an_error() -> None:
    g = CapturableGenerator(1, position=2**64 - 1, device="cpu")
    for dtype in (torch.float32, torch.float64):
        with pytest.raises(OverflowError, match="stream ends"):
            g.randn(2, dtype=dtype)
    assert g.position == 2**64 - 1
    g.randn(1)
    assert g.position == 0  # 2^64, of which 64 bits hold no more


def test_it_says_what_it_is() -> None:
    g = CapturableGenerator(-1, stream=5, position=2**63, device="cpu")
    assert (g.initial_seed(), g.stream, g.position) == (2**64 - 1, 5, 2**63)
    assert (g.device, g.algorithm) == (CPU, reprorng.ALGORITHM)
    assert repr(eval(repr(g))) == repr(g)
    assert CapturableGenerator().initial_seed() != CapturableGenerator().initial_seed()


@pytest.mark.parametrize(
    ("error", "keywords"),
    [
        (TypeError, {"seed": 1.5}),
        (TypeError, {"seed": "cuda"}),
        (ValueError, {"seed": 2**64}),
        (ValueError, {"stream": -1}),
        (ValueError, {"algorithm": "dice"}),
        (OverflowError, {"position": -1}),
        (OverflowError, {"position": 2**64}),
    ],
    ids=str,
)
def test_bad_arguments_are_those_of_a_generator(
    error: type[Exception], keywords: dict[str, Any]
) -> None:
    with pytest.raises(error):
        CapturableGenerator(**keywords)


def test_the_position_can_be_set() -> None:
    g = CapturableGenerator(1, device="cpu")
    for position in (5, 2**64 - 1, 0):
        g.position = position
        assert g.position == position
    with pytest.raises(OverflowError):
        g.position = 2**64
    assert g.position == 0


@pytest.mark.parametrize("name", ["seed", "stream", "postion"])
def test_nothing_else_can_be_set(name: str) -> None:
    with pytest.raises(AttributeError, match=f"'{name}' of a CapturableGenerator.*another Capt"):
        setattr(CapturableGenerator(1), name, 5)


def test_it_comes_from_a_generator_and_becomes_one() -> None:
    g = Generator(3, stream=4, position=2**63 + 5)
    made = CapturableGenerator.from_generator(g, "cpu")
    assert made.to_generator() == g
    made.randn(3)
    assert made.to_generator() == g.advance(3)
    with pytest.raises(TypeError, match=r"reprorng\.Generator, not int"):
        CapturableGenerator.from_generator(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_has_a_position_of_its_own(copied: Callable[[Any], Any]) -> None:
    g = CapturableGenerator(3, stream=4, position=5, device="cpu")
    other = copied(g)
    other.randn(3)
    assert (g.position, other.position, other.device) == (5, 8, g.device)
    assert other.in_graph() is not g.in_graph()


def test_threads_share_one_without_sharing_words() -> None:
    g, drawn = CapturableGenerator(3, device="cpu"), []
    workers = [
        threading.Thread(target=lambda: drawn.extend(g.bits(8) for _ in range(50)))
        for _ in range(4)
    ]
    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.setswitchinterval(switching)
    got = torch.cat(drawn).view(torch.int32).sort().values
    assert_same_bytes(got, Generator(3).bits(1600).view(torch.int32).sort().values)


def test_one_made_in_inference_mode_draws_outside() -> None:
    with torch.inference_mode():
        g = CapturableGenerator(3, device="cpu")
    assert_same_bytes(g.randn(3), Generator(3).randn(3))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("reads")
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_it_compiles_as_a_generator_does(backend: str) -> None:
    def draw(g: Draws) -> tuple[torch.Tensor, ...]:
        g.randn(3)
        return g.randn(5), g.normal(1.5, 0.3, (5,), dtype=torch.float64) * 2, g.rand(3)

    torch._dynamo.reset()
    function = torch.compile(draw, fullgraph=True, backend=backend)
    for seed in range(3):
        g, same = CapturableGenerator(seed, device="cpu"), Generator(seed)
        for _ in range(2):
            for got, wanted in zip(function(g), draw(same), strict=True):
                assert_same_bytes(got, wanted)
        assert g.to_generator() == same


def test_in_a_compiled_function_its_position_is_that_between_two_draws() -> None:
    def draw(g: CapturableGenerator) -> tuple[Any, ...]:
        drawn = g.randn(4), g.position, g.randn(3)
        g.position = 1
        return *drawn, g.randn(3), g.position

    torch._dynamo.reset()
    function = torch.compile(draw, backend="aot_eager")
    g, same = (CapturableGenerator(3, device="cpu") for _ in range(2))
    for _ in range(3):
        assert str(function(g)) == str(draw(same))


@pytest.mark.parametrize(
    "touch", [lambda g: g.position, lambda g: setattr(g, "position", 1)], ids=["get", "set"]
)
def test_no_graph_has_its_position_which_draws_change_unseen(
    touch: Callable[[CapturableGenerator], Any],
) -> None:
    torch._dynamo.reset()
    function = torch.compile(lambda g: (g.randn(4), touch(g)), fullgraph=True, backend="aot_eager")
    # Else a compiler stops anyway where a tensor becomes a number.
    with torch._dynamo.config.patch(capture_scalar_outputs=True), pytest.raises(Unsupported):
        function(CapturableGenerator(3, device="cpu"))


# In CUDA graphs


@pytest.fixture(scope="module")
def gpu() -> torch.device:
    """The GPU, with every kernel compiled."""
    device = torch.device("cuda")
    for draw in DRAWS.values():
        draw(CapturableGenerator(0, device=device), device)
    torch.cuda.synchronize()
    return device


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("name", DRAWS)
def test_each_replay_draws_the_next_words(name: str, gpu: torch.device) -> None:
    draw = DRAWS[name]
    start = {"stream": 2**63, "position": 2**63 - 5}
    g, same = CapturableGenerator(5, device=gpu, **start), Generator(5, **start)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        first, second = draw(g, gpu), draw(g, gpu)
    assert g.position == same.position  # what is captured has not run
    for _ in range(3):
        graph.replay()
        assert_same_bytes(first, draw(same, CPU), name)
        assert_same_bytes(second, draw(same, CPU), name)
        assert g.position == same.position


@pytest.mark.gpu
@needs_gpu
def test_setting_the_position_between_replays_repeats_them(gpu: torch.device) -> None:
    g = CapturableGenerator(5, device=gpu)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        drawn = g.randn(9, device=gpu)
    for position in (0, 9, 0, 2**64 - 9):
        g.position = position
        graph.replay()
        assert_same_bytes(drawn, Generator(5, position=position).randn(9))


@pytest.mark.gpu
@needs_gpu
def test_nothing_waits_for_the_device(gpu: torch.device) -> None:
    g, drawn = CapturableGenerator(5, device=gpu), []
    with synchronisation_raises():
        for name in DRAWS.keys() - {"normal of tensors"}:
            drawn.append((name, DRAWS[name](g, gpu)))
    same = Generator(5)
    for name, tensor in drawn:
        assert_same_bytes(tensor, DRAWS[name](same, CPU), name)


@pytest.mark.gpu
@needs_gpu
def test_it_draws_on_the_current_stream(gpu: torch.device) -> None:
    g, stream = CapturableGenerator(5, device=gpu), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(10_000_000)
        # On any other stream the kernel would be done before these zeros are written.
        drawn = [g.normal_(torch.zeros(1 << 20, device=gpu)) for _ in range(2)]
    torch.cuda.current_stream().wait_stream(stream)
    assert_same_bytes(torch.cat(drawn), Generator(5).randn(1 << 21))
    assert g.position == 1 << 21


@pytest.mark.gpu
@needs_gpu
def test_a_compiled_function_can_be_captured(gpu: torch.device) -> None:
    torch._dynamo.reset()
    function = torch.compile(
        lambda g: g.normal(1.5, 0.3, (9,), device=gpu), fullgraph=True, backend="aot_eager"
    )
    g, same = CapturableGenerator(5, device=gpu), Generator(5)
    assert_same_bytes(function(g), same.normal(1.5, 0.3, (9,)))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        drawn = function(g)
    for _ in range(3):
        graph.replay()
        assert_same_bytes(drawn, same.normal(1.5, 0.3, (9,)))


@pytest.mark.gpu
@needs_gpu
@pytest.mark.filterwarnings("ignore")
def test_the_graphs_that_torch_makes_leave_a_generators_draws_out(gpu: torch.device) -> None:
    torch._dynamo.reset()
    function = torch.compile(
        lambda g: g.randn(9, device=gpu) * 2, fullgraph=True, mode="reduce-overhead"
    )
    g, same = Generator(5), Generator(5)
    for _ in range(4):
        assert_same_bytes(function(g), same.randn(9) * 2)
    assert g == same


@pytest.mark.gpu
@needs_gpu
def test_what_would_repeat_itself_or_wait_raises_in_a_graph(gpu: torch.device) -> None:
    g, host = CapturableGenerator(5, device=gpu), Generator(5)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        with pytest.raises(RuntimeError, match=r"same words.*CapturableGenerator"):
            host.randn(9, device=gpu)
        with pytest.raises(RuntimeError, match="'cpu' cannot draw inside a CUDA graph"):
            g.randn(9, device=gpu, backend="cpu")
        fixed = reprorng.randn(9, seed=7, device=gpu)
        drawn = g.randn(9, device=gpu)
    graph.replay()
    assert host.position == 0
    assert_same_bytes(fixed, reprorng.randn(9, seed=7))
    assert_same_bytes(drawn, Generator(5).randn(9))


FORK_WHILE_A_THREAD_DRAWS = """
import os, threading
import reprorng
g = reprorng.CapturableGenerator(1, position=3, device="cpu")
inside, done = threading.Event(), threading.Event()
def hold():
    with g.reserve(1, "normal", "float32"):
        inside.set()
        done.wait()
thread = threading.Thread(target=hold)
thread.start()
inside.wait()
child = os.fork()
if child == 0:
    g.randn(2)
    os._exit(g.position)
_, status = os.waitpid(child, 0)
done.set()
thread.join()
print(os.waitstatus_to_exitcode(status), g.position)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_can_draw_though_a_thread_of_its_parent_was_drawing() -> None:
    child = [sys.executable, "-c", FORK_WHILE_A_THREAD_DRAWS]
    run = subprocess.run(child, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout.split() == ["5", "4"], run.stderr


class DrawsAgain(TorchDispatchMode):
    """Draws from a generator whenever something is copied."""

    def __init__(self, generator: Draws) -> None:
        super().__init__()
        self.generator = generator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.copy_.default:
            self.generator.randn(1)
        return func(*args, **(kwargs or {}))


def test_a_position_set_while_another_thread_draws_comes_after_the_draw() -> None:
    g = CapturableGenerator(1, device="cpu")
    mover = threading.Thread(target=setattr, args=(g, "position", 1000))
    with g.reserve(5, "normal", "float32"):
        mover.start()
        mover.join(0.1)
        assert mover.is_alive()
        assert g.position == 0
    mover.join(20)
    assert g.position == 1000


def test_a_position_cannot_be_set_inside_a_draw() -> None:
    g = CapturableGenerator(1, position=3, device="cpu")
    with pytest.raises(RuntimeError, match="nor move it"), g.reserve(5, "normal", "float32"):
        g.position = 7
    assert g.position == 3


def test_a_draw_inside_a_draw_raises_and_nothing_is_drawn() -> None:
    g = CapturableGenerator(1, position=3, device="cpu")
    raised = []

    def draw() -> None:
        with pytest.raises(RuntimeError, match="cannot draw from it once more"), DrawsAgain(g):
            g.normal_(torch.empty(4), 1.0, 2.0)
        raised.append(g.position)

    thread = threading.Thread(target=draw, daemon=True)  # as it would wait for itself
    thread.start()
    thread.join(20)
    assert raised == [3]
    g.randn(2)
    assert g.position == 5
