# SPDX-License-Identifier: Apache-2.0
"""Backends: who can fill a buffer with the elements of a plan, and which of them does.

A backend is an object with a name, the device types whose memory it writes, a reason if it cannot
run here, and one function, `fill`. Other packages add theirs with `register` or through the entry
point group `reprorng.backends`, and prove them with `reprorng.testing.check_backend`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import entry_points
from threading import Event, RLock
from typing import Protocol

import torch

from reprorng.backends.cpu import CpuBackend
from reprorng.backends.reference import ReferenceBackend
from reprorng.backends.triton import TritonBackend
from reprorng.plan import Plan

__all__ = ["Backend", "available", "get", "register", "select", "use"]


class Backend(Protocol):
    """What a backend is.

    Attributes:
        name: A unique name, by which it can be forced.
        devices: The torch device types whose memory it writes, for example `("cpu",)`.
    """

    name: str
    devices: tuple[str, ...]

    def why_not(self) -> str | None:
        """Why it cannot run on this machine, or None if it can; it must not raise."""

    def fill(self, plan: Plan, out: torch.Tensor) -> None:
        """Write the elements of `plan` to `out`; several threads may call it at once.

        Args:
            plan: What to draw; `plan.count` is at least 1.
            out: A contiguous one-dimensional tensor of `plan.count` elements of `plan.dtype`, on
                one of `devices`. It is aligned to its elements and to nothing more.
        """


_registry: dict[str, Backend] = {}
_loading = RLock()
_loaded = Event()
forced: ContextVar[str | None] = ContextVar(
    "reprorng_backend", default=os.environ.get("REPRORNG_BACKEND") or None
)
"""The name of the backend that `use` or the environment forces, if any."""


if hasattr(os, "register_at_fork"):
    # A thread that is loading them is not there in a child, which would wait for it for ever.
    os.register_at_fork(
        before=_loading.acquire,
        after_in_parent=_loading.release,
        after_in_child=_loading.release,
    )


def register(backend: Backend) -> None:
    """Add a backend.

    Among the runnable backends of a device the last one registered is preferred.

    Args:
        backend: The backend, see `Backend`.

    Raises:
        TypeError: it is no backend, see `check_interface`.
        ValueError: its name is taken.
    """
    check_interface(backend)
    if backend.name in _registry:
        raise ValueError(f"there already is a backend named {backend.name!r}")
    _registry[backend.name] = backend
    preferred.cache_clear()


def check_interface(backend: Backend) -> None:
    """Raise TypeError unless an object is a backend, as far as can be seen before it is used.

    It must have all parts of the interface, a name, and device types as torch writes them.
    """
    if isinstance(backend, type):
        raise TypeError(f"{backend!r} is a class: a backend is an object of it")
    parts = ("name", "devices", "why_not", "fill")
    missing = [part for part in parts if not hasattr(backend, part)]
    if missing:
        raise TypeError(f"{backend!r} is no backend: it lacks {', '.join(missing)}")
    name, devices = backend.name, backend.devices
    if not isinstance(name, str) or not name:
        raise TypeError(f"the name of a backend must be a string that is not empty, not {name!r}")
    if (
        not isinstance(devices, (tuple, list))
        or not devices
        or not all(isinstance(device, str) and device.islower() for device in devices)
    ):
        raise TypeError(
            f"devices must be a tuple of device types in lower case, for example ('cpu',), "
            f"not {devices!r}"
        )


def available() -> dict[str, str | None]:
    """Every backend by name, with the reason why it cannot run here, or None if it can.

    Examples:
        >>> available()["reference"] is None
        True
    """
    _load_entry_points()
    return {name: _why_not(backend) for name, backend in _registry.copy().items()}


def get(name: str) -> Backend:
    """The backend of this name.

    Args:
        name: The name of a backend that can run here.

    Returns:
        The backend.

    Raises:
        ValueError: no backend has this name.
        RuntimeError: it cannot run here; the message says why.
    """
    if name not in _registry:
        _load_entry_points()
    backend = _registry.get(name)
    if backend is None:
        raise ValueError(f"no backend is named {name!r}; there are: {', '.join(_registry)}")
    reason = _why_not(backend)
    if reason is not None:
        runnable = [other for other, why in available().items() if why is None]
        raise RuntimeError(
            f"backend {name!r} cannot run here: {reason}; those that can: {', '.join(runnable)}"
        )
    return backend


def select(device: torch.device | str, name: str | None = None) -> Backend:
    """The backend to fill memory of `device` with.

    It is the first of: `name`; the one chosen by `use`; the one in the environment variable
    `REPRORNG_BACKEND` when the package was imported; the preferred runnable backend of the device;
    the preferred backend of the CPU, whose result is then copied to the device.

    Args:
        device: Where the numbers are wanted.
        name: A backend to force.

    Returns:
        The backend; `device.type` may be missing from its `devices`, see above.

    Raises:
        ValueError: the forced backend is unknown.
        RuntimeError: the forced backend cannot run here.
    """
    chosen = name if name is not None else forced.get()
    return preferred(torch.device(device).type) if chosen is None else get(chosen)


@contextmanager
def use(name: str) -> Iterator[Backend]:
    """Force a backend for the draws inside a `with` block, in this thread or task.

    Args:
        name: The name of a backend that can run here.

    Yields:
        The backend.

    Raises:
        ValueError: no backend has this name.
        RuntimeError: it cannot run here; the message says why.

    Examples:
        >>> import reprorng
        >>> with use("reference"):
        ...     x = reprorng.randn(3, seed=0)
        >>> bool((x == reprorng.randn(3, seed=0)).all())
        True
    """
    backend = get(name)
    token = forced.set(name)
    try:
        yield backend
    finally:
        forced.reset(token)


@cache
def preferred(device_type: str) -> Backend:
    """The backend `select` finds for a device of this type if none is forced."""
    _load_entry_points()
    while True:
        known = list(_registry.values())
        able = (
            backend
            for wanted in (device_type, "cpu")
            for backend in reversed(known)
            if wanted in backend.devices and _why_not(backend) is None
        )
        found = next(able, None)
        # Whoever has registered one meanwhile has emptied the cache before this answer is in it.
        if len(_registry) == len(known):
            break
    if found is None:
        raise RuntimeError("no backend can run here")
    return found


def _why_not(backend: Backend) -> str | None:
    """Why a backend cannot run here: that it cannot even say is a reason, too."""
    try:
        return backend.why_not()
    except Exception as error:  # one broken package must not take away everybody's noise
        return f"asking why not raised {type(error).__name__}: {error}"


class _Broken:
    """Stands in for a backend of another package that could not be loaded."""

    devices: tuple[str, ...] = ("cpu",)  # as good as any, for it never runs

    def __init__(self, name: str, error: Exception) -> None:
        self.name = name
        self._reason = f"loading it raised {type(error).__name__}: {error}"

    def why_not(self) -> str:
        return self._reason

    def fill(self, plan: Plan, out: torch.Tensor) -> None:
        raise RuntimeError(self._reason)


def _load_entry_points() -> None:
    # Another thread waits until all are there; this one may draw while it is loading them.
    with _loading:
        if _loaded.is_set():
            return
        _loaded.set()
        _register_entry_points()


def _register_entry_points() -> None:
    for entry_point in entry_points(group="reprorng.backends"):
        try:
            register(entry_point.load()())
        except Exception as error:  # one broken package must not take away everybody's noise
            taken = entry_point.name in _registry
            register(_Broken(f"{entry_point.name} (broken)" if taken else entry_point.name, error))


register(ReferenceBackend())
register(TritonBackend("xpu"))
register(TritonBackend("cuda"))
for _variant in CpuBackend.variants():
    register(_variant)
register(CpuBackend())
