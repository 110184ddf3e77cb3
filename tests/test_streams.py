# SPDX-License-Identifier: Apache-2.0
"""A stream for each image: image k is the same alone and in any batch, at every step.

Noise is compared as it is drawn, and whole images where the model treats each element by itself:
the matrix products of a real one may round otherwise when the batch is larger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
import torch
from checks import assert_same_bytes
from diffusers import ConfigMixin, DDIMPipeline, DDPMPipeline, ModelMixin, StableDiffusionPipeline
from diffusers.configuration_utils import register_to_config
from diffusers.utils.torch_utils import randn_tensor
from recorded import Drawn, recorded

import reprorng
from examples.tiny import stable_diffusion
from reprorng import Generator

# Diffusers' schedulers turn tensors into arrays in ways that NumPy is about to give up.
pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")

SEED = 1234
SIZES = [1, 2, 5, 16]
MOST = max(SIZES)
SHUFFLED = [11, 3, 0, 15, 7]
STEPS = 4
SHAPE = (4, 4, 4)


@pytest.fixture(autouse=True)
def one_thread(keep_threads: None) -> None:
    """Tiny models are fastest so."""
    torch.set_num_threads(1)


@pytest.fixture
def drawn() -> Iterator[Drawn]:
    """What each stream has drawn, in order."""
    with recorded() as record:
        yield record


# The generators


def test_image_k_has_stream_k_of_the_seed() -> None:
    for k, generator in enumerate(reprorng.generators(SEED, MOST)):
        assert generator == Generator(SEED, stream=k)
    assert reprorng.generators(SEED, 1) == [Generator(SEED)]


def test_a_batch_may_be_made_in_parts() -> None:
    whole = reprorng.generators(SEED, 5)
    parts = reprorng.generators(SEED, 2) + reprorng.generators(SEED, 3, first=2)
    assert parts == whole


# Schedulers

# Each draws at all steps, or all but the last; what its constructor and its steps are given.
SCHEDULERS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "DDIM, eta 1": ("DDIMScheduler", {}, {"eta": 1.0}),
    "DDIM in parallel, eta 1": ("DDIMParallelScheduler", {}, {"eta": 1.0}),
    "DDPM": ("DDPMScheduler", {}, {}),
    "DDPM in parallel": ("DDPMParallelScheduler", {}, {}),
    "Euler, ancestral": ("EulerAncestralDiscreteScheduler", {}, {}),
    "Euler with churn": ("EulerDiscreteScheduler", {}, {"s_churn": 1.0}),
    "EDM Euler with churn": ("EDMEulerScheduler", {}, {"s_churn": 1.0}),
    "KDPM2, ancestral": ("KDPM2AncestralDiscreteScheduler", {}, {}),
    "LCM": ("LCMScheduler", {}, {}),
    "TCD": ("TCDScheduler", {}, {}),
    "SA solver": ("SASolverScheduler", {}, {}),
    "DPM-Solver++, SDE": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++"},
        {},
    ),
    "EDM DPM-Solver++, SDE": (
        "EDMDPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++"},
        {},
    ),
    "UnCLIP": ("UnCLIPScheduler", {}, {}),
    "consistency model": ("CMStochasticIterativeScheduler", {}, {}),
    "flow matching Euler, stochastic": (
        "FlowMatchEulerDiscreteScheduler",
        {"stochastic_sampling": True},
        {},
    ),
    "flow matching Heun with churn": ("FlowMatchHeunDiscreteScheduler", {}, {"s_churn": 1.0}),
    "flow matching LCM": ("FlowMatchLCMScheduler", {}, {}),
    "DPM-Solver on a Brownian motion": ("DPMSolverSDEScheduler", {}, {}),
    "cosine DPM-Solver on a Brownian motion": ("CosineDPMSolverMultistepScheduler", {}, {}),
}


def denoise(name: str, generator: Any, n: int) -> torch.Tensor:
    """The images of a scheduler whose model multiplies each element by a constant."""
    kind, config, options = SCHEDULERS[name]
    scheduler = getattr(diffusers, kind)(**config)
    scheduler.set_timesteps(STEPS)
    start = getattr(scheduler, "init_noise_sigma", 1.0)
    sample = randn_tensor((n, *SHAPE), generator=generator) * start
    for time in scheduler.timesteps:
        scaled = sample
        if hasattr(scheduler, "scale_model_input"):
            scaled = scheduler.scale_model_input(sample, time)
        sample = scheduler.step(
            scaled * 0.5, time, sample, generator=generator, **options
        ).prev_sample
    return sample


@pytest.mark.parametrize("name", SCHEDULERS)
def test_image_k_is_the_same_alone_and_in_any_batch_with_every_scheduler(name: str) -> None:
    alone = [denoise(name, [Generator(SEED, stream=k)], 1)[0] for k in range(MOST)]
    for n in SIZES:
        batch = denoise(name, reprorng.generators(SEED, n), n)
        assert len(batch) == n
        for image, expected in zip(batch, alone, strict=False):
            assert_same_bytes(image, expected)
    chosen = [Generator(SEED, stream=k) for k in SHUFFLED]
    for image, k in zip(denoise(name, chosen, len(SHUFFLED)), SHUFFLED, strict=True):
        assert_same_bytes(image, alone[k])
    assert len({image.numpy().tobytes() for image in alone}) == MOST


@pytest.mark.parametrize("name", SCHEDULERS)
def test_one_generator_for_a_batch_gives_image_0_other_noise_in_it(name: str) -> None:
    alone = denoise(name, Generator(SEED), 1)
    assert not torch.equal(denoise(name, Generator(SEED), 5)[:1], alone)
    assert_same_bytes(denoise(name, reprorng.generators(SEED, 5), 5)[:1], alone)


# Pipelines


def text_to_image(generator: Any, n: int, scheduler: str = "DDIMScheduler") -> None:
    """The noise of Stable Diffusion, whose images are of no interest here."""
    pipeline = StableDiffusionPipeline(**stable_diffusion.components())
    pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    pipeline(
        ["a cat"] * n,
        num_inference_steps=STEPS,
        eta=1.0,
        generator=generator,
        output_type="latent",
    )


@pytest.mark.parametrize(
    "scheduler",
    ["DDIMScheduler", "DDPMScheduler", "EulerAncestralDiscreteScheduler", "LCMScheduler"],
)
def test_the_noise_of_image_k_is_the_same_alone_and_in_any_batch_of_a_pipeline(
    scheduler: str, drawn: Drawn
) -> None:
    for k in range(MOST):
        text_to_image([Generator(SEED, stream=k)], 1, scheduler)
    alone = dict(drawn)
    # The first latents, and noise at each step but perhaps the last.
    assert all(len(draws) >= STEPS for draws in alone.values())
    batches = [reprorng.generators(SEED, n) for n in SIZES]
    for generators in [*batches, [Generator(SEED, stream=k) for k in SHUFFLED]]:
        drawn.clear()
        text_to_image(generators, len(generators), scheduler)
        assert drawn.keys() == {generator.stream for generator in generators}
        for generator in generators:
            noise, expected = drawn[generator.stream], alone[generator.stream]
            assert_same_bytes(torch.stack(noise), torch.stack(expected))
            assert generator.position == sum(draw.numel() for draw in noise)


class Elementwise(ModelMixin, ConfigMixin):
    """A stand-in for a U-Net whose bits for an image do not depend on the batch."""

    @register_to_config
    def __init__(self, in_channels: int = SHAPE[0], sample_size: int = SHAPE[1]) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, sample: torch.Tensor, time: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=sample * self.factor)


Sampler = Callable[[Any, int], torch.Tensor]


def ddim(generator: Any, n: int) -> torch.Tensor:
    pipeline = DDIMPipeline(Elementwise(), diffusers.DDIMScheduler())
    pipeline.set_progress_bar_config(disable=True)
    options = {"num_inference_steps": STEPS, "eta": 1.0, "output_type": "np"}
    return torch.from_numpy(pipeline(n, generator=generator, **options).images)


def ddpm(generator: Any, n: int) -> torch.Tensor:
    pipeline = DDPMPipeline(Elementwise(), diffusers.DDPMScheduler())
    pipeline.set_progress_bar_config(disable=True)
    options = {"num_inference_steps": STEPS, "output_type": "np"}
    return torch.from_numpy(pipeline(n, generator=generator, **options).images)


SAMPLERS = pytest.mark.parametrize("sampler", [ddim, ddpm])


@SAMPLERS
def test_image_k_is_the_same_alone_and_in_any_batch_of_a_pipeline(sampler: Sampler) -> None:
    alone = [sampler([Generator(SEED, stream=k)], 1)[0] for k in range(MOST)]
    for n in SIZES:
        for image, expected in zip(sampler(reprorng.generators(SEED, n), n), alone, strict=False):
            assert_same_bytes(image, expected)
    chosen = [Generator(SEED, stream=k) for k in SHUFFLED]
    for image, k in zip(sampler(chosen, len(chosen)), SHUFFLED, strict=True):
        assert_same_bytes(image, alone[k])


@SAMPLERS
@pytest.mark.parametrize(
    "make",
    [lambda: torch.Generator().manual_seed(SEED), lambda: Generator(SEED)],
    ids=["torch's", "ours"],
)
def test_with_one_generator_no_image_is_the_same_in_another_batch(
    sampler: Sampler, make: Callable[[], Any]
) -> None:
    batches = {n: sampler(make(), n) for n in SIZES}
    for n in SIZES:
        for larger in SIZES[SIZES.index(n) + 1 :]:
            for k in range(n):
                assert not torch.equal(batches[n][k], batches[larger][k])
