# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Mapping
from typing import Any

import torch
from numpy import float32, float64, uint32
from numpy.typing import NDArray

KERNELS: tuple[str, ...]
COMPILER: str
SOURCES: str

def variants() -> list[tuple[str, str, bool]]: ...
def fill(
    variant: int,
    kernel: int,
    seed: int,
    stream: int,
    first: int,
    count: int,
    address: int,
    threads: int,
    grain: int,
    worth_waking: int,
) -> None: ...

class Cursor:
    def __init__(self, seed: int, stream: int, position: int) -> None: ...
    def now(self) -> tuple[int, int, int]: ...
    def move(self, before: tuple[int, int, int], after: tuple[int, int, int]) -> int: ...
    def undo(self, moves: int, before: tuple[int, int, int]) -> None: ...

class Filler:
    def __init__(
        self,
        kernels: dict[torch.dtype, int],
        grain: int,
        worth_waking: int,
        large: int,
        on_large: Callable[[torch.Tensor], None],
    ) -> None: ...
    def new(
        self, cursor: Cursor, variant: int, size: tuple[Any, ...], options: Mapping[str, Any]
    ) -> torch.Tensor | None: ...
    def fill(self, cursor: Cursor, variant: int, tensor: torch.Tensor) -> bool: ...

def prefer_large_pages(address: int, bytes: int) -> None: ...
def map_to_range(address: int, count: int, low: int, span: int) -> None: ...
def radius(variant: int, words: NDArray[uint32]) -> NDArray[float32]: ...
def rotate(
    variant: int, radii: NDArray[float32], words: NDArray[uint32]
) -> tuple[NDArray[float32], NDArray[float32]]: ...
def software_fma(
    a: NDArray[float64], b: NDArray[float64], c: NDArray[float64]
) -> NDArray[float64]: ...
def software_fma32(
    a: NDArray[float32], b: NDArray[float32], c: NDArray[float32]
) -> NDArray[float32]: ...
