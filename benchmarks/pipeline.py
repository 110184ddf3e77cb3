# SPDX-License-Identifier: Apache-2.0
"""What share of a pipeline's time its noise takes, on the model of the demo.

Diffusers draws all noise of these pipelines by `randn_tensor`. While the benchmark runs, and only
here, the modules that call it are given one that keeps the time.
"""

from __future__ import annotations

import importlib
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

import reprorng
from benchmarks.children import in_child
from benchmarks.frameworks import import_error
from benchmarks.progress import track
from benchmarks.run import digits

MODEL = Path(__file__).resolve().parent.parent / "examples" / "digits"
BATCHES = (1, 16)
WHOSE = {"reprorng": reprorng.Generator, "torch": torch.Generator}

_CALLERS = (
    "diffusers.pipelines.ddim.pipeline_ddim",
    "diffusers.pipelines.ddpm.pipeline_ddpm",
    "diffusers.schedulers.scheduling_ddim",
    "diffusers.schedulers.scheduling_ddpm",
)


def pipelines(*, full: bool) -> dict[str, Any]:
    """Both pipelines at every batch size, on one thread; left out without diffusers."""
    reason = import_error("diffusers")
    if reason is not None:
        return {"left_out": {"pipelines": reason}, "rows": []}
    steps, rounds = (50, 11) if full else (10, 3)
    return {"rows": in_child(measure, steps, rounds, BATCHES, threads=1)}


def measure(steps: int, rounds: int, batches: tuple[int, ...]) -> list[dict[str, Any]]:
    """One row for each pipeline, batch and generator; generators take turns.

    Args:
        steps: How many steps of denoising.
        rounds: How often each has its turn.
        batches: How many images.
    """
    from diffusers import DDIMPipeline, DDPMPipeline, DDPMScheduler
    from diffusers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    ddim = DDIMPipeline.from_pretrained(MODEL)
    ddpm = DDPMPipeline(ddim.unet, DDPMScheduler.from_config(ddim.scheduler.config))
    rows = []
    order, dice = list(WHOSE), random.Random(0)
    for pipeline in (ddim, ddpm):
        pipeline.set_progress_bar_config(disable=True)
        for batch in batches:
            runs: dict[str, list[tuple[float, float]]] = {whose: [] for whose in WHOSE}
            for _ in track(range(rounds + 1), f"{type(pipeline).__name__}, {batch} image(s)"):
                dice.shuffle(order)
                for whose in order:
                    runs[whose].append(one_run(pipeline, whose, steps, batch))
            # The first round warms up.
            rows += [_row(pipeline, steps, batch, whose, runs[whose][1:]) for whose in WHOSE]
    return rows


def one_run(pipeline: Any, whose: str, steps: int, batch: int) -> tuple[float, float]:
    """The seconds of one run, and those of its noise.

    Args:
        pipeline: A pipeline of diffusers.
        whose: A name in WHOSE.
        steps: How many steps of denoising.
        batch: How many images.
    """
    generator = WHOSE[whose]().manual_seed(0)
    with timed_noise() as noise:
        begin = time.process_time()
        pipeline(batch_size=batch, generator=generator, num_inference_steps=steps, output_type="np")
        seconds = time.process_time() - begin
    return seconds, sum(noise)


@contextmanager
def timed_noise() -> Iterator[list[float]]:
    """A list that gets the seconds of each call of `randn_tensor` while the block runs."""
    from diffusers.utils.torch_utils import randn_tensor

    seconds: list[float] = []

    def timed(*args: Any, **options: Any) -> torch.Tensor:
        begin = time.process_time()
        noise = randn_tensor(*args, **options)
        seconds.append(time.process_time() - begin)
        return noise

    with ExitStack() as stack:
        for name in _CALLERS:
            stack.enter_context(patch.object(importlib.import_module(name), "randn_tensor", timed))
        yield seconds


def _row(
    pipeline: Any, steps: int, batch: int, whose: str, runs: list[tuple[float, float]]
) -> dict[str, Any]:
    return {
        "pipeline": type(pipeline).__name__.removesuffix("Pipeline"),
        "scheduler": type(pipeline.scheduler).__name__.removesuffix("Scheduler"),
        "steps": steps,
        "batch": batch,
        "whose": whose,
        "seconds": digits(statistics.median(seconds for seconds, _ in runs)),
        "noise_seconds": digits(statistics.median(noise for _, noise in runs)),
        "share": digits(statistics.median(noise / seconds for seconds, noise in runs)),
    }
