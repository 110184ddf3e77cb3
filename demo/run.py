# SPDX-License-Identifier: Apache-2.0
"""`make demo`: a real diffusion pipeline on our noise, and the proof that the noise is the same.

The model is a small DDPM of handwritten digits, trained by `examples/train_digits.py`. What is
compared are hashes of noise; the pictures are there because people would rather look. They go into
the file that is named on the command line, by default one that git ignores: Matplotlib's bytes
differ between its versions.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import matplotlib as mpl
import numpy as np
import torch
from diffusers import DDIMPipeline
from diffusers.utils.torch_utils import randn_tensor
from rich.console import Console
from rich.table import Table

import reprorng

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "examples" / "digits"
PICTURE = HERE.parent / "build" / "digits.png"
SEEDS = range(16)
LATENT = (1, 4, 64, 64)
COUNT = 65_536

T = TypeVar("T")

console = Console()


def main() -> int:
    """Run every part; the exit status is 1 if anything that must be equal is not."""
    pipeline = DDIMPipeline.from_pretrained(MODEL)
    picture = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    draw_digits(pipeline, picture)
    parts = [compare_hashes(), repeat_experiment(pipeline), compare_with_torch()]
    console.print("everything that must be equal is" if all(parts) else "[red]something differs")
    return 0 if all(parts) else 1


def draw_digits(pipeline: DDIMPipeline, picture: Path) -> None:
    """One sample for each seed, with its seed, as a picture."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    generators = [reprorng.Generator(seed) for seed in SEEDS]
    pipeline.set_progress_bar_config(desc="sampling 16 digits", disable=None)
    # Eight pixels are too few for two threads, which would wait for each other.
    images = with_threads(
        1,
        lambda: (
            pipeline(
                batch_size=len(generators),
                generator=generators,
                num_inference_steps=50,
                output_type="np",
            ).images
        ),
    )
    figure, axes = plt.subplots(2, 8, figsize=(8, 2.6), layout="constrained")
    for seed, image, axis in zip(SEEDS, images, axes.flat, strict=True):
        axis.imshow(image.squeeze(), cmap="gray", interpolation="bicubic")
        axis.set_title(f"seed {seed}", fontsize=8)
        axis.set_axis_off()
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=150)
    plt.close(figure)
    console.print(f"wrote {picture}")


class HashTable:
    """A table of hashes of noise, and whether all that must be equal are."""

    def __init__(self) -> None:
        """Start empty."""
        self.equal = True
        self.table = Table(title="SHA-256 of noise, seed 0 unless said (first 16 digits)")
        for column in ("made how", "hash", "as it must be?"):
            self.table.add_column(column)

    def base(self, what: str, noise: torch.Tensor) -> str:
        """Start a section with the hash that its other rows are held against."""
        self.table.add_section()
        found = digest(noise)
        self.table.add_row(what, found[:16], "")
        return found

    def compare(self, what: str, noise: torch.Tensor, expected: str) -> None:
        """Add a hash that must be `expected`."""
        found = digest(noise)
        self.equal &= found == expected
        self.table.add_row(what, found[:16], "equal" if found == expected else "[red]DIFFERENT")

    def skip(self, what: str, reason: str) -> None:
        """Add a row for what cannot run here."""
        self.table.add_row(what, "—", f"not here: {reason}")


