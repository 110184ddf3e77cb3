# SPDX-License-Identifier: Apache-2.0
"""What others' normals cost on sm_90: cuRAND's as PyTorch draws them, and Triton's own."""
# ruff: noqa: ANN001, ANN202 - the arguments of kernels are Triton's and have no Python types

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from reprorng.kernels.fill import NUM_WARPS, interleave
from tools.gpu import sass

_CURAND = Path(__file__).parent / "curand/normal4.cu"
_OUTPUTS = 32  # of a thread, as many as ours


def curand(include: Path | None = None) -> dict[str, Any]:
    """Instructions an output, once around the loop.

    They are on the shortest way around: the least it can be. A state that is in phase, as PyTorch's
    always is, takes a dozen instructions more on its way through a switch.

    Args:
        include: The folder with `curand_kernel.h`; by default, that of the package nvidia-curand.

    Raises:
        FileNotFoundError: If there is no nvcc or no header.
    """
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        raise FileNotFoundError("no nvcc in PATH; cuRAND is compiled by the CUDA toolkit")
    include = include or _installed_headers()
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder) / "normal4.cubin"
        options = ["-arch=sm_90", "-cubin", "-I", str(include), "-o", str(cubin)]
        subprocess.run([nvcc, *options, str(_CURAND)], check=True)
        program = sass.parse(sass.disassemble(cubin.read_bytes()))
    path = program.loop_path()
    stores = sum(program.code[i].stores > 0 for i in path)
    return sass.per_output(program, path, stores)


def _installed_headers() -> Path:
    for name in ("nvidia-curand", "nvidia-curand-cu12"):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            if file.name == "curand_kernel.h":
                return Path(str(file.locate())).parent
    raise FileNotFoundError(
        "no curand_kernel.h; `pip install nvidia-curand`, in any environment, and name its folder"
    )


@triton.jit
def _randn(out, seed, BLOCK: tl.constexpr):
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + place, tl.randn(seed, place))


@triton.jit
def _randn4x(out, seed, BLOCK: tl.constexpr):
    lane = tl.program_id(0) * (BLOCK // 4) + tl.arange(0, BLOCK // 4)
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + place, interleave(tl.randn4x(seed, lane)))


def triton_randn() -> dict[str, dict[str, Any]]:
    """Instructions an output of `tl.randn` and of `tl.randn4x`, stored in order."""
    threads = NUM_WARPS * 32
    found = {}
    for name, kernel in (("tl.randn", _randn), ("tl.randn4x", _randn4x)):
        source = ASTSource(
            kernel,
            signature={"out": "*fp32", "seed": "u64", "BLOCK": "constexpr"},
            constexprs={"BLOCK": _OUTPUTS * threads},
            attrs={(0,): [["tt.divisibility", 16]]},
        )
        # Contraction is what they get if nothing is said.
        options = {"num_warps": NUM_WARPS, "enable_fp_fusion": True}
        made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
        program = sass.parse(sass.disassemble(made.asm["cubin"]))
        found[name] = sass.per_output(program, program.full_path(), _OUTPUTS)
    return found
