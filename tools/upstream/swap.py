# SPDX-License-Identifier: Apache-2.0
"""What `torch.Generator` is replaced by, before diffusers is imported."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch

import reprorng
from reprorng import adapter
from reprorng.device import ANY_DEVICE, AnyDevice

TorchGenerator: Final = torch.Generator
"""Torch's own class, whatever the name stands for later."""

DEFAULT_SEED: Final = TorchGenerator().initial_seed()
"""The seed of a `torch.Generator` that was given none."""

OTHER_SEEDS: Final = 1_000_003
"""What `Reseeded` adds to every seed."""

_DRAWS: Final[dict[str, Callable[..., Any]]] = {f.__name__: f for f in adapter.HANDLERS}


class Tally:
    """What the tests asked of the generators that were swapped in.

    Attributes:
        draws: How many calls of torch's functions reached one.
    """

    draws: int = 0


class _Known(type):
    """The type of classes that torch's own generators count as instances of.

    Ours do not: that diffusers takes them for generators all the same is up to our seams.
    """

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, TorchGenerator) or issubclass(type(value), cls)


class Exact(metaclass=_Known):
    """Torch's own numbers, asked for through our adapter.

    Args:
        device: As in `torch.Generator`. The numbers are made there, and moved to where they were
            asked for: as our own, it calls itself a generator of any device.
    """

    offset = 0

    def __init__(self, device: Any = None) -> None:
        """See the class."""
        elsewhere = device is None or isinstance(device, AnyDevice)
        self._inner = TorchGenerator(device="cpu" if elsewhere else device)
        self.manual_seed(DEFAULT_SEED)

    @property
    def device(self) -> AnyDevice:
        """As of our own generators."""
        return ANY_DEVICE

    def manual_seed(self, seed: int) -> Exact:
        """Start a seed."""
        self._seed = seed
        self._inner.manual_seed(seed + self.offset)
        return self

    def initial_seed(self) -> int:
        """The seed that was asked for."""
        return self._seed

    def seed(self) -> int:
        """Start a seed from system entropy, and return it."""
        self._seed = self._inner.seed()
        return self._seed

    def get_state(self) -> torch.Tensor:
        """The state of torch's generator."""
        return self._inner.get_state()

    def set_state(self, state: torch.Tensor) -> Exact:
        """Take over a state that `get_state` gave."""
        self._inner.set_state(state)
        return self

    def uniform_(
        self, tensor: torch.Tensor, low: float = 0.0, high: float = 1.0, **options: Any
    ) -> torch.Tensor:
        """Torch's `uniform_`, whose arguments have other names in our adapter."""
        return tensor.uniform_(low, high, generator=self._inner, **options)

    def random_(self, tensor: torch.Tensor, *bounds: int, **options: Any) -> torch.Tensor:
        """Torch's `random_`, which has no number for an end beyond int64."""
        last = torch.iinfo(torch.int64).max
        ends = (bound if bound <= last else None for bound in bounds)
        return tensor.random_(*ends, generator=self._inner, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Torch's own function of a name that our adapter answers for, drawing from torch."""
        if name not in _DRAWS:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return partial(self._draw, _DRAWS[name])

    def _draw(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        device = options.get("device")
        if device is not None:
            options["device"] = self._inner.device
        drawn = function(*args, generator=self._inner, **options)
        return drawn if device is None else drawn.to(device)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Our adapter, counted."""
        Tally.draws += 1
        return adapter.dispatch(cls, func, types, args, kwargs)


class Reseeded(Exact):
    """Torch's own numbers, from other seeds than were asked for."""

    offset = OTHER_SEEDS


class Real(metaclass=_Known):
    """Makes generators of ours where a `torch.Generator` was asked for."""

    def __new__(cls, device: Any = None) -> reprorng.Generator:  # type: ignore[misc]
        """A generator for any device, of the seed torch starts with."""
        return reprorng.Generator(DEFAULT_SEED)


SWAPPED: Final[dict[str, type]] = {"exact": Exact, "real": Real, "reseeded": Reseeded}
"""By mode."""

MODES: Final = ("baseline", "exact", "real")


def install(mode: str) -> None:
    """Put what belongs to a mode in the place of `torch.Generator`, for this whole process."""
    if mode == "baseline":
        return
    if mode == "real":
        reprorng.Generator.__torch_function__ = classmethod(_counted)
    torch.Generator = SWAPPED[mode]  # type: ignore[misc]


def _counted(cls: type, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    Tally.draws += 1
    return adapter.dispatch(cls, func, types, args, kwargs)


def is_swapped(value: object) -> bool:
    """Whether `value` is a generator that was swapped in, or a list of such."""
    if isinstance(value, list):
        return bool(value) and all(map(is_swapped, value))
    return type(value) is reprorng.Generator or issubclass(type(value), Exact)
