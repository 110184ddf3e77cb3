# SPDX-License-Identifier: Apache-2.0
"""The device of a generator that is bound to none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch


class AnyDevice:
    """The device of a generator that is bound to none.

    Its `type` is neither `"cpu"` nor `"cuda"`, so that code which compares it draws on the device
    it wanted anyway. As an argument of a torch function it means: where the data is, or the CPU
    where there is no data (torch hides its default device from functions that are overridden).
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
