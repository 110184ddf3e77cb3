# SPDX-License-Identifier: Apache-2.0
"""A generator's state as numbers, as bytes and as JSON, and how other states are derived from it.

`docs/spec.md`, "State" and "Derived streams", is the definition.
"""

from __future__ import annotations

import operator
import struct
import zlib
from dataclasses import dataclass, replace
from typing import Any, Final

import torch

from reprorng.plan import STREAM_WORDS
from reprorng.spec import (
    ALGORITHM,
    FOLD_IN_MASK,
    PHILOX_M0,
    PHILOX_M1,
    PHILOX_ROUNDS,
    PHILOX_W0,
    PHILOX_W1,
    SPAWN_MASK,
)

_WORD64: Final = 1 << 64
_LAYOUT: Final = struct.Struct("<8s24sQQQQI")
_MAGIC: Final = b"reprorng"
_ALGORITHMS: Final = (ALGORITHM,)
STATE_BYTES: Final = _LAYOUT.size
"""Length of a state as bytes."""


@dataclass(frozen=True, slots=True)
class State:
    """What a generator is: nothing else about it decides a number.

    Attributes:
        seed: In [0, 2^64).
        stream: In [0, 2^64).
        position: Words of the stream already used, in [0, 2^64]; 2^64 means that all are.
        algorithm: The algorithm id.
    """

    seed: int
    stream: int = 0
    position: int = 0
    algorithm: str = ALGORITHM

    @property
    def place(self) -> tuple[int, int, int]:
        """The seed, the stream and the position."""
        return self.seed, self.stream, self.position

    def to_bytes(self) -> bytes:
        """The state as `STATE_BYTES` bytes, little-endian on every machine."""
        body = _LAYOUT.pack(
            _MAGIC,
            self.algorithm.encode("ascii"),
            self.seed,
            self.stream,
            self.position % _WORD64,
            self.position // _WORD64,
            0,
        )
        return body[:-4] + struct.pack("<I", zlib.crc32(body[:-4]))

    @classmethod
    def from_bytes(cls, data: bytes) -> State:
        """The state that `to_bytes` gave.

        Raises:
            RuntimeError: these bytes are not the state of a generator of ours, or are damaged.
        """
        if len(data) != STATE_BYTES or not data.startswith(_MAGIC):
            raise RuntimeError(
                f"this is not the state of a reprorng.Generator: that has {STATE_BYTES} bytes and "
                f"starts with {_MAGIC!r}, this has {len(data)} and starts with {data[:8]!r}"
            )
        _, name, seed, stream, low, high, checksum = _LAYOUT.unpack(data)
        if checksum != zlib.crc32(data[:-4]) or high > 1:
            raise RuntimeError("this state of a reprorng.Generator is corrupt: its checksum is off")
        return cls.from_dict(
            {
                "algorithm": name.rstrip(b"\0").decode("ascii", "replace"),
                "seed": seed,
                "stream": stream,
                "position": high * _WORD64 + low,
            }
        )

    def to_dict(self) -> dict[str, str | int]:
        """The state as a dictionary that JSON can hold exactly."""
        return {
            "algorithm": self.algorithm,
            "seed": self.seed,
            "stream": self.stream,
            "position": self.position,
        }

    @classmethod
    def from_dict(cls, data: Any) -> State:
        """The state that `to_dict` gave.

        Raises:
            TypeError: `data` is no dictionary, or a value is of the wrong type.
            RuntimeError: a key is missing or foreign, a number is out of range, or the algorithm is
                not one of this version.
        """
        if not isinstance(data, dict):
            raise TypeError(f"a state must be a dict, not {type(data).__name__}")
        keys = {"algorithm", "seed", "stream", "position"}
        if data.keys() != keys:
            raise RuntimeError(f"a state has the keys {sorted(keys)}, not {sorted(map(str, data))}")
        try:
            return cls(
                as_uint64(data["seed"], "seed"),
                as_uint64(data["stream"], "stream"),
                as_position(data["position"]),
                as_algorithm(data["algorithm"]),
            )
        except (OverflowError, ValueError) as error:
            raise RuntimeError(f"this state cannot be loaded: {error}") from None

    def fold_in(self, data: int) -> State:
        """The state at the start of the stream derived from this seed, this stream and `data`."""
        return self._derive(data, FOLD_IN_MASK)

    def spawn(self, count: int) -> tuple[list[State], State]:
        """`count` derived states, and this state after the words that number them.

        Raises:
            OverflowError: the stream ends before the last word.
        """
        start = self.position + self.position % 2
        after = start + 2 * count if count else self.position
        if after > STREAM_WORDS:
            raise OverflowError(
                f"spawning {count} takes {2 * count} words from position {start} on, and a stream "
                f"ends at position 2**64"
            )
        children = [self._derive(start + 2 * i, SPAWN_MASK) for i in range(count)]
        return children, replace(self, position=after)

    def _derive(self, data: int, mask: int) -> State:
        low = 0xFFFFFFFF
        counter = (data & low, data >> 32, self.stream & low, self.stream >> 32)
        w = philox4x32_10(self.seed ^ mask, counter)
        return State(w[0] | w[1] << 32, w[2] | w[3] << 32, 0, self.algorithm)


