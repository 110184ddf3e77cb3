# SPDX-License-Identifier: Apache-2.0
"""Translated kernels, compiled for this machine and launched on its memory."""

from __future__ import annotations

import ctypes
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprorng import spec
from reprorng.plan import Plan
from tools.compiler import c_compiler
from tools.gpu.compile import Artifact

Array = NDArray[Any]

QUICK = ("-O1",)
"""For millions of numbers: compiles in a second."""
FAST = ("-O3", "-fno-trapping-math", "-fvect-cost-model=unlimited") + (
    ("-mprefer-vector-width=512",) if platform.machine() == "x86_64" else ()
)
"""For billions: compiles in a minute, to vectors."""

LOWEST, BEST, HIGHEST = -1, 0, 1
"""Which of the floats that a GPU may take for 1 / sqrt(x)."""

_FOLDER = Path(__file__).parent
# Floats as they are written: no contraction, and an fma is the machine's or exact in the library.
_FLAGS = ("-march=native", "-ffp-contract=off", "-fno-fast-math", "-fno-math-errno", "-fwrapv")
_COLUMNS = 16
_ALIGNMENT = 16
_PATTERN = 0xA5


class WrongAccess(RuntimeError):
    """A kernel stored other bytes than it should, or not all of them."""


class _Memory(ctypes.Structure):
    """`Memory` of ptx.h."""

    _fields_ = (
        ("low", ctypes.c_void_p),
        ("bytes", ctypes.c_uint64),
        ("readable", ctypes.c_uint64),
        ("estimate", ctypes.c_int32),
        ("inside", ctypes.c_uint64),
        ("outside", ctypes.c_uint64),
        ("faults", ctypes.c_uint64),
    )


class Native:
    """A kernel that runs here.

    Args:
        artifact: What the source was made of.
        source: Its translation.
        *flags: For the compiler: `QUICK` or `FAST`.
    """

    def __init__(self, artifact: Artifact, source: str, *flags: str) -> None:
        """See the class."""
        self.artifact = artifact
        self._library = compile_c(source, _FOLDER / "sweep.c", flags=flags)

    def draw(self, plan: Plan, lead: int = 0, estimate: int = BEST) -> Array:
        """The bytes of a draw, `lead` elements behind an aligned address.

        Raises:
            WrongAccess: A byte beside the draw is stored, or one of the draw is not stored once.
        """
        size = np.dtype(plan.dtype.replace("bfloat16", "float16")).itemsize
        entry = self.artifact.kernel.split()[0]
        room = np.full((lead + plan.count) * size + _ALIGNMENT, _PATTERN, np.uint8)
        skip = -room.ctypes.data % _ALIGNMENT
        out = room[skip + lead * size :][: plan.count * size]
        # Where a double word takes two words, the word before it leads to the same element.
        position = np.array([max(0, plan.position - plan.words_per_element + 1)], np.uint64)
        where = position.ctypes.data if entry == "fill_from" else plan.first
        arguments = [0, 0, room.ctypes.data + skip, lead, where, plan.count]
        arguments += [*_halves(plan.key), *_halves(plan.stream), plan.low, plan.span]
        per_program = self.artifact.per_program
        programs = (plan.first + plan.count - 1) // per_program - plan.first // per_program + 1
        memory = _Memory(bytes=out.nbytes, readable=position.ctypes.data, estimate=estimate)
        self._library.launch(
            ctypes.c_uint64(programs),
            ctypes.c_uint32(self.artifact.threads),
            (ctypes.c_uint64 * _COLUMNS)(*(a % (1 << 64) for a in arguments)),
            ctypes.c_uint64(out.ctypes.data),
            ctypes.byref(memory),
        )
        _demand(memory, inside=out.nbytes, outside=0)
        return out

    def sweep(self, words: Sequence[Array], lead: int = 0, estimate: int = BEST) -> Array:
        """Four normals for each four words, the outputs of a block, as an array of four rows.

        Args:
            words: Four arrays of uint32.
            lead: 0 has threads store vectors, and 1, 2 or 3 single elements.
            estimate: Which estimate of 1 / sqrt(x) to take.

        Raises:
            WrongAccess: A thread does not store each of its blocks once.
        """
        count = len(words[0])
        planes = np.empty((4, count), np.float32)
        memory = _Memory(estimate=estimate)
        kept = [np.ascontiguousarray(w, np.uint32) for w in words]
        pointers = (ctypes.c_void_p * 4)(*(w.ctypes.data for w in kept))
        self._library.sweep(
            ctypes.c_uint64(count),
            pointers,
            ctypes.c_uint32(self.artifact.threads),
            ctypes.c_uint32(self.artifact.per_program),
            ctypes.c_uint32(lead),
            ctypes.c_void_p(planes.ctypes.data),
            ctypes.byref(memory),
        )
        of_a_thread = self.artifact.per_program // self.artifact.threads * planes.itemsize
        _demand(memory, inside=planes.nbytes, outside=count * of_a_thread - planes.nbytes)
        return planes


def _halves(x: int) -> tuple[int, int]:
    return x & 0xFFFFFFFF, x >> 32


def _demand(memory: _Memory, inside: int, outside: int) -> None:
    found = (memory.inside, memory.outside, memory.faults)
    if found != (inside, outside, 0):
        raise WrongAccess(
            f"{found[0]} bytes stored inside, {found[1]} outside and {found[2]} faults; "
            f"expected {inside}, {outside} and 0"
        )


def compile_c(*sources: str | Path, flags: Sequence[str] = FAST) -> ctypes.CDLL:
    """The library made from C, given as text or files.

    Raises:
        RuntimeError: There is no compiler, or it does not take the text.
    """
    command = c_compiler()
    if command is None:
        raise RuntimeError("there is no C compiler; install gcc or clang, or set CC")
    with TemporaryDirectory() as folder:
        library = Path(folder) / "kernel.so"
        files = []
        for i, source in enumerate(sources):
            file = source if isinstance(source, Path) else Path(folder) / f"{i}.c"
            if isinstance(source, str):
                file.write_text(source)
            files.append(file)
        options = [*_FLAGS, *flags, *_philox_macros(), f"-I{_FOLDER}"]
        made = subprocess.run(
            [*command, "-std=gnu11", "-shared", "-fPIC", *options, "-o", library, *files, "-lm"],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"{command[0]} failed: {made.stderr[:2000]}")
        return ctypes.CDLL(str(library))


def _philox_macros() -> list[str]:
    names = {
        "ROUNDS": spec.PHILOX_ROUNDS,
        "M0": spec.PHILOX_M0,
        "M1": spec.PHILOX_M1,
        "W0": spec.PHILOX_W0,
        "W1": spec.PHILOX_W1,
        "M0_INVERSE": pow(spec.PHILOX_M0, -1, 1 << 32),
        "M1_INVERSE": pow(spec.PHILOX_M1, -1, 1 << 32),
    }
    return [f"-DPHILOX_{name}={value:#x}u" for name, value in names.items()]
