# SPDX-License-Identifier: Apache-2.0
"""The Triton backend where there is no GPU: its kernels interpreted, or compiled and emulated."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from ptx_emulator import launch
from ptx_floats import Rsqrt, nearest
from ptx_memory import Memory

from reprorng.backends.triton import TritonBackend
from reprorng.plan import Plan
from tools.gpu import compile as compiler
from tools.gpu import ptx

FIRST_EXACT = (3, 9)
"""The first Triton whose interpreter rounds an fma once."""


PYTHON = os.environ.get("REPRORNG_TRITON_PYTHON", sys.executable)
"""The Python whose Triton compiles what is emulated."""


class InterpretedBackend(TritonBackend):
    """The kernels in Triton's interpreter, on the CPU."""

    def __init__(self, *, nvidia: bool = True) -> None:
        """Of NVIDIA's variant, or of that of all others."""
        super().__init__("cpu")
        self.name = "triton:interpreter"
        self._nvidia = nvidia

    def _is_nvidia(self) -> bool:
        return self._nvidia

    def why_not(self) -> str | None:
        """Why it cannot run on this machine, or None if it can."""
        if find_spec("triton") is None:
            return "Triton is not installed"
        import triton

        if tuple(map(int, triton.__version__.split(".")[:2])) < FIRST_EXACT:
            return f"the interpreter of Triton {triton.__version__} rounds an fma twice"
        return None

    def _kernels(self) -> Any:
        return interpreted_kernels()

    def _pointer(self, out: torch.Tensor, dtype: str) -> tuple[Any, int]:
        pointer, lead = super()._pointer(out, dtype)
        size = (lead + out.numel()) * out.element_size()
        memory = (ctypes.c_uint8 * size).from_address(pointer.data_ptr())
        return torch.from_numpy(np.ctypeslib.as_array(memory)).view(pointer.dtype), lead

    def _on(self, device: torch.device) -> AbstractContextManager[Any]:
        return nullcontext()


@cache
def interpreted_kernels() -> ModuleType:
    """A second copy of `reprorng.kernels.fill`, whose functions Triton interprets."""
    import triton
    from triton.runtime import interpreter

    kept = _take_kernels()
    triton.knobs.runtime.interpret = True
    try:
        copy = importlib.import_module("reprorng.kernels.fill")
    finally:
        triton.knobs.runtime.interpret = False
        _take_kernels()
        sys.modules.update(kept)
    _round_to_bfloat16(interpreter)
    return copy


def _round_to_bfloat16(interpreter: ModuleType) -> None:
    """Have the interpreter round to bfloat16 as compiled code does; left alone it cuts off."""
    import triton.language as tl

    builder = interpreter.InterpreterBuilder
    truncate = builder.create_fp_trunc

    def create_fp_trunc(self: Any, source: Any, target: Any) -> Any:
        if target.scalar != tl.bfloat16:
            return truncate(self, source, target)
        rounded = torch.from_numpy(source.data).to(torch.bfloat16).view(torch.uint16)
        return interpreter.TensorHandle(rounded.numpy(), target.scalar)

    builder.create_fp_trunc = create_fp_trunc


def _take_kernels() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.startswith("reprorng.kernels")]
    return {name: sys.modules.pop(name) for name in names}


class EmulatedBackend(TritonBackend):
    """The kernels as compiled for a CUDA target, in the PTX emulator.

    Args:
        target: One of `tools.gpu.compile.CUDA`.
        rsqrt: How bad the estimate of 1 / sqrt(x) is.
        package: The folder of the package `reprorng` to compile.
        options: Further arguments of `tools.gpu.compile`.
    """

    def __init__(
        self,
        target: str,
        rsqrt: Rsqrt = nearest,
        package: Path = compiler.ROOT,
        options: tuple[str, ...] = (),
    ) -> None:
        """See the class."""
        super().__init__("cpu")
        self.name = f"triton:{target}"
        self._target, self._rsqrt = target, rsqrt
        self._made_of = package, *options
        self._memory, self._start = Memory(), 0

    def why_not(self) -> str | None:
        """Why it cannot run on this machine, or None if it can."""
        return None if find_spec("triton") else "Triton is not installed"

    def _launch(
        self, entry: str, start: int | torch.Tensor, programs: int, plan: Plan, out: torch.Tensor
    ) -> None:
        self._kernel = load(f"{entry} {plan.kernel}", self._target, *self._made_of)
        if isinstance(start, torch.Tensor):
            address = self._memory.allocate(8)
            self._memory.write(address, start.numpy().tobytes())
            start = address
        super()._launch(entry, start, programs, plan, out)
        written = self._memory.writes(self._start, out.nbytes)
        assert (written == 1).all(), "a byte was not written exactly once"
        data = bytearray(self._memory.read(self._start, out.nbytes))
        out.copy_(torch.frombuffer(data, dtype=out.dtype))

    def _kernels(self) -> Any:
        from reprorng.kernels import fill

        return SimpleNamespace(
            elements_in_program=fill.elements_in_program,
            NUM_WARPS=fill.NUM_WARPS,
            fill=self,
            fill_from=self,
        )

    def __getitem__(self, grid: tuple[int]) -> Callable[..., None]:
        """As a function of Triton's: launch on a grid."""

        def run(*all_arguments: Any, **_: Any) -> None:
            *arguments, _kind, nvidia = all_arguments
            assert nvidia
            kernel, threads = self._kernel
            scratch = [0] * (len(kernel.parameters) - len(arguments))
            launch(kernel, *grid, threads, [*arguments, *scratch], self._memory, rsqrt=self._rsqrt)

        return run

    def _is_nvidia(self) -> bool:
        return True

    def _pointer(self, out: torch.Tensor, dtype: str) -> tuple[Any, int]:
        # Of the alignment of `out`, and not a byte larger: the emulator refuses any other access.
        lead = out.data_ptr() % 16
        address = self._memory.allocate(lead + out.nbytes)
        self._start = address + lead
        return address, lead // out.element_size()

    def _on(self, device: torch.device) -> AbstractContextManager[Any]:
        return nullcontext()


@cache
def compiled(package: Path, *options: str) -> Path:
    """Where everything that is compiled lies."""
    return compiler.artifacts(PYTHON, package, *options)


@cache
def load(kernel: str, target: str, package: Path, *options: str) -> tuple[ptx.Kernel, int]:
    """A kernel as compiled for a target, and the threads of a program."""
    folder = compiled(package, *options)
    found = compiler.load(folder)[kernel, target]
    return ptx.parse((folder / found.assembly).read_text()), found.threads
