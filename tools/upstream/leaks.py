# SPDX-License-Identifier: Apache-2.0
"""Watches the global random states while a pipeline runs that was given a generator."""

from __future__ import annotations

import functools
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from tools.upstream.swap import is_swapped


@dataclass
class Calls:
    """The classes of pipelines that a test called with a generator that was swapped in.

    Attributes:
        pipelines: All of them.
        leaking: Those that moved a global random state meanwhile.
    """

    pipelines: set[str] = field(default_factory=set)
    leaking: set[str] = field(default_factory=set)

    @classmethod
    def start(cls) -> Calls:
        """A new list, which from now on is the one that is written to."""
        global _now
        _now = cls()
        return _now


_now = Calls()


def watch() -> None:
    """Watch every class of pipelines that is imported by now."""
    diffusers = sys.modules.get("diffusers")
    base = getattr(diffusers, "DiffusionPipeline", None)
    for pipeline in _subclasses(base) if base is not None else ():
        if "__call__" in vars(pipeline):
            pipeline.__call__ = _watched(pipeline.__call__)


def _subclasses(base: type) -> Iterator[type]:
    seen, left = set(), [base]
    while left:
        cls = left.pop()
        if cls not in seen:
            seen.add(cls)
            left += cls.__subclasses__()
            yield cls


def _watched(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_swapped(kwargs.get("generator")):
            return call(self, *args, **kwargs)
        name, before = type(self).__name__, _states()
        _now.pipelines.add(name)
        try:
            return call(self, *args, **kwargs)
        finally:
            if _states() != before:
                _now.leaking.add(name)

    return watched


def _states() -> tuple[Any, ...]:
    """What torch's, NumPy's and Python's global generators will draw, as something to compare."""
    numpy = np.random.get_state()  # noqa: NPY002
    torchs = torch.get_rng_state().numpy().tobytes()
    return torchs, numpy[1].tobytes(), numpy[2:], random.getstate()
