# SPDX-License-Identifier: Apache-2.0
"""No scheduler of diffusers draws from elsewhere than the generator it is given."""

from __future__ import annotations

import pytest
import torch
from leak_schedulers import SHAPE, SPECIAL, STOCHASTIC, all_schedulers, loop, run_of
from leaks import watch

from reprorng import Generator

# Diffusers warns of what it will do one day, and hands tensors to NumPy in an old way.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:__array:DeprecationWarning"),
]

SCHEDULERS = all_schedulers()

NEVER_DRAW = {
    "CogVideoXDDIMScheduler", "DDIMInverseScheduler", "DDIMParallelScheduler", "DDIMScheduler",
    "DEISMultistepScheduler", "DPMSolverMultistepInverseScheduler", "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler", "EDMDPMSolverMultistepScheduler", "EDMEulerScheduler",
    "EulerDiscreteScheduler", "FlowMapEulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler",
    "FlowMatchHeunDiscreteScheduler", "HeliosDMDScheduler", "HeliosScheduler",
    "HeunDiscreteScheduler", "IPNDMScheduler", "KDPM2DiscreteScheduler", "LMSDiscreteScheduler",
    "MiniMaxH3Scheduler", "PNDMScheduler", "PiflowScheduler", "UniPCMultistepScheduler",
}  # fmt: skip
"""Those that add no noise, as they are configured by default."""


@pytest.mark.parametrize("name", [*SCHEDULERS, *STOCHASTIC])
def test_every_draw_of_a_scheduler_is_ours(name: str) -> None:
    run = run_of(name)
    seen = watch(run, Generator(1), 1)
    assert not seen.leaks
    # Whoever looked at a global generator would see another one here.
    assert watch(run, Generator(1), 2) == seen
    other = watch(run, Generator(2), 1)
    if name in NEVER_DRAW:
        assert seen.words == 0
        assert other.digest == seen.digest
    else:
        assert seen.words > 0
        assert other.digest != seen.digest


@pytest.mark.parametrize("name", ["DDPMScheduler", "DPMSolverSDEScheduler", "LCMScheduler"])
def test_a_list_draws_each_image_from_its_own_generator(name: str) -> None:
    def both(swapped: bool) -> torch.Tensor:
        generators = [Generator(2), Generator(1)] if swapped else [Generator(1), Generator(2)]
        return run_of(name)(generators)[-1]

    a, b = both(False), both(True)
    assert a.shape == SHAPE
    assert not torch.equal(a, b)
    seen = watch(run_of(name), [Generator(1), Generator(2)], 1)
    assert not seen.leaks
    assert watch(run_of(name), [Generator(1), Generator(2)], 2) == seen


def test_every_scheduler_is_run() -> None:
    assert len(SCHEDULERS) >= 40
    assert set(SPECIAL) | NEVER_DRAW <= set(SCHEDULERS)


def test_a_scheduler_that_is_given_no_generator_leaks_and_that_is_seen() -> None:
    run = loop("DDPMScheduler")
    assert watch(lambda _: run(None), Generator(1), 1).moved == ("torch",)
