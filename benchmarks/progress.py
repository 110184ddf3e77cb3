# SPDX-License-Identifier: Apache-2.0
"""Progress bars that take no time from what is timed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich import progress

T = TypeVar("T")


def track(steps: Sequence[T], description: str) -> Iterable[T]:
    """The steps, with a bar that is drawn anew after each.

    Left alone, rich draws it on a thread of its own, whose time would be that of whoever has a
    turn: the clock is the CPU time of the process.

    Args:
        steps: What is gone through.
        description: What stands before the bar.
    """
    return progress.track(steps, description, auto_refresh=False)
