# SPDX-License-Identifier: Apache-2.0
"""What tests compare with: bytes, never values, and words made to order.

Kept apart from the tests because a comparison that asserts nothing makes all of them worthless:
`test_faults.py` shows that these assert.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reprorng.backends import Backend, reference
from reprorng.plan import WORDS_PER_ELEMENT, Plan, make_plan

KERNELS = list(WORDS_PER_ELEMENT)
"""Every (kind, dtype)."""

REQUIRED = {name for name in os.environ.get("REPRORNG_REQUIRE", "").split(",") if name}
"""The backends that must be able to run here."""

PAD = 1024
"""Painted bytes on either side of a buffer: more than any kernel writes in one step."""


def raw(values: torch.Tensor | NDArray[np.generic]) -> NDArray[np.unsignedinteger]:
    """The bits of each element in row-major order, as unsigned integers."""
    if isinstance(values, torch.Tensor):
        flat = values.detach().cpu().reshape(-1).contiguous()
        unsigned = getattr(torch, f"uint{8 * flat.element_size()}")
        return flat.view(unsigned).numpy()
    flat = np.ascontiguousarray(values).reshape(-1)
    return flat.view(f"u{flat.itemsize}")


def assert_same_bytes(
    actual: torch.Tensor | NDArray[np.generic],
    expected: torch.Tensor | NDArray[np.generic],
    what: str = "",
) -> None:
    """Fail unless both hold the same bits: -0 is not 0 here, and a NaN equals its own bits."""
    if isinstance(actual, torch.Tensor) and isinstance(expected, torch.Tensor):
        assert actual.dtype == expected.dtype, f"{what}: {actual.dtype} is not {expected.dtype}"
        assert actual.shape == expected.shape, f"{what}: {actual.shape} is not {expected.shape}"
    got, wanted = raw(actual), raw(expected)
    assert got.itemsize == wanted.itemsize, f"{what}: {got.itemsize} bytes, not {wanted.itemsize}"
    assert got.size == wanted.size, f"{what}: {got.size} elements, not {wanted.size}"
    differing = np.flatnonzero(got != wanted)
    if differing.size:
        first, digits = int(differing[0]), 2 * got.itemsize
        raise AssertionError(
            f"{what}: {differing.size} of {got.size} elements differ, the first at index {first}: "
            f"got 0x{int(got[first]):0{digits}x}, expected 0x{int(wanted[first]):0{digits}x}"
        )


class Canvas:
    """Painted memory to fill a part of, so that a write anywhere else shows.

    Args:
        dtype: The name of the element type.
        room: How many elements, with the offset, the largest fill takes.
    """

    def __init__(self, dtype: str, room: int) -> None:
        size = getattr(torch, dtype).itemsize
        memory = torch.empty(2 * PAD + room * size, dtype=torch.uint8)
        self._size = size
        self._bytes = memory.numpy()
        self._elements = memory.view(getattr(torch, dtype))
        # The period is a prime, so a piece copied to the wrong place does not look like paint.
        self._paint = (np.arange(memory.numel()) % 251).astype(np.uint8)

    def check(
        self, backend: Backend, plan: Plan, expected: bytes, *, offset: int = 0, **options: int
    ) -> None:
        """Fail unless `backend` writes `expected` at an element offset, and nothing else."""
        self._bytes[:] = self._paint
        start, end = PAD + offset * self._size, PAD + offset * self._size + len(expected)
        device = "cpu" if "cpu" in backend.devices else backend.devices[0]
        elements = self._elements.to(device)
        out = elements[start // self._size : end // self._size]
        backend.fill(plan, out, **options)
        self._elements.copy_(elements)
        wanted = self._paint.copy()
        wanted[start:end] = np.frombuffer(expected, np.uint8)
        if not np.array_equal(self._bytes, wanted):
            what = f"{backend.name}, {plan}, offset {offset}, {options}"
            values = np.frombuffer(expected, f"u{self._size}")
            assert_same_bytes(out, values, what)
            assert_same_bytes(self._bytes, wanted, f"memory around the buffer: {what}")


def plan_of(
    kind: str,
    dtype: str,
    position: int,
    count: int,
    *,
    seed: int = 0x0123456789ABCDEF,
    stream: int = 0xFEDCBA9876543210,
) -> Plan:
    """A plan; for integers, of a range that is no power of two and starts below zero."""
    low, span = (-7, 1_000_003) if kind == "integers" else (0, 0)
    return make_plan(seed, stream, position, count, kind, dtype, low=low, span=span)


@cache
def reference_bytes(plan: Plan) -> bytes:
    """The bytes of a plan's elements, from the reference's own functions."""
    return reference.elements(plan, plan.first, plan.count).tobytes()


@contextmanager
def synchronisation_raises() -> Iterator[None]:
    """Have torch raise when something waits for a CUDA device."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the mode is a prototype, and torch says so
            torch.cuda.set_sync_debug_mode("error")
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def skip_unless_runnable(name: str, reason: str | None, required: Collection[str]) -> None:
    """Skip the test if this backend cannot run here, or fail it if the backend is required."""
    if reason is None:
        return
    if name in required:
        pytest.fail(f"REPRORNG_REQUIRE names {name}, which cannot run here: {reason}")
    pytest.skip(f"{name} cannot run here: {reason}")
