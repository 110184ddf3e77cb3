# SPDX-License-Identifier: Apache-2.0
"""Deterministic algorithms, for as long as they are wanted: the settings come back as they were."""

from __future__ import annotations

import os

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from verdict import Claims, repeats, show

import reprorng
from examples.tiny import stable_diffusion


def run(seed: int) -> np.ndarray:
    """The picture of a seed, by deterministic algorithms alone."""
    pipeline = StableDiffusionPipeline(**stable_diffusion.components())
    with reprorng.deterministic():
        return pipeline(
            "a photo of a bear",
            num_inference_steps=4,
            generator=reprorng.Generator(seed),
            output_type="np",
        ).images


def settings() -> tuple[bool, bool, str | None]:
    """What decides which algorithms torch and cuBLAS take."""
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )


def claims() -> Claims:
    """What is set inside, and after."""
    before = settings()
    with reprorng.deterministic():
        algorithms, benchmark, workspace = settings()
    return {
        "inside, torch takes deterministic algorithms": algorithms,
        "no convolution is chosen by timing it": not benchmark,
        "and cuBLAS has a workspace of fixed size": workspace in {":16:8", ":4096:8"},
        "after, all is as before": settings() == before,
    }


if __name__ == "__main__":
    show(repeats(run) | claims())
