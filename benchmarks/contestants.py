# SPDX-License-Identifier: Apache-2.0
"""Who is timed: ourselves, and everyone people would draw their noise from otherwise.

A contestant has a `name`, `why_not()`, which says why it cannot run here or None, and
`job(case, buffer)`, which returns what is timed, or None if it has no such numbers. In a touched
case the buffer is the same for all; who cannot write into it makes an array of its own each time,
and says so.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch

import reprorng
from benchmarks.cases import Case
from benchmarks.frameworks import Jax, TensorFlow, import_error
from benchmarks.mkl import METHODS, Mkl
from benchmarks.nv import NvNoise
from benchmarks.run import Job

SLOW = 1 << 20
"""Elements up to which those are timed that are slow at any size."""


class Contestant(Protocol):
    """What a contestant is; see the module."""

    name: str

    def why_not(self) -> str | None:
        """Why it cannot run here, or None."""

    def job(self, case: Case, buffer: torch.Tensor) -> Job | None:
        """What is timed, or None if it has no such numbers."""


class Ours:
    """This package, by the backend a user gets or by a forced one.

    Args:
        name: Its name in the results.
        backend: The backend to force.
        at_most: The largest draw worth the time.
    """

    def __init__(self, name: str, backend: str | None = None, at_most: int = 1 << 62) -> None:
        """See the class."""
        self.name = name
        self.backend = backend
        self._at_most = at_most

    def why_not(self) -> str | None:
        """What the backend says, or that there is none of its name."""
        if self.backend is None:
            return None
        return reprorng.backends.available().get(self.backend, f"there is no {self.backend} here")

    def job(self, case: Case, buffer: torch.Tensor) -> Job | None:
        """All numbers; a forced backend is one of the CPU's."""
        if case.count > self._at_most or (self.backend is not None and case.device != "cpu"):
            return None
        options: dict[str, Any] = {"generator": reprorng.Generator(0)}
        if self.backend is not None:
            options["backend"] = self.backend
        normal = case.kind == "normal"
        if case.fresh:
            make = reprorng.randn if normal else reprorng.rand
            options |= {"dtype": case.torch_dtype, "device": case.device}
            return lambda: make(case.count, **options)
        fill: Callable[..., object] = reprorng.normal_ if normal else reprorng.uniform_
        return lambda: fill(buffer, **options)


class Torch:
    """Torch's default generator."""

    name = "torch"

    def why_not(self) -> None:
        """It is always there."""

    def job(self, case: Case, buffer: torch.Tensor) -> Job:
        """All numbers."""
        normal = case.kind == "normal"
        if case.fresh:
            make = torch.randn if normal else torch.rand
            return lambda: make(case.count, dtype=case.torch_dtype, device=case.device)
        return buffer.normal_ if normal else buffer.uniform_


class TorchStateless:
    """Torch's experimental `torch.func._random`, a stateless Philox."""

    name = "torch stateless"

    def why_not(self) -> str | None:
        """Older versions of torch lack it."""
        return import_error("torch.func._random")

    def job(self, case: Case, buffer: torch.Tensor) -> Job | None:
        """Float32 normals on a GPU."""
        if (case.kind, case.dtype) != ("normal", "float32") or case.device == "cpu" or case.fresh:
            return None
        stateless = importlib.import_module("torch.func._random")
        key = stateless.key(0, device=case.device)
        return lambda: stateless.normal_(key, buffer)


class Memset:
    """Zeros instead of numbers: what no generator can beat in the same pages."""

    name = "memset"

    def why_not(self) -> None:
        """It is always there."""

    def job(self, case: Case, buffer: torch.Tensor) -> Job:
        """As many bytes."""
        if case.fresh:
            return lambda: torch.empty(
                case.count, dtype=case.torch_dtype, device=case.device
            ).zero_()
        return buffer.zero_


