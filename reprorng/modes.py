# SPDX-License-Identifier: Apache-2.0
"""Scopes for draws that name no generator: `ambient` makes them ours, `strict` refuses them.

A generator can answer only for calls that it is an argument of. These are modes of torch's, asked
about every call of torch that Python makes; only the innermost of them decides. They hold in the
thread that enters them, which the generators of torch that they put back or look at do not: those
are everybody's.

What they see is what Python calls, at any depth, and what an operator does inside such a call if
that is an operator again. What they do not see, and can only notice at the end, when a generator of
torch's has moved: TorchScript; kernels that are called past torch's operators, as those of
extensions are; Python code that torch itself calls from C++ (the body of a custom operator, hooks
of saved tensors, `__torch_function__` of tensor subclasses).

A backward pass draws nothing of ours: what would draw in there, as `torch.utils.checkpoint` does
when it repeats a draw, raises. What `torch.compile` compiled is compiled again for a mode, in which
functions that torch wrote in Python (`torch.nn.functional.silu`) break the graph.
"""

from __future__ import annotations

import pickle
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from reprorng import adapter, ops
from reprorng.draws import Draws
from reprorng.scope import BareScope, Scope
from reprorng.watch import UNKNOWN, Function, Watch, call_site, drawing_names, name_of


class ForeignDrawError(RuntimeError):
    """Inside `strict` something drew numbers that are not ours, or moved a global generator."""


class ambient(Scope):
    """A scope in which every draw of torch that names no generator comes from ours.

    What we do not draw raises. Draws that name a generator are left alone. At the end torch's own
    generators, of the CPU and of accelerators in use, get the states back that they had, which
    `torch.manual_seed` may have changed. It can be entered again, and decorates functions.

    Args:
        generator: Where the numbers come from. It is what `with` gives.

    Raises:
        TypeError: `generator` is none of ours.
        NotImplementedError: inside, something was to be drawn that we do not draw.

    Warns:
        RuntimeWarning: at the end, if a generator of torch's was drawn from all the same.

    Examples:
        >>> import torch, reprorng
        >>> with ambient(reprorng.Generator(0)) as generator:
        ...     x = torch.randn(3)
        >>> x, generator.position
        (tensor([-0.9247, -0.9911, -0.6176]), 3)
    """

    def __init__(self, generator: Draws) -> None:
        """See the class."""
        super().__init__()
        if not isinstance(generator, Draws):
            raise TypeError(
                f"ambient takes a reprorng.Generator, not {type(generator).__module__}."
                f"{type(generator).__qualname__}"
            )
        self.generator = generator

    @contextmanager
    def _open(self) -> Iterator[Draws]:
        states = {torchs: torchs.get_state() for torchs in _torch_generators()}
        try:
            with _innermost(_Ambient(self.generator)):
                yield self.generator
            drawn = [torchs for torchs, state in states.items() if _has_drawn(torchs, state)]
            if drawn:
                names = " and ".join(map(_name, drawn))
                text = f"ambient: {names} was drawn from, unseen or because a draw named it"
                warnings.warn(text, RuntimeWarning, stacklevel=4)
        finally:
            for torchs, state in states.items():
                torchs.set_state(state)


class strict(BareScope):
    """A scope in which every draw of torch raises that does not come from a generator of ours.

    One from a `torch.Generator` does as well, for its numbers depend on the device. Dropout of
    nothing or in evaluation and tensors on the meta device draw nothing. At the end the global
    generators of torch, NumPy and Python must be in the states they had. It can be entered again,
    and decorates functions.

    Raises:
        ForeignDrawError: something drew, with the line that called it and those of diffusers that
            led there; or, at the end and if nothing else went wrong, a global generator has moved.

    Examples:
        >>> import torch, reprorng
        >>> with strict():
        ...     x = torch.randn(3, generator=reprorng.Generator(0))
        >>> with strict():
        ...     x = torch.randn(3)
        Traceback (most recent call last):
        reprorng.modes.ForeignDrawError: strict: torch.randn draws numbers that are not ...
    """

    @contextmanager
    def _open(self) -> Iterator[None]:
        before = _global_states()
        with _innermost(_Strict()):
            yield
        now = _global_states()
        moved = [name for name, state in before.items() if now[name] != state]
        if moved:
            raise ForeignDrawError(
                f"strict: {' and '.join(moved)} moved, unseen or because it was seeded"
            )


