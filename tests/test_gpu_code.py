# SPDX-License-Identifier: Apache-2.0
"""What the compilers made of the GPU kernels, read instruction by instruction; and planted faults.

The faults are in the text of PTX, assembly and listings, and each must be found by the check that
looks for it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools.gpu import audit, audit_amd, audit_cuda, root, sass
from tools.gpu import compile as compiler
from tools.gpu.compiled import Compiled, read
from tools.prove_transform import RESULT

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")

PYTHON = os.environ.get("REPRORNG_TRITON_PYTHON", sys.executable)
"""The Python whose Triton compiles what is checked."""

INSTRUCTIONS_AN_OUTPUT = {
    "normal_float32": 34,
    "normal_float16": 36,
    "normal_bfloat16": 36,
    "uniform_float32": 16,
    "uniform_float16": 16,
    "uniform_bfloat16": 16,
}
"""The most that a full program may take on sm_90."""
COSTS_HELD_FROM = (3, 9)
"""The first Triton whose output must be as cheap as that, and may not use local memory."""

AMD = [target for target in compiler.TARGETS if target not in compiler.CUDA]
NORMALS = [k for k in compiler.kernel_names() if "normal" in k and not k.endswith("float64")]
KERNEL = "fill normal_float32"
Change = tuple[str, str]


@pytest.fixture(scope="session")
def folder() -> Path:
    return compiler.artifacts(PYTHON)


@cache
def compiled(folder: Path, kernel: str, target: str) -> Compiled:
    return read(folder, compiler.load(folder)[kernel, target])


def changed(kernel: Compiled, change: Change) -> Compiled:
    """The kernel with the first match of a pattern replaced, in each of its texts that has one."""
    assembly, count = re.subn(*change, kernel.assembly, count=1)
    listing, more = re.subn(*change, kernel.listing or "", count=1)
    assert count + more
    return replace(kernel, assembly=assembly, listing=listing or None)


@pytest.mark.parametrize("target", compiler.TARGETS)
@pytest.mark.parametrize("kernel", compiler.kernel_names())
def test_a_compiled_kernel_is_what_the_source_says(folder: Path, kernel: str, target: str) -> None:
    code = compiled(folder, kernel, target)
    assert not [f"{c.__name__}: {found}" for c in audit.checks(code) for found in c(code)]


@pytest.mark.parametrize("target", AMD)
@pytest.mark.parametrize("kernel", NORMALS)
def test_amd_fuses_what_is_fused_in_ptx(folder: Path, kernel: str, target: str) -> None:
    code = compiled(folder, kernel, target)
    assert not audit_amd.fma(code, compiled(folder, kernel, "sm_90"))


def skip_unless_cheap(code: Compiled, what: str) -> None:
    if tuple(map(int, code.artifact.triton.split(".")[:2])) < COSTS_HELD_FROM:
        pytest.skip(f"{code.artifact.kernel} of Triton {code.artifact.triton}: {what}")


@pytest.mark.parametrize("entry", ["fill", "fill_from"])
@pytest.mark.parametrize("draws", INSTRUCTIONS_AN_OUTPUT)
def test_a_number_takes_few_instructions(folder: Path, draws: str, entry: str) -> None:
    code = compiled(folder, f"{entry} {draws}", "sm_90")
    taken = sass.per_output(code.program, code.path, code.outputs)["total"]
    skip_unless_cheap(code, f"{taken:.2f} instructions an output")
    assert taken <= INSTRUCTIONS_AN_OUTPUT[draws]


@pytest.mark.parametrize("target", compiler.CUDA)
@pytest.mark.parametrize("kernel", compiler.kernel_names())
def test_nothing_is_kept_in_local_memory(folder: Path, kernel: str, target: str) -> None:
    code = compiled(folder, kernel, target)
    found = audit_cuda.local_memory(code)
    if found:
        skip_unless_cheap(code, "; ".join(found))
    assert not found


@pytest.mark.parametrize("target", compiler.CUDA)
def test_our_root_is_what_sqrt_rn_is_made_of(folder: Path, target: str) -> None:
    program = root.sqrt_rn(compiled(folder, KERNEL, target).assembly, target, PYTHON)
    assert root.fast_path_is_ours(program)
    least, greatest = root.fast_range(program)
    assert least <= root.RADICANDS[0] < root.RADICANDS[1] <= greatest


@pytest.mark.parametrize("target", compiler.CUDA)
def test_a_root_of_float64_is_made_of_what_we_count_for_it(folder: Path, target: str) -> None:
    program = root.sqrt_rn(compiled(folder, KERNEL, target).assembly, target, PYTHON, bits=64)
    assert audit_cuda.arithmetic(program, program.full_path()) == audit_cuda.ROOT64


def test_the_radicands_include_the_squares_of_all_radii() -> None:
    proved = json.loads(RESULT.read_text())["radius"]
    least, greatest = (
        float.fromhex(proved[f"{end}_magnitude"]) ** 2 for end in ("smallest", "largest")
    )
    # A root is within half an ulp, and so its square within a factor of 1 ± 2^-22 of the radicand.
    assert root.RADICANDS[0] < least * (1 - 2**-22)
    assert greatest * (1 + 2**-22) < root.RADICANDS[1]


FAULTS: dict[str, tuple[Callable[[Compiled], list[str]], str, str, Change]] = {
    "a product that may be contracted": (
        audit_cuda.ptx_floats, KERNEL, "sm_90", ("mul.rn.f32", "mul.f32")
    ),
    "a difference that may be contracted": (
        audit_cuda.ptx_floats, KERNEL, "sm_80", ("sub.rn.f32", "sub.f32")
    ),
    "an fma that flushes": (
        audit_cuda.ptx_floats, KERNEL, "sm_100", ("fma.rn.f32", "fma.rn.ftz.f32")
    ),
    "a minimum that flushes": (
        audit_cuda.ptx_floats, KERNEL, "sm_120", ("min.f32", "min.ftz.f32")
    ),
    "a conversion that truncates": (
        audit_cuda.ptx_floats, KERNEL, "sm_90", ("cvt.rn.f32.s32", "cvt.rz.f32.s32")
    ),
    "a root that is approximate": (
        audit_cuda.ptx_floats, KERNEL, "sm_90", ("rsqrt.approx.ftz.f32", "sqrt.approx.f32")
    ),
    "an fma in a uniform": (
        audit_cuda.ptx_floats,
        "fill uniform_float32",
        "sm_90",
        ("mul.rn.f32", "fma.rn.f32 %r1, %r1, %r1, %r1; mul.rn.f32"),
    ),
    "a float in the bits": (
        audit_cuda.ptx_floats,
        "fill bits_uint32",
        "sm_90",
        ("xor.b32", "add.rn.f32 %r1, %r1, %r1; xor.b32"),
    ),
    "machine code that flushes": (
        audit_cuda.sass_floats, KERNEL, "sm_90", (" FFMA ", " FFMA.FTZ ")
    ),
    "machine code that rounds up": (
        audit_cuda.sass_floats, "fill normal_float64", "sm_90", (" DFMA ", " DFMA.RP ")
    ),
    "an exponential": (
        audit_cuda.sass_floats, KERNEL, "sm_80", (" MUFU.RSQ ", " MUFU.EX2 ")
    ),
    "an exponential in the tail": (
        audit_cuda.sass_floats, KERNEL, "sm_90", (" EXIT", " EXIT ;\n/*0000*/ MUFU.EX2 R1, R2")
    ),
    "local memory": (
        audit_cuda.local_memory, KERNEL, "sm_90", (" EXIT ;", " STL [R1], R2 ;\n/*0000*/ EXIT ;")
    ),
    "shared memory": (
        audit_cuda.memory, KERNEL, "sm_90", (" EXIT ;", " LDS R2, [R1] ;\n/*0000*/ EXIT ;")
    ),
    "a store of 8 bytes": (
        audit.wide_stores, KERNEL, "sm_100", (" STG.E.128 ", " STG.E.64 ")
    ),
    "a store of 8 bytes, AMD": (
        audit.wide_stores, KERNEL, "gfx942", (r"_store_dwordx4", "_store_dwordx2")
    ),
    "a store too many": (
        audit.wide_stores,
        KERNEL,
        "gfx1100",
        (r"(.*_store_b128)", r"\tglobal_store_b16 v[0:1], v2, off\n\1"),
    ),
    "another branch": (
        audit_cuda.one_branch,
        KERNEL,
        "sm_90",
        (" MUFU.RSQ ", " @P1 BRA `(.L_x_0) ;\n/*0000*/ MUFU.RSQ "),
    ),
    "a sum instead of a product": (
        audit_cuda.same_arithmetic, KERNEL, "sm_90", (" FMUL ", " FADD ")
    ),
    "another sign": (
        audit_cuda.same_arithmetic, KERNEL, "sm_120", (", -0.0128163", ", 0.0128163")
    ),
    "another constant": (
        audit_cuda.same_arithmetic, KERNEL, "sm_100", ("0.24999760091304779053", "0.25")
    ),
    "an operation too few": (
        audit_cuda.same_arithmetic, KERNEL, "sm_80", (" FADD ", " NOP ")
    ),
    "a root by another half": (
        audit_cuda.same_roots, KERNEL, "sm_90", (", 0.5 ;", ", 0.25 ;")
    ),
    "a root by another half, PTX": (
        audit_cuda.same_roots, KERNEL, "sm_90", ("0f3F000000", "0f3E800000")
    ),
    "a fused product of float64": (
        audit_cuda.same_counts, "fill normal_float64", "sm_80", (" DMUL ", " DFMA ")
    ),
    "a product of a uniform too few": (
        audit_cuda.same_counts, "fill uniform_float32", "sm_90", (" FMUL ", " NOP ")
    ),
    "an unfused multiply-add, AMD": (
        audit_amd.floats, KERNEL, "gfx942", (r"\tv_fma\w*_f32\w*", "\tv_mad_f32")
    ),
    "a logarithm, AMD": (
        audit_amd.floats, KERNEL, "gfx1100", ("\tv_rsq_f32_e32", "\tv_log_f32_e32")
    ),
    "an unfused multiply-add issued as a second, AMD": (
        audit_amd.floats, KERNEL, "gfx1100", (":: v_dual_fma", ":: v_dual_mad")
    ),
    "a result that is doubled, AMD": (
        audit_amd.floats,
        KERNEL,
        "gfx942",
        ("\ts_endpgm", "\tv_mul_f32_e64 v0, v0, v0 mul:2\n\ts_endpgm"),
    ),
    "a double rounding less, AMD": (
        audit_amd.floats,
        "fill normal_float16",
        "gfx1100",
        ("\tv_cvt_f16_f32_e32 ", "\tv_fma_mixlo_f16 "),
    ),
    "subnormals flushed, AMD": (
        audit_amd.mode, KERNEL, "gfx942", ("float_denorm_mode_32 3", "float_denorm_mode_32 0")
    ),
    "another rounding, AMD": (
        audit_amd.mode, KERNEL, "gfx1100", ("float_round_mode_32 0", "float_round_mode_32 3")
    ),
    "scratch, AMD": (
        audit_amd.mode,
        "fill normal_float64",
        "gfx942",
        ("private_segment_fixed_size 0", "private_segment_fixed_size 16"),
    ),
    "a mode that is set on the way, AMD": (
        audit_amd.mode,
        KERNEL,
        "gfx1100",
        ("\ts_endpgm", "\ts_denorm_mode 0\n\ts_endpgm"),
    ),
    "shared memory, AMD": (
        audit_amd.memory, KERNEL, "gfx942", ("\ts_endpgm", "\tds_write_b32 v0, v1\n\ts_endpgm")
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_code_is_found(folder: Path, fault: str) -> None:
    check, kernel, target, change = FAULTS[fault]
    code = compiled(folder, kernel, target)
    assert not check(code)
    assert check(changed(code, change))


def test_allocated_shared_memory_is_found(folder: Path) -> None:
    code = compiled(folder, KERNEL, "sm_90")
    assert audit.no_shared_memory(replace(code, artifact=replace(code.artifact, shared=4096)))


@pytest.mark.parametrize("target", AMD)
def test_an_fma_that_is_split_is_found_on_amd(folder: Path, target: str) -> None:
    code = compiled(folder, KERNEL, target)
    split = changed(code, (r"\tv_fma\w*_f32\w*", "\tv_mul_f32"))
    assert audit_amd.fma(split, compiled(folder, KERNEL, "sm_90"))


def test_what_may_be_contracted_is_found(tmp_path: Path) -> None:
    shutil.copytree(compiler.ROOT / "reprorng", tmp_path / "reprorng")
    source = tmp_path / "reprorng/kernels/transform.py"
    text = source.read_text()
    assert "tl.fma(r, v, r * bend)" in text
    source.write_text(text.replace("tl.fma(r, v, r * bend)", "r * v + r * bend"))
    options = ("--kernels", KERNEL, "--targets", "sm_90", "--fp-fusion")
    made = compiler.artifacts(PYTHON, tmp_path, *options)
    found = audit_cuda.ptx_floats(compiled(made, KERNEL, "sm_90"))
    assert any(" mul.f32 " in finding for finding in found)


SLOW_ROOT = """
        /*0000*/ LDG.E R0, desc[UR4][R2.64] ;
        /*0010*/ IADD3 R4, R0, -0xd000000, RZ ;
        /*0020*/ MUFU.RSQ R5, R0 ;
        /*0030*/ ISETP.GT.U32.AND P0, PT, R4, 0x727fffff, PT ;
        /*0040*/ @!P0 BRA `(.L_x_0) ;
        /*0050*/ CALL.REL.NOINC `($slow) ;
        /*0060*/ BRA `(.L_x_1) ;
.L_x_0:
        /*0070*/ FMUL.FTZ R3, R0, R5 ;
        /*0080*/ FMUL.FTZ R5, R5, 0.5 ;
        /*0090*/ FFMA R0, -R3, R3, R0 ;
        /*00a0*/ FFMA R5, R0, R5, R3 ;
.L_x_1:
        /*00b0*/ STG.E desc[UR4][R2.64], R5 ;
        /*00c0*/ EXIT ;
"""


def test_a_root_without_a_call_is_recognized() -> None:
    program = sass.parse(SLOW_ROOT)
    assert not any(program.code[i].calls for i in program.full_path())
    assert root.fast_path_is_ours(program)
    assert root.fast_range(program) == (2.0**-101, (2 - 2.0**-23) * 2.0**127)


@pytest.mark.parametrize(
    "change",
    [
        ("FFMA R0, -R3, R3", "FFMA R0, R3, R3"),
        ("R5, 0.5", "R5, 0.25"),
        ("FFMA R5, R0, R5, R3", "FFMA R5, R0, R5, R0"),
        ("STG.E desc[UR4][R2.64], R5", "STG.E desc[UR4][R2.64], R3"),
        ("FMUL.FTZ R3, R0, R5", "FMUL.FTZ R3, R0, R0"),
    ],
)
def test_another_root_is_told_from_ours(change: Change) -> None:
    assert change[0] in SLOW_ROOT
    assert not root.fast_path_is_ours(sass.parse(SLOW_ROOT.replace(*change)))


@pytest.mark.parametrize(
    "change",
    [("ISETP.GT", "ISETP.LT"), ("@!P0", "@P0"), ("MUFU.RSQ R5, R0", "MUFU.RSQ R5, R1")],
)
def test_another_test_for_a_fast_root_is_refused(change: Change) -> None:
    assert change[0] in SLOW_ROOT
    with pytest.raises(ValueError, match="not the test"):
        root.fast_range(sass.parse(SLOW_ROOT.replace(*change)))


TWO_WAYS = """
        /*0000*/ @P0 BRA `(.L_x_0) ;
        /*0010*/ FADD R1, R1, R2 ;
        /*0020*/ STG.E.128 desc[UR4][R2.64], R4 ;
        /*0030*/ EXIT ;
