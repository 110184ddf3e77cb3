# SPDX-License-Identifier: Apache-2.0
"""What the examples of this folder share: comparing what a seed gives, and saying how it went.

To import it also puts the folder above `examples/` on the path, so that an example can be run as a
program from anywhere.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

Claims = dict[str, bool]


def repeats(run: Callable[[int], np.ndarray]) -> Claims:
    """What must hold of a function that makes a result from a seed."""
    before = global_states()
    first, again, other = run(0), run(0), run(1)
    return {
        "seed 0 twice: the same, bit for bit": same(first, again),
        "seed 1: something else": not same(first, other),
        "the global states of torch, NumPy and Python: not touched": global_states() == before,
    }


def same(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two arrays have the same bits."""
    return first.shape == second.shape and first.tobytes() == second.tobytes()


def global_states() -> list[Any]:
    """The states that draws without a generator move."""
    name, words, *rest = np.random.get_state()  # noqa: NPY002  # the global one is meant
    on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    torch_states = [state.tolist() for state in (torch.get_rng_state(), *on_gpu)]
    return [torch_states, name, words.tolist(), rest, random.getstate()]


def show(claims: Claims) -> None:
    """Print each claim with whether it holds; the program fails unless all do."""
    for claim, holds in claims.items():
        print("yes" if holds else "NO ", claim)
    if not all(claims.values()):
        sys.exit(1)
