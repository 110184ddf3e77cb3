# SPDX-License-Identifier: Apache-2.0
"""How the PTX emulator goes through a kernel and its memory, and all that it must refuse."""

import numpy as np
import ptx_emulator
import pytest
from ptx_emulator import launch
from ptx_kernels import THREADS, module, place, words
from ptx_memory import EmulationError, Memory

from tools.gpu.ptx import parse

THREAD = np.arange(THREADS)


# The way through a kernel


def test_lanes_that_loop_for_different_times():
    made = words("""
        mov.b32 %r8, 0;
        mov.b32 %r2, 0;
    $again:
        add.s32 %r2, %r2, 1;
        mad.lo.u32 %r8, %r2, %r2, %r8;
        setp.lt.u32 %p1, %r2, %r0;
        @%p1 bra $again;""")
    assert made.tolist() == [sum(i * i for i in range(1, max(t, 1) + 1)) for t in THREAD]


def test_branches_inside_a_loop():
    made = words("""
        add.s32 %r2, %r0, 1;
        mov.b32 %r8, 0;
    $next:
        setp.eq.b32 %p1, %r2, 1;
        @%p1 bra $done;
        add.s32 %r8, %r8, 1;
        and.b32 %r3, %r2, 1;
        setp.eq.b32 %p2, %r3, 0;
        @!%p2 bra $odd;
        shr.u32 %r2, %r2, 1;
        bra.uni $next;
    $odd:
        mad.lo.s32 %r2, %r2, 3, 1;
        bra $next;
    $done:""")

    def steps(n):
        return 0 if n == 1 else 1 + steps(3 * n + 1 if n % 2 else n // 2)

    assert made.tolist() == [steps(t + 1) for t in THREAD]


def test_lanes_meet_again_after_a_branch(monkeypatch):
    together = []

    def add(a, b):
        together.append(a.size)
        return a + b

    operation = ptx_emulator.OPERATIONS["add", "s32"]
    spy = type(operation)(operation.result, operation.sources, add)
    monkeypatch.setitem(ptx_emulator.OPERATIONS, ("add", "s32"), spy)
    made = words("""
        mov.b32 %r8, 1;
        setp.lt.u32 %p1, %r0, 50;
        @%p1 bra $low;
        mov.b32 %r8, 2;
    $low:
        add.s32 %r8, %r8, %r0;""")
    assert together == [THREADS]
    assert made.tolist() == [t + (1 if t < 50 else 2) for t in THREAD]


def test_guards():
    made = words("""
        setp.lt.u32 %p1, %r0, 10;
        mov.b32 %r8, 1;
        @%p1 mov.b32 %r8, 2;
        setp.lt.u32 %p2, %r0, 5;
        @%p2 setp.eq.b32 %p1, %r0, 0;
        @!%p1 add.s32 %r8, %r8, 10;""")
    assert made.tolist() == [2 if t == 0 or 5 <= t < 10 else 12 if t < 5 else 11 for t in THREAD]


def test_who_returns_early_writes_nothing():
    memory = Memory()
    out = memory.allocate(4 * THREADS)
    body = f"""
        mov.u32 %r0, %tid.x; {place(4, out)}
        setp.lt.u32 %p1, %r0, 7;
        @%p1 ret;
        setp.gt.u32 %p1, %r0, 100;
        @!%p1 st.global.b32 [%d0], %r0;
        ret;"""
    launch(parse(module(body)), 1, THREADS, [], memory)
    writes = memory.writes(out, 4 * THREADS)
    assert writes.tolist() == [int(7 <= t <= 100) for t in THREAD for _ in range(4)]


@pytest.mark.parametrize("lanes", [1, 4 * THREADS, 1 << 20])
def test_every_program_knows_which_it_is(monkeypatch, lanes):
    monkeypatch.setattr(ptx_emulator, "LANES", lanes)
    memory, grid = Memory(), 11
    out = memory.allocate(4 * THREADS * grid)
    body = f"""
        mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x; mov.u32 %r4, %nctaid.x;
        mad.lo.u32 %r0, %r1, %r2, %r3; {place(4, out)}
        mad.lo.u32 %r4, %r4, 1000, %r0; mov.u32 %r5, %laneid; shl.b32 %r5, %r5, 16;
        mov.u32 %r6, %ctaid.y; add.u32 %r5, %r5, %r6; mov.u32 %r6, %ntid.z; add.u32 %r5, %r5, %r6;
        add.u32 %r4, %r4, %r5; st.global.b32 [%d0], %r4; ret;"""
    launch(parse(module(body)), grid, THREADS, [], memory, programs=range(2, 9))
    number = np.arange(THREADS * grid)
    chosen = (number >= 2 * THREADS) & (number < 9 * THREADS)
    expected = np.where(chosen, number + 1000 * grid + (number % 32 << 16) + 1, 0)
    np.testing.assert_array_equal(np.frombuffer(memory.read(out, 4 * number.size), "u4"), expected)
    np.testing.assert_array_equal(memory.writes(out, 4 * number.size), np.repeat(chosen, 4))


# Undefined bits: the upper half of %d1 and all of %r3 and %p8

BEFORE = "mov.b32 %r2, 7; mov.b64 %d1, {%r2, %r3};"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("mov.b64 {%r8, _}, %d1;", 7),
        ("cvt.u32.u64 %r8, %d1;", 7),
        ("mov.b64 %d2, %d1; cvt.u32.u64 %r8, %d2;", 7),
        ("and.b64 %d2, %d1, 255; mov.b64 {%r4, %r5}, %d2; add.s32 %r8, %r4, %r5;", 7),
        ("or.b64 %d2, %d1, 0xffffffff00000000; shr.u64 %d2, %d2, 60; cvt.u32.u64 %r8, %d2;", 15),
        ("xor.b64 %d2, %d1, -1; cvt.u32.u64 %r8, %d2;", 0xFFFFFFF8),
        ("shl.b64 %d2, %d1, 32; mov.b64 {%r4, %r5}, %d2; add.s32 %r8, %r4, %r5;", 7),
        ("shl.b64 %d2, %d1, 32; shr.s64 %d2, %d2, 32; cvt.u32.u64 %r8, %d2;", 7),
        ("add.rn.f32x2 %d2, %d1, %d1; cvt.u32.u64 %r8, %d2;", 14),
        ("fma.rn.f32x2 %d2, %d1, %d1, %d1; cvt.u32.u64 %r8, %d2;", 7),
        ("shf.l.clamp.b32 %r8, %r2, %r3, 32;", 7),
        ("prmt.b32 %r8, %r2, %r3, 0x3210;", 7),
        ("setp.eq.b32 %p1, %r2, 7; selp.b32 %r8, %r2, %r3, %p1;", 7),
        ("setp.eq.b32 %p1, %r2, 8; and.pred %p1, %p1, %p8; selp.b32 %r8, 1, 2, %p1;", 2),
        ("setp.eq.b32 %p1, %r2, 7; or.pred %p1, %p1, %p8; selp.b32 %r8, 1, 2, %p1;", 1),
        ("setp.eq.b32 %p1, %r2, 8; mov.b32 %r8, 3; @%p1 mov.b32 %r8, %r3;", 3),
        ("setp.eq.b32 %p1, %r2, 8; mov.b32 %r8, 3; @%p1 st.global.b32 [%d1], %r3;", 3),
        ("mov.b32 %r4, {%h1, %h2}; mov.b32 %r8, 5;", 5),
    ],
)
def test_undefined_bits_that_decide_nothing(body, value):
    assert words(BEFORE + body).tolist() == [value] * THREADS


