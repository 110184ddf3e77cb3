# SPDX-License-Identifier: Apache-2.0
"""What generators of ours draw while a test watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from reprorng import Generator

Drawn = dict[int, list[torch.Tensor]]
"""The normals that each stream drew, in order."""


@contextmanager
def recorded() -> Iterator[Drawn]:
    """Record all that is asked of `randn`, which is what diffusers draws latents and noise with."""
    record: Drawn = {}
    randn = Generator.randn

    def recording(self: Generator, *size: Any, **options: Any) -> torch.Tensor:
        noise = randn(self, *size, **options)
        record.setdefault(self.stream, []).append(noise.clone())
        return noise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Generator, "randn", recording)
        yield record
