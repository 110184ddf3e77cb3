# SPDX-License-Identifier: Apache-2.0
"""Pictures to start from."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIZE = 16
"""Pixels of a side."""


def gradient(size: int = SIZE) -> Image.Image:
    """Red grows to the right and green downwards."""
    ramp = np.linspace(0, 255, size, dtype=np.uint8)
    red, green = np.meshgrid(ramp, ramp)
    return Image.fromarray(np.stack([red, green, np.full_like(red, 128)], axis=-1))


def right_half(size: int = SIZE) -> Image.Image:
    """A mask, white where a pipeline is to paint."""
    pixels = np.zeros((size, size), dtype=np.uint8)
    pixels[:, size // 2 :] = 255
    return Image.fromarray(pixels)
