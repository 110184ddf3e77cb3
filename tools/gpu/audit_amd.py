# SPDX-License-Identifier: Apache-2.0
"""Checks of assembly for AMD, each of which returns what it finds wrong."""

from __future__ import annotations

import re
from collections import Counter

from tools.gpu import amdgcn
from tools.gpu.compiled import Compiled, strangers

_NORMAL = (
    "v_cvt_f32_i32 v_cvt_f32_u32 v_fma_f32 v_fmac_f32 v_fmaak_f32 v_fmamk_f32 v_pk_fma_f32 "
    "v_mul_f32 v_pk_mul_f32 v_add_f32 v_pk_add_f32 v_sub_f32 v_subrev_f32 v_min_f32 v_max_f32 "
    "v_rsq_f32 "
)
_UNIFORM = "v_cvt_f32_u32 v_mul_f32 v_pk_mul_f32 "
_FLOAT16 = "v_cvt_f16_f32 v_pack_b32_f16 "
FLOATS = {
    "bits_uint32": "",
    "bits_uint64": "",
    "integers_int64": "",
    "normal_float32": _NORMAL,
    "normal_float16": _NORMAL + _FLOAT16,
    # There is no conversion to bfloat16: integers round, and a comparison looks for NaN.
    "normal_bfloat16": _NORMAL + "v_cmp_o_f32 v_cmp_u_f32",
    "normal_float64": "v_cvt_f64_i32 v_cvt_f64_u32 v_ldexp_f64 v_add_f64 v_mul_f64 v_fma_f64 "
    "v_fmac_f64 v_min_f64 v_max_f64 v_rsq_f64 v_cmp_gt_f64 v_cmp_class_f64",
    "uniform_float32": _UNIFORM,
    # The mixed fma rounds once to float16, which for normals would differ; here all is exact.
    "uniform_float16": _UNIFORM + _FLOAT16 + "v_pk_mul_f16 v_fma_mixlo_f16 v_fma_mixhi_f16",
    "uniform_bfloat16": _UNIFORM + "v_cvt_f32_ubyte3",
    "uniform_float64": "v_cvt_f64_u32 v_ldexp_f64 v_add_f64 v_mul_f64",
}
"""The float opcodes each kernel may have for AMD, without what tells encodings apart."""

_FLOAT = re.compile(r"[sv]_\w*(f16|f32|f64|bf16|legacy|mix)\w*|v_(exp|log|sin|cos|rcp|sqrt)\w*")
_ENCODING = re.compile(r"^v_(?:dual_)?(\w+?)(?:_e32|_e64|_sdwa|_dpp)?$")
# Instructions that would change the mode a kernel runs in.
_SETS_MODE = re.compile(r"s_setreg\w*|s_(round|denorm)_mode")
# Modifiers that scale or clamp a result; the former also flush it.
_OUTPUT = re.compile(r"\b(clamp|mul:[24]|div:2)")
DESCRIPTOR = {
    "float_round_mode_32": "0",
    "float_round_mode_16_64": "0",
    "float_denorm_mode_32": "3",
    "float_denorm_mode_16_64": "3",
    "group_segment_fixed_size": "0",
    "private_segment_fixed_size": "0",
    "uses_dynamic_stack": "0",
}
"""Round to nearest even, keep subnormals, no shared memory, no scratch."""


def floats(compiled: Compiled) -> list[str]:
    """Float opcodes in the assembly that are not allowed in this kernel, and output modifiers."""
    code = compiled.program.code
    opcodes = [
        _ENCODING.sub(r"v_\1", opcode)
        for step in code
        for opcode in amdgcn.opcodes(step)
        if _FLOAT.fullmatch(opcode)
    ]
    scaled = [f"{step} scales or clamps its result" for step in code if _OUTPUT.search(str(step))]
    return strangers(opcodes, FLOATS[compiled.draws].split(), "the assembly") + scaled


def mode(compiled: Compiled) -> list[str]:
    """Settings of the kernel that are not as they must be, and instructions that change them."""
    found = amdgcn.descriptor(compiled.assembly)
    wrong = [
        f".amdhsa_{name} is {found.get(name)}, not {value}"
        for name, value in DESCRIPTOR.items()
        if found.get(name) != value
    ]
    code = compiled.program.code
    return wrong + [f"{s} sets the mode" for s in code if _SETS_MODE.fullmatch(s.opcode)]


def memory(compiled: Compiled) -> list[str]:
    """Instructions for scratch or shared memory, or for memory that may be either."""
    code = compiled.program.code
    return [f"{step}" for step in code if re.match(r"(scratch|ds|flat)_", step.opcode)]


def fma(compiled: Compiled, cuda: Compiled) -> list[str]:
    """Whether there are as many fma as in PTX, and three more for each root.

    A contracted product and sum would add one, an fma that is split would take one away. Packed
    products may have a half that nobody uses, and so products cannot be compared.
    """
    made = 0
    for opcode in (o for i in compiled.path for o in amdgcn.opcodes(compiled.program.code[i])):
        if re.match(r"v_(dual_)?fma(c|ak|mk)?_f32", opcode):
            made += 1
        elif opcode == "v_pk_fma_f32":
            made += 2
    opcodes = Counter(".".join(step.opcode) for step in cuda.ptx.instructions)
    expected = opcodes["fma.rn.f32"] + 3 * opcodes["rsqrt.approx.ftz.f32"]
    if made * cuda.outputs != expected * compiled.outputs:
        return [f"{made / compiled.outputs} fma an output, not {expected / cuda.outputs}"]
    return []
