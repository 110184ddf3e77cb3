# SPDX-License-Identifier: Apache-2.0
"""What ptxas makes of `sqrt.rn.f32`, and that the kernels' root is the same.

On CUDA the kernels take a root by an estimate, a product, a half and two fma. That is correctly
rounded wherever NVIDIA's own `sqrt.rn.f32` is if it is what that instruction is made of.
"""

from __future__ import annotations

import re
import struct
import sys

from tools.gpu import sass
from tools.gpu.dataflow import Graph, Value, from_sass
from tools.gpu.flow import Program

RADICANDS = (2.0**-33, 64.0)
"""Between these is every number a normal takes the root of: the radii of all 2^32 words lie in
[2^-16, 6.7637057] (benchmarks/results/transform-proof.json), and are correctly rounded roots. The
estimates, halves and products of such numbers are far from subnormal, where the `.FTZ` that ptxas
puts on its own two products would make a difference."""

_HALF = 0x3F000000
_SQRT = """
{header}
.address_size 64
.visible .entry take_root(.param .u64 place)
{{
    .reg .b64 %address;
    .reg .{format} %x;
    ld.param.u64 %address, [place];
    ld.global.{format} %x, [%address];
    sqrt.rn.{format} %x, %x;
    st.global.{format} [%address], %x;
    ret;
}}
"""


def root(graph: Graph, x: Value, estimate: Value) -> Value | None:
    """The value that is the root of x by our operations, or None if it is not in the graph."""
    # 0 - g and -g are the same, as g is not 0. Old versions of Triton write the former.
    for minus in (lambda g: -g, lambda g: graph.add(graph.constant(0), -g)):
        try:
            g = graph.mul(x, estimate)
            h = graph.mul(estimate, graph.constant(_HALF))
            return graph.fma(graph.fma(minus(g), g, x), h, g)
        except LookupError:
            continue
    return None


def sqrt_rn(ptx: str, target: str, python: str = sys.executable, bits: int = 32) -> Program:
    """What ptxas makes of `sqrt.rn.f32` or `sqrt.rn.f64`.

    Args:
        ptx: Any PTX for the target, which has to say so in the same way.
        target: One of the CUDA targets.
        python: An interpreter that has the Triton whose ptxas is asked.
        bits: Of the number.
    """
    header = "\n".join(re.findall(r"^\.(?:version|target)\s.*", ptx, re.M))
    source = _SQRT.format(header=header, format=f"f{bits}")
    return sass.parse(sass.disassemble(sass.assemble(source, target, python)))


def fast_path_is_ours(program: Program) -> bool:
    """Whether the root that a `sqrt.rn.f32` stores without a call is made of our operations."""
    graph = from_sass(program, program.full_path())
    roots = [root(graph, *pair) for pair in graph.estimates]
    return len(roots) == 1 and roots == graph.stored


_GUARD = re.compile(
    r"I?ADD3?(?:\.\w+)? (?P<sum>R\d+), (?:PT, PT, )?(?P<x>R\d+), -0x(?P<offset>\w+)(?:, RZ)?\n"
    r"(?:.*\n)*?"
    r"ISETP\.GT\.U32\.AND (?P<slow>P\d), PT, (?P=sum), 0x(?P<limit>\w+), PT\n"
    r"(?:.*\n)*?"
    r"@!(?P=slow) BRA .*\n"
)


def fast_range(program: Program) -> tuple[float, float]:
    """The least and the greatest number whose root a `sqrt.rn.f32` takes without a call.

    Raises:
        ValueError: If the test that decides it is not of the one form known.
    """
    path = program.full_path()
    text = "".join(f"{program.code[i]}\n" for i in path)
    match = _GUARD.search(text)
    estimated = match and re.search(rf"MUFU\.RSQ R\d+, {match['x']}\n", text)
    if not match or not estimated or len(program.branches(path)) != 1:
        raise ValueError(f"this is not the test for a fast root that is known:\n{text}")
    least = int(match["offset"], 16)
    greatest = least + int(match["limit"], 16)
    return tuple(struct.unpack("<f", struct.pack("<I", bits))[0] for bits in (least, greatest))
