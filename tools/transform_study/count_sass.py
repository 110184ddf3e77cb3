# SPDX-License-Identifier: Apache-2.0
"""Count machine instructions of a compiled kernel along the path it normally takes."""

import heapq
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import triton

# Which pipe issues an opcode on sm_90.  Other archs move a few opcodes, which changes no total.
PIPES = {
    "float": "FFMA FMUL FADD FFMA2 FMUL2 FADD2 HFMA2",
    "imad": "IMAD",
    "alu": "LOP3 IADD3 IADD LEA SHF SEL FSEL FMNMX FMNMX3 VIMNMX VIMNMX3 IMNMX ISETP FSETP I2FP "
    "PRMT MOV SGXT PLOP3 BMSK IABS VIADD VIADDMNMX",
    "xu": "MUFU I2F F2I POPC S2R",
}
PIPE_OF = {op: pipe for pipe, ops in PIPES.items() for op in ops.split()}
LINE = re.compile(r"/\*([0-9a-f]{4,})\*/\s+(?:@(!?U?P\w+)\s+)?([A-Z][\w.]*)([^;]*);")
LABEL = re.compile(r"^(\.L_[\w.]+):")


def disassemble(cubin):
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/nvdisasm"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as f:
        f.write(cubin)
        f.flush()
        return subprocess.run(
            [tool, "-c", f.name], check=True, capture_output=True, text=True
        ).stdout


def parse(text):
    """-> [(predicate, opcode, operands)], {label: index}."""
    code, labels = [], {}
    for line in text.splitlines():
        if m := LABEL.match(line.strip()):
            labels[m[1]] = len(code)
        elif m := LINE.search(line):
            code.append(m.groups()[1:])
    return code, labels


def successors(code, labels, i):
    pred, op, args = code[i]
    kind = op.split(".")[0]
    if kind in ("EXIT", "RET") and not pred:
        return []
    if kind == "BRA":
        target = labels[re.search(r"\.L_[\w.]+", args)[0]]
        always = not pred and not re.match(r"\s*!?U?P\d", args)
        return [target] if always else [target, i + 1]
    return [i + 1]


def normal_path(code, labels):
    """Cheapest path from entry to EXIT; CALLs are dear: the slow path of a square root."""
    best, heap = {}, [(0, 0, None)]
    while heap:
        cost, i, came = heapq.heappop(heap)
        if i in best or i >= len(code):
            continue
        best[i] = came
        pred, op, _ = code[i]
        if op.startswith("EXIT") and not pred:
            path = []
            while i is not None:
                path.append(i)
                i = best[i]
            return path[::-1]
        cost += 10_000 if op.startswith("CALL") else 1
        for j in successors(code, labels, i):
            heapq.heappush(heap, (cost, j, i))
    raise ValueError("no EXIT reached")


def pipe(op):
    name = op.split(".")[0]
    if name.startswith(("U", "R2U", "S2U")):
        return "uniform"
    if name.startswith(("LD", "ST", "CS2R")):
        return "lsu"
    return PIPE_OF.get(name, "control")


def count_cubin(cubin, outputs):
    """Instructions per output on the normal path: total and by pipe."""
    code, labels = parse(disassemble(cubin))
    ops = [code[i][1] for i in normal_path(code, labels)]
    pipes = Counter(pipe(op) for op in ops)
    return dict(total=len(ops) / outputs, **{p: n / outputs for p, n in sorted(pipes.items())})


def count_amdgcn(text, outputs):
    """VALU instructions per output of a straight-line kernel."""
    return len(re.findall(r"^\s+v_\w+", text, re.M)) / outputs
