# SPDX-License-Identifier: Apache-2.0
"""The Triton kernels as a backend for GPUs: CUDA, ROCm (which torch calls cuda as well) and XPU.

Triton is imported when a GPU is first asked for, and never if there is none.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch

from reprorng.plan import Plan, make_plan

_HALF = (1 << 32) - 1


class TritonBackend:
    """The kernels in `reprorng.kernels`, on the device and the current stream of what they fill.

    Args:
        device: What torch calls the kind of GPU, `"cuda"` or `"xpu"`.
    """

    def __init__(self, device: str = "cuda") -> None:
        """See the class."""
        self.name = "triton" if device == "cuda" else f"triton:{device}"
        self.devices: tuple[str, ...] = (device,)
        self._compiled: dict[tuple[str, str, torch.device], Any] = {}

    def why_not(self) -> str | None:
        """Why it cannot run on this machine, or None if it can."""
        accelerator = self._accelerator()
        # Where the driver's library answers, this leaves the GPU alone; what would initialise it,
        # and so keep this process from forking, waits until somebody else has.
        if not accelerator.device_count():
            return f"torch finds no device of the type {self.devices[0]}"
        if find_spec("triton") is None:
            return "Triton is not installed"
        return self._trial() if accelerator.is_initialized() else None

    @cache  # noqa: B019  # there is one of each, for as long as the process lives
    def _trial(self) -> str | None:
        """Why a first draw fails, if it does: then the CPU serves the device."""
        try:
            import triton

            if triton.knobs.runtime.interpret:
                return "Triton's interpreter is on (TRITON_INTERPRET), and it rounds otherwise"
            out = torch.empty(1, dtype=torch.uint32, device=self.devices[0])
            self.fill(make_plan(0, 0, 0, 1, "bits", "uint32"), out)
        except Exception as error:  # no compiler for the launcher, a GPU it does not know, ...
            return f"Triton cannot be used: {type(error).__name__}: {error}"
        return None

    def fill(self, plan: Plan, out: torch.Tensor) -> None:
        """Write the elements of `plan` to `out`.

        Args:
            plan: What to draw.
            out: A contiguous one-dimensional tensor of `plan.count` elements on a GPU.
        """
        size = self._kernels().elements_in_program(plan.dtype)
        programs = (plan.first + plan.count - 1) // size - plan.first // size + 1
        self._launch("fill", plan.first, programs, plan, out)

    def fill_from(self, plan: Plan, out: torch.Tensor, position: torch.Tensor) -> None:
        """As `fill`, with the position read when the kernel runs, so that a CUDA graph can move it.

        Args:
            plan: What to draw; its own position is not used.
            out: As for `fill`.
            position: The bits of the position in an int64 tensor of one element on the same device.
        """
        # One more than the elements fill: the first may lie anywhere in a program.
        programs = (plan.count - 1) // self._kernels().elements_in_program(plan.dtype) + 2
        self._launch("fill_from", position, programs, plan, out)

    def _launch(
        self, entry: str, start: int | torch.Tensor, programs: int, plan: Plan, out: torch.Tensor
    ) -> None:
        pointer, lead = self._pointer(out, plan.dtype)
        arguments = (
            pointer,
            lead,
            start,
            plan.count,
            plan.key & _HALF,
            plan.key >> 32,
            plan.stream & _HALF,
            plan.stream >> 32,
            plan.low % (1 << 64),
            plan.span,
            plan.kind,
            self._is_nvidia(),
        )
        which = entry, plan.kernel, out.device
        with self._on(out.device):
            # There is one kernel for all arguments, so Triton need not look for it each time, which
            # takes longer than the launch.
            if compiled := self._compiled.get(which):
                compiled[programs, 1, 1](*arguments)
                return
            kernels = self._kernels()
            options = {"num_warps": kernels.NUM_WARPS, "enable_fp_fusion": False}
            compiled = getattr(kernels, entry)[(programs,)](*arguments, **options)
            self._compiled[which] = compiled

    def _kernels(self) -> Any:
        from reprorng.kernels import fill

        return fill

    def _pointer(self, out: torch.Tensor, dtype: str) -> tuple[Any, int]:
        """An address to store 16 bytes at, and how many elements after it those of `out` begin."""
        pointer = _Pointer(out.data_ptr() // 16 * 16, getattr(torch, dtype))
        return pointer, out.data_ptr() % 16 // out.element_size()

    def _on(self, device: torch.device) -> AbstractContextManager[Any]:
        """Triton launches on the current device; make that the one of the memory."""
        context: AbstractContextManager[Any] = self._accelerator().device(device)
        return context

    def _is_nvidia(self) -> bool:
        return self.devices == ("cuda",) and torch.version.hip is None

    def _accelerator(self) -> Any:
        return getattr(torch, self.devices[0])


@dataclass(frozen=True)
class _Pointer:
    """What Triton wants to know of a tensor.

    It compiles a kernel for addresses divisible by 16 and one for others; always given the former,
    it compiles one.
    """

    address: int
    dtype: torch.dtype

    def data_ptr(self) -> int:
        """The address."""
        return self.address