@pytest.mark.parametrize(
    "body",
    [
        "mov.b32 %r8, %r3;",
        "mov.b64 {_, %r8}, %d1;",
        "and.b32 %r8, %r2, %r3;",
        "and.b32 %r8, %r3, %r2;",
        "or.b32 %r8, %r2, %r3;",
        "or.b32 %r8, %r3, %r2;",
        "shr.u64 %d2, %d1, 1; cvt.u32.u64 %r8, %d2;",
        "and.b64 %d2, %d1, 0x100000000; shr.u64 %d2, %d2, 32; cvt.u32.u64 %r8, %d2;",
        "or.b64 %d2, %d1, 7; shr.u64 %d2, %d2, 32; cvt.u32.u64 %r8, %d2;",
        "xor.b64 %d2, %d1, %d1; shr.u64 %d2, %d2, 32; cvt.u32.u64 %r8, %d2;",
        "add.s64 %d2, %d1, 1; cvt.u32.u64 %r8, %d2;",
        "add.rn.f32x2 %d2, %d1, %d1; mov.b64 {_, %r8}, %d2;",
        "add.rn.f64 %d2, %d1, %d1; cvt.u32.u64 %r8, %d2;",
        "prmt.b32 %r8, %r2, %r3, 0x3214;",
        "prmt.b32 %r8, %r2, %r2, %r3;",
        "shf.r.wrap.b32 %r8, %r2, %r3, 1;",
        "shl.b32 %r8, %r2, %r3;",
        "lop3.b32 %r8, %r2, %r2, %r3, 0xAA;",
        "mov.b32 %r4, {%h1, %h2}; cvt.s64.s32 %d2, %r4; mov.b64 {_, %r8}, %d2;",
        "setp.lt.u32 %p1, %r3, %r2; selp.b32 %r8, 1, 2, %p1;",
        "selp.b32 %r8, 1, 1, %p8;",
        "not.pred %p1, %p8; selp.b32 %r8, 1, 2, %p1;",
        "mov.b32 %r8, 1; @%p8 mov.b32 %r8, 2;",
        "mov.b32 %r8, 1; @!%p8 bra $on; $on:",
        "mov.b32 %r8, 1; @%p8 ret;",
        "mov.b32 %r8, 1; st.global.b32 [%d1], %r8;",
        "mov.b32 %r8, 1; ld.global.b32 %r4, [%d1];",
        "setp.lt.u32 %p1, %r0, 5; @%p1 mov.b32 %r8, 1;",
        "setp.lt.u32 %p1, %r0, 5; mov.b32 %r8, 1; @%p1 mov.b32 %r8, %r3;",
        "cvt.rn.f32.u32 %r8, %r3;",
    ],
)
def test_undefined_bits_that_decide_something(body):
    with pytest.raises(EmulationError, match="undefined"):
        words(BEFORE + body)


