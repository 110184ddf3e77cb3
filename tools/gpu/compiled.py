# SPDX-License-Identifier: Apache-2.0
"""A compiled kernel with all that can be read from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tools.gpu import amdgcn, compile, ptx, sass
from tools.gpu.dataflow import Graph, from_ptx, from_sass
from tools.gpu.flow import Program


@dataclass(frozen=True)
class Compiled:
    """A kernel for a target, with its texts.

    Attributes:
        artifact: What it is.
        assembly: PTX or amdgcn.
        listing: The disassembled machine code, for CUDA targets.
    """

    artifact: compile.Artifact
    assembly: str
    listing: str | None

    @property
    def kind(self) -> str:
        """What it draws: `normal`, `uniform`, `integers` or `bits`."""
        return self.artifact.kernel.split()[1].split("_")[0]

    @property
    def dtype(self) -> str:
        """The dtype of its elements."""
        return self.artifact.kernel.split("_")[-1]

    @property
    def draws(self) -> str:
        """Both, as in `normal_float32`."""
        return f"{self.kind}_{self.dtype}"

    @property
    def outputs(self) -> int:
        """Elements that each thread stores in a full program."""
        return self.artifact.per_program // self.artifact.threads

    @cached_property
    def ptx(self) -> ptx.Kernel:
        """The PTX, parsed."""
        return ptx.parse(self.assembly)

    @cached_property
    def program(self) -> Program:
        """The machine code, for AMD as assembly."""
        return sass.parse(self.listing) if self.listing else amdgcn.parse(self.assembly)

    @cached_property
    def path(self) -> list[int]:
        """Where a full program goes."""
        return self.program.full_path()

    @cached_property
    def graphs(self) -> tuple[Graph, Graph]:
        """The float32 arithmetic of the PTX and of the machine code."""
        return from_ptx(self.ptx), from_sass(self.program, self.path)


def read(folder: Path, artifact: compile.Artifact) -> Compiled:
    """One of the kernels compiled into a folder."""
    listing = None
    if artifact.cubin:
        listing = sass.disassemble((folder / artifact.cubin).read_bytes())
    return Compiled(artifact, (folder / artifact.assembly).read_text(), listing)


def strangers(found: Iterable[str], allowed: Iterable[str], where: str) -> list[str]:
    """How often each opcode was found that is not allowed."""
    known = set(allowed)
    return [f"{n} × {op} in {where}" for op, n in Counter(found).items() if op not in known]
