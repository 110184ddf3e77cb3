# SPDX-License-Identifier: Apache-2.0
"""Proof that a backend gives the right bits, for those who write one.

`check_backend` needs nothing but the package: it compares with the known answers shipped in
`reprorng/vectors` and with the reference backend, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import torch

from reprorng.backends import Backend
from reprorng.backends.reference import ReferenceBackend
from reprorng.plan import WORDS_PER_ELEMENT, Plan, make_plan

PAINT = 0xA5
"""The byte around and under every output: one that is written twice or not at all shows."""

# A length needs a start only once; the prefix property, which is checked by every shorter length,
# does the rest. 191 and 193 lie around the elements of a block of vectors on today's processors.
_LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 191, 193, 1025)
# Around zero; where a signed and an unsigned 32-bit word overflow, as a position and as a block
# number; where a signed 64-bit position overflows; before the end.
_STARTS = (0, 1 << 31, 1 << 32, 1 << 33, 1 << 34, 1 << 63, (1 << 64) - 4096)


def load_vectors(name: str) -> dict[str, Any]:
    """The known answers `philox`, `draws` or `states`.

    Args:
        name: The name of the file, without `.json`.

    Returns:
        Its content; the field `notes` says what it means.

    Raises:
        FileNotFoundError: there is no such file.

    Examples:
        >>> load_vectors("draws")["algorithm"]
        'philox4x32-10/v1'
    """
    content: dict[str, Any] = json.loads((files("reprorng.vectors") / f"{name}.json").read_text())
    return content


def check_backend(backend: Backend) -> int:
    """Check a backend against the known answers and the reference.

    Args:
        backend: A backend that can run here. If it does not write CPU memory, results are copied.

    Returns:
        How many draws were compared.

    Raises:
        AssertionError: the first draw with a wrong byte, or with a byte written outside the output.
        RuntimeError: the backend cannot run here.

    Examples:
        >>> import reprorng
        >>> check_backend(reprorng.backends.get("cpu")) > 1000
        True
    """
    reason = backend.why_not()
    if reason is not None:
        raise RuntimeError(f"backend {backend.name!r} cannot run here: {reason}")
    compared = 0
    for case in load_vectors("draws")["cases"]:
        check_case(backend, case)
        compared += 1
    reference = ReferenceBackend()
    for plan in _plans():
        _compare(plan, draw_bytes(backend, plan), draw_bytes(reference, plan), backend.name)
        compared += 1
    return compared


def check_case(backend: Backend, case: dict[str, Any]) -> None:
    """Check a backend against one known answer of `draws.json`.

    Raises:
        AssertionError: a byte is wrong.
    """
    plan = plan_of_case(case)
    data = draw_bytes(backend, plan)
    expected = b"".join(bytes.fromhex(x)[::-1] for x in case["expected"])
    _compare(plan, data[: len(expected)], expected, backend.name)
    digest = hashlib.sha256(data).hexdigest()
    assert digest == case["sha256"], f"{backend.name}: sha256 of {plan} is {digest}"


def plan_of_case(case: dict[str, Any]) -> Plan:
    """The plan of one known answer."""
    keys = ("seed", "stream", "position", "count", "low", "span")
    seed, stream, position, count, low, span = (int(case[key]) for key in keys)
    return make_plan(seed, stream, position, count, case["kind"], case["dtype"], low=low, span=span)


def draw_bytes(backend: Backend, plan: Plan) -> bytes:
    """What a backend draws for a plan, as little-endian bytes.

    The output is the middle of a painted buffer, at an address that is aligned to its elements and
    to nothing else.

    Raises:
        AssertionError: the backend wrote outside of its output.
    """
    dtype = getattr(torch, plan.dtype)
    device = "cpu" if "cpu" in backend.devices else backend.devices[0]
    margin = 9
    paint = torch.full(((plan.count + 2 * margin) * dtype.itemsize,), PAINT, dtype=torch.uint8)
    buffer = paint.to(device, copy=True).view(dtype)
    backend.fill(plan, buffer[margin : margin + plan.count])
    data = bytes(buffer.view(torch.uint8).cpu().numpy())
    edge = margin * dtype.itemsize
    painted = bytes([PAINT]) * edge
    assert data[:edge] == painted, f"{backend.name} wrote before its output: {plan}"
    assert data[-edge:] == painted, f"{backend.name} wrote past its output: {plan}"
    return data[edge:-edge]


def _plans() -> Iterator[Plan]:
    for kind, dtype in WORDS_PER_ELEMENT:
        span = 1_000_003 if kind == "integers" else 0
        for start in _STARTS:
            for lane in range(4):
                for count in _LENGTHS if lane == start % 4 else _LENGTHS[-4:]:
                    yield make_plan(
                        seed=0x0123456789ABCDEF ^ start,
                        stream=0xFEDCBA9876543210 ^ lane,
                        position=start + lane,
                        count=count,
                        kind=kind,
                        dtype=dtype,
                        low=-5,
                        span=span,
                    )


def _compare(plan: Plan, got: bytes, expected: bytes, name: str) -> None:
    if got == expected:
        return
    width = getattr(torch, plan.dtype).itemsize
    wrong = [
        i for i in range(0, len(expected), width) if got[i : i + width] != expected[i : i + width]
    ]
    i = wrong[0]
    raise AssertionError(
        f"{name}: {len(wrong)} of {plan.count} elements are wrong, the first at {i // width}: "
        f"{got[i : i + width][::-1].hex()} instead of {expected[i : i + width][::-1].hex()}; {plan}"
    )
