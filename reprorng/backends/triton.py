# SPDX-License-Identifier: Apache-2.0
"""The Triton kernels as a backend for GPUs: CUDA, ROCm (which torch calls cuda as well) and XPU.

Triton is imported when a GPU is first asked for, and never if there is none.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from reprorng.plan import Plan

_HALF = (1 << 32) - 1


class TritonBackend:
    """The kernels in `reprorng.kernels`, on the device and the current stream of what they fill."""

    name = "triton"
    devices: tuple[str, ...] = ("cuda", "xpu")

    def why_not(self) -> str | None:
        """Why it cannot run on this machine, or None if it can."""
        found = [_accelerator(device) for device in self.devices]
        # Counting devices leaves them alone; whatever else would keep this process from forking.
        found = [accelerator for accelerator in found if accelerator.device_count()]
        if not found:
            return "torch finds no CUDA, ROCm or XPU device"
        try:
            import triton

            if triton.knobs.runtime.interpret:
                return "Triton's interpreter is on (TRITON_INTERPRET), and it rounds otherwise"
            if any(accelerator.is_initialized() for accelerator in found):
                triton.runtime.driver.active.get_current_target()
        except Exception as error:  # whatever is wrong with Triton, the CPU can serve the device
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
        kernels = self._kernels()
        pointer, lead = self._pointer(out, plan.dtype)
        with self._on(out.device):
            getattr(kernels, entry)[(programs,)](
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
                KIND=plan.kind,
                NVIDIA=torch.version.hip is None and out.device.type != "xpu",
                num_warps=kernels.NUM_WARPS,
                enable_fp_fusion=False,
            )

    def _kernels(self) -> Any:
        from reprorng.kernels import fill

        return fill

    def _pointer(self, out: torch.Tensor, dtype: str) -> tuple[Any, int]:
        """An address to store 16 bytes at, and how many elements after it those of `out` begin."""
        pointer = _Pointer(out.data_ptr() // 16 * 16, getattr(torch, dtype))
        return pointer, out.data_ptr() % 16 // out.element_size()

    def _on(self, device: torch.device) -> AbstractContextManager[Any]:
        """Triton launches on the current device; make that the one of the memory."""
        context: AbstractContextManager[Any] = _accelerator(device.type).device(device)
        return context


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


def _accelerator(device_type: str) -> Any:
    return getattr(torch, device_type)