def test_an_error_names_the_instruction():
    with pytest.raises(EmulationError, match=r"%r8.*: st\.global\.b32 \[%d0\], %r8;"):
        words("add.s32 %r8, %r3, 1;")


# Memory


def access(body, memory, threads=1):
    launch(parse(module(f"mov.u32 %r0, %tid.x; {body} ret;")), 1, threads, [], memory)


@pytest.mark.parametrize("alignment", [1, 4, 8, 16, 256])
def test_a_buffer_is_aligned_as_asked_and_no_better(alignment):
    memory = Memory()
    for address in (memory.allocate(5, alignment) for _ in range(3)):
        assert address % (2 * alignment) == alignment


def test_every_write_counts():
    memory = Memory()
    out = memory.allocate(16)
    access(f"mov.b64 %d1, {out}; st.global.b32 [%d1+4], %r0;", memory, threads=3)
    access(f"mov.b64 %d1, {out}; st.global.b8 [%d1+5], %r0;", memory)
    assert memory.writes(out, 16).tolist() == [0] * 4 + [3, 4, 3, 3] + [0] * 8


def test_what_the_host_writes_does_not_count():
    memory = Memory()
    out = memory.allocate(4)
    memory.write(out, b"abcd")
    assert memory.read(out, 4) == b"abcd"
    assert not memory.writes(out, 4).any()


