# SPDX-License-Identifier: Apache-2.0
"""Reusing a seed: of a batch, the image that was liked best is made again with other prompts.

Image k of a seed has stream k for its own, so that its noise is the same alone and in any batch.
A model may round an image otherwise at another place of a batch, which is not to be seen.
"""

from __future__ import annotations

import numpy as np
from diffusers import StableDiffusionPipeline
from diffusers.utils.torch_utils import randn_tensor
from verdict import Claims, repeats, same, show

import reprorng
from examples.tiny import stable_diffusion

BEST = 2
PROMPTS = ["a cat", "a red cat", "a cat on mars", "a painting of a cat"]


def sample(prompts: list[str], generators: list[reprorng.Generator]) -> np.ndarray:
    """An image for each prompt and generator."""
    pipeline = StableDiffusionPipeline(**stable_diffusion.components())
    return pipeline(prompts, num_inference_steps=4, generator=generators, output_type="np").images


def run(seed: int) -> np.ndarray:
    """Four images of one prompt, and the best one of them with four prompts."""
    batch = sample(PROMPTS[:1] * 4, reprorng.generators(seed, 4))
    variations = sample(PROMPTS, [reprorng.Generator(seed, stream=BEST) for _ in PROMPTS])
    return np.concatenate([batch, variations])


def claims() -> Claims:
    """What the best image has in the batch, alone, and with another prompt."""
    images = run(0)
    batch, variations = images[:4], images[4:]
    shape = (stable_diffusion.LATENT_CHANNELS, 8, 8)
    together = randn_tensor((4, *shape), generator=reprorng.generators(0, 4))
    alone = randn_tensor((1, *shape), generator=reprorng.Generator(0, stream=BEST))
    return {
        "its noise alone is that in the batch": same(alone[0].numpy(), together[BEST].numpy()),
        "with its own prompt it comes again": np.allclose(variations[0], batch[BEST], atol=1e-3),
        "with another it changes": not np.allclose(variations[1], batch[BEST], atol=1e-3),
        "image 0 is that of the seed alone": reprorng.generators(0, 4)[0] == reprorng.Generator(0),
    }


if __name__ == "__main__":
    show(repeats(run) | claims())
