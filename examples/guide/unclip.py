# SPDX-License-Identifier: Apache-2.0
"""`UnCLIPPipeline`: one generator for a prior, a decoder and super-resolution, at every step."""

from __future__ import annotations

import numpy as np
from diffusers import UnCLIPPipeline
from verdict import repeats, show

import reprorng
from examples.tiny import unclip


def run(seed: int) -> np.ndarray:
    """The picture of a seed."""
    pipeline = UnCLIPPipeline(**unclip.components())
    return pipeline(
        "a painting of a horse",
        prior_num_inference_steps=3,
        decoder_num_inference_steps=3,
        super_res_num_inference_steps=3,
        generator=reprorng.Generator(seed),
        output_type="np",
    ).images


if __name__ == "__main__":
    show(repeats(run))
