# SPDX-License-Identifier: Apache-2.0
"""Build the C++ core for other machines and compilers, run it, emulated where need be, and compare.

All digests of a kernel must be equal: over processors, byte orders, compilers, optimisation levels
and instruction sets. Compilers and emulators that are not installed are named and left out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import describe

ROOT = Path(__file__).resolve().parent.parent.parent
RESULT = ROOT / "benchmarks" / "results" / "cross.json"
FLAGS = ["-std=c++17", "-fno-math-errno", "-fno-trapping-math", "-fno-tree-slp-vectorize", "-w"]
AVX2 = ["-mavx2", "-mfma", "-mf16c"]
ISA_FLAGS = {
    "fill_avx2": AVX2,
    "fill_avx512": [*AVX2, "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"],
}


@dataclass(frozen=True)
class Target:
    """One way to build and run the core."""

    name: str
    compiler: str
    flags: tuple[str, ...] = ("-O3",)
    emulator: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """The programs it needs that are not installed."""
        return [p for p in (self.compiler, *self.emulator[:1]) if shutil.which(p) is None]


def cross(triple: str, cpu: str, *flags: str) -> Target:
    """A target of another processor, with GCC and the user-mode emulator of QEMU."""
    emulator = (f"qemu-{cpu}", "-L", f"/usr/{triple}")
    return Target(
        f"{cpu} g++ {' '.join(flags)}".strip(), f"{triple}-g++", ("-O3", *flags), emulator
    )


TARGETS = [
    *(
        Target(f"{c} {level}", c, (level,))
        for c in ("g++", "clang++")
        for level in ("-O0", "-O2", "-O3")
    ),
    Target("g++ -O3 -ffp-contract=fast", "g++", ("-O3", "-ffp-contract=fast")),
    Target("clang++ -O3 -ffp-contract=fast", "clang++", ("-O3", "-ffp-contract=fast")),
    # What setup.py puts after the flags of whoever builds.
    *(
        Target(
            f"{c} -O3 -funsafe-math-optimizations -fno-fast-math",
            c,
            ("-O3", "-funsafe-math-optimizations", "-fno-fast-math", "-ffp-contract=off"),
        )
        for c in ("g++", "clang++")
    ),
    Target(
        "g++ -O3 on a processor without AVX", "g++", ("-O3",), ("qemu-x86_64", "-cpu", "Nehalem")
    ),
    cross("aarch64-linux-gnu", "aarch64"),
    cross("riscv64-linux-gnu", "riscv64"),
    cross("s390x-linux-gnu", "s390x"),
    cross("s390x-linux-gnu", "s390x", "-march=z14"),
    cross("powerpc64le-linux-gnu", "ppc64le"),
]


def build(target: Target, folder: Path) -> Path:
    """Compile the core and the digest program."""
    csrc = ROOT / "csrc"
    x86 = not target.compiler.endswith("-g++")
    objects = []
    names = [
        *csrc.glob("fill_*.cpp"),
        csrc / "dispatch.cpp",
        ROOT / "tools" / "cross" / "digest.cpp",
    ]
    for source in names:
        compiled = folder / f"{source.stem}.o"
        isa = ISA_FLAGS.get(source.stem, []) if x86 else []
        command = [target.compiler, *FLAGS, *target.flags, *isa, "-I", str(csrc)]
        subprocess.run([*command, "-c", str(source), "-o", str(compiled)], check=True)
        objects.append(str(compiled))
    program = folder / "digest"
    subprocess.run([target.compiler, *objects, "-o", str(program)], check=True)
    return program


def digests(target: Target) -> dict[str, dict[str, str]]:
    """By instruction set and kernel, the digest on this target."""
    with tempfile.TemporaryDirectory() as folder:
        program = build(target, Path(folder))
        run = [*target.emulator, str(program)]
        lines = subprocess.run(run, check=True, capture_output=True, text=True).stdout.splitlines()
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        instruction_set, kernel, value = line.split()
        found.setdefault(instruction_set, {})[kernel] = value
    return found


def main() -> int:
    """Build, run and compare everything; the exit status is 1 if any digest differs."""
    there = [target for target in TARGETS if not target.missing()]
    for target in TARGETS:
        if target not in there:
            print(f"left out: {target.name} ({', '.join(target.missing())} not installed)")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = dict(zip((t.name for t in there), pool.map(digests, there), strict=True))
    expected = next(iter(results.values()))["scalar"]
    wrong = 0
    for name, found in results.items():
        for instruction_set, kernels in found.items():
            differing = [k for k, value in kernels.items() if value != expected[k]]
            wrong += len(differing)
            print(f"{name}, {instruction_set}: {', '.join(differing) or 'equal'}")
    summary = {name: sorted(found) for name, found in results.items()}
    record = {**describe(), "digests": expected, "equal_on": summary, "differing": wrong}
    if not wrong:
        RESULT.write_text(json.dumps(record, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
