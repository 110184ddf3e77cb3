# SPDX-License-Identifier: Apache-2.0
"""A scope in which torch takes deterministic algorithms alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from reprorng.scope import BareScope

_VARIABLE: Final = "CUBLAS_WORKSPACE_CONFIG"

_FIXED_WORKSPACES: Final = (":16:8", ":4096:8")
"""The settings with which cuBLAS promises the same bits in every run (its manual, "Results
reproducibility"); the first one takes less memory, the second one is faster."""


class deterministic(BareScope):
    """A scope in which one machine gives the same result for the same noise in every run.

    Torch takes deterministic algorithms, cuDNN chooses none by timing it, and cuBLAS has a
    workspace of fixed size. At the end, and after an error, all is as it was found. A setting of
    `CUBLAS_WORKSPACE_CONFIG` that is deterministic already is kept.

    These are settings of the process: other threads see them too. cuBLAS looks at its own when it
    is first used on a device, so the first scope should begin before the first product there.
    Another GPU or another version of a library may still round a product otherwise.

    Args:
        warn_only: Whether an operation without a deterministic algorithm warns; otherwise it
            raises RuntimeError, as torch has it.

    Raises:
        TypeError: `warn_only` is no bool.

    Examples:
        >>> import torch
        >>> with deterministic():
        ...     torch.are_deterministic_algorithms_enabled()
        True
        >>> torch.are_deterministic_algorithms_enabled()
        False
    """

    def __init__(self, *, warn_only: bool = False) -> None:
        """See the class."""
        super().__init__()
        if not isinstance(warn_only, bool):
            raise TypeError(f"warn_only must be a bool, not {warn_only!r}")
        self.warn_only = warn_only

    @contextmanager
    def _open(self) -> Iterator[None]:
        enabled = torch.are_deterministic_algorithms_enabled()
        warned = torch.is_deterministic_algorithms_warn_only_enabled()
        cudnn = torch.backends.cudnn
        benchmark, chosen = cudnn.benchmark, cudnn.deterministic
        workspace = os.environ.get(_VARIABLE)
        try:
            if workspace not in _FIXED_WORKSPACES:
                os.environ[_VARIABLE] = _FIXED_WORKSPACES[0]
            cudnn.benchmark, cudnn.deterministic = False, True
            torch.use_deterministic_algorithms(True, warn_only=self.warn_only)
            yield
        finally:
            torch.use_deterministic_algorithms(enabled, warn_only=warned)
            cudnn.benchmark, cudnn.deterministic = benchmark, chosen
            if workspace is None:
                os.environ.pop(_VARIABLE, None)
            else:
                os.environ[_VARIABLE] = workspace
