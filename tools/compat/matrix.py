# SPDX-License-Identifier: Apache-2.0
"""Which environments are tried: releases of torch, by releases of diffusers.

What others are named here is what went with that diffusers when it was new enough to be in use;
where nothing is named, the newest does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

TORCH: Final = ("2.9.0", "2.13.0", "2.15.0")
"""The first that asks every argument for `__torch_function__`, one between, and the newest."""

_UNTIL_0_29 = ("transformers==4.48.3", "huggingface-hub==0.25.2")
_UNTIL_0_34 = ("transformers==4.57.6",)
_NEWEST = ("transformers",)

DIFFUSERS: Final[dict[str, Sequence[str]]] = {
    "0.14.0": _UNTIL_0_29,
    "0.21.4": _UNTIL_0_29,
    "0.26.3": _UNTIL_0_29,
    "0.28.2": _UNTIL_0_29,
    "0.30.3": _UNTIL_0_34,
    "0.33.1": _UNTIL_0_34,
    "0.35.2": _NEWEST,
    "0.40.0": _NEWEST,
    "0.42.1": _NEWEST,
}
"""By release, what is installed beside it; 0.13 has not all the classes that are tried."""


@dataclass(frozen=True)
class Cell:
    """One environment.

    Attributes:
        python: The interpreter.
        torch: The release of torch.
        diffusers: The release of diffusers, one of `DIFFUSERS`.
    """

    python: str
    torch: str
    diffusers: str


def matrix(
    pythons: Sequence[str],
    torch: Sequence[str] = TORCH,
    diffusers: Sequence[str] = tuple(DIFFUSERS),
) -> Iterator[Cell]:
    """Every pair for the first interpreter, and for each other one the oldest and newest of both.

    Cells that share a torch, which takes gigabytes, follow each other.
    """
    for python in pythons:
        every = python == pythons[0]
        for one in torch if every else _ends(torch):
            for other in diffusers if every else _ends(diffusers):
                yield Cell(python, one, other)


def _ends(releases: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((releases[0], releases[-1])))
