# SPDX-License-Identifier: Apache-2.0
"""What `ambient`, `strict` and `deterministic` have in common: being entered, and left again."""

from __future__ import annotations

import inspect
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, ContextDecorator
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Scope(ContextDecorator, ABC):
    """A context manager that may be entered again inside itself, by any thread, or by a call.

    What one entry has to put back is kept for that entry alone.
    """

    def __init__(self) -> None:
        """See the class."""
        self._entries = threading.local()

    @abstractmethod
    def _open(self) -> AbstractContextManager[Any]:
        """What one entry enters."""

    def __enter__(self) -> Any:
        """Enter it once more."""
        entry = self._open()
        value = entry.__enter__()
        self._entries.__dict__.setdefault("stack", []).append(entry)
        return value

    def __exit__(self, *error: Any) -> bool | None:
        """Leave what was entered last, and put back what was found there."""
        entry: AbstractContextManager[Any] = self._entries.stack.pop()
        return entry.__exit__(*error)

    def __call__(self, func: F) -> F:
        """The function `func`, each call of which runs in this scope.

        Raises:
            TypeError: calls of `func` return before its body has run.
        """
        later = (
            inspect.isgeneratorfunction,
            inspect.iscoroutinefunction,
            inspect.isasyncgenfunction,
        )
        if any(is_one(func) for is_one in later):
            raise TypeError(
                f"{type(self).__name__} would have ended before the body of {func.__qualname__} "
                "runs: enter it in there"
            )
        return super().__call__(func)


class BareScope(Scope):
    """A scope that needs no arguments, so that `@strict` decorates as well as `@strict()`."""

    def __new__(cls, func: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """A scope, or the function `func`, each call of which runs in one.

        Raises:
            TypeError: `func` is no function.
        """
        if func is None:
            return super().__new__(cls)
        if not callable(func):
            raise TypeError(
                f"{cls.__name__} takes keywords, or as a decorator a function, not {func!r}"
            )
        return cls(**options)(func)
