# SPDX-License-Identifier: Apache-2.0
"""Random weights that are the same in every process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
Model = TypeVar("Model", bound=torch.nn.Module)

SEED = 0


def fixed_weights(make: Callable[P, Model]) -> Callable[P, Model]:
    """Have `make` return a model with weights of a fixed seed, ready for inference.

    Modules draw their first weights from the global generator, which is set for the time of the
    call alone.
    """

    @functools.wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Model:
        # That of the CPU alone: `torch.manual_seed` would set those of all devices.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(SEED)
            return make(*args, **kwargs).eval()

    return made