def compare_hashes() -> bool:
    """The hash of the noise of 16 latents, made in every way there is."""
    shape = (len(SEEDS), *LATENT[1:])
    hashes = HashTable()
    base = hashes.base("16 latents, reference", reprorng.randn(shape, seed=0, backend="reference"))
    for name, reason in reprorng.backends.available().items():
        if reason is not None:
            hashes.skip(f"backend {name}", reason)
        elif name != "reference":
            hashes.compare(f"backend {name}", reprorng.randn(shape, seed=0, backend=name), base)
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        on_gpu = reprorng.randn(shape, seed=0, device="cuda")
        hashes.compare(f"device cuda ({name})", on_gpu, base)
    else:
        hashes.skip("device cuda", "no CUDA device")
    generator = reprorng.Generator(0)
    drawn = [torch.randn(LATENT, generator=generator) for _ in SEEDS]
    hashes.compare("in 16 draws", torch.cat(drawn), base)

    # Below this size one thread does it alone, whatever it is allowed.
    large = (1 << 21,)
    alone = with_threads(1, lambda: reprorng.randn(large, seed=0))
    base = hashes.base("2^21 elements, 1 thread", alone)
    hashes.compare("2 threads", with_threads(2, lambda: reprorng.randn(large, seed=0)), base)

    batch = randn_tensor(shape, generator=[reprorng.Generator(seed) for seed in SEEDS])
    base = hashes.base("seeds 0 to 15, a batch of 16", batch)
    singles = [randn_tensor(LATENT, generator=reprorng.Generator(seed)) for seed in SEEDS]
    hashes.compare("one by one", torch.cat(singles), base)

    rounded = reprorng.randn(shape, seed=0).bfloat16()
    base = hashes.base("float32, then rounded to bfloat16", rounded)
    in_bfloat16 = reprorng.randn(shape, seed=0, dtype=torch.bfloat16)
    hashes.compare("drawn in bfloat16", in_bfloat16, base)
    console.print(hashes.table)
    return hashes.equal


def repeat_experiment(pipeline: DDIMPipeline) -> bool:
    """The experiment of diffusers' guide to seeds, twice on each backend."""

    def run(backend: str) -> np.ndarray:
        with reprorng.backends.use(backend):
            generator = reprorng.Generator(0)
            return pipeline(num_inference_steps=2, output_type="np", generator=generator).images

    pipeline.set_progress_bar_config(disable=True)
    first = run("reference")
    table = Table(title="2 DDIM steps, np.abs(image).sum(), seed 0")
    for column in ("backend", "first run", "second run", "L∞ to the reference's image"):
        table.add_column(column)
    equal = True
    for name, reason in reprorng.backends.available().items():
        if reason is not None:
            continue
        images = [run(name) for _ in range(2)]
        distance = max(float(np.abs(image - first).max()) for image in images)
        equal &= distance == 0
        sums = [repr(float(np.abs(image).sum())) for image in images]
        table.add_row(name, *sums, repr(distance))
    console.print(table)
    return equal


def compare_with_torch() -> bool:
    """How many of 65,536 normals change with the instruction set: torch's own, and ours.

    Torch's are picked by an environment variable of torch's, ours by one of ours.
    """
    drawers = {
        "torch.randn": f"torch.randn({COUNT}, generator=torch.Generator().manual_seed(0))",
        "torch.randn(generator=reprorng.Generator(0))": (
            f"torch.randn({COUNT}, generator=reprorng.Generator(0))"
        ),
    }
    table = Table(
        title=f"how many of {COUNT:,} values change from baseline kernels to AVX2 kernels"
    )
    for column in ("drawn by", "changed"):
        table.add_column(column)
    changed = {}
    for name, expression in drawers.items():
        default, avx2 = (in_child(expression, capability) for capability in ("default", "avx2"))
        changed[name] = int(np.count_nonzero(default != avx2))
        table.add_row(name, f"{changed[name]:,}")
    console.print(table)
    return list(changed.values())[-1] == 0


def in_child(expression: str, capability: str) -> np.ndarray:
    """The bits of the float32 tensor an expression gives in a process of its own."""
    avx2 = capability == "avx2" and reprorng.backends.available()["cpu:avx2"] is None
    ours = "cpu:avx2" if avx2 else "cpu:scalar"
    code = f"import sys, torch, reprorng; sys.stdout.buffer.write({expression}.numpy().tobytes())"
    child = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ATEN_CPU_CAPABILITY": capability, "REPRORNG_BACKEND": ours},
        stdout=subprocess.PIPE,
        check=True,
    )
    return np.frombuffer(child.stdout, np.uint32)


def with_threads(count: int, work: Callable[[], T]) -> T:
    """What `work` gives on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        return work()
    finally:
        torch.set_num_threads(before)


def digest(noise: torch.Tensor) -> str:
    """The SHA-256 of a tensor's elements in row-major order."""
    raw = noise.cpu().contiguous().flatten().view(torch.uint8)
    return hashlib.sha256(raw.numpy().tobytes()).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())