def current() -> Draws | None:
    """The generator of `ambient`, if that is the innermost scope of this thread, or None."""
    mode = _mode()
    return mode.generator if isinstance(mode, _Ambient) else None


class _Mode(TorchFunctionMode):
    """What torch asks about its functions.

    Attributes:
        is_innermost: Whether no other mode of ours was entered inside this one.
    """

    is_innermost = True

    def __init__(self) -> None:
        super().__init__()
        self._names = drawing_names()

    def __torch_function__(
        self,
        func: Function,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Answer a call: just as it is, unless it may draw."""
        kwargs = kwargs or {}
        if self.is_innermost and (func.__name__ in self._names or type(func) in UNKNOWN):
            return self.draw(func, types, args, kwargs)
        return func(*args, **kwargs)

    def draw(self, func: Function, types: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
        """Answer a call that may draw."""
        raise NotImplementedError


class _Ambient(_Mode):
    def __init__(self, generator: Draws) -> None:
        super().__init__()
        self.generator = generator

    def draw(self, func: Function, types: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        if any(isinstance(value, (torch.Generator, Draws)) for value in given):
            return func(*args, **kwargs)
        ours = {**kwargs, "generator": self.generator}
        if func in adapter.HANDLERS:
            return adapter.dispatch(Draws, func, types, args, ours)
        if "generator" in kwargs:
            return func(*args, **ours)
        return _watched(_not_implemented, func, args, kwargs)


class _Strict(_Mode):
    def draw(self, func: Function, types: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
        return _watched(_foreign, func, args, kwargs)


def _watched(
    refusal: Callable[[Function, str], Exception],
    func: Function,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    ops.leave_graph()
    with Watch(partial(refusal, func)):
        return func(*args, **kwargs)


def _not_implemented(func: Function, operator: str) -> NotImplementedError:
    name = name_of(func, operator)
    return NotImplementedError(f"ambient: reprorng does not implement {name}, at {call_site()}")


def _foreign(func: Function, operator: str) -> ForeignDrawError:
    name = name_of(func, operator)
    return ForeignDrawError(
        f"strict: {name} draws numbers that are not of a reprorng.Generator, at {call_site()}"
    )


def _mode() -> _Mode | None:
    """The innermost mode of ours."""
    for index in reversed(range(torch._C._len_torch_function_stack())):
        mode = torch._C._get_function_stack_at(index)
        if isinstance(mode, _Mode):
            return mode
    return None


@contextmanager
def _innermost(mode: _Mode) -> Iterator[None]:
    """Have `mode` alone of ours decide."""
    outer = _mode()
    if outer is not None:
        outer.is_innermost = False
    try:
        with mode:
            yield
    finally:
        if outer is not None:
            outer.is_innermost = True


def _torch_generators() -> list[torch.Generator]:
    """Torch's default generators of the CPU and of an accelerator that is in use."""
    accelerator = torch.accelerator.current_accelerator()
    module = None if accelerator is None else torch.get_device_module(accelerator)
    in_use = module is not None and getattr(module, "is_initialized", lambda: True)()
    return [torch.default_generator, *(getattr(module, "default_generators", ()) if in_use else ())]


def _name(generator: torch.Generator) -> str:
    return f"torch's generator for {generator.device}"


def _has_drawn(generator: torch.Generator, state: torch.Tensor) -> bool:
    """Whether a generator has left `state`, and not just by being seeded."""
    seeded = torch.Generator(generator.device).manual_seed(generator.initial_seed())
    now = generator.get_state()
    return not (torch.equal(now, state) or torch.equal(now, seeded.get_state()))


def _global_states() -> dict[str, object]:
    """The states of the generators that everybody shares, by name."""
    numpys = np.random.get_state(legacy=False)  # noqa: NPY002, TID251  # to look at
    return {
        **{_name(torchs): torchs.get_state().tolist() for torchs in _torch_generators()},
        "NumPy's generator": pickle.dumps(numpys),
        "Python's generator": random.getstate(),
    }
