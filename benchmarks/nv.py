# SPDX-License-Identifier: Apache-2.0
"""The "NV" noise of the popular web UIs: what `torch.randn` gives on a CUDA device, in NumPy.

Philox4x32-10 makes four words for each number, of which two are used: cuRAND's Box-Muller gives the
sine branch. Written here from those definitions, to be timed as a peer.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from reprorng.spec import PHILOX_M0, PHILOX_M1, PHILOX_ROUNDS, PHILOX_W0, PHILOX_W1

_LOW = 0xFFFFFFFF
_STEP = float(np.float32(2.0**-32))
_TURN = float(np.float32(2.0**-32 * 2.0 * math.pi))


class NvNoise:
    """A generator of it.

    Args:
        seed: A 64-bit seed.
    """

    def __init__(self, seed: int) -> None:
        """See the class."""
        self._seed = seed
        self._draws = 0

    def randn(self, count: int) -> NDArray[np.float32]:
        """The next `count` normal numbers."""
        counter = np.zeros((4, count), np.uint32)
        counter[0] = self._draws
        counter[2] = np.arange(count, dtype=np.uint32)
        self._draws += 1
        radius_words, angle_words, _, _ = philox(counter, self._seed)
        radius = np.sqrt(-2.0 * np.log(radius_words * _STEP + _STEP / 2))
        return (radius * np.sin(angle_words * _TURN + _TURN / 2)).astype(np.float32)


def philox(counter: NDArray[np.uint32], key: int) -> NDArray[np.uint32]:
    """Philox4x32-10 of each column.

    Args:
        counter: Four rows of counter words.
        key: A 64-bit key.

    Returns:
        Four rows of output words.
    """
    c0, c1, c2, c3 = counter
    for i in range(PHILOX_ROUNDS):
        k0 = np.uint32((key + i * PHILOX_W0) & _LOW)
        k1 = np.uint32(((key >> 32) + i * PHILOX_W1) & _LOW)
        product0 = c0.astype(np.uint64) * np.uint64(PHILOX_M0)
        product1 = c2.astype(np.uint64) * np.uint64(PHILOX_M1)
        c0, c1, c2, c3 = (
            _high(product1) ^ c1 ^ k0,
            product1.astype(np.uint32),
            _high(product0) ^ c3 ^ k1,
            product0.astype(np.uint32),
        )
    return np.stack((c0, c1, c2, c3))


def _high(product: NDArray[np.uint64]) -> NDArray[np.uint32]:
    return (product >> np.uint64(32)).astype(np.uint32)
