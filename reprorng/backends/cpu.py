# SPDX-License-Identifier: Apache-2.0
"""The compiled CPU kernels as backends: one that takes the best, and one for each instruction set.

`cpu` is what draws use; `cpu:avx512`, `cpu:avx2`, `cpu:neon` and `cpu:scalar` exist to be forced.
"""

from __future__ import annotations

from typing import Final

import torch

from reprorng import _core
from reprorng.plan import Plan

KERNEL: Final = {name: index for index, name in enumerate(_core.KERNELS)}
"""The compiled kernels by name."""

GRAIN: Final = 1 << 14
"""Elements in a piece, of which a thread takes one after another."""

WORTH_WAKING: Final = 16
"""Pieces below which waking a thread takes longer than it helps; one that is awake may still."""


class CpuBackend:
    """The C++ kernels.

    Args:
        instruction_set: One of the names `variants` lists; None takes the best this machine has.
    """

    devices: tuple[str, ...] = ("cpu",)

    def __init__(self, instruction_set: str | None = None) -> None:
        """See the class."""
        found = _core.variants()
        runnable = [index for index, (_, _, runs) in enumerate(found) if runs]
        names = [name for name, _, _ in found]
        self.variant = runnable[0] if instruction_set is None else names.index(instruction_set)
        self.instruction_set, self._needs, self._runs = found[self.variant]
        self.name = "cpu" if instruction_set is None else f"cpu:{instruction_set}"

    @classmethod
    def variants(cls) -> list[CpuBackend]:
        """A backend for every instruction set, in order of preference, runnable here or not."""
        return [cls(name) for name, _, _ in _core.variants()]

    def why_not(self) -> str | None:
        """Why it cannot run on this machine, or None if it can."""
        return None if self._runs else f"it needs {self._needs}"

    def fill(self, plan: Plan, out: torch.Tensor, *, grain: int = GRAIN) -> None:
        """Write the elements of `plan` to `out`, on at most `torch.get_num_threads()` threads.

        Args:
            plan: What to draw.
            out: A contiguous one-dimensional CPU tensor of `plan.count` elements.
            grain: Elements in a piece of work.
        """
        integers = plan.kind == "integers"
        kernel = KERNEL["bits_uint64" if integers else plan.kernel]
        address, threads = out.data_ptr(), torch.get_num_threads()
        place = (plan.key, plan.stream, plan.first, plan.count, address)
        _core.fill(self.variant, kernel, *place, threads, grain, WORTH_WAKING)
        if integers:
            _core.map_to_range(address, plan.count, plan.low % (1 << 64), plan.span)
