# SPDX-License-Identifier: Apache-2.0
"""A generator passed on: each pipeline goes on in the stream where the one before it ended."""

from __future__ import annotations

import json

import numpy as np
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from verdict import Claims, repeats, same, show

import reprorng
from examples.tiny import stable_diffusion

STEPS = 4


def picture(generator: reprorng.Generator) -> np.ndarray:
    """The first pipeline: from text to a picture."""
    pipeline = StableDiffusionPipeline(**stable_diffusion.components())
    return pipeline(
        "a photo of a cat", num_inference_steps=STEPS, generator=generator, output_type="np"
    ).images


def variation(image: np.ndarray, generator: reprorng.Generator) -> np.ndarray:
    """The second pipeline: from a picture to another."""
    pipeline = StableDiffusionImg2ImgPipeline(**stable_diffusion.components())
    return pipeline(
        "a red cat",
        image=image,
        num_inference_steps=STEPS,
        generator=generator,
        output_type="np",
    ).images


def run(seed: int) -> np.ndarray:
    """Both pictures of a seed."""
    generator = reprorng.Generator(seed)
    image = picture(generator)
    return np.concatenate([image, variation(image, generator)])


def claims() -> Claims:
    """What the state between the two pipelines decides."""
    generator = reprorng.Generator(0)
    image = picture(generator)
    saved = json.dumps(generator.state_dict())
    second = variation(image, generator)

    loaded = reprorng.Generator()
    loaded.load_state_dict(json.loads(saved))
    return {
        "the second pipeline does not start anew": not same(
            variation(image, reprorng.Generator(0)), second
        ),
        "the state saved between them repeats it": same(variation(image, loaded), second),
        "and ends where it ended": loaded == generator,
    }


if __name__ == "__main__":
    show(repeats(run) | claims())
