# SPDX-License-Identifier: Apache-2.0
"""Every scheduler of diffusers, run on tensors of noise in the way its pipelines run it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import diffusers
import torch

import reprorng

Run = Callable[[Any], list[torch.Tensor]]

NO_SCHEDULER = {"SchedulerMixin"}
"""What is called a scheduler and is none."""

SHAPE = (2, 3, 8, 8)
STEPS = 3
TOKENS = 7
"""The number of kinds of tokens of the schedulers on tokens."""


def picture() -> torch.Tensor:
    """Where a run starts."""
    return reprorng.randn(*SHAPE, seed=5)


def logits(*shape: int) -> torch.Tensor:
    """What a model says of tokens."""
    return reprorng.randn(*shape, seed=6)


def loop(
    name: str, *, steps: int = STEPS, call: dict[str, Any] | None = None, **config: Any
) -> Run:
    """The usual loop: a model's output, a step, and again."""

    def run(generator: Any) -> list[torch.Tensor]:
        scheduler = getattr(diffusers, name)(**config)
        scheduler.set_timesteps(steps)
        given = dict(call or {})
        if "generator" in inspect.signature(scheduler.step).parameters:
            given["generator"] = generator
        samples = [picture()]
        scale = getattr(scheduler, "scale_model_input", lambda sample, _: sample)
        for t in scheduler.timesteps:
            output = 0.1 * scale(samples[-1], t) + 0.01
            samples.append(scheduler.step(output, t, samples[-1], return_dict=False, **given)[0])
        return samples

    return run


def cogvideo_dpm(generator: Any) -> list[torch.Tensor]:
    """It is told the step before as well."""
    scheduler = diffusers.CogVideoXDPMScheduler()
    scheduler.set_timesteps(STEPS)
    x, old, times = picture(), None, list(scheduler.timesteps)
    for i, t in enumerate(times):
        before = times[i - 1] if i else None
        x, old = scheduler.step(
            0.1 * x, old, t, before, x, generator=generator, return_dict=False, eta=1.0
        )
    return [x]


def wuerstchen(generator: Any) -> list[torch.Tensor]:
    """Its times are one for each image."""
    scheduler = diffusers.DDPMWuerstchenScheduler()
    scheduler.set_timesteps(STEPS)
    x = picture()
    for t in scheduler.timesteps[:-1]:
        x = scheduler.step(0.1 * x, t.expand(len(x)), x, generator=generator).prev_sample
    return [x]


def repaint(generator: Any) -> list[torch.Tensor]:
    """It keeps the known part of an image, and now and then goes back."""
    scheduler = diffusers.RePaintScheduler()
    scheduler.set_timesteps(6, 2, 2)
    scheduler.eta = 1.0
    x, known = picture(), torch.ones(SHAPE)
    known[..., 4:] = 0
    last = scheduler.timesteps[0] + 1
    for t in scheduler.timesteps:
        if t < last:
            x = scheduler.step(0.1 * x, t, x, picture(), known, generator).prev_sample
        else:
            x = scheduler.undo_step(x, last, generator)
        last = t
    return [x]


def karras_ve(generator: Any) -> list[torch.Tensor]:
    """It adds noise before each step."""
    scheduler = diffusers.KarrasVeScheduler(s_min=0.0)
    scheduler.set_timesteps(STEPS)
    x = picture()
    for t in scheduler.timesteps:
        sigma = scheduler.schedule[t]
        before = scheduler.schedule[t - 1] if t > 0 else 0
        noisy, sigma_hat = scheduler.add_noise_to_input(x, sigma, generator=generator)
        x = scheduler.step(0.1 * noisy, sigma_hat, before, noisy).prev_sample
    return [x]


def score_sde_ve(generator: Any) -> list[torch.Tensor]:
    """A correction, and then a prediction."""
    scheduler = diffusers.ScoreSdeVeScheduler()
    scheduler.set_timesteps(STEPS)
    scheduler.set_sigmas(STEPS)
    x = picture()
    for t in scheduler.timesteps:
        x = scheduler.step_correct(0.1 * x, x, generator=generator).prev_sample
        x = scheduler.step_pred(0.1 * x, t, x, generator=generator).prev_sample
    return [x]


def scm(generator: Any) -> list[torch.Tensor]:
    """The last of its times is where it ends."""
    scheduler = diffusers.SCMScheduler()
    scheduler.set_timesteps(2)
    x = picture()
    for t in scheduler.timesteps[:-1]:
        x = scheduler.step(0.1 * x, t, x, generator=generator).prev_sample
    return [x]


def helios_dmd(generator: Any) -> list[torch.Tensor]:
    """It is told all its times, and what it began with."""
    scheduler = diffusers.HeliosDMDScheduler(stages=1)
    scheduler.set_timesteps(STEPS)
    x, times = picture()[:, :, None], scheduler.timesteps
    for i, t in enumerate(times):
        x = scheduler.step(
            0.1 * x,
            t,
            x,
            generator=generator,
            return_dict=False,
            cur_sampling_step=i,
            dmd_noisy_tensor=x,
            dmd_sigmas=scheduler.sigmas,
            dmd_timesteps=times,
            all_timesteps=times,
        )[0]
    return [x]


def piflow(generator: Any) -> list[torch.Tensor]:
    """A model says ten things of each number, and no noise is added."""
    scheduler = diffusers.PiflowScheduler()
    scheduler.set_timesteps(STEPS)
    x = logits(2, 16, 4)
    for t in scheduler.timesteps:
        x = scheduler.step(0.1 * x.repeat(1, 1, 10), t, x).prev_sample
    return [x]


