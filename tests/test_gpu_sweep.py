# SPDX-License-Identifier: Apache-2.0
"""A sample of `make proof-gpu`: compiled kernels, translated to C, give the CPU's bits.

And planted faults: the PTX with one thing wrong must be told from the right one by that sample.
"""

from __future__ import annotations

import json
import os
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks import KERNELS
from numpy.typing import NDArray

from reprorng import _core
from reprorng.spec import FLOAT32
from tools.compiler import c_compiler
from tools.gpu import compile as gpu
from tools.gpu import native, prove, ptx, root_estimates, to_c
from tools.prove_transform import RESULT, edge_words

Array = NDArray[Any]

PYTHON = os.environ.get("REPRORNG_TRITON_PYTHON")
WORDS = 1 << 20
HARD_WORD = 0x0025E57A
"""A radius word for which the highest estimate of 1 / sqrt(x) that is allowed will not do."""

SAMPLED = json.loads(RESULT.read_text())
CONSTANTS = {
    **{f"log[{i}]": c for i, c in enumerate(FLOAT32.log)},
    **{f"cos[{i}]": c for i, c in enumerate(FLOAT32.cos[:-1])},
    **{f"sin[{i}]": c for i, c in enumerate(FLOAT32.sin)},
    "scale": FLOAT32.scale,
    "log4": FLOAT32.log4,
    "angle": FLOAT32.angle,
    "centre": -FLOAT32.centre,
}
"""All but `half` and the last of `cos`, whose last bits show in too few words for a sample."""


@pytest.fixture(scope="session")
def folder() -> Path:
    if PYTHON is None and find_spec("triton") is None:
        pytest.skip("Triton is not installed")
    if c_compiler() is None:
        pytest.skip("there is no C compiler")
    return gpu.artifacts(PYTHON or sys.executable)


def text_of(folder: Path) -> str:
    return (folder / gpu.load(folder)[prove.KERNEL, "sm_90"].assembly).read_text()


def bits_of(x: float) -> int:
    return int(np.float32(x).view(np.uint32))


def compiled(folder: Path, text: str) -> native.Native:
    artifact = gpu.load(folder)[prove.KERNEL, "sm_90"]
    return native.Native(artifact, to_c.translate(ptx.parse(text)), *native.QUICK)


@cache
def sample(count: int) -> tuple[tuple[Array, ...], Array]:
    """Words of blocks and their normals: all edges, the worst words, and random ones."""
    worst = [SAMPLED["radius"], SAMPLED["angle"]["cosine"], SAMPLED["angle"]["sine"]]
    named = [int(word, 16) for report in worst for word in report["max_error_at_words"]]
    chosen = np.array([*edge_words(), *named, HARD_WORD], np.uint32)
    random = np.random.Generator(np.random.Philox(1)).integers(
        0, 1 << 32, count - len(chosen), np.uint32
    )
    words = np.concatenate([chosen, random])
    block = prove.block_words(words, words[::-1])
    return block, prove.expected(block)


