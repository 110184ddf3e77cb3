# SPDX-License-Identifier: Apache-2.0
"""oneMKL's normals and uniforms, through ctypes on the library that `pip install mkl` brings.

On a processor that is not Intel's, oneMKL takes its generic path: it loads its `def` library and
refuses its AVX2 and AVX-512 ones, whatever the processor has. A ratio to oneMKL measured on AMD
therefore says how it runs there, and nothing about oneMKL on Intel.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
from functools import cache

import torch

from benchmarks.cases import Case
from benchmarks.run import Job

GENERATORS = {"ARS5": 15 << 20, "Philox": 16 << 20}
"""The values of VSL_BRNG_ARS5 and VSL_BRNG_PHILOX4X32X10. ARS5 is made of rounds of AES, for which
x86 processors have an instruction: the fastest that oneMKL has of those one can jump in."""

METHODS = {
    "BOXMULLER": ("normal", 0),
    "BOXMULLER2": ("normal", 1),
    "ICDF": ("normal", 2),
    "STD": ("uniform", 0),
}
"""What each method draws, and the values of VSL_RNG_METHOD_GAUSSIAN_* and _UNIFORM_*."""

_FUNCTIONS = {"normal": "Gaussian", "uniform": "Uniform"}
_REALS = {"float32": ("s", ctypes.c_float), "float64": ("d", ctypes.c_double)}


class Mkl:
    """`vsRngGaussian`, `vsRngUniform` and their twins for float64, by one method.

    Both take two numbers: the mean and the deviation, or the ends of the range.

    Args:
        method: One of METHODS.
        generator: One of GENERATORS.
    """

    def __init__(self, method: str, generator: str = "Philox") -> None:
        """See the class."""
        self.name = f"oneMKL {generator} ({method})"
        self._generator = generator
        self._kind, self._method = METHODS[method]

    def why_not(self) -> str | None:
        """Why it cannot run here, or None."""
        try:
            new_stream(0, self._generator)
        except (ImportError, OSError, RuntimeError) as error:
            return str(error)
        return None

    def job(self, case: Case, buffer: torch.Tensor) -> Job | None:
        """Numbers of its kind, of two types."""
        if case.kind != self._kind or case.dtype not in _REALS:
            return None
        prefix, real = _REALS[case.dtype]
        draw = getattr(library(), f"v{prefix}Rng{_FUNCTIONS[self._kind]}")
        draw.argtypes = [
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_int,
            ctypes.c_void_p,
            real,
            real,
        ]
        stream = new_stream(0, self._generator)

        def job() -> torch.Tensor:
            out = torch.empty(case.count, dtype=case.torch_dtype) if case.fresh else buffer
            status = draw(self._method, stream, case.count, out.data_ptr(), 0.0, 1.0)
            if status:
                raise RuntimeError(f"{self.name} returned status {status}")
            return out

        return job


@cache
def library() -> ctypes.CDLL:
    """The runtime library of oneMKL.

    Raises:
        ImportError: the package is not installed, or has no such library.
        OSError: it cannot be loaded.
    """
    found = [path for path in importlib.metadata.files("mkl") or () if "mkl_rt" in path.name]
    if not found:
        raise ImportError("the package mkl has no mkl_rt library")
    return ctypes.CDLL(str(found[0].locate()))


def new_stream(seed: int, generator: str = "Philox") -> ctypes.c_void_p:
    """A stream of a generator, which lives as long as the process."""
    stream, number = ctypes.c_void_p(), GENERATORS[generator]
    status = library().vslNewStream(ctypes.byref(stream), number, ctypes.c_uint(seed))
    if status:
        raise RuntimeError(f"vslNewStream returned status {status}")
    return stream


def raw_words(seed: int, count: int) -> list[int]:
    """The first Philox words of a seed, by which a test knows the generator for what it is."""
    words = (ctypes.c_uint32 * count)()
    status = library().viRngUniformBits32(0, new_stream(seed), count, words)
    if status:
        raise RuntimeError(f"viRngUniformBits32 returned status {status}")
    return list(words)
