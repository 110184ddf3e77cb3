# SPDX-License-Identifier: Apache-2.0
"""The Triton kernels, interpreted, and as PTX for four architectures, emulated: the CPU's bits."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from checks import KERNELS, REQUIRED, Canvas, plan_of, skip_unless_runnable
from gpu import EmulatedBackend, InterpretedBackend
from ptx_floats import Rsqrt, highest, lowest, scattered

from reprorng import backends, testing
from reprorng.backends.triton import TritonBackend
from reprorng.plan import Plan
from tools.gpu import compile as compiler

BACKENDS = [
    InterpretedBackend(),
    *map(EmulatedBackend, compiler.CUDA),
    pytest.param(TritonBackend(), marks=pytest.mark.gpu),
]
# Ten thousand elements take the interpreter a second.
SHORT = [c for c in testing.load_vectors("draws")["cases"] if int(c["count"]) <= 10_000]
OF_EVERY_KIND = pytest.mark.parametrize(("kind", "dtype"), KERNELS)


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def gpu(request: pytest.FixtureRequest) -> TritonBackend:
    skip_unless_runnable(request.param.name, request.param.why_not(), REQUIRED)
    return request.param


def cpu_bytes(plan: Plan) -> bytes:
    out = torch.empty(plan.count, dtype=getattr(torch, plan.dtype))
    backends.get("cpu").fill(plan, out)
    return out.view(torch.uint8).numpy().tobytes()


def places(kind: str, dtype: str) -> list[tuple[int, int, int]]:
    """Position, count, and elements between 16-byte aligned memory and the output."""
    words = plan_of(kind, dtype, 0, 1).words_per_element
    size = 4096 // words
    return [
        (0, 2 * size, 0),
        (words * size, size, 0),
        (0, 1, 0),
        (words, 2 * size + 1, 1),
        (3 * words, size + 7, 3),
        (7 * words, 2 * size, 2),
        ((1 << 34) - words * (size + 5), 3 * size, 3),
        ((1 << 63) - words * 9, 18, 1),
        ((1 << 64) - words * (size + 3), size + 3, 5),
    ]


@OF_EVERY_KIND
def test_any_place_of_the_stream_in_memory_of_any_alignment(
    gpu: TritonBackend, kind: str, dtype: str
) -> None:
    canvas = Canvas(dtype, 3 * 4096 + 16)
    for position, count, offset in places(kind, dtype):
        plan = plan_of(kind, dtype, position, count)
        canvas.check(gpu, plan, cpu_bytes(plan), offset=offset)


@OF_EVERY_KIND
def test_a_position_read_from_memory(gpu: TritonBackend, kind: str, dtype: str) -> None:
    for position, count, _ in places(kind, dtype):
        plan = plan_of(kind, dtype, position, count)
        device = gpu.devices[0]
        out = torch.empty(count, dtype=getattr(torch, dtype), device=device)
        # An odd position is rounded up to the first element that begins at or after it.
        before = position - (plan.words_per_element - 1) if position else 0
        held = torch.tensor([before - (before >> 63 << 64)], device=device)
        gpu.fill_from(plan_of(kind, dtype, 0, count), out, held)
        assert out.cpu().view(torch.uint8).numpy().tobytes() == cpu_bytes(plan)


@pytest.mark.parametrize("case", SHORT, ids=lambda case: "{kind}-{dtype}-{position}".format(**case))
def test_known_answers(gpu: TritonBackend, case: dict[str, Any]) -> None:
    testing.check_case(gpu, case)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_square_root_of_other_gpus_gives_the_same_bits(dtype: str) -> None:
    other = InterpretedBackend(nvidia=False)
    skip_unless_runnable(other.name, other.why_not(), REQUIRED)
    plan = plan_of("normal", dtype, 0, 8192)
    Canvas(dtype, 8192).check(other, plan, cpu_bytes(plan))


@pytest.mark.parametrize("target", compiler.CUDA)
@pytest.mark.parametrize("rsqrt", [lowest, highest, scattered(1)], ids=["low", "high", "any"])
def test_roots_from_worse_estimates(target: str, rsqrt: Rsqrt) -> None:
    # None of these radii is of the two mantissas in 2^24 that need a better one; the sweep is.
    plan = plan_of("normal", "float32", 0, 1 << 16)
    backend = EmulatedBackend(target, rsqrt)
    skip_unless_runnable(backend.name, backend.why_not(), REQUIRED)
    Canvas("float32", plan.count).check(backend, plan, cpu_bytes(plan))
