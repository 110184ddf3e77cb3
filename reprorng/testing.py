# SPDX-License-Identifier: Apache-2.0
"""Proof that a backend gives the right bits, for those who write one.

`check_backend` needs nothing but the package: it compares with the known answers shipped in
`reprorng/vectors` and with the reference backend, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files
from typing import Any, Final

import torch

from reprorng import functional, trials
from reprorng.backends import Backend, check_interface, use
from reprorng.brownian import BrownianTree
from reprorng.plan import Plan, make_plan
from reprorng.spec import PHILOX_M0, PHILOX_M1, PHILOX_ROUNDS, PHILOX_W0, PHILOX_W1

PAINT = 0xA5
"""The byte around and under every output: one that is written twice or not at all shows."""

MARGINS = (9, 64)
"""Elements before an output: aligned to them and to nothing else, and as torch aligns memory."""


_PLACE: Final = ("seed", "stream", "position")


def load_vectors(name: str) -> dict[str, Any]:
    """The known answers `philox`, `draws`, `scaled`, `states` or `brownian`.

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

    Every kind and dtype is drawn in every length up to 33 and in some up to 4098, from every lane,
    around every carry of a position, and up to the last word of a stream; integers in the ranges
    where a product could lose a bit. Each plan is drawn twice, into memory that is aligned to its
    elements alone and into memory as torch aligns it; by `fill_from` as well, if there is one; and
    some by several threads at once. The longest draws are the known answers of 2^20 + 5 elements:
    what shows only in longer ones is not seen here.

    Args:
        backend: A backend that can run here. If it does not write CPU memory, results are copied.

    Returns:
        How many draws were compared.

    Raises:
        AssertionError: the first draw with a wrong byte, or with a byte written outside the output.
        RuntimeError: the backend cannot run here.
        TypeError: it is no backend: a part is missing, or a name or device type is none.

    Examples:
        >>> import reprorng
        >>> check_backend(reprorng.backends.get("cpu")) > 1000
        True
    """
    check_interface(backend)
    reason = backend.why_not()
    if reason is not None:
        raise RuntimeError(f"backend {backend.name!r} cannot run here: {reason}")
    entries = [backend]
    if getattr(backend, "fill_from", None) is not None:
        entries.append(_FromDevice(backend))
    compared = 0
    for plan, expected in trials.answered():
        for entry in entries:
            for margin in MARGINS:
                _compare(plan, draw_bytes(entry, plan, margin), expected, entry.name)
                compared += 1
    cases, at_once = load_vectors("draws")["cases"], trials.answered_at_once()
    for entry in entries:
        for case in cases:
            check_case(entry, case)
        _check_threads(entry, at_once)
        compared += len(cases) + len(at_once)
    return compared


def check_case(backend: Backend, case: dict[str, Any]) -> None:
    """Check a backend against one known answer of `draws.json`.

    Raises:
        AssertionError: a byte is wrong.
    """
    plan = plan_of_case(case)
    for margin in MARGINS:
        data = draw_bytes(backend, plan, margin)
        expected = b"".join(bytes.fromhex(x)[::-1] for x in case["expected"])
        _compare(plan, data[: len(expected)], expected, backend.name)
        digest = hashlib.sha256(data).hexdigest()
        if digest != case["sha256"]:
            raise AssertionError(f"{backend.name}: sha256 of {plan} is {digest}")


def plan_of_case(case: dict[str, Any]) -> Plan:
    """The plan of one known answer."""
    keys = (*_PLACE, "count", "low", "span")
    seed, stream, position, count, low, span = (int(case[key]) for key in keys)
    return make_plan(seed, stream, position, count, case["kind"], case["dtype"], low=low, span=span)


def draw_scaled(case: dict[str, Any], *, backend: str) -> torch.Tensor:
    """What a backend, by name, gives for one case of `scaled.json`."""
    options: dict[str, Any] = {name: int(case.get(name, 0)) for name in _PLACE}
    options["backend"] = backend
    dtype = getattr(torch, case["dtype"])
    match case["function"], case["arguments"]:
        case "randperm", [n]:
            return functional.randperm(n, dtype=dtype, **options)
        case "randint", bounds:
            return functional.randint(*bounds, (4096,), dtype=dtype, **options)
        case "multinomial", [weights, *how]:
            p = torch.tensor(weights, dtype=torch.float64)
            return functional.multinomial(p, *how, **options)
        case "normal", [list() as mean, list() as std]:
            moments = (torch.tensor(values, dtype=dtype) for values in (mean, std))
            return functional.normal(*moments, **options)
        case "normal", [mean, std]:
            return functional.normal(mean, std, (4096,), dtype=dtype, **options)
    in_place: dict[str, Callable[..., torch.Tensor]] = {
        "uniform": functional.uniform_,
        "random_": functional.random_,
        "bernoulli": functional.bernoulli_,
    }
    empty = torch.empty(4096, dtype=dtype)
    return in_place[case["function"]](empty, *case["arguments"], **options)


def draw_brownian(case: dict[str, Any], *, backend: str) -> list[torch.Tensor]:
    """What a backend, by name, gives for each query of one case of `brownian.json`."""
    dtype = getattr(torch, case["dtype"])
    tree = BrownianTree(int(case["seed"]), case["size"], case["t0"], case["t1"], dtype=dtype)
    with use(backend):
        return [tree(*query) for query in case["queries"]]


def draw_bytes(backend: Backend, plan: Plan, margin: int = MARGINS[0]) -> bytes:
    """What a backend draws for a plan, as little-endian bytes.

    The output is the middle of a painted buffer, `margin` elements from both of its ends.

    Raises:
        AssertionError: the backend wrote outside of its output.
    """
    dtype = getattr(torch, plan.dtype)
    device = "cpu" if "cpu" in backend.devices else backend.devices[0]
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


class _FromDevice:
    """A backend whose `fill` is the `fill_from` of another, with the position on its device."""

    def __init__(self, backend: Any) -> None:
        self.name = f"fill_from of {backend.name}"
        self.devices: tuple[str, ...] = backend.devices
        self._fill_from = backend.fill_from

    def why_not(self) -> None:
        """It runs where the other does."""

    def fill(self, plan: Plan, out: torch.Tensor) -> None:
        position = torch.tensor(plan.position, dtype=torch.uint64).view(torch.int64)
        self._fill_from(replace(plan, position=0), out, position.to(out.device))


def _check_threads(backend: Backend, answered: Sequence[tuple[Plan, bytes]]) -> None:
    """Check draws that several threads make at once, as those of a shared backend may."""
    plans, answers = zip(*answered, strict=True)
    with ThreadPoolExecutor(4) as pool:
        drawn = pool.map(lambda plan: draw_bytes(backend, plan), plans)
        for plan, data, expected in zip(plans, drawn, answers, strict=True):
            _compare(plan, data, expected, f"{backend.name} on several threads")


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
