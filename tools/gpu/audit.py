# SPDX-License-Identifier: Apache-2.0
"""Which checks a compiled kernel must pass.

The source says which float operations there are; a compiler may fuse, split, approximate or flush
them. The checks say that it did not, and that it stores as it should.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tools.gpu import audit_amd, audit_cuda
from tools.gpu.compiled import Compiled

Check: TypeAlias = Callable[[Compiled], list[str]]


def no_shared_memory(compiled: Compiled) -> list[str]:
    """Shared memory that is allocated."""
    shared = compiled.artifact.shared
    return [f"{shared} bytes of shared memory"] if shared else []


def wide_stores(compiled: Compiled) -> list[str]:
    """Whether a full program stores all it makes, 16 bytes at a time and nothing else."""
    size = {"float16": 2, "bfloat16": 2, "float32": 4, "uint32": 4}.get(compiled.dtype, 8)
    stores = [compiled.program.code[i].stores for i in compiled.path]
    made = [stored for stored in stores if stored]
    expected = [16] * (compiled.outputs * size // 16)
    return [] if made == expected else [f"stores of {made} bytes, not {expected}"]


def checks(compiled: Compiled) -> list[Check]:
    """All for a kernel that look at nothing else, without those of what it costs."""
    if compiled.listing is None:
        own: list[Check] = [audit_amd.floats, audit_amd.mode, audit_amd.memory]
    else:
        own = [audit_cuda.ptx_floats, audit_cuda.sass_floats, audit_cuda.one_branch]
        own += [audit_cuda.memory, audit_cuda.same_counts]
        if compiled.kind == "normal" and compiled.dtype != "float64":
            own[-1:] = [audit_cuda.same_arithmetic, audit_cuda.same_roots]
    return [no_shared_memory, wide_stores, *own]
