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
from reprorng.device import AnyDevice

Handler = Callable[..., Any]


def dispatch(
    generator_type: type,
    func: Callable[..., Any],
    types: Any,
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Answer one call of a torch function one of whose arguments is a generator of ours.

    Args:
        generator_type: The class of our generators.
        func: The function torch was asked for.
        types: The types of the arguments that answer for functions.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Returns:
        What the function returns.

    Raises:
        NotImplementedError: we do not implement `func`.
    """
    handler = HANDLERS.get(func)
    others = {} if kwargs is None else kwargs.copy()
    generator = others.pop("generator", None)
    if "device" in others and isinstance(others["device"], AnyDevice):
        del others["device"]
    if handler is None or not isinstance(generator, generator_type):
        raise NotImplementedError(
            f"reprorng does not implement {_name(func)} with {len(args)} positional arguments and "
            f"the keywords {sorted(others)}; with generator=reprorng.Generator it implements: "
            f"{', '.join(sorted(map(_name, HANDLERS)))}"
        )
    if isinstance(handler, str):
        return getattr(generator, handler)(*args, **others)
    return handler(generator, *args, **others)


def _name(func: Callable[..., Any]) -> str:
    return str(torch.overrides.resolve_name(func) or getattr(func, "__name__", func))


def _uniform_(generator: Any, *args: Any, **kwargs: Any) -> Any:
    """`t.uniform_(from, to)`, whose first keyword Python has taken."""
    names = {"from": "low", "to": "high"}
    return generator.uniform_(*args, **{names.get(key, key): kwargs[key] for key in kwargs})


def _random_(generator: Any, tensor: torch.Tensor, *bounds: Any, **kwargs: Any) -> Any:
    """`t.random_()`, `t.random_(to)`, `t.random_(from, to)`, where a `to` of None has no bound."""
    if len(bounds) == 1 and "to" not in kwargs:
        return generator.random_(tensor, 0, bounds[0], **kwargs)
    low = bounds[0] if bounds else kwargs.pop("from", 0)
    high = bounds[1] if len(bounds) > 1 else kwargs.pop("to", None)
    if high is None:
        high = arguments.integer_limits(tensor.dtype)[1] + 1
    return generator.random_(tensor, low, high, *bounds[2:], **kwargs)


def _randint_like(generator: Any, input: torch.Tensor, *bounds: Any, **kwargs: Any) -> torch.Tensor:
    """`torch.randint_like(input, high)` or `(input, low, high)`: `random_` of a tensor like it."""
    arguments.check_tensor(input, "input")
    given = list(bounds)
    high = kwargs.pop("high") if "high" in kwargs else given.pop() if given else None
    low = kwargs.pop("low") if "low" in kwargs else given.pop() if given else 0
    if given or high is None:
        raise TypeError(f"randint_like takes (input, high) or (input, low, high), not {bounds}")
    tensor = torch.empty_like(input, **kwargs)
    generator.random_(tensor.detach(), low, high)
    return tensor


HANDLERS: Final[dict[Callable[..., Any], str | Handler]] = {
    torch.randn: "randn",
    torch.rand: "rand",
    torch.randint: "randint",
    torch.randperm: "randperm",
    torch.normal: "normal",
    torch.multinomial: "multinomial",
    torch.bernoulli: "bernoulli",
    torch.randn_like: "randn_like",
    torch.rand_like: "rand_like",
    torch.randint_like: _randint_like,
    torch.Tensor.normal_: "normal_",
    torch.Tensor.uniform_: _uniform_,
    torch.Tensor.random_: _random_,
    torch.Tensor.multinomial: "multinomial",
    torch.Tensor.bernoulli: "bernoulli",
    torch.Tensor.bernoulli_: "bernoulli_",
}
"""The method of the generator that answers for a function, or who calls it with other arguments."""
