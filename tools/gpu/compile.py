# SPDX-License-Identifier: Apache-2.0
"""Compile the GPU kernels for every target, without a GPU: PTX, cubin and amdgcn as files.

A program of its own, so that another Python with another Triton can run it, on another copy of the
package if need be:

    python -m tools.gpu.compile OUT [--package DIR] [--kernels NAME ...] [--targets NAME ...]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

ROOT = Path(__file__).parents[2]
TARGETS: dict[str, tuple[str, int | str, int]] = {
    "sm_80": ("cuda", 80, 32),
    "sm_90": ("cuda", 90, 32),
    "sm_100": ("cuda", 100, 32),
    "sm_120": ("cuda", 120, 32),
    "gfx942": ("hip", "gfx942", 64),
    "gfx1100": ("hip", "gfx1100", 32),
}
"""Triton's names: backend, architecture, threads in a warp."""

CUDA = [name for name, (backend, _, _) in TARGETS.items() if backend == "cuda"]


@dataclass(frozen=True)
class Artifact:
    """One kernel, compiled for one target.

    Attributes:
        kernel: The entry and what it draws, for example `"fill normal_float32"`.
        target: One of `TARGETS`.
        triton: The version that compiled it.
        threads: Threads in a program.
        per_program: Elements in a program.
        shared: Bytes of shared memory.
        assembly: The file with the PTX or the amdgcn assembly.
        cubin: The file with the machine code, for CUDA targets.
    """

    kernel: str
    target: str
    triton: str
    threads: int
    per_program: int
    shared: int
    assembly: str
    cubin: str | None


def kernel_names() -> list[str]:
    """Every kernel there is, with the place of the first element given or read from memory."""
    from reprorng.plan import WORDS_PER_ELEMENT

    return [
        f"{entry} {kind}_{dtype}"
        for entry in ("fill", "fill_from")
        for kind, dtype in WORDS_PER_ELEMENT
    ]


def signature(jitted: Any, dtype: str) -> dict[str, str]:
    """Triton's names of the types of a kernel's arguments, for elements of a dtype."""
    floats = {"float32": "fp32", "float64": "fp64", "float16": "fp16", "bfloat16": "bf16"}
    element = floats.get(dtype, dtype.replace("uint", "u").replace("int", "i"))
    pointers = {"out": f"*{element}", "position": "*i64"}
    return {
        p.name: "constexpr" if p.is_constexpr else p.annotation_type or pointers[p.name]
        for p in jitted.params
    }


def compile_one(kernel: str, target: str, out: Path, **options: Any) -> Artifact:
    """Compile a kernel as the backend has it compiled, and write what comes out to `out`."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from reprorng.kernels import fill

    entry, plan = kernel.split()
    kind, dtype = plan.split("_")
    backend, architecture, warp = TARGETS[target]
    constants = {"KIND": kind, "NVIDIA": backend == "cuda"}
    jitted = getattr(fill, entry)
    source = ASTSource(
        jitted,
        signature=signature(jitted, dtype),
        constexprs=constants,
        attrs={(0,): [["tt.divisibility", 16]]},
    )
    settings = {"num_warps": fill.NUM_WARPS, "enable_fp_fusion": False} | options
    made = triton.compile(source, target=GPUTarget(backend, architecture, warp), options=settings)
    stem = f"{entry}-{plan}.{target}"
    assembly, cubin = f"{stem}.{'ptx' if backend == 'cuda' else 'amdgcn'}", None
    (out / assembly).write_text(made.asm[assembly.rsplit(".", 1)[1]])
    if backend == "cuda":
        cubin = f"{stem}.cubin"
        (out / cubin).write_bytes(made.asm["cubin"])
    return Artifact(
        kernel,
        target,
        triton.__version__,
        made.metadata.num_warps * warp,
        fill.elements_in_program(dtype),
        made.metadata.shared,
        assembly,
        cubin,
    )


def load(folder: Path) -> dict[tuple[str, str], Artifact]:
    """What `main` wrote to a folder, by kernel and target."""
    index = json.loads((folder / "index.json").read_text())
    return {(entry["kernel"], entry["target"]): Artifact(**entry) for entry in index}


def artifacts(python: str = sys.executable, package: Path = ROOT, *options: str) -> Path:
    """The folder with everything compiled, made now unless sources and compiler are unchanged.

    Args:
        python: An interpreter that has Triton.
        package: The folder that holds the package `reprorng`.
        *options: Further arguments of this program.
    """
    sources = [Path(__file__), package / "reprorng/spec.py", package / "reprorng/plan.py"]
    sources += sorted((package / "reprorng/kernels").glob("*.py"))
    version = subprocess.check_output(
        [python, "-c", "import triton; print(triton.__version__)"], text=True
    ).strip()
    text = repr(options) + "".join(path.read_text() for path in sources)
    folder = (
        ROOT / "build/gpu" / f"triton-{version}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    )
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "index.json").exists():
            command = [python, "-m", "tools.gpu.compile", str(folder), "--package", str(package)]
            environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
            subprocess.run([*command, *options], cwd=ROOT, check=True, env=environment)
    return folder


def main() -> None:
    """Compile, and write an index last, so that a folder with one is complete."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--package", type=Path, default=ROOT, help="where reprorng is")
    parser.add_argument("--kernels", nargs="+", help="default: all")
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--fp-fusion", action="store_true", help="let the compiler contract")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.package))
    arguments.out.mkdir(parents=True, exist_ok=True)
    made = [
        compile_one(kernel, target, arguments.out, enable_fp_fusion=arguments.fp_fusion)
        for kernel in arguments.kernels or kernel_names()
        for target in arguments.targets
    ]
    index = json.dumps([asdict(artifact) for artifact in made], indent=1)
    (arguments.out / "index.json").write_text(index)


if __name__ == "__main__":
    main()
