# SPDX-License-Identifier: Apache-2.0
"""What must hold with every supported version of torch and diffusers.

A check returns the hashes that must be the same in all environments. It raises an error if
something is wrong, and `NotHere` if these versions have nothing to check.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

import reprorng
from reprorng.testing import load_vectors
from tools.compat.watched import NotHere, Recorder, raw, repeated, same, untouched

DIGITS = Path("examples") / "digits"
STEPS = 8
SDE_MODULES = ("scheduling_dpmsolver_sde", "scheduling_cosine_dpmsolver_multistep")

Hashes = dict[str, str]


def torch_functions() -> Hashes:
    """Torch's own functions give the known answers of the package."""
    for case in load_vectors("draws")["cases"]:
        if case["kind"] != "bits" and case["span"] != "0" * (case["kind"] == "integers"):
            _expect(case, _draw(case))
    for case in load_vectors("scaled")["cases"]:
        _expect(case, _draw_scaled(case))
    return {}


def _expect(case: dict[str, Any], drawn: torch.Tensor) -> None:
    if hashlib.sha256(raw(drawn)).hexdigest() != case["sha256"]:
        raise AssertionError(f"{case['id']}: other bits than the known answer")


def _draw(case: dict[str, Any]) -> torch.Tensor:
    seed, stream, position = (int(case[key]) for key in ("seed", "stream", "position"))
    generator = reprorng.Generator(seed, stream=stream, position=position)
    dtype, low = getattr(torch, case["dtype"]), int(case["low"])
    if case["kind"] == "integers":
        size = (case["count"],)
        return torch.randint(low, low + int(case["span"]), size, generator=generator, dtype=dtype)
    function = {"normal": torch.randn, "uniform": torch.rand}[case["kind"]]
    return function(case["count"], generator=generator, dtype=dtype)


def _draw_scaled(case: dict[str, Any]) -> torch.Tensor:
    place = {name: int(case.get(name, 0)) for name in ("stream", "position")}
    generator = reprorng.Generator(int(case["seed"]), **place)
    dtype, values, count = getattr(torch, case["dtype"]), case["arguments"], case["count"]
    match case["function"], values:
        case "randperm", _:
            return torch.randperm(*values, generator=generator, dtype=dtype)
        case "randint", _:
            return torch.randint(*values, (count,), generator=generator, dtype=dtype)
        case "multinomial", [weights, *how]:
            p = torch.tensor(weights, dtype=torch.float64)
            return torch.multinomial(p, *how, generator=generator)
        case "normal", [list() as mean, list() as std]:
            moments = (torch.tensor(numbers, dtype=dtype) for numbers in (mean, std))
            return torch.normal(*moments, generator=generator)
    in_place = {
        "normal": torch.Tensor.normal_,
        "uniform": torch.Tensor.uniform_,
        "random_": torch.Tensor.random_,
        "bernoulli": torch.Tensor.bernoulli_,
    }
    empty = torch.empty(count, dtype=dtype)
    return in_place[case["function"]](empty, *values, generator=generator)


def diffusers_randn() -> Hashes:
    """`randn_tensor`, from which nearly all noise of diffusers comes, gives ours."""
    from diffusers.utils.torch_utils import randn_tensor

    shape, cpu = (2, 4, 8, 8), torch.device("cpu")
    same("one generator", randn_tensor(shape, Recorder(5), cpu), reprorng.randn(shape, seed=5))
    rows = [reprorng.randn(1, *shape[1:], seed=seed) for seed in (5, 6)]
    listed = randn_tensor(shape, [Recorder(5), Recorder(6)], cpu)
    same("a list of generators", listed, torch.cat(rows))
    half = randn_tensor(shape, Recorder(5), cpu, torch.float16)
    same("float16", half, reprorng.randn(shape, seed=5, dtype=torch.float16))
    return {}


def digits() -> Hashes:
    """DDPM and DDIM, noise in every step, on a trained model."""
    from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = UNet2DModel.from_pretrained(DIGITS / "unet")
    config = DDIMScheduler.load_config(DIGITS / "scheduler")
    ddpm = _quiet(DDPMPipeline(unet, DDPMScheduler.from_config(config)))
    ddim = _quiet(DDIMPipeline(unet, DDIMScheduler.from_config(config)))
    common = {"batch_size": 2, "num_inference_steps": STEPS, "output_type": "np"}
    return {
        "DDPM": repeated("DDPM", lambda g: ddpm(generator=g, **common).images),
        "DDIM": repeated("DDIM", lambda g: ddim(generator=g, eta=1.0, **common).images),
    }


