# SPDX-License-Identifier: Apache-2.0
"""What compilers make of the CPU kernels: how it is counted, and that it is not too much.

GCC has made these loops two to eight times slower when it kept a struct in memory that should have
been in registers. The bits are the same then, so that nothing else notices.
"""

from __future__ import annotations

import sys
from functools import cache

import pytest

from tools.cpu import bound, build, mca
from tools.cpu.classes import Kind, classify
from tools.cpu.count import by_kind
from tools.cpu.listing import Pass, passes, read

INSTRUCTIONS_AN_ELEMENT = {"avx2": 9.8, "avx512": 4.7}
"""The most that a float32 normal may take. GCC 12 needs 9.1 and 4.6."""
PHILOX_PRODUCTS = 17
"""Of a block: two a round, but none in the first and one in the second."""
LANES = {"avx2": 4, "avx512": 8}
"""Products of one instruction, and half the roots."""

X86 = """\
fill.o:     file format elf64-x86-64

0000000000000000 <other()>:
   0:\tret

0000000000000010 <fill<Normal<float>, Avx2>(int)>:
  10:\tmov    $0x40,%eax
  14:\tvpmuludq (%rdx),%ymm1,%ymm6
  18:\tadd    $0x2,%esi
  1b:\tvpaddq 0x0(%rip),%ymm5,%ymm5        # 23 <fill<Normal<float>, Avx2>(int)+0x13>
  23:\tvmovdqa %ymm6,-0x20(%rdx)
  28:\tcmp    %ecx,%esi
  2a:\tjl     14 <fill<Normal<float>, Avx2>(int)+0x4>
  2c:\tje     50 <fill<Normal<float>, Avx2>(int)+0x40>
  2e:\tmovzbl (%rsi),%edx
  30:\tadd    $0x1,%esi
  33:\tcmp    %ecx,%esi
  35:\tjl     2e <fill<Normal<float>, Avx2>(int)+0x1e>
  40:\tvsqrtps (%rdi),%ymm11
  44:\tadd    $0x1,%edx
  47:\tvmovntdq %ymm11,(%rax)
  4b:\tcmp    %ecx,%edx
  4d:\tjl     40 <fill<Normal<float>, Avx2>(int)+0x30>
  50:\tjne    10 <fill<Normal<float>, Avx2>(int)>
"""
ARM = """\
0000000000000000 <fill()>:
   0:\tadrp\tx8, 0 <fill()>
   4:\tumull\tv12.2d, v11.2s, v9.2s
   8:\tadd\tw5, w5, #0x4
   c:\tstp\tq12, q11, [x0], #32
  10:\tmov\tw1, #0x40                  \t// #64
  14:\tcmp\tw5, w1
  18:\tb.lt\t0 <fill()>  // b.tstop
"""


def made_up(listing: str, change: tuple[str, str] = ("", "")) -> list[Pass]:
    return passes(list(read(listing.replace(*change)).values())[-1], 1)


def test_a_pass_is_an_innermost_loop_on_vectors_that_stores_into_the_caches():
    (only,) = made_up(X86)
    assert only.steps == 2
    assert [i.mnemonic for i in only.loop] == ["vpmuludq", "add", "vpaddq", "vmovdqa", "cmp", "jl"]
    assert by_kind([only], 3) == pytest.approx(
        {"scalar, branch": 3 / 6, "multiply": 1 / 6, "other integer": 1 / 6, "store": 1 / 6},
        abs=1e-3,
    )


def test_a_pass_of_arm_is_found_by_its_counter_as_well():
    (only,) = made_up(ARM)
    assert only.steps == 4
    assert by_kind([only], 1) == {"scalar, branch": 5 / 4, "multiply": 1 / 4, "store": 1 / 4}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("vmovntdq", "vmovdqa"), id="one more pass"),
        pytest.param(("$0x2,%esi", "$0x2,%edi"), id="a loop within a pass"),
        pytest.param(("cmp    %ecx,%esi\n  2a", "je     10\n  2a"), id="a branch within a pass"),
    ],
)
def test_what_is_no_plain_chain_of_passes_is_refused(change):
    with pytest.raises(ValueError, match=r"passes where|does not count"):
        made_up(X86, change)


