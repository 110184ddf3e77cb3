# SPDX-License-Identifier: Apache-2.0
"""Torch's own functions, answered for our generator: `torch.randn(..., generator=g)` and its kin.

From 2.9 on, torch asks every argument of its functions for `__torch_function__`, so a generator
that is no `torch.Generator` can take a call over by itself, and nothing is patched. What is not in
the table below raises by name: numbers that would silently come from elsewhere are the one thing
this package exists to prevent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch

from reprorng import arguments
from reprorng.device import without_any_device

Handler = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


def dispatch(
    generator_type: type, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Answer one call of a torch function.

    Args:
        generator_type: The class of our generators.
        func: The function torch was asked for.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Returns:
        What the function returns.

    Raises:
        NotImplementedError: we do not implement `func`.
    """
    handler = HANDLERS.get(func)
    args, kwargs = without_any_device(args, kwargs)
    generator = kwargs.pop("generator", None)
    if handler is None or not isinstance(generator, generator_type):
        raise NotImplementedError(
            f"reprorng does not implement {_name(func)} with {len(args)} positional arguments and "
            f"the keywords {sorted(kwargs)}; with generator=reprorng.Generator it implements: "
            f"{', '.join(sorted(map(_name, HANDLERS)))}"
        )
    return handler(generator, args, kwargs)


def _name(func: Callable[..., Any]) -> str:
    return str(torch.overrides.resolve_name(func) or getattr(func, "__name__", func))


def _method(name: str, **renamed: str) -> Handler:
    """A handler that calls the method of this name, some keywords renamed."""

    def handler(generator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        translated = {renamed.get(key, key): value for key, value in kwargs.items()}
        return getattr(generator, name)(*args, **translated)

    return handler


def _random_(generator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`t.random_()`, `t.random_(to)`, `t.random_(from, to)`, where a `to` of None has no bound."""
    tensor, *bounds = args
    if len(bounds) == 1 and "to" not in kwargs:
        return generator.random_(tensor, 0, bounds[0], **kwargs)
    low = bounds[0] if bounds else kwargs.pop("from", 0)
    high = bounds[1] if len(bounds) > 1 else kwargs.pop("to", None)
    if high is None:
        high = arguments.integer_limits(tensor.dtype)[1] + 1
    return generator.random_(tensor, low, high, *bounds[2:], **kwargs)


HANDLERS: Final[dict[Callable[..., Any], Handler]] = {
    torch.randn: _method("randn"),
    torch.rand: _method("rand"),
    torch.randint: _method("randint"),
    torch.randperm: _method("randperm"),
    torch.normal: _method("normal"),
    torch.randn_like: _method("randn_like"),
    torch.rand_like: _method("rand_like"),
    torch.Tensor.normal_: _method("normal_"),
    torch.Tensor.uniform_: _method("uniform_", **{"from": "low", "to": "high"}),
    torch.Tensor.random_: _random_,
}