.L_x_0:
        /*0040*/ STG.E desc[UR4][R2.64], R4 ;
        /*0050*/ EXIT ;
"""
LOOP = """
        /*0000*/ MOV R0, RZ ;
.L_x_0:
        /*0010*/ @P0 BRA `(.L_x_1) ;
        /*0020*/ STG.E desc[UR4][R2.64], R4 ;
.L_x_1:
        /*0030*/ @P1 BRA `(.L_x_2) ;
        /*0040*/ IADD3 R0, R0, 0x1, RZ ;
.L_x_2:
        /*0050*/ @P2 BRA `(.L_x_0) ;
        /*0060*/ EXIT ;
"""


def opcodes(program: sass.Program, path: list[int]) -> list[str]:
    return [program.code[i].opcode.split(".")[0] for i in path]


def test_the_full_path_is_the_one_with_the_wide_stores_though_it_is_longer() -> None:
    program = sass.parse(TWO_WAYS)
    assert opcodes(program, program.full_path()) == ["BRA", "FADD", "STG", "EXIT"]


def test_once_around_a_loop_all_is_stored_and_nothing_else_done() -> None:
    program = sass.parse(LOOP)
    assert opcodes(program, program.loop_path()) == ["BRA", "STG", "BRA", "BRA"]


def test_a_jump_to_what_the_listing_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="not in the listing"):
        sass.parse("/*0000*/ BRX R4 -0x10 ;")


@pytest.mark.parametrize("comment", ["  &req={0,1} ?trans6", " ?WAIT4_END_GROUP", ""])
def test_schedules_are_no_operands(comment: str) -> None:
    code = sass.parse(f"/*0000*/ FADD R1, R1, R2{comment} ;\n/*0010*/ NOP{comment} ;").code
    assert [str(step) for step in code] == ["FADD R1, R1, R2", "NOP"]