class NumPyGenerator:
    """A bit generator under NumPy's `Generator`, which is serial and draws by the ziggurat.

    Args:
        name: Its name in the results.
        module: Where the bit generator is.
        bit_generator: Its class.
        options: The keywords of its class.
    """

    def __init__(self, name: str, module: str, bit_generator: str, **options: int) -> None:
        """See the class."""
        self.name = name
        self._module, self._class, self._options = module, bit_generator, options

    def why_not(self) -> str | None:
        """Whether its package is missing."""
        return import_error(self._module)

    def job(self, case: Case, buffer: torch.Tensor) -> Job | None:
        """Float32 and float64, the types NumPy draws."""
        if case.dtype not in ("float32", "float64") or case.device != "cpu":
            return None
        bits = getattr(importlib.import_module(self._module), self._class)(0, **self._options)
        generator = np.random.Generator(bits)
        draw: Any = generator.standard_normal if case.kind == "normal" else generator.random
        dtype = np.dtype(case.dtype)
        if case.fresh:
            return lambda: draw(case.count, dtype=dtype)
        out = buffer.numpy()
        return lambda: draw(dtype=dtype, out=out)


class NvInNumPy:
    """The web UIs' "NV" noise; it makes an array, which is then copied to where it is wanted."""

    name = "NV noise in NumPy"

    def why_not(self) -> None:
        """It is written here."""

    def job(self, case: Case, buffer: torch.Tensor) -> Job | None:
        """Float32 normals."""
        if (case.kind, case.dtype) != ("normal", "float32") or case.count > SLOW:
            return None
        noise = NvNoise(0)
        if case.fresh:
            return lambda: torch.from_numpy(noise.randn(case.count))
        return lambda: buffer.copy_(torch.from_numpy(noise.randn(case.count)))


class Diffusers:
    """`randn_tensor` with a generator of the CPU, the way to repeatable images with torch alone.

    The copy to the model's device is part of it. On the CPU a copy to the buffer stands for that,
    and in a fresh case there is none.
    """

    name = "diffusers, CPU generator"

    def why_not(self) -> str | None:
        """Whether diffusers is missing."""
        return import_error("diffusers")

    def job(self, case: Case, buffer: torch.Tensor) -> Job | None:
        """Normals of all types."""
        if case.kind != "normal":
            return None
        from diffusers.utils.torch_utils import randn_tensor

        generator = torch.Generator()
        generator.manual_seed(0)
        shape, device = (case.count,), torch.device(case.device)

        def draw() -> torch.Tensor:
            return randn_tensor(shape, generator, device=device, dtype=case.torch_dtype)

        if case.fresh or case.device != "cpu":
            return draw
        return lambda: buffer.copy_(draw())


OURS = (
    Ours("reprorng"),
    Ours("reprorng avx2", "cpu:avx2"),
    Ours("reprorng portable", "cpu:scalar", at_most=SLOW),
)

CPU: tuple[Contestant, ...] = (
    *OURS,
    Torch(),
    NumPyGenerator("NumPy Philox", "numpy.random", "Philox"),
    NumPyGenerator("NumPy PCG64", "numpy.random", "PCG64"),
    NumPyGenerator("NumPy SFC64", "numpy.random", "SFC64"),
    NumPyGenerator("randomgen Philox", "randomgen", "Philox", number=4, width=32),
    *(Mkl(method) for method in METHODS),
    Mkl("ICDF", "ARS5"),
    Mkl("STD", "ARS5"),
    Jax(),
    TensorFlow(),
    NvInNumPy(),
    Diffusers(),
    Memset(),
)

MAPPED: tuple[Contestant, ...] = (OURS[0], Torch(), Memset())
"""Who is timed in memory that is mapped anew, which costs everybody the same."""

GPU: tuple[Contestant, ...] = (
    OURS[0],
    Torch(),
    TorchStateless(),
    NvInNumPy(),
    Diffusers(),
    Memset(),
)


def left_out(contestants: Sequence[Contestant]) -> dict[str, str]:
    """Who cannot run here, and why."""
    reasons = {contestant.name: contestant.why_not() for contestant in contestants}
    return {name: reason for name, reason in reasons.items() if reason is not None}
