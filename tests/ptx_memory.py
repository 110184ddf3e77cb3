# SPDX-License-Identifier: Apache-2.0
"""Global memory for the PTX emulator, which knows what was written, how often, and where not to."""

from __future__ import annotations

import numpy as np
from ptx_floats import Array

CELL = 16
"""The largest access in bytes."""


class EmulationError(Exception):
    """The kernel does what is undefined, or what the emulator does not know."""


class Memory:
    """Buffers at addresses, with gaps between them, and how often each byte was written."""

    def __init__(self) -> None:
        """No buffers."""
        self._buffers: list[_Buffer] = []
        self._end = 1 << 32  # so that an address cut to 32 bits is outside

    def allocate(self, size: int, alignment: int = 16) -> int:
        """The address of a new buffer, a multiple of `alignment` and of no higher power of two.

        Args:
            size: Its bytes. They are undefined until the host or the kernel writes them.
            alignment: A power of two.
        """
        start = -(-(self._end + 4096) // (2 * alignment)) * 2 * alignment + alignment
        self._buffers.append(_Buffer(start, size))
        self._end = start + size
        return start

    def write(self, address: int, data: bytes) -> None:
        """Put bytes there that the host wrote, which are not counted."""
        buffer, at = self._find(address, len(data))
        buffer.data[at : at + len(data)] = np.frombuffer(data, np.uint8)
        buffer.known[at : at + len(data)] = True

    def read(self, address: int, size: int) -> bytes:
        """The bytes there, 0 where nobody wrote."""
        buffer, at = self._find(address, size)
        return buffer.data[at : at + size].tobytes()

    def writes(self, address: int, size: int) -> Array:
        """How often kernels wrote each of the bytes there."""
        buffer, at = self._find(address, size)
        return buffer.counts[at : at + size].copy()

    def store(self, addresses: Array, data: Array) -> None:
        """Write a row of `data` to each address, as a kernel does."""
        for buffer, rows, chosen in self._rows(addresses, data.shape[1]):
            buffer.store(rows, data[chosen])

    def load(self, addresses: Array, size: int) -> tuple[Array, Array]:
        """The bytes at each address, and which of them anybody wrote."""
        data, known = (np.zeros((len(addresses), size), t) for t in (np.uint8, bool))
        for buffer, rows, chosen in self._rows(addresses, size):
            data[chosen] = buffer.data.reshape(-1, size)[rows]
            known[chosen] = buffer.known.reshape(-1, size)[rows]
        return data, known

    def _find(self, address: int, size: int) -> tuple[_Buffer, int]:
        for buffer in self._buffers:
            if buffer.start <= address and address + size <= buffer.start + buffer.size:
                return buffer, address - buffer.origin
        raise EmulationError(f"no buffer has the {size} bytes at {address:#x}")

    def _rows(self, addresses: Array, size: int) -> list[tuple[_Buffer, Array, Array]]:
        """For each buffer in use, where in units of `size` bytes, and by which of the lanes."""
        if (crooked := addresses % np.uint64(size) != 0).any():
            raise EmulationError(f"{addresses[crooked][0]:#x} is no multiple of {size}")
        found, missing = [], np.ones(len(addresses), bool)
        for buffer in self._buffers:
            offsets = addresses - np.uint64(buffer.start)  # huge for an address below
            inside = (offsets < buffer.size) & (offsets + np.uint64(size) <= buffer.size)
            if inside.any():
                rows = (addresses[inside] - np.uint64(buffer.origin)) // np.uint64(size)
                found.append((buffer, rows.astype(np.int64), inside))
                missing &= ~inside
        if missing.any():
            raise EmulationError(f"no buffer has the {size} bytes at {addresses[missing][0]:#x}")
        return found


class _Buffer:
    """Arrays that begin and end on a multiple of `CELL`, of which the buffer is a part."""

    def __init__(self, start: int, size: int) -> None:
        self.start, self.size = start, size
        self.origin = start // CELL * CELL
        cells = -(-(start + size - self.origin) // CELL) * CELL
        self.data = np.zeros(cells, np.uint8)
        self.known = np.zeros(cells, bool)
        self.counts = np.zeros(cells, np.uint32)

    def store(self, rows: Array, data: Array) -> None:
        size = data.shape[1]
        self.data.reshape(-1, size)[rows] = data
        self.known.reshape(-1, size)[rows] = True
        counts = self.counts.reshape(-1, size)
        if (rows[1:] > rows[:-1]).all():
            counts[rows] += 1
        else:  # lanes may meet, and each counts
            np.add.at(counts, rows, 1)