def stable_diffusion() -> Hashes:
    """Text to image with an ancestral scheduler, and image to image."""
    import diffusers

    parts = _parts()
    scheduler = diffusers.EulerAncestralDiscreteScheduler()
    text = _quiet(diffusers.StableDiffusionPipeline(**parts, scheduler=scheduler))
    image = _quiet(diffusers.StableDiffusionImg2ImgPipeline(**parts, scheduler=scheduler))
    common = {"prompt": "a red cat", "num_inference_steps": STEPS, "output_type": "np"}
    picture = reprorng.rand(1, 3, 16, 16, seed=1)
    return {
        "text to image": repeated(
            "text to image",
            lambda g: text(generator=g, height=16, width=16, **common).images,
        ),
        "image to image": repeated(
            "image to image", lambda g: image(generator=g, image=picture, **common).images
        ),
    }


def sde_schedulers() -> Hashes:
    """The two schedulers built on torchsde draw from the generator that is passed."""
    import diffusers

    if not hasattr(diffusers, "DPMSolverSDEScheduler"):
        raise NotHere("there is none yet")
    scheduler = diffusers.DPMSolverSDEScheduler()
    pipeline = _quiet(diffusers.StableDiffusionPipeline(**_parts(), scheduler=scheduler))
    common = {"prompt": "a red cat", "num_inference_steps": STEPS, "output_type": "np"}
    repeated("DPMSolverSDE", lambda g: pipeline(generator=g, height=16, width=16, **common).images)
    if hasattr(diffusers, "CosineDPMSolverMultistepScheduler"):
        repeated("CosineDPMSolverMultistep", _cosine)
    return {}


def _cosine(generator: Recorder) -> np.ndarray:
    """A run of that scheduler with a model that says the sample itself is the noise."""
    import diffusers

    scheduler = diffusers.CosineDPMSolverMultistepScheduler()
    scheduler.set_timesteps(STEPS)
    sample = torch.randn(1, 4, 16, generator=generator)
    for step in scheduler.timesteps:
        sample = scheduler.step(sample, step, sample, generator=generator).prev_sample
    return sample.numpy()


def type_checks() -> Hashes:
    """Modules of diffusers that ask for a `torch.Generator` by type take ours."""
    from reprorng.diffusers import seams

    asking = [name for name in seams.SEAMS if name.rpartition(".")[2] not in SDE_MODULES]
    there = [name for name in asking if _has(name)]
    for name in there:
        module = importlib.import_module(name)
        if not module.isinstance(reprorng.Generator(0), torch.Generator):
            raise AssertionError(f"{name} does not take our generator for one")
    if not there:
        raise NotHere("no module checks the type")
    return {}


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def modes() -> Hashes:
    """Draws that take no generator are redirected, or raise, where that was asked for."""

    def redirected() -> torch.Tensor:
        with reprorng.ambient(reprorng.Generator(3)):
            return torch.cat([torch.randn(4), torch.randn_like(torch.empty(5))])

    expected = reprorng.randn(9, seed=3)
    same("ambient", untouched(0, redirected), expected)
    try:
        with reprorng.strict():
            torch.randn(4)
    except Exception:
        return {}
    raise AssertionError("strict: a draw from the global state did not raise")


CHECKS: Final[dict[str, Callable[[], Hashes]]] = {
    "torch": torch_functions,
    "randn_tensor": diffusers_randn,
    "pipelines": digits,
    "Stable Diffusion": stable_diffusion,
    "SDE": sde_schedulers,
    "type checks": type_checks,
    "modes": modes,
}
"""By the names that results and documents have for them."""


def _parts() -> dict[str, Any]:
    """What a tiny Stable Diffusion is made of, with classes that every version has."""
    from transformers import CLIPTextConfig, CLIPTextModel

    from examples.tiny.stable_diffusion import autoencoder, unet
    from examples.tiny.text import WIDTH
    from examples.tiny.weights import fixed_weights

    tokenizer = _tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=tokenizer.model_max_length,
        eos_token_id=tokenizer.eos_token_id,
    )
    return {
        "vae": autoencoder(),
        "text_encoder": fixed_weights(CLIPTextModel)(config),
        "tokenizer": tokenizer,
        "unet": unet(),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }


def _tokenizer() -> Any:
    """One number a word: the constructors of CLIP's own differ from version to version."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "<end>", "a", "red", "cat"]
    model = models.WordLevel({word: number for number, word in enumerate(words)}, "<unk>")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        pad_token="<end>",
        eos_token="<end>",
        model_max_length=16,
    )


def _quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
