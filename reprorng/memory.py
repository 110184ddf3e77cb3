# SPDX-License-Identifier: Apache-2.0
"""What is asked of the system for memory that nobody has touched yet."""

from __future__ import annotations

import os
from typing import Final

import torch

from reprorng import _core

LARGE: Final = 1 << 22
"""Bytes from which on pages of 2 MiB are asked for, as NumPy does."""

WANTED: Final = os.environ.get("REPRORNG_LARGE_PAGES", "1") != "0"
"""Whether they are asked for at all; the environment says so when the package is imported."""


def prefer_large_pages(tensor: torch.Tensor) -> None:
    """Ask for large pages if `tensor`, whose memory is new, is large and lies in the CPU's memory.

    The system makes a page when it is first touched, which takes longer than the numbers that fill
    it. Large pages cut that to less than half, where the system leaves the choice to programs. On a
    virtual machine whose host takes back what is freed they can cost more: `docs/cpu.md`.
    """
    if not WANTED or torch.compiler.is_compiling():  # while it is, there is no memory yet
        return
    if tensor.nbytes >= LARGE and tensor.is_cpu and type(tensor) is torch.Tensor:
        _core.prefer_large_pages(tensor.data_ptr(), tensor.nbytes)
