# SPDX-License-Identifier: Apache-2.0
"""Reproduce the tables of docs/transform.md: python run.py [gpu] [cpu] [accuracy] [worst] [table].

Each part updates its section of results.json.  gpu needs `pip install triton==3.9.0` and no GPU;
cpu and accuracy need g++ on an x86-64 machine.  accuracy takes about half an hour; --from takes
the saved output of such a run instead.  table prints results.json as Markdown.
"""

import argparse
import datetime
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
FLAGS = ["-O3", "-std=c++17", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
LEVELS = {"avx512": ["-march=x86-64-v4", "-mprefer-vector-width=512"], "avx2": ["-march=x86-64-v3"]}
EXHAUSTIVE = "R2,A7,A2c"


def output(*command):
    done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def build_and_run(compiler, source, flags, *args):
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        output(compiler, *FLAGS, *flags, HERE / source, "-o", program)
        return json.loads(output(program, *args))


def gpu():
    import triton
    from candidates import CANDIDATES, SQUARE_ROOTS, compile_fill

    sys.path.append(str(HERE.parents[1]))
    from tools.gpu import amdgcn, sass

    def count_cubin(cubin, outputs):
        program = sass.parse(sass.disassemble(cubin))
        counted = sass.per_output(program, program.full_path(), outputs)
        return dict(total=counted["total"], **counted["pipes"])

    cuda, hip = {a: ("cuda", a, 32) for a in (80, 90, 100)}, ("hip", "gfx942", 64)
    table = {}
    for name in CANDIDATES:
        row = table[name] = {}
        for sqrt in SQUARE_ROOTS:
            row[sqrt] = {
                f"sm_{arch}": count_cubin(compile_fill(name, sqrt, target).asm["cubin"], 32)
                for arch, target in cuda.items()
            }
            straight = compile_fill(name, sqrt, cuda[90], tail=False)
            row[sqrt]["sm_90_no_tail"] = count_cubin(straight.asm["cubin"], 32)
            amd = compile_fill(name, sqrt, hip, tail=False)
            row[sqrt]["gfx942_valu_no_tail"] = amdgcn.valu_per_output(
                amdgcn.parse(amd.asm["amdgcn"]), 32
            )
        print(
            name,
            *(f"{sqrt} {row[sqrt]['sm_90']['total']:.2f}" for sqrt in SQUARE_ROOTS),
            flush=True,
        )
    return {"triton": triton.__version__, "unit": "instructions per output", "table": table}


def cpu():
    table = {}
    for compiler in filter(shutil.which, ("g++", "clang++")):
        version = output(compiler, "--version").splitlines()[0]
        table[version] = {
            level: build_and_run(compiler, "cpu_cost.cpp", flags, 201)
            for level, flags in LEVELS.items()
        }
        print(version, json.dumps(table[version], indent=1), flush=True)
    return {
        "machine": machine(),
        "unit": "ns of thread CPU time per normal, median",
        "table": table,
    }


def accuracy(saved=None):
    if saved:
        return json.loads(Path(saved).read_text())
    return build_and_run("g++", "accuracy.cpp", LEVELS["avx2"], 1021, 100_000_000, EXHAUSTIVE)


def machine():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    return f"{fields['model name']}, family {fields['cpu family']} model {fields['model']}"


def commit():
    try:
        return output("git", "-C", HERE, "rev-parse", "HEAD")
    except subprocess.CalledProcessError:
        return "uncommitted"


def worst():
    return build_and_run("g++", "worst.cpp", LEVELS["avx2"], 7)


def ulp(x):
    return f"{x:.2f}" if x < 100 else f"{x:.0e}"


def table(results):
    """Markdown; * marks an error found over all 2^32 words."""
    rows = results["accuracy"]["table"]
    by = {(kind, r[kind]): r for r in rows for kind in ("radius", "angle", "normal") if kind in r}
    directed = {r["worst"]: ulp(r["max_ulp"]) for r in results["worst"]["table"]}
    times = next(t for name, t in results["cpu"]["table"].items() if name.startswith("g++"))
    heads = ["candidate", "radius", "cos", "sin", "normal, random", "directed", "above 2"]
    heads += list(LEVELS)
    heads += [f"sm_90 {sqrt}" for sqrt in ("sqrt_rn", "rsqrt7", "rsqrt4")]
    heads += ["gfx942 sqrt_rn", "rsqrt7"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, code in results["gpu"]["table"].items():
        radius, angle = name.split("+")
        r, a = by["radius", radius], by["angle", angle]
        n = by.get(("normal", name)) or by["normal", f"R2+{angle}"]  # R1 has the bits of R2
        star = {1: "*"}
        cells = [
            name,
            ulp(r["max_ulp"]) + star.get(r["stride"], ""),
            ulp(a["cos_ulp"]) + star.get(a["stride"], ""),
            ulp(a["sin_ulp"]) + star.get(a["stride"], ""),
            ulp(n["max_ulp"]) + (", zeros" if n["unsound"] else ""),
            directed.get(name.replace("R1", "R2"), ""),
            f"{n['above_2_percent']:.3f} %",
            *(f"{times[level][name]:.3f}" for level in LEVELS),
            *(f"{code[sqrt]['sm_90']['total']:.2f}" for sqrt in code),
            *(f"{code[sqrt]['gfx942_valu_no_tail']:.1f}" for sqrt in ("sqrt_rn", "rsqrt7")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    print("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["gpu", "cpu", "accuracy", "worst", "table"])
    parser.add_argument("--from", dest="saved", help="output of an earlier accuracy run")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for part in options.parts or ["gpu", "cpu", "accuracy", "worst", "table"]:
        if part == "table":
            table(results)
            continue
        data = accuracy(options.saved) if part == "accuracy" else globals()[part]()
        stamp = {"date": datetime.date.today().isoformat(), "commit": commit()}
        results[part] = stamp | (data if isinstance(data, dict) else {"table": data})
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