def wrong(kernel: native.Native) -> str:
    """What the sample finds wrong with a kernel, or nothing; little is tried before much."""
    try:
        for count in (WORDS // 64, WORDS):
            words, want = sample(count)
            if found := prove.differences(kernel.sweep(words), want, words):
                return f"the block of {found[0]}"
            for lead, plan in enumerate(prove.plans("normal", "float32", count // 4)):
                if kernel.draw(plan, lead).tobytes() != prove.cpu_bytes(plan).tobytes():
                    return f"the draw from {plan.position}"
    except native.WrongAccess as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("lead", "count"), [(0, WORDS), (1, WORDS // 8), (2, WORDS // 8), (3, WORDS // 8)]
)
def test_words_become_the_normals_of_the_cpu_whether_stored_as_vectors_or_alone(
    folder: Path, lead: int, count: int
) -> None:
    words, want = sample(count)
    for source, artifacts in prove.translations(folder, [prove.KERNEL], gpu.CUDA):
        kernel = native.Native(artifacts[0], source, *native.QUICK)
        assert not prove.differences(kernel.sweep(words, lead), want, words)


@pytest.mark.parametrize("entry", ["fill", "fill_from"])
@pytest.mark.parametrize(("kind", "dtype"), KERNELS)
def test_draws_of_every_kind_are_those_of_the_cpu(
    folder: Path, entry: str, kind: str, dtype: str
) -> None:
    draws = [(plan, prove.cpu_bytes(plan)) for plan in prove.plans(kind, dtype, WORDS // 4)]
    for source, artifacts in prove.translations(folder, [f"{entry} {kind}_{dtype}"], gpu.CUDA):
        kernel = native.Native(artifacts[0], source, *native.QUICK)
        for lead, (plan, want) in enumerate(draws):
            assert kernel.draw(plan, lead).tobytes() == want.tobytes(), artifacts[0].target


def test_words_beside_the_swept_ones_have_no_effect() -> None:
    words = np.arange(0, 1 << 32, 4099, dtype=np.uint64).astype(np.uint32)
    table, _ = prove.expected(prove.block_words(words, words))[[0, 2]]
    assert table.tobytes() == _core.radius(prove.VARIANT, words).tobytes()


def test_the_root_of_nvidia_needs_two_estimates_better_than_the_bound() -> None:
    report = root_estimates.prove_root(*root_estimates.FORMS["of NVIDIA, 4 operations"])
    assert [pair["radicand"] for pair in report["first_wrong"]] == [
        float.fromhex(x).hex() for x in ("0x1.f82294p+0", "0x1.dd26e4p+1")
    ]
    assert report["wrong"] == 2
    assert report["mantissas_whose_best_estimate_is_not_rounded"] == 0


def test_the_root_of_others_is_right_for_every_estimate() -> None:
    bound, goldschmidt = root_estimates.FORMS["of others, 7 operations"]
    assert root_estimates.prove_root(bound, goldschmidt, step=32)["wrong"] == 0
    assert root_estimates.prove_root(bound, False, step=1024)["wrong"] > 0


@pytest.mark.parametrize("estimate", [native.LOWEST, native.HIGHEST])
def test_another_estimate_changes_hard_roots_only(folder: Path, estimate: int) -> None:
    words, want = sample(WORDS)
    got = compiled(folder, text_of(folder)).sweep(words, estimate=estimate)
    hard = {f"{HARD_WORD:08x}"} if estimate == native.HIGHEST else set()
    assert {block.split()[0] for block in prove.differences(got, want, words)} == hard


def test_the_kernel_without_a_fault_is_right(folder: Path) -> None:
    assert not wrong(compiled(folder, text_of(folder)))


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_one_unit_off_is_caught(folder: Path, name: str) -> None:
    text, bits = text_of(folder), bits_of(CONSTANTS[name])
    changed = re.sub(f"(?i)0f{bits:08x}", f"0f{bits + 1:08X}", text)
    assert changed != text
    assert wrong(compiled(folder, changed))


@pytest.mark.parametrize("name", ["log[0]", "log4", "angle", "centre", "cos[0]", "sin[0]"])
def test_one_multiply_add_that_is_not_fused_is_caught(folder: Path, name: str) -> None:
    text = text_of(folder)
    constant = f"0f{bits_of(CONSTANTS[name]):08X}"
    fused = re.finditer(r"fma\.rn\.f32\s+(\S+), (\S+), (\S+), (\S+);", text)
    match = next(m for m in fused if constant in m[0])
    to, a, b, c = match.groups()
    assert to != c
    unfused = f"mul.rn.f32 {to}, {a}, {b};\nadd.rn.f32 {to}, {to}, {c};"
    assert wrong(compiled(folder, text[: match.start()] + unfused + text[match.end() :]))


@pytest.mark.parametrize("width", ["v4.b32", "b32"])
def test_swapped_registers_of_a_store_are_caught(folder: Path, width: str) -> None:
    text = text_of(folder)
    stores = list(re.finditer(rf"st\.global\.{width} [^;]*{{([^}}]*)}};", text))
    registers = [r.strip() for match in stores[:2] for r in match[1].split(",")][:2]
    first, second = registers
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if f"st.global.{width} " in line:
            lines[i] = re.sub(
                f"{first}(?!\\d)|{second}(?!\\d)",
                lambda m: second if m[0] == first else first,
                line,
            )
    assert lines != text.splitlines()
    assert wrong(compiled(folder, "\n".join(lines)))


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"shr\.u64(.*), 22;", r"shr.u64\1, 21;"),
        (r"setp\.ge\.s64", "setp.gt.s64"),
        (r"@%p\d+ (st\.global\.b32)", r"\1"),
        (r"-1640531527", "-1640531526"),
        (r"selp\.f32(\s+\S+), (\S+), (\S+),", r"selp.f32\1, \3, \2,"),
    ],
    ids=["carry", "bound", "mask", "key", "swap"],
)
def test_one_wrong_instruction_is_caught(folder: Path, pattern: str, replacement: str) -> None:
    changed, count = re.subn(pattern, replacement, text_of(folder), count=1)
    assert count == 1
    assert wrong(compiled(folder, changed))


@pytest.mark.parametrize(
    ("right", "other"),
    [
        ("fma.rn.f32", "fma.rn.ftz.f32"),
        ("mul.rn.f32", "mul.f32"),
        ("st.global.v4.b32", "st.global.wt.v4.b32"),
        ("mul.wide.u32", "mul.wide.u16"),
    ],
)
def test_an_instruction_that_is_not_in_the_table_is_refused(
    folder: Path, right: str, other: str
) -> None:
    changed = text_of(folder).replace(right, other, 1)
    with pytest.raises(to_c.TranslationError, match=re.escape(other)):
        to_c.translate(ptx.parse(changed))
