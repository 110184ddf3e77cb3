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

from reprorng._core import Filler
from reprorng.arguments import DTYPE_NAMES, Options
from reprorng.backends import forced, get, preferred
from reprorng.backends.cpu import GRAIN, KERNEL, WORTH_WAKING, CpuBackend
from reprorng.memory import LARGE, prefer_large_pages
from reprorng.plan import WORDS_PER_ELEMENT
from reprorng.source import Source

FILLERS: Final = {
    kind: Filler(
        {
            dtype: KERNEL[f"{kind}_{name}"]
            for dtype, name in DTYPE_NAMES.items()
            if WORDS_PER_ELEMENT.get((kind, name)) == 1
        },
        GRAIN,
        WORTH_WAKING,
        LARGE,
        prefer_large_pages,
    )
    for kind in dict.fromkeys(kind for kind, _ in WORDS_PER_ELEMENT)
}
"""By kind, what fills tensors whose elements take a word each."""

_KEYWORDS: Final = frozenset(("dtype", "layout", "device"))
"""Those a plain draw may have; diffusers names all three in each of its draws."""

_CPU: Final = frozenset((None, "cpu", torch.device("cpu")))
"""The devices it may name; memory on any other would be made in vain."""

_STRIDED: Final = frozenset((None, torch.strided))
"""The layouts it may name."""

# Looked up once, for each draw asks. Compilers other than this one use modes.
_is_compiling = torch.compiler.is_dynamo_compiling


def draw(source: Source, kind: str, size: tuple[Any, ...], options: Options) -> torch.Tensor | None:
    """A new tensor, if that is a plain draw.

    Args:
        source: What to draw from.
        kind: What to draw.
        size: The arguments that are the size, not checked yet.
        options: The keywords, not checked yet.

    Returns:
        The tensor; None if this is no plain draw, or no right one, and nothing has happened.
    """
    if _is_compiling() or (cursor := source.cursor) is None:
        return None
    try:
        if options and not _are_plain(options):
            return None
        name = forced.get()
        backend = preferred("cpu") if name is None else get(name)
    except (RuntimeError, TypeError, ValueError):
        return None
    if type(backend) is not CpuBackend:
        return None
    return FILLERS[kind].new(cursor, backend.variant, size, options)


def _are_plain(options: Options) -> bool:
    return (
        _KEYWORDS.issuperset(options)
        and options.get("device") in _CPU
        and options.get("layout") in _STRIDED
    )


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
    chosen = name if name is not None else forced.get()
    backend = preferred("cpu") if chosen is None else get(chosen)
    if type(backend) is not CpuBackend:
        return False
    drawn = FILLERS[kind].fill(cursor, backend.variant, tensor)
    if drawn:
        increment_version(tensor)
    return drawn
