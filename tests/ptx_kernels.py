# SPDX-License-Identifier: Apache-2.0
"""Small PTX kernels around the instructions that a test is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import ptx_oracle
from ptx_emulator import launch
from ptx_floats import Array
from ptx_memory import Memory

from tools.gpu.ptx import parse

THREADS = 128

_BANKS = {1: "%h", 2: "%h", 4: "%r", 8: "%d"}
_NUMBER = """
    mov.u32 %r0, %ctaid.x;
    mov.u32 %r1, %tid.x;
    mad.lo.u32 %r0, %r0, 128, %r1;"""


def module(body: str, parameters: str = "", before: str = "") -> str:
    """A kernel with nine registers of each class."""
    return f"""
        .version 8.4
        .target sm_90
        .address_size 64
        {before}
        .visible .entry kernel({parameters}) {{
            .reg .pred %p<9>;
            .reg .b16 %h<9>;
            .reg .b32 %r<9>;
            .reg .b64 %d<9>;
            {body}
        }}"""


def place(size: int, address: int) -> str:
    """Puts into %d0 the address of an element, that of thread %r0."""
    return f"mad.wide.u32 %d0, %r0, {size}, {address};"


def words(body: str) -> Array:
    """What a body leaves in %r8 for each thread of one program; %r0 has its number."""
    memory = Memory()
    out = memory.allocate(4 * THREADS)
    text = f"mov.u32 %r0, %tid.x; {place(4, out)} {body} st.global.b32 [%d0], %r8; ret;"
    launch(parse(module(text)), 1, THREADS, [], memory)
    assert (memory.writes(out, 4 * THREADS) == 1).all()
    return np.frombuffer(memory.read(out, 4 * THREADS), np.uint32)


def execute(opcode: tuple[str, ...], *sources: Sequence[int], **options: Any) -> Array:
    """The bits of the result for each element of the sources' bits."""
    result, kinds = ptx_oracle.signature(opcode)
    lanes = -(-len(sources[0]) // THREADS) * THREADS
    memory, lines, names = Memory(), [_NUMBER], []
    for i, (bits, kind) in enumerate(zip(sources, kinds, strict=True)):
        size = _bytes(kind)
        data = np.resize(np.array(bits, f"u{size}"), lanes)
        address = memory.allocate(data.nbytes)
        memory.write(address, data.tobytes())
        names.append(f"{_BANKS[size]}{i + 2}")
        lines += [place(size, address), f"ld.global.b{8 * size} {names[i]}, [%d0];"]
        if kind == "pred":
            lines += [f"setp.ne.b16 %p{i}, {names[i]}, 0;"]
            names[i] = f"%p{i}"
    size = _bytes(result)
    out = memory.allocate(size * lanes)
    kept = f"{_BANKS[size]}8"
    name = "%p8" if result == "pred" else kept
    lines += [f"{'.'.join(opcode)} {', '.join([name, *names])};"]
    lines += ["selp.b16 %h8, 1, 0, %p8;"] * (result == "pred")
    lines += [place(size, out), f"st.global.b{8 * size} [%d0], {kept};", "ret;"]
    kernel = parse(module("\n".join(lines)))
    launch(kernel, lanes // THREADS, THREADS, [], memory, **options)
    return np.frombuffer(memory.read(out, size * lanes), f"u{size}")[: len(sources[0])]


def _bytes(kind: str) -> int:
    return max(ptx_oracle.width(kind) // 8, 1)
