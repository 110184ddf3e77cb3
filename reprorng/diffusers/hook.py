# SPDX-License-Identifier: Apache-2.0
"""Functions that are called when a module has been imported, whoever imports it and whenever."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Adapt = Callable[[ModuleType], None]


class PostImportHook:
    """Calls a function with a module each time the module has been executed.

    Nothing is imported for it, and modules that are not named cost one look into a dictionary.
    Errors of the module's own go where they would have gone; the functions must raise none.

    Args:
        functions: By the name of a module, the function to call. One that is called again, since
            the module has been reloaded, finds what was not executed anew as it left it.
    """

    def __init__(self, functions: Mapping[str, Adapt]) -> None:
        """See the class."""
        self._functions = functions
        self._searching = threading.local()

    def install(self) -> None:
        """Begin, with the modules that are there already; again, it does nothing new."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        for name, function in self._functions.items():
            if name in sys.modules:
                # Another thread may be in the middle of it, which this waits for. If it fails
                # there, it is that thread's to know.
                with suppress(Exception):
                    function(importlib.import_module(name))

    def remove(self) -> None:
        """End; what has been called stays called."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find, with a loader that calls the function afterwards."""
        function = self._functions.get(name)
        if function is None or getattr(self._searching, "name", None) == name:
            return None
        # Another finder may ask all of them, and so this one, for the same module again.
        self._searching.name = name
        try:
            specs = (finder.find_spec(name, path, target) for finder in _others(self))
            spec = next((spec for spec in specs if spec is not None), None)
        finally:
            self._searching.name = None
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, function)
        return spec


class _Loader(Loader):
    """A loader that calls a function with the module it has loaded."""

    def __init__(self, loader: Loader, function: Adapt) -> None:
        self._loader = loader
        self._function = function

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        create = getattr(self._loader, "create_module", None)
        return None if create is None else create(spec)

    def exec_module(self, module: ModuleType) -> None:
        # From here on everybody sees the loader they would have seen.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        if hasattr(self._loader, "exec_module"):
            self._loader.exec_module(module)
        else:
            module = self._loader.load_module(module.__name__)
        self._function(module)


def _others(finder: PostImportHook) -> list[Any]:
    return [other for other in sys.meta_path if other is not finder and hasattr(other, "find_spec")]
