# SPDX-License-Identifier: Apache-2.0
"""Tensors filled from a source of plans.

What is random about a draw is decided in `plan`, and what may be asked for in `arguments`; this
module knows memory and devices, and asks its source for exactly one plan once nothing can go wrong
any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.autograd import forward_ad

from reprorng import backends, shortcut
from reprorng.arguments import (
    DTYPE_NAMES,
    Options,
    check_dtype,
    check_memory,
    check_not_transformed,
    check_out,
    check_tensor,
    check_writable,
    dtype_from,
)
from reprorng.memory import prefer_large_pages
from reprorng.source import Source


def target(size: tuple[int, ...], options: Options, default: torch.dtype) -> torch.Tensor:
    """The tensor to fill: `out` if it was given, or a new one.

    Raises:
        TypeError: an argument is of the wrong type.
        RuntimeError: `out` has another shape, dtype or device than asked for, or cannot be written;
            or torch cannot make the tensor.
    """
    out, dtype, device = options.get("out"), options.get("dtype"), options.get("device")
    if out is None:
        check_not_transformed()
        tensor = torch.empty(
            size,
            dtype=dtype_from(options, default),
            device=device,
            pin_memory=bool(options.get("pin_memory")),
            memory_format=options.get("memory_format") or torch.contiguous_format,
        )
        prefer_large_pages(tensor)
        return tensor
    check_out(out, size, dtype, device)
    check_writable(out)
    return out


def finish(tensor: torch.Tensor, options: Options) -> torch.Tensor:
    """`tensor` as its caller gets it: recorded by autograd if that was asked for."""
    return tensor.requires_grad_() if options.get("requires_grad") else tensor


def fill_(
    source: Source,
    kind: str,
    tensor: torch.Tensor,
    *,
    backend: str | None = None,
    low: int = 0,
    span: int = 0,
) -> torch.Tensor:
    """Fill a tensor, whatever its strides, with the next elements in row-major order.

    Args:
        source: Where the plan comes from.
        kind: What to draw.
        tensor: The tensor to overwrite. One on the meta device has no elements: nothing is drawn.
        backend: The name of a backend to force.
        low: For integers, the smallest value.
        span: For integers, how many values.

    Returns:
        `tensor`.

    Raises:
        TypeError: its dtype does not suit `kind`.
        ValueError: `backend` is unknown.
        RuntimeError: it cannot be written, or the backend cannot run here.
        OverflowError: the stream ends before the last element.
    """
    if shortcut.fill(source, kind, tensor, backend):
        return tensor
    check_tensor(tensor, "tensor")
    check_dtype(kind, tensor.dtype)
    check_writable(tensor)
    if tensor.is_meta:
        return tensor
    in_place = may_write(tensor)
    drawn = tensor if in_place else new(tensor.shape, tensor.dtype, tensor.device)
    with filled(source, kind, drawn, backend=backend, low=low, span=span):
        if not in_place:
            tensor.copy_(drawn)
    return tensor


@contextmanager
def filled(
    source: Source,
    kind: str,
    memory: torch.Tensor,
    *,
    backend: str | None,
    low: int = 0,
    span: int = 0,
) -> Iterator[None]:
    """Fill memory, and give the words back if what is made of them in the `with` block fails.

    Args:
        source: Where the plan comes from.
        kind: What to draw.
        memory: What to fill: it comes from `new`, or `may_write` allows it.
        backend: The name of a backend to force.
        low: For integers, the smallest value.
        span: For integers, how many values.

    Raises:
        ValueError: `backend` is unknown.
        RuntimeError: the backend cannot run here.
        OverflowError: the stream ends before the last element.
    """
    count, cursor = memory.numel(), source.cursor
    if cursor is not None:
        before = cursor.now()
        if shortcut.fill(source, kind, memory, backend):
            after = (*before[:2], before[2] + count)
            # A move on the spot tells its number: somebody may draw and come back there, too.
            moves = cursor.move(after, after)
            try:
                yield
            except BaseException:
                cursor.undo(moves, before)
                raise
            return
    chosen = backends.select(memory.device, backend)
    with source.reserve(count, kind, DTYPE_NAMES[memory.dtype], low=low, span=span) as plan:
        if memory.device.type in chosen.devices:
            if count:
                source.write(chosen, plan, memory.view(-1))
            _count_write(memory)
        else:
            written = new(memory.shape, memory.dtype, torch.device(chosen.devices[0]))
            if count:
                source.write(chosen, plan, written.view(-1))
            memory.copy_(written)
        yield


def new(size: Sequence[int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Memory for numbers on their way to a tensor.

    Raises:
        RuntimeError: a mode of torch's makes tensors without memory, or there is none left.
    """
    memory = torch.empty(size, dtype=dtype, device=device)
    memory = memory.contiguous()  # a mode may have made something else of it
    if torch._C._len_torch_dispatch_stack() > 0:
        check_memory(memory)
    return memory


def may_write(tensor: torch.Tensor) -> bool:
    """Whether memory may be written where torch does not see it; else numbers have to be copied.

    A mode may want to know, and save the old numbers for a backward pass; a tensor that depends on
    others has to learn that it no longer does; and one with a tangent, that it has none.
    """
    return (
        tensor.is_contiguous()
        and not tensor.is_neg()
        and torch._C._len_torch_dispatch_stack() == 0
        and not (tensor.requires_grad and torch.is_grad_enabled())
        and forward_ad._current_level < 0
        and tensor.data_ptr() % tensor.element_size() == 0  # some are made of the bytes of a file
    )


def _count_write(tensor: torch.Tensor) -> None:
    """Tell autograd of a write it has not seen."""
    if not tensor.is_inference():
        torch.autograd.graph.increment_version(tensor)
