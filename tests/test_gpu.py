# SPDX-License-Identifier: Apache-2.0
"""What only a real GPU can show. `pytest -m gpu` runs this, and every backend's tests, on it."""

from __future__ import annotations

import pytest
import torch
from checks import KERNELS, assert_same_bytes, synchronisation_raises

import reprorng
from reprorng import backends, testing

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA or ROCm device"),
]
NORMAL = [dtype for kind, dtype in KERNELS if kind == "normal"]


def test_it_is_chosen() -> None:
    assert backends.select(torch.device("cuda")).name == "triton"


def test_known_answers_and_the_reference() -> None:
    assert testing.check_backend(backends.get("triton")) > 1000


@pytest.mark.parametrize("dtype", NORMAL)
def test_large_draws(dtype: str) -> None:
    options = {"seed": 7, "position": 12, "dtype": getattr(torch, dtype)}
    on_gpu = reprorng.randn((1 << 26) + 5, device="cuda", **options)
    assert_same_bytes(on_gpu.cpu(), reprorng.randn((1 << 26) + 5, **options))


def test_more_elements_than_32_bits_number() -> None:
    count = (1 << 32) + 4096
    if torch.cuda.mem_get_info()[0] < 2.5 * count:
        pytest.skip(f"it takes {2.5 * count:.0f} bytes of free memory on the GPU")
    drawn = reprorng.randn(count, seed=3, device="cuda", dtype=torch.bfloat16)
    for start in (0, (1 << 31) - 2048, (1 << 32) - 2048):
        wanted = reprorng.randn(6144, seed=3, position=start, dtype=torch.bfloat16)
        assert_same_bytes(drawn[start : start + 6144].cpu(), wanted)


def test_torch_s_own_functions() -> None:
    drawn = torch.randn(4, 64, 64, device="cuda", generator=reprorng.Generator(5))
    assert drawn.is_cuda
    assert_same_bytes(drawn.cpu(), torch.randn(4, 64, 64, generator=reprorng.Generator(5)))


def test_the_scaled_draws() -> None:
    for draw in (
        lambda x: reprorng.normal_(x, 1.5, 0.3, seed=1),
        lambda x: reprorng.uniform_(x, 0.1, 0.7, seed=1),
    ):
        x = torch.empty(100_000)
        assert_same_bytes(draw(x.cuda()).cpu(), draw(x))


def test_a_stream_other_than_the_default() -> None:
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(10_000_000)
        out = torch.zeros(1 << 20, device="cuda")
        reprorng.normal_(out, seed=2)
        doubled = out * 2
    stream.synchronize()
    assert_same_bytes(doubled.cpu(), reprorng.randn(1 << 20, seed=2) * 2)


def test_a_draw_does_not_wait_for_the_device() -> None:
    out = torch.empty(1 << 20, device="cuda")
    reprorng.normal_(out, seed=2)  # compiles
    with synchronisation_raises():
        reprorng.normal_(out, seed=3)
    assert_same_bytes(out.cpu(), reprorng.randn(1 << 20, seed=3))


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one device")
def test_a_device_other_than_the_current() -> None:
    drawn = reprorng.randn(1000, seed=4, device="cuda:1")
    assert torch.cuda.current_device() == 0
    assert_same_bytes(drawn.cpu(), reprorng.randn(1000, seed=4))
