# SPDX-License-Identifier: Apache-2.0
"""Every pipeline of diffusers, and what its draws ask: ours, torch's, or none.

`python -m tools.coverage` writes what is seen here into `docs/coverage.json`, and
`test_leaks_pipelines.py` sees it again.
"""

from __future__ import annotations

import inspect
from typing import Any

import diffusers
from leaks import Seen, watch

import reprorng
from examples.tiny.families import RECIPES

KNOWN_LEAKS = {
    "AnimateDiffSparseControlNetPipeline": "samples the posterior of its VAE without a generator",
    "CogView4ControlPipeline": "samples the posterior of its VAE without a generator",
    "ConsistencyModelPipeline": "draws class labels that were not given without a generator",
    "HunyuanDiTControlNetPipeline": "samples the posterior of its VAE without a generator",
    "I2VGenXLPipeline": "samples the posterior of its VAE without a generator",
    "LTXI2VLongMultiPromptPipeline": "draws from a torch.Generator it makes, of a seed of its own",
    "SkyReelsV2DiffusionForcingImageToVideoPipeline": "adds noise by torch.randn_like",
    "SkyReelsV2DiffusionForcingVideoToVideoPipeline": "adds noise by torch.randn_like",
    "StableDiffusion3ControlNetInpaintingPipeline": "samples a posterior without a generator",
    "StableDiffusion3ControlNetPipeline": "samples the posterior of its VAE without a generator",
}
"""The pipelines some of whose draws no generator reaches, and why."""

FAILING = {
    "AnyFlowFARPipeline": "its chunks of frames do not fit a video this short",
    "Cosmos2TextToImagePipeline": "its constructor wants a safety checker of a package",
    "Cosmos2VideoToWorldPipeline": "its constructor wants a safety checker of a package",
    "Cosmos2_5_PredictBasePipeline": "its constructor wants a safety checker of a package",
    "Cosmos2_5_TransferPipeline": "it wants videos of 93 frames",
    "CosmosTextToWorldPipeline": "its constructor wants a safety checker of a package",
    "CosmosVideoToWorldPipeline": "its constructor wants a safety checker of a package",
    "CycleDiffusionPipeline": "it wants prompts for a source and a target, which take a tokenizer",
    "EasyAnimateControlPipeline": "its transformer has not been made tiny",
    "EasyAnimateInpaintPipeline": "its transformer has not been made tiny",
    "EasyAnimatePipeline": "its transformer has not been made tiny",
    "HunyuanVideo15ImageToVideoPipeline": "its image encoder has not been made tiny",
    "HunyuanVideoFramepackPipeline": "its image encoder has not been made tiny",
    "HunyuanVideoImageToVideoPipeline": "its image conditioning has not been made tiny",
    "Kandinsky5I2IPipeline": "it works at 512 × 512 pixels at least, which takes minutes",
    "Kandinsky5I2VPipeline": "what it returns from tiny weights does not depend on the noise",
    "KolorsImg2ImgPipeline": "it takes embeddings only as its tokenizer gives them",
}
"""Those tried in vain, and why."""

NO_TINY = "no tiny components have been made for it"
NOT_INSTALLED = "it needs a package that is not installed"


def all_pipelines() -> list[str]:
    """The names of all pipelines that the installed diffusers exports, but for the base class."""
    found = {name: getattr(diffusers, name) for name in dir(diffusers) if "Pipeline" in name}
    return sorted(
        name
        for name, cls in found.items()
        if inspect.isclass(cls) and cls is not diffusers.DiffusionPipeline
        if "dummy" in cls.__module__ or issubclass(cls, diffusers.DiffusionPipeline)
    )


def left_out(name: str) -> str:
    """Why a pipeline has no recipe."""
    if "dummy" in getattr(diffusers, name).__module__:
        return NOT_INSTALLED
    return FAILING.get(name, NO_TINY)


def run(name: str, seed: int, global_seed: int, *, ambient: bool = False) -> Seen:
    """What is seen of one call of a pipeline with a generator of a seed."""
    recipe = RECIPES[name]
    pipeline = recipe.build()

    def call(generator: Any) -> Any:
        result = recipe.call(pipeline, generator)
        return result.to_tuple() if hasattr(result, "to_tuple") else result

    def within(generator: Any) -> Any:
        with reprorng.ambient(generator):
            return call(generator)

    return watch(within if ambient else call, reprorng.Generator(seed), global_seed)


def describe(name: str) -> dict[str, Any]:
    """What the list says of a pipeline."""
    if name not in RECIPES:
        return {"left_out": left_out(name)}
    seen = run(name, 1, 1)
    entry = {"draws": seen.ours, "words": seen.words}
    if name in KNOWN_LEAKS:
        entry |= {"without_ours": seen.foreign + seen.unguided, "leaks": KNOWN_LEAKS[name]}
    return entry
