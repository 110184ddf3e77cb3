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

Handler = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


class AnyDevice:
    """The device of a generator that is bound to none.

    Its `type` is neither `"cpu"` nor `"cuda"`, so that code which compares it draws on the device
    it wanted anyway. As an argument of a torch function it means: where the data is, or torch's
    default device where there is no data.
    """

    type = "any"
    index = None

    def __repr__(self) -> str:
        """Like that of a torch device."""
        return "device(type='any')"

    def __str__(self) -> str:
        """Like that of a torch device."""
        return self.type

    def __eq__(self, other: object) -> bool:
        """There is one kind of it."""
        return isinstance(other, AnyDevice)

    def __hash__(self) -> int:
        """Equal to that of its equals."""
        return hash(self.type)

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call `func` as if the device had not been named."""
        if func is torch.device:
            return torch.get_default_device()
        args, kwargs = without_any_device(args, kwargs or {})
        if func is torch.Tensor.to and len(args) == 1 and not kwargs:
            return args[0]
        return func(*args, **kwargs)


ANY_DEVICE: Final = AnyDevice()


def without_any_device(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments without those that are an `AnyDevice`."""
    return (
        tuple(value for value in args if not isinstance(value, AnyDevice)),
        {name: value for name, value in kwargs.items() if not isinstance(value, AnyDevice)},
    )


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
    torch.Tensor.random_: _method("random_", **{"from": "low", "to": "high"}),
}