@pytest.mark.parametrize(
    "store",
    [
        "st.global.b8 [%d1], %r0;",
        "st.global.b16 [%d1], %h1;",
        "st.global.v2.b16 [%d1], {%h1, %h1};",
        "st.global.b32 [%d1], %r0;",
        "st.global.v4.b8 [%d1], {%h1, %h1, %h1, %h1};",
        "st.global.b64 [%d1], %d2;",
        "st.global.v2.f32 [%d1], {%r0, %r0};",
        "st.global.v4.b32 [%d1], {%r0, %r0, %r0, %r0};",
        "st.global.v2.b64 [%d1], {%d2, %d2};",
    ],
)
def test_a_store_stays_inside_and_aligned(store):
    parts = store.split(".")
    count = int(parts[2][1]) if parts[2][0] == "v" else 1
    size = int(parts[-1].split()[0][1:]) // 8 * count
    begin = "mov.b16 %h1, 1; mov.b64 %d2, 1;"
    memory = Memory()
    first, second = memory.allocate(3 * size), memory.allocate(3 * size)
    for address in (first, first + 2 * size, second):
        access(f"{begin} mov.b64 %d1, {address}; {store}", memory)
    assert memory.writes(first, 3 * size).tolist() == [1] * size + [0] * size + [1] * size
    outside = (0, first - size, first + 3 * size, second - size, second + 3 * size, 2**64 - size)
    for address in (*outside, first % 2**32):
        with pytest.raises(EmulationError, match="no buffer"):
            access(f"{begin} mov.b64 %d1, {address}; {store}", memory)
    for off in range(1, size):
        with pytest.raises(EmulationError, match="no multiple"):
            access(f"{begin} mov.b64 %d1, {first + off}; {store}", memory)


def test_an_access_may_not_reach_beyond_the_end():
    memory = Memory()
    out = memory.allocate(6)
    with pytest.raises(EmulationError, match="no buffer"):
        access(f"mov.b64 %d1, {out}; st.global.b32 [%d1+4], %r0;", memory)
    with pytest.raises(EmulationError, match="no buffer"):
        memory.read(out, 7)


def test_loads_extend_by_their_type():
    memory = Memory()
    given, out = memory.allocate(16), memory.allocate(32)
    memory.write(given, bytes([0x80, 0xFF, 0x7F, 0x81, *range(12)]))
    body = f"""
        mov.b64 %d1, {given}; mov.b64 %d2, {out};
        ld.global.s8 %r1, [%d1]; ld.global.u8 %r2, [%d1]; ld.global.s16 %d3, [%d1];
        ld.global.v4.u8 {{%h1, _, %h2, %h3}}, [%d1]; ld.global.v2.b64 {{%d4, %d5}}, [%d1];
        mov.b64 %d6, {{%h1, %h2, %h3, %h1}};
        st.global.v2.b32 [%d2], {{%r1, %r2}}; st.global.v2.b64 [%d2+16], {{%d6, %d5}};
        st.global.s64 [%d2+8], %d3;"""
    access(body, memory)
    words = np.frombuffer(memory.read(out, 32), "u8").tolist()
    assert words == [0x80FFFFFF80, 0xFFFFFFFFFFFFFF80, 0x00800081007F0080, 0x0B0A090807060504]


def test_what_nobody_wrote_is_undefined():
    memory = Memory()
    given, out = memory.allocate(8), memory.allocate(4)
    memory.write(given, b"abcd")
    body = f"mov.b64 %d1, {given}; mov.b64 %d2, {out}; ld.global.b64 %d3, [%d1];"
    access(f"{body} st.global.b32 [%d2], %d3;", memory)
    assert memory.read(out, 4) == b"abcd"
    extended = "ld.global.s8 %d3, [%d1+4]; shr.u64 %d3, %d3, 32;"
    for further in ("shr.u64 %d3, %d3, 8;", extended):
        with pytest.raises(EmulationError, match="undefined"):
            access(f"{body} {further} st.global.b32 [%d2], %d3;", memory)


def test_lanes_load_and_store_each_their_own_and_keep_the_rest():
    memory = Memory()
    given, out = memory.allocate(4 * THREADS), memory.allocate(4 * THREADS)
    memory.write(given, np.arange(1000, 1000 + THREADS, dtype="u4").tobytes())
    body = f"""
        mov.b32 %r1, 5; setp.gt.u32 %p1, %r0, 99; {place(4, given)}
        @%p1 ld.global.b32 %r1, [%d0]; {place(4, out)} st.global.b32 [%d0], %r1;"""
    access(body, memory, THREADS)
    words = np.frombuffer(memory.read(out, 4 * THREADS), "u4").tolist()
    assert words == [1000 + t if t > 99 else 5 for t in THREAD]


