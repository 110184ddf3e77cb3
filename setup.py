# SPDX-License-Identifier: Apache-2.0
"""The compiled half of the package: one extension, each source with its own instruction set."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, str(Path(__file__).parent))  # which an isolated build leaves out
from tools.sources import ROOT, digest, files

# Whatever CXXFLAGS say, no fast-math and no contraction: an operation the source does not ask for
# changes bits. No errno and no trapping only let the compiler inline square roots and vectorise
# selects; they change no result. The attributes that GCC warns of are alignments of vector types,
# which templates keep by other means.
FLAGS = [
    "-O3",
    "-fno-fast-math",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-Wall",
    "-Wextra",
    "-Wno-ignored-attributes",
    "-Wno-psabi",
]

AVX2 = ["-mavx2", "-mfma", "-mf16c"]
# GCC 12 vectorises chains of float operations done in double, as the software fma does them, and
# drops the roundings in between; today's code escapes that by luck.
SOFTWARE_FMA = ["-fno-tree-slp-vectorize"]
FILE_FLAGS = {"fill_scalar.cpp": SOFTWARE_FMA, "bindings.cpp": SOFTWARE_FMA}
X86_FLAGS = {
    "fill_avx2.cpp": AVX2,
    "fill_avx512.cpp": [*AVX2, "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"],
}
PLATFORM = sysconfig.get_platform()
if PLATFORM.startswith("win"):
    raise SystemExit("reprorng needs GCC or clang and POSIX threads; on Windows, build it in WSL")
if PLATFORM.startswith("macosx"):
    # One compilation may be for both of a Mac's architectures.
    FILE_FLAGS |= {
        name: [word for flag in flags for word in ("-Xarch_x86_64", flag)]
        for name, flags in X86_FLAGS.items()
    }
elif PLATFORM.endswith(("x86_64", "amd64")):
    FILE_FLAGS |= X86_FLAGS


class BuildPerFile(build_ext):
    """Setuptools has flags for an extension; instruction sets need them for a file."""

    def build_extension(self, ext: Any) -> None:
        """Compile `ext`, with the flags of FILE_FLAGS for the sources named there."""
        compile_one = self.compiler._compile

        def compile_with_flags(obj: str, src: str, *args: Any) -> None:
            *rest, extra, pp_opts = args
            flags = FILE_FLAGS.get(Path(src).name, [])
            compile_one(obj, src, *rest, [*extra, *flags], pp_opts)

        self.compiler._compile = compile_with_flags
        super().build_extension(ext)


setup(
    ext_modules=[
        Pybind11Extension(
            "reprorng._core",
            sorted(str(path) for path in Path("csrc").glob("*.cpp")),
            include_dirs=["csrc"],
            depends=[str(path.relative_to(ROOT)) for path in files()],
            define_macros=[("REPRORNG_SOURCES", f'"{digest()}"')],
            cxx_std=17,
            extra_compile_args=FLAGS,
            extra_link_args=["-pthread"],
        )
    ],
    cmdclass={"build_ext": BuildPerFile},
)
