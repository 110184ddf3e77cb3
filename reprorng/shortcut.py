# SPDX-License-Identifier: Apache-2.0
"""The short way of plain draws, whose numbers take less time than a plan.

Nothing here decides anything: a draw that needs no care at all is made as `draw` would make it, and
any other is left to `draw`. Plain is what most are: numbers of a word each, in memory of the CPU
that a compiled backend writes, with nothing of torch's listening.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch.autograd.graph import increment_version

from reprorng._core import fill_tensor
from reprorng.arguments import DTYPE_NAMES
from reprorng.backends import forced, get, preferred
from reprorng.backends.cpu import GRAIN, KERNEL, WORTH_WAKING, CpuBackend
from reprorng.memory import LARGE, prefer_large_pages
from reprorng.plan import WORDS_PER_ELEMENT
from reprorng.source import Source

KERNELS: Final[dict[str, dict[torch.dtype, int]]] = {
    kind: {
        dtype: KERNEL[f"{kind}_{name}"]
        for dtype, name in DTYPE_NAMES.items()
        if WORDS_PER_ELEMENT.get((kind, name)) == 1
    }
    for kind in dict.fromkeys(kind for kind, _ in WORDS_PER_ELEMENT)
}
"""By kind and dtype, the kernels whose elements take a word each."""

# Looked up once: each is asked at every draw. Compilers other than this one use modes.
_is_compiling = torch.compiler.is_dynamo_compiling
_dispatch_modes = torch._C._len_torch_dispatch_stack
_function_modes = torch._C._len_torch_function_stack
_transform = torch._C._functorch.maybe_current_level
_trace = torch._C._get_tracing_state
_threads = torch.get_num_threads


def draw(source: Source, kind: str, size: tuple[Any, ...]) -> torch.Tensor | None:
    """A new tensor of torch's default dtype, if that is a plain draw.

    Args:
        source: What to draw from.
        kind: What to draw.
        size: The arguments that are the size, not checked yet.

    Returns:
        The tensor; None if this is no plain draw, or no right one, and nothing has happened.
    """
    if _is_compiling() or (cursor := source.cursor) is None:
        return None
    try:
        name = forced.get()
        backend = preferred("cpu") if name is None else get(name)
        if type(backend) is not CpuBackend or _dispatch_modes() or _function_modes():
            return None
        if _trace() or _transform() is not None:
            return None
        tensor = torch.empty(*size)
    except (RuntimeError, TypeError, ValueError):
        return None
    if tensor.nbytes >= LARGE:  # asked here as well, for a small draw feels the call
        prefer_large_pages(tensor)
    drawn = fill_tensor(
        cursor, backend.variant, KERNELS[kind], tensor, True, _threads(), GRAIN, WORTH_WAKING
    )
    return tensor if drawn else None


def fill(source: Source, kind: str, tensor: torch.Tensor, name: str | None = None) -> bool:
    """Fill a tensor, if that is a plain draw.

    Args:
        source: What to draw from.
        kind: What to draw.
        tensor: The tensor, not checked yet.
        name: A backend to force.

    Returns:
        Whether it was; if not, nothing has happened.

    Raises:
        ValueError: the forced backend is unknown.
        RuntimeError: the forced backend cannot run here.
    """
    if _is_compiling() or (cursor := source.cursor) is None:
        return False
    if _trace() or _transform() is not None or _dispatch_modes():
        return False
    chosen = name if name is not None else forced.get()
    backend = preferred("cpu") if chosen is None else get(chosen)
    if type(backend) is not CpuBackend:
        return False
    drawn = fill_tensor(
        cursor, backend.variant, KERNELS[kind], tensor, False, _threads(), GRAIN, WORTH_WAKING
    )
    if drawn:
        increment_version(tensor)
    return drawn