# What is refused before anything runs


def refuse(text, complaint, grid=1, threads=THREADS, arguments=(), **options):
    with pytest.raises(EmulationError, match=complaint):
        launch(parse(text), grid, threads, arguments, Memory(), **options)


@pytest.mark.parametrize(
    "instruction",
    [
        "add.f32 %r1, %r2, %r3;",  # these two may be contracted
        "mul.f32 %r1, %r2, %r3;",
        "add.f32x2 %d1, %d2, %d3;",
        "mul.f64 %d1, %d2, %d3;",
        "mul.bf16x2 %r1, %r2, %r3;",
        "add.rz.f32 %r1, %r2, %r3;",
        "add.rn.sat.f32 %r1, %r2, %r3;",
        "fma.rz.f32 %r1, %r2, %r3, %r4;",
        "fma.rn.ftz.f64 %d1, %d2, %d3, %d4;",
        "sqrt.approx.f32 %r1, %r2;",
        "rsqrt.approx.f32 %r1, %r2;",
        "ex2.approx.f32 %r1, %r2;",
        "div.rn.f32 %r1, %r2, %r3;",
        "add.sat.s32 %r1, %r2, %r3;",
        "add.b32 %r1, %r2, %r3;",
        "mul.s32 %r1, %r2, %r3;",
        "shl.u32 %r1, %r2, %r3;",
        "setp.lt.b32 %p1, %r2, %r3;",
        "setp.lo.s32 %p1, %r2, %r3;",
        "setp.eq.and.or.s32 %p1, %r2, %r3, %p2;",
        "cvt.f32.f64 %r1, %d1;",
        "cvt.f32.s32 %r1, %r2;",
        "cvt.rz.bf16.f32 %h1, %r2;",
        "cvt.rn.relu.bf16.f32 %h1, %r2;",
        "cvt.sat.u8.u32 %h1, %r2;",
        "cvt.s32.f32 %r1, %r2;",
        "ld.global.nc.b32 %r1, [%d1];",
        "ld.volatile.global.b32 %r1, [%d1];",
        "ld.global.v8.b32 %r1, [%d1];",
        "ld.shared.b32 %r1, [%d1];",
        "ld.b32 %r1, [%d1];",
        "st.global.v4.b64 [%d1], {%d2, %d2, %d2, %d2};",
        "st.shared.b32 [%d1], %r1;",
        "atom.global.add.u32 %r1, [%d1], %r2;",
        "bar.sync 0;",
        "mov.b128 %d1, {%d2, %d3};",
        "trap;",
        "exit;",
    ],
)
def test_an_opcode_that_is_not_in_the_table(instruction):
    refuse(module(f"ret; {instruction} ret;"), f"unknown opcode: {instruction.split()[0]}")