def rfd4_proteina(generator: Any) -> list[torch.Tensor]:
    """Points of a chain, all of which move."""
    scheduler = diffusers.RFD4ProteinaScheduler("log", "tan", 1.0, 1.0, tail_steps=1)
    scheduler.set_timesteps(STEPS)
    x = logits(1, 6, 3)
    for t in scheduler.timesteps:
        moves = torch.ones(1, 6, dtype=torch.bool)
        x = scheduler.step(0.1 * x, t, x, moves, generator=generator).prev_sample
    return [x]


def amused(generator: Any) -> list[torch.Tensor]:
    """Tokens, some of which are masked."""
    scheduler = diffusers.AmusedScheduler(mask_token_id=TOKENS)
    scheduler.set_timesteps(STEPS)
    tokens = torch.full((2, 4, 4), TOKENS)
    for t in scheduler.timesteps:
        output = logits(2, TOKENS, 4, 4)
        tokens = scheduler.step(output, t, tokens, generator=generator).prev_sample
    noisy = scheduler.add_noise(tokens, 1, generator=generator)
    return [tokens, noisy]


def vq_diffusion(generator: Any) -> list[torch.Tensor]:
    """Tokens by probabilities."""
    scheduler = diffusers.VQDiffusionScheduler(num_vec_classes=TOKENS + 1)
    scheduler.set_timesteps(STEPS)
    tokens = torch.full((2, 16), TOKENS)
    for t in scheduler.timesteps:
        output = logits(2, TOKENS, 16).log_softmax(1)
        tokens = scheduler.step(output, t, tokens, generator=generator).prev_sample
    return [tokens]


def on_tokens(name: str, *, call: dict[str, Any] | None = None, **config: Any) -> Run:
    """The loop of the schedulers on rows of tokens."""

    def run(generator: Any) -> list[torch.Tensor]:
        scheduler = getattr(diffusers, name)(**config)
        scheduler.set_timesteps(STEPS)
        tokens = torch.zeros(2, 6, dtype=torch.int64)
        kept = []
        for t in scheduler.timesteps:
            given = {**(call or {}), "generator": generator}
            tokens = scheduler.step(logits(2, 6, TOKENS), t, tokens, **given).prev_sample
            kept.append(tokens)
        return kept

    return run


SPECIAL: dict[str, Run] = {
    "AmusedScheduler": amused,
    "CogVideoXDPMScheduler": cogvideo_dpm,
    "DDPMWuerstchenScheduler": wuerstchen,
    "KarrasVeScheduler": karras_ve,
    "RePaintScheduler": repaint,
    "ScoreSdeVeScheduler": score_sde_ve,
    "VQDiffusionScheduler": vq_diffusion,
    "BlockRefinementScheduler": on_tokens(
        "BlockRefinementScheduler", call={"mask_token_id": 0, "temperature": 1.0}
    ),
    "DiscreteDDIMScheduler": on_tokens("DiscreteDDIMScheduler"),
    "EntropyBoundScheduler": on_tokens("EntropyBoundScheduler"),
    "HeliosDMDScheduler": helios_dmd,
    "HeliosScheduler": loop("HeliosScheduler", stages=1),
    "PiflowScheduler": piflow,
    "RFD4ProteinaScheduler": rfd4_proteina,
    "SCMScheduler": scm,
    "PNDMScheduler": loop("PNDMScheduler", steps=4),
}

STOCHASTIC: dict[str, Run] = {
    "DDIMScheduler eta=1": loop("DDIMScheduler", call={"eta": 1.0}),
    "DDIMParallelScheduler eta=1": loop("DDIMParallelScheduler", call={"eta": 1.0}),
    "EulerDiscreteScheduler s_churn=10": loop("EulerDiscreteScheduler", call={"s_churn": 10.0}),
    "EDMEulerScheduler s_churn=10": loop("EDMEulerScheduler", call={"s_churn": 10.0}),
    "FlowMatchHeunDiscreteScheduler s_churn=10": loop(
        "FlowMatchHeunDiscreteScheduler", call={"s_churn": 10.0}
    ),
    "FlowMatchEulerDiscreteScheduler stochastic": loop(
        "FlowMatchEulerDiscreteScheduler", stochastic_sampling=True
    ),
    **{
        f"{name} {algorithm}": loop(name, algorithm_type=algorithm, final_sigmas_type="sigma_min")
        for name, algorithm in (
            ("DPMSolverMultistepScheduler", "sde-dpmsolver++"),
            ("DPMSolverMultistepScheduler", "sde-dpmsolver"),
            ("DPMSolverSinglestepScheduler", "sde-dpmsolver++"),
            ("EDMDPMSolverMultistepScheduler", "sde-dpmsolver++"),
        )
    },
}
"""Configurations that draw, of schedulers that otherwise do not."""


def all_schedulers() -> list[str]:
    """The names of all schedulers that the installed diffusers exports."""
    found = {name: getattr(diffusers, name) for name in dir(diffusers) if "Scheduler" in name}
    return sorted(
        name
        for name, cls in found.items()
        if name not in NO_SCHEDULER and inspect.isclass(cls) and name.endswith("Scheduler")
        if "dummy" not in cls.__module__
    )


def run_of(name: str) -> Run:
    """How a scheduler, or one of `STOCHASTIC`, is run."""
    return STOCHASTIC.get(name) or SPECIAL.get(name) or loop(name)
