# SPDX-License-Identifier: Apache-2.0
"""`torch.compile` around our draws: the same bits, because no arithmetic of ours gets compiled.

A compiler may contract a product and a sum, and some do by default; then a scaled draw would depend
on whether its caller is compiled.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from checks import assert_same_bytes

import reprorng

DRAWS: dict[str, Callable[[], torch.Tensor]] = {
    "randn": lambda: reprorng.randn(1000, seed=0),
    "normal": lambda: reprorng.normal(1.5, 0.3, (1000,), seed=0),
    "normal of tensors": lambda: reprorng.normal(torch.full((1000,), 1.5), 0.3, seed=0),
    "uniform_": lambda: reprorng.uniform_(torch.empty(1000), 0.1, 0.7, seed=0),
    "torch.randn": lambda: torch.randn(1000, generator=reprorng.Generator(0)),
    "Tensor.normal_": lambda: torch.empty(1000).normal_(1.5, 0.3, generator=reprorng.Generator(0)),
}
ARITHMETIC = {"mul", "mul_", "add", "add_", "addcmul", "sub", "sub_", "clamp_"}


@pytest.mark.parametrize("name", DRAWS)
def test_a_compiled_draw_has_the_same_bits_and_none_of_our_arithmetic(name: str) -> None:
    compiled: list[str] = []

    def record(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        calls = [node for node in graph.graph.nodes if node.op.startswith("call")]
        compiled.extend(getattr(node.target, "__name__", str(node.target)) for node in calls)
        return graph.forward

    torch._dynamo.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says where it gives up on a frame
        drawn = torch.compile(DRAWS[name], backend=record)()
    assert_same_bytes(drawn, DRAWS[name]())
    assert not ARITHMETIC & set(compiled)