@pytest.mark.parametrize(
    ("instruction", "complaint"),
    [
        ("add.s32 %r1, %r2;", "2 operands, not 3"),
        ("ret %r1;", "1 operands, not 0"),
        ("st.global.v2.b32 [%d1], %r1;", "1 operands, not 2"),
        ("st.global.b32 [%d1], {%r1, %r2};", "2 operands, not 1"),
        ("add.s32 %r1, %r2, %d1;", "%d1 has 64 bits"),
        ("add.s64 %d1, %r2, %d1;", "%r2 has 32 bits"),
        ("add.s32 %h1, %r2, %r3;", "%h1 has 16 bits"),
        ("mul.wide.u32 %r1, %r2, %r3;", "%r1 has 32 bits"),
        ("and.pred %p1, %p2, %r3;", "%r3 has 32 bits"),
        ("cvt.u32.u64 %r1, %r2;", "%r2 has 32 bits"),
        ("cvt.u32.u64 %h1, %d2;", "%h1 has 16 bits"),
        ("cvt.f64.f32 %d1, %d2;", "%d2 has 64 bits"),
        ("st.global.b32 [%d1], %h1;", "%h1 has 16 bits"),
        ("ld.global.b32 %h1, [%d1];", "%h1 has 16 bits"),
        ("ld.global.b32 %r1, [%r1];", "%r1 has 32 bits"),
        ("ld.global.b32 %r1, [p0];", "no address"),
        ("ld.global.b32 %r1, %d1;", "no address"),
        ("add.s32 4, %r2, %r3;", "no register"),
        ("add.s32 %tid.x, %r2, %r3;", "no register"),
        ("add.s32 %r1, %r2, 4294967296;", "is no s32"),
        ("add.s32 %r1, %r2, -2147483649;", "is no s32"),
        ("add.rn.f32 %r1, %r2, 1;", "1 is no f32"),
        ("mul.rn.bf16x2 %r1, %r2, 1;", "1 is no bf16x2"),
        ("add.rn.f32 %r1, %r2, 0d3FF0000000000000;", "a float is no f32"),
        ("add.s32 %r1, %r2, 0f3F800000;", "a float is no s32"),
        ("add.s32 %r1, %r2, !%p1;", "a complement"),
        ("add.s32 %r1, %r2, _;", "no value"),
        ("mov.u64 %d1, p0;", "no value"),
        ("mov.u64 %d1, table;", "no value"),
        ("mov.b64 %d1, {%r1, %h2};", "%h2 has 16 bits"),
        ("mov.b64 %d1, {%r1, _};", "no value"),
        ("mov.b64 {%r1, %r2}, {%r3, %r4};", "two vectors"),
        ("mov.b64 %d1, {%d2};", "no such parts"),
        ("mov.b64 %d1, {%h1, %h2, %h3};", "no such parts"),
        ("ld.param.b64 %d1, [p0+8];", "outside the parameter"),
        ("ld.param.b32 %r1, [p0+-4];", "outside the parameter"),
        ("ld.param.b32 %r1, [p0+2];", "misaligned"),
        ("ld.param.b32 %r1, [table];", "outside the parameter"),
        ("ld.param.b32 %r1, [%d1];", "no parameter"),
        ("@%p1 bra.uni $end;", "a guard on bra.uni"),
        ("bra %r1;", "no place"),
        ("bra $beyond;", "no place"),
    ],
)
def test_operands_that_do_not_fit(instruction, complaint):
    before = ".global .align 1 .b8 table[2] = {1, 2};"
    body = f"ret; {instruction} $end: ret; $beyond:"
    refuse(module(body, ".param .u64 p0", before), complaint, arguments=[0])


def test_a_kernel_that_may_run_beyond_its_end():
    refuse(module("mov.b32 %r1, 0;"), "beyond its end")
    refuse(module("@%p1 ret;"), "beyond its end")


def test_a_launch_that_does_not_fit_the_kernel():
    parameters = ".param .u64 p0, .param .u32 p1"
    text = module("ret;", parameters)
    for arguments in ([1 << 64, 0], [0, 1 << 32], [0, -(1 << 31) - 1]):
        refuse(text, "is no u", arguments=arguments)
    refuse(text, "not in a grid", arguments=[0, 0], grid=4, programs=range(3, 5))
    needs_64 = text.replace(") {", ") .reqntid 64 {")
    refuse(needs_64, "needs 64 threads, not 128", arguments=[0, 0])
    with pytest.raises(ValueError, match="argument"):
        launch(parse(text), 1, THREADS, [0], Memory())
    shared = module("ret;", before=".extern .shared .align 16 .b8 smem[];")
    refuse(shared, "shared memory")


def test_arguments_arrive_as_their_bits():
    parameters = ".param .u64 p0, .param .s64 p1, .param .f32 p2"
    body = """
        ld.param.b64 %d1, [p0]; ld.param.b32 %r1, [p1+4]; ld.param.b16 %h1, [p1];
        ld.param.f32 %r2, [p2]; cvt.u32.u16 %r3, %h1; ld.param.s8 %r4, [p1];
        st.global.v4.b32 [%d1], {%r1, %r2, %r3, %r4}; ret;"""
    memory = Memory()
    out = memory.allocate(16)
    launch(parse(module(body, parameters)), 1, 1, [out, -2, 0x3F800000], memory)
    words = np.frombuffer(memory.read(out, 16), "u4").tolist()
    assert words == [0xFFFFFFFF, 0x3F800000, 0xFFFE, 0xFFFFFFFE]
