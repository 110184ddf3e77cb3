# SPDX-License-Identifier: Apache-2.0
"""Tensors filled from a source of plans.

What is random about a draw is decided in `plan`, and what may be asked for in `arguments`; this
module knows memory and devices, and asks its source for exactly one plan once nothing can go wrong
any more.
"""

from __future__ import annotations

import torch
from torch.autograd import forward_ad

from reprorng import backends, shortcut
from reprorng.arguments import (
    DTYPE_NAMES,
    Options,
    check_dtype,
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
    chosen = backends.select(tensor.device, backend)
    served = tensor.device.type in chosen.devices
    device = tensor.device if served else torch.device(chosen.devices[0])
    count = tensor.numel()
    with source.reserve(count, kind, DTYPE_NAMES[tensor.dtype], low=low, span=span) as plan:
        if tensor.device == device and _may_be_written_in_place(tensor):
            if count:
                source.write(chosen, plan, tensor.view(-1))
            _count_write(tensor)
        else:
            # A mode of torch's may have made something else of it.
            memory = torch.empty(count, dtype=tensor.dtype, device=device).contiguous()
            if count:
                source.write(chosen, plan, memory)
            with torch.no_grad():
                tensor.copy_(memory.view(tensor.shape))
    return tensor


def _may_be_written_in_place(tensor: torch.Tensor) -> bool:
    """Whether its elements are in its memory as a kernel writes them, and are all there is."""
    return (
        tensor.is_contiguous()
        and not tensor.is_neg()
        and tensor.data_ptr() % tensor.element_size() == 0  # some are of bytes of a file
        and forward_ad._current_level < 0  # else it may have a tangent, which becomes zero
    )


def _count_write(tensor: torch.Tensor) -> None:
    """Tell autograd of a write it has not seen."""
    if not tensor.is_inference():
        torch.autograd.graph.increment_version(tensor)