def philox4x32_10(key: int, counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """One block in plain integers: the four words of a 64-bit key and four counter words.

    Examples:
        >>> [f"{word:08x}" for word in philox4x32_10(0, (0, 0, 0, 0))]
        ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    low = 0xFFFFFFFF
    c0, c1, c2, c3 = counter
    k0, k1 = key & low, key >> 32
    for _ in range(PHILOX_ROUNDS):
        p0, p1 = c0 * PHILOX_M0, c2 * PHILOX_M1
        c0, c1, c2, c3 = p1 >> 32 ^ c1 ^ k0, p1 & low, p0 >> 32 ^ c3 ^ k1, p0 & low
        k0, k1 = k0 + PHILOX_W0 & low, k1 + PHILOX_W1 & low
    return c0, c1, c2, c3


def as_integer(value: Any, name: str) -> int:
    """`value` as a Python integer.

    Raises:
        TypeError: it is no integer.
    """
    if type(value) is int:
        return value
    try:
        # As an index, a tensor of a bool is a number, and one of uint64 has to fit int64.
        number: Any = value.item() if isinstance(value, torch.Tensor) else value
        if not isinstance(number, bool):
            return operator.index(number)
    except (TypeError, RuntimeError):
        pass
    raise TypeError(f"{name} must be an integer, not {value!r}")


def as_uint64(value: Any, name: str) -> int:
    """`value` in [0, 2^64).

    Raises:
        TypeError: it is no integer.
        ValueError: it is out of range.
    """
    number = value if type(value) is int else as_integer(value, name)
    if not 0 <= number < _WORD64:
        raise ValueError(f"{name} must be in [0, 2**64), not {number}")
    return number


def as_seed(value: Any) -> int:
    """A seed in [0, 2^64); negative ones wrap, as in `torch.manual_seed`.

    Raises:
        TypeError: it is no integer.
        ValueError: it is not in [-2^63, 2^64).
    """
    number = value if type(value) is int else as_integer(value, "seed")
    if not -(_WORD64 >> 1) <= number < _WORD64:
        raise ValueError(f"seed must be in [-2**63, 2**64), not {number}")
    return number % _WORD64


def as_position(value: Any) -> int:
    """A position in [0, 2^64].

    Raises:
        TypeError: it is no integer.
        OverflowError: it is outside the stream.
    """
    number = value if type(value) is int else as_integer(value, "position")
    if not 0 <= number <= STREAM_WORDS:
        raise OverflowError(f"position must be in [0, 2**64], not {number}")
    return number


def as_algorithm(value: Any) -> str:
    """A known algorithm id.

    Raises:
        ValueError: it is not known.
    """
    if value not in _ALGORITHMS:
        raise ValueError(f"unknown algorithm {value!r}; known: {', '.join(_ALGORITHMS)}")
    return str(value)
