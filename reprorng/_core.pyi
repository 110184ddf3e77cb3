# SPDX-License-Identifier: Apache-2.0
from numpy import float32, uint32
from numpy.typing import NDArray

KERNELS: tuple[str, ...]

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
) -> None: ...
def map_to_range(address: int, count: int, low: int, span: int) -> None: ...
def radius(variant: int, words: NDArray[uint32]) -> NDArray[float32]: ...
def rotate(
    variant: int, radii: NDArray[float32], words: NDArray[uint32]
) -> tuple[NDArray[float32], NDArray[float32]]: ...
