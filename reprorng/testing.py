# SPDX-License-Identifier: Apache-2.0
"""Proof that a backend gives the right bits, for those who write one.

`check_backend` needs nothing but the package: it compares with the known answers shipped in
`reprorng/vectors` and with the reference backend, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

import torch

from reprorng import functional
from reprorng.backends import Backend
from reprorng.backends.reference import ReferenceBackend
from reprorng.plan import WORDS_PER_ELEMENT, Plan, make_plan
from reprorng.spec import PHILOX_M0, PHILOX_M1, PHILOX_ROUNDS, PHILOX_W0, PHILOX_W1

PAINT = 0xA5
"""The byte around and under every output: one that is written twice or not at all shows."""

# A length needs a start only once; the prefix property, which is checked by every shorter length,
# does the rest. 191 and 193 lie around the elements of a block of vectors on today's processors.
_LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 191, 193, 1025)
# Around zero; where a signed and an unsigned 32-bit word overflow, as a position and as a block
# number; where a signed 64-bit position overflows; before the end.
_STARTS = (0, 1 << 31, 1 << 32, 1 << 33, 1 << 34, 1 << 63, (1 << 64) - 4096)


def load_vectors(name: str) -> dict[str, Any]:
    """The known answers `philox`, `draws`, `scaled` or `states`.

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
    if digest != case["sha256"]:
        raise AssertionError(f"{backend.name}: sha256 of {plan} is {digest}")


def plan_of_case(case: dict[str, Any]) -> Plan:
    """The plan of one known answer."""
    keys = ("seed", "stream", "position", "count", "low", "span")
    seed, stream, position, count, low, span = (int(case[key]) for key in keys)
    return make_plan(seed, stream, position, count, case["kind"], case["dtype"], low=low, span=span)


def draw_scaled(case: dict[str, Any], *, backend: str) -> torch.Tensor:
    """What a backend, by name, gives for one case of `scaled.json`."""
    options: dict[str, Any] = {"seed": int(case["seed"]), "backend": backend}
    dtype = getattr(torch, case["dtype"])
    first, *rest = case["arguments"]
    match case["function"]:
        case "randperm":
            return functional.randperm(first, dtype=dtype, **options)
        case "randint":
            return functional.randint(first, rest[0], (4096,), dtype=dtype, **options)
        case "normal":
            return functional.normal(first, rest[0], (4096,), dtype=dtype, **options)
        case _:
            return functional.uniform_(torch.empty(4096, dtype=dtype), first, rest[0], **options)


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
    elements = buffer.cpu().view(getattr(torch, f"uint{8 * dtype.itemsize}")).numpy()
    data = elements.astype(elements.dtype.newbyteorder("<")).tobytes()
    edge = margin * dtype.itemsize
    painted = bytes([PAINT]) * edge
    # Not `assert`: this is a check for others to run, and `python -O` must not switch it off.
    if data[:edge] != painted or data[-edge:] != painted:
        raise AssertionError(f"{backend.name} wrote outside of its output: {plan}")
    return data[edge:-edge]


def place_of(words: Sequence[int]) -> tuple[int, int, int]:
    """A (seed, stream, position) whose next four words are these: edge cases, made to order.

    Args:
        words: Four integers in [0, 2^32).

    Returns:
        The first such seed with a position in the stream, that stream and that position.

    Raises:
        ValueError: none of the first thousand seeds has one, which would be a wonder.

    Examples:
        >>> import reprorng
        >>> seed, stream, position = place_of([0, 1, 2, 3])
        >>> reprorng.bits(4, seed=seed, stream=stream, position=position).tolist()
        [0, 1, 2, 3]
    """
    for seed in range(1000):
        block, stream = _counter_of(words, seed)
        if block < 1 << 62:
            return seed, stream, 4 * block
    raise ValueError(f"no seed below 1000 has the words {words} in one of its streams")


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


def _counter_of(words: Sequence[int], key: int) -> tuple[int, int]:
    """The (block, stream) at which Philox gives these four words: its ten rounds, run backwards.

    Both multipliers are odd, so a round's low products give back what was multiplied. The block
    need not lie in a stream, which has 2^62 of them.
    """
    low = 0xFFFFFFFF
    c0, c1, c2, c3 = words
    inverse0, inverse1 = pow(PHILOX_M0, -1, 1 << 32), pow(PHILOX_M1, -1, 1 << 32)
    for i in reversed(range(PHILOX_ROUNDS)):
        k0, k1 = (key + i * PHILOX_W0) & low, ((key >> 32) + i * PHILOX_W1) & low
        before0, before2 = c3 * inverse0 & low, c1 * inverse1 & low
        c1 = before2 * PHILOX_M1 >> 32 ^ c0 ^ k0
        c3 = before0 * PHILOX_M0 >> 32 ^ c2 ^ k1
        c0, c2 = before0, before2
    return c0 | c1 << 32, c2 | c3 << 32