@pytest.mark.parametrize(
    ("instruction", "kind"),
    [
        ("vmovaps %ymm1,%ymm2", Kind.MOVE),
        ("vmovaps %zmm4,%zmm0{%k2}", Kind.BLEND),
        ("vmovdqu64 %zmm4,-0xc0(%rax)", Kind.STORE),
        ("vbroadcastss 0x0(%rip),%ymm4", Kind.LOAD),
        ("vpbroadcastq %xmm5,%ymm5", Kind.SHUFFLE),
        ("vmovshdup (%rdx),%ymm1", Kind.SHUFFLE),
        ("vmulss %xmm1,%xmm2,%xmm3", Kind.SCALAR_FLOAT),
        ("vfmadd213ps 0x0(%rip),%ymm8,%ymm6", Kind.FMA),
        ("vpternlogd $0x96,%zmm1,%zmm2,%zmm3", Kind.LOGIC),
        ("lea 0x20(%r11),%rax", Kind.SCALAR),
        ("fmul s0, s1, s2", Kind.SCALAR_FLOAT),
        ("fmla v16.4s, v13.4s, v19.4s", Kind.FMA),
        ("add w5, w5, #0x1", Kind.SCALAR),
        ("ldp q13, q11, [x0]", Kind.LOAD),
    ],
)
def test_an_instruction_is_of_the_kind_of_what_it_does(instruction, kind):
    assert classify(*instruction.split(" ", 1)) is kind


def test_a_vector_instruction_of_no_kind_is_refused():
    with pytest.raises(ValueError, match="what kind is vaesenc"):
        classify("vaesenc", "%ymm1,%ymm2,%ymm3")


def test_the_bound_is_that_of_the_busiest_resource_in_each_pass():
    """A product waits for one of two pipes, and there are two loads for it."""
    cycles = bound.cycles(made_up(X86), 1)
    assert cycles["multipliers"] == 1 / 2 / 2
    assert cycles["loads"] == 2 / 2 / 2
    assert cycles["dispatch"] == 6 / 8 / 2
    assert cycles["pass after pass"] == cycles["loads"]


@pytest.mark.skipif(mca.version() is None, reason="llvm-mca is not installed")
def test_llvm_mca_takes_a_loop_as_objdump_prints_it():
    simulated = mca.simulate("x86_64", "skylake-avx512", made_up(X86), 4)
    assert 0.1 < simulated.cycles < 10
    assert 0 < simulated.busiest[1] <= 1


def blocks(name: str) -> int:
    return next(target.blocks for target in build.TARGETS if target.name == name)


@cache
def compiled(name: str) -> list[Pass]:
    target = next(target for target in build.TARGETS if target.name == name)
    if missing := target.missing():
        pytest.skip(f"{', '.join(missing)} not installed")
    return passes(build.programs(target)["normal_float32"], target.passes("normal_float32"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads what GNU objdump prints")
@pytest.mark.parametrize("name", INSTRUCTIONS_AN_ELEMENT)
def test_the_passes_of_a_normal_are_all_there_and_nothing_else(name):
    kinds = by_kind(compiled(name), blocks(name))
    assert kinds["multiply"] == PHILOX_PRODUCTS / LANES[name]
    assert kinds["sqrt"] == 1 / LANES[name]
    assert Kind.SCALAR_FLOAT.value not in kinds
    mnemonics = {instruction.mnemonic for one in compiled(name) for instruction in one.loop}
    assert not [m for m in mnemonics if "div" in m or m.startswith("call")]


@pytest.mark.skipif(sys.platform != "linux", reason="reads what GNU objdump prints")
@pytest.mark.parametrize("name", INSTRUCTIONS_AN_ELEMENT)
def test_a_normal_takes_no_more_instructions_than_it_did(name):
    total = sum(by_kind(compiled(name), 4 * blocks(name)).values())
    assert total <= INSTRUCTIONS_AN_ELEMENT[name]
