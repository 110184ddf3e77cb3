# SPDX-License-Identifier: Apache-2.0
"""The schedulers on a Brownian motion: ours with a generator of ours, and as they were without."""

from __future__ import annotations

import copy
import inspect
import itertools
import math
import pickle
import random
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from checks import assert_same_bytes

import reprorng
from reprorng import BrownianTree, Generator
from reprorng.backends import Backend
from reprorng.diffusers import sde

diffusers = pytest.importorskip("diffusers")
torchsde = pytest.importorskip("torchsde")

DPM = diffusers.DPMSolverSDEScheduler
COSINE = diffusers.CosineDPMSolverMultistepScheduler
SAMPLES = 10**6

both = pytest.mark.parametrize("kind", [DPM, COSINE], ids=["DPM", "cosine"])
pytestmark = [
    # torchsde warns where the last sigma, 0, is outside the interval that the scheduler gave it.
    pytest.mark.filterwarnings("ignore:Should have t"),
    # Diffusers makes NumPy arrays of tensors that way.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def run(
    scheduler: Any,
    generator: Any = None,
    *,
    images: int = 2,
    steps: int = 5,
    step: Callable[..., Any] | None = None,
    dtype: torch.dtype = torch.float32,
    seed: int = 100,
) -> torch.Tensor:
    """What a scheduler makes of latents that are the same for image k, with a model of sorts."""
    scheduler.set_timesteps(steps)
    latents = torch.stack([reprorng.randn(3, 4, 4, seed=seed + k) for k in range(images)])
    sample = (latents * scheduler.init_noise_sigma).to(dtype)
    step = scheduler.step if step is None else partial(step, scheduler)
    given = {} if generator is None else {"generator": generator}
    for time in scheduler.timesteps:
        model = scheduler.scale_model_input(sample, time) * 0.3
        sample = step(model, time, sample, **given).prev_sample
    return sample


def forbid_torchsde(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("torchsde was asked")

    monkeypatch.setattr(torchsde, "BrownianInterval", refuse)


# With a generator of ours


@both
def test_two_runs_agree_and_nothing_global_moves(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_torchsde(monkeypatch)

    def states() -> list[str]:
        numpys = repr(np.random.get_state(legacy=False))  # noqa: NPY002  # it is what must not move
        return [torch.get_rng_state().tolist(), numpys, random.getstate()]

    before = states()
    first = run(kind(), Generator(0))
    assert_same_bytes(run(kind(), Generator(0)), first)
    assert not torch.equal(run(kind(), Generator(1)), first)
    assert first.isfinite().all()
    assert states() == before


@both
def test_a_run_takes_two_words_at_its_first_step(kind: type) -> None:
    for start, after in [(0, 2), (3, 6), (8, 10)]:
        generator = Generator(0, position=start)
        run(kind(), generator)
        assert generator.position == after


@both
def test_every_backend_of_the_cpu_gives_the_same_run(backend: Backend, kind: type) -> None:
    if "cpu" not in backend.devices:
        pytest.skip("models of other devices have other last bits; the noise is tested below")
    expected = run(kind(), Generator(0), images=1, steps=2)
    with reprorng.backends.use(backend.name):
        assert_same_bytes(run(kind(), Generator(0), images=1, steps=2), expected)


@both
@pytest.mark.parametrize("images", [1, 2, 5])
def test_image_k_is_the_same_in_any_batch(kind: type, images: int) -> None:
    alone = [run(kind(), Generator(7, stream=k), images=1, seed=100 + k) for k in range(images)]
    together = run(kind(), reprorng.generators(7, images), images=images)
    for k in range(images):
        assert_same_bytes(together[k : k + 1], alone[k], f"image {k}")


@both
def test_one_generator_gives_the_images_of_a_batch_different_noise(kind: type) -> None:
    scheduler = kind()
    scheduler.set_timesteps(3)
    sample = torch.ones(2, 3, 4, 4)
    made = scheduler.step(sample, scheduler.timesteps[0], sample, generator=Generator(0))
    assert not torch.equal(made.prev_sample[0], made.prev_sample[1])


@both
def test_a_list_of_one_is_that_one(kind: type) -> None:
    expected = run(kind(), Generator(0), images=2)
    assert_same_bytes(run(kind(), [Generator(0)], images=2), expected)
    assert_same_bytes(run(kind(), (Generator(0),), images=2), expected)


@both
def test_a_second_run_of_the_same_scheduler_begins_anew(kind: type) -> None:
    scheduler, generator = kind(), Generator(0)
    first = run(scheduler, generator)
    again = run(scheduler, generator)
    assert generator.position == 4
    assert not torch.equal(again, first)
    assert_same_bytes(again, run(kind(), Generator(0, position=2)))
    assert_same_bytes(run(scheduler, Generator(0)), first)


@both
def test_after_a_run_with_torchs_generator_ours_is_as_ever(kind: type) -> None:
    scheduler = kind()
    run(scheduler, torch.Generator().manual_seed(0))
    assert_same_bytes(run(scheduler, Generator(0)), run(kind(), Generator(0)))


@both
@pytest.mark.parametrize("of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_made_on_the_way_goes_on_alike(kind: type, of: Callable[[Any], Any]) -> None:
    scheduler, generator = kind(), Generator(0)
    scheduler.set_timesteps(4)
    sample = torch.ones(2, 3, 4, 4)
    first, *others = scheduler.timesteps
    sample = scheduler.step(sample, first, sample, generator=generator).prev_sample
    other, samples = of(scheduler), [sample, sample]
    for time in others:
        pairs = zip((scheduler, other), samples, strict=True)
        samples = [one.step(x * 0.3, time, x, generator=generator).prev_sample for one, x in pairs]
        assert_same_bytes(samples[0], samples[1])
    assert generator.position == 2


@both
def test_a_scheduler_made_from_the_config_begins_anew(kind: type) -> None:
    scheduler = kind()
    expected = run(scheduler, Generator(0))
    assert_same_bytes(run(kind.from_config(scheduler.config), Generator(0)), expected)


@both
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes_have_noise_of_their_own_dtype(kind: type, dtype: torch.dtype) -> None:
    scheduler = kind()
    made = run(scheduler, Generator(0), dtype=dtype)
    assert_same_bytes(run(kind(), Generator(0), dtype=dtype), made)
    assert scheduler.noise_sampler(1.0, 0.7).dtype is dtype


@both
def test_a_capturable_generator_draws_the_same(kind: type) -> None:
    capturable = reprorng.CapturableGenerator(0, device="cpu")
    assert_same_bytes(run(kind(), capturable), run(kind(), Generator(0)))
    assert capturable.position == 2


@both
def test_ambient_serves_a_step_that_is_given_no_generator(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_torchsde(monkeypatch)
    expected = run(kind(), Generator(0))
    with reprorng.ambient(Generator(0)) as generator:
        assert_same_bytes(run(kind()), expected)
        assert generator.position == 2
        assert_same_bytes(run(kind(), Generator(0)), expected)
        assert generator.position == 2


def test_a_configured_seed_is_that_of_the_motion_and_nothing_is_drawn() -> None:
    generator = Generator(0)
    expected = run(DPM(noise_sampler_seed=5), generator)
    assert generator.position == 0
    assert_same_bytes(run(DPM(noise_sampler_seed=5), Generator(1)), expected)
    assert not torch.equal(run(DPM(noise_sampler_seed=6), Generator(0)), expected)
    scheduler = DPM(noise_sampler_seed=-1)
    run(scheduler, Generator(0))
    assert scheduler.noise_sampler.seeds == [2**64 - 1]
    pair = DPM()
    pair.noise_sampler_seed = [5, 6]
    images = run(pair, reprorng.generators(0, 2))
    alone = DPM()
    alone.noise_sampler_seed = 6
    assert_same_bytes(images[1:], run(alone, Generator(9), images=1, seed=101))


def test_the_step_keeps_its_other_arguments() -> None:
    scheduler = DPM()
    sample = torch.ones(1, 3, 4, 4)

    def step(*args: Any, **kwargs: Any) -> Any:
        scheduler.set_timesteps(3)
        time = scheduler.timesteps[0]
        return scheduler.step(sample * 0.3, time, sample, *args, **kwargs, generator=Generator(0))

    noisy = step().prev_sample
    assert_same_bytes(step(return_dict=False)[0], noisy)
    assert_same_bytes(step(False, 1.0)[0], noisy)
    assert_same_bytes(step(s_noise=1.0).prev_sample, noisy)
    assert not torch.equal(step(s_noise=0.0).prev_sample, noisy)
    cosine = COSINE()
    cosine.set_timesteps(3)
    time = cosine.timesteps[0]
    by_position = cosine.step(sample, time, sample, Generator(0), False)[0]
    cosine.set_timesteps(3)
    by_name = cosine.step(sample, time, sample, generator=Generator(0)).prev_sample
    assert_same_bytes(by_position, by_name)


# The noise


def test_the_noise_of_a_step_has_variance_1_and_steps_are_independent() -> None:
    sampler = sde.NoiseSampler([3], 16.0).like(torch.empty(SAMPLES))
    sigmas = [14.6146, 14.4, 9.11, 3.0, 2.999, 0.731, 0.031, 0.0292, 0.0]
    noise = [sampler(a, b).double().numpy() for a, b in itertools.pairwise(sigmas)]
    for values in noise:
        assert abs(values.mean()) < 4 / math.sqrt(SAMPLES)
        assert abs(values.var() - 1) < 4 * math.sqrt(2 / SAMPLES)
    correlations = np.corrcoef(noise)[~np.eye(len(noise), dtype=bool)]
    assert np.abs(correlations).max() < 4.5 / math.sqrt(SAMPLES)


def test_the_noise_that_a_step_adds_has_the_variance_it_should() -> None:
    # With and without noise a step of DPMSolverSDE differs by sigma_up times the noise.
    for seam in (Generator(0), torch.Generator().manual_seed(0)):
        scheduler = DPM(use_karras_sigmas=True, noise_sampler_seed=4)
        made = []
        for s_noise in (0.0, 1.0):
            scheduler.set_timesteps(10)
            sample = torch.zeros(1, SAMPLES)
            time, sigmas = scheduler.timesteps[0], scheduler.sigmas
            step = scheduler.step(sample, time, sample, s_noise=s_noise, generator=seam)
            made.append(step.prev_sample)
        high, low = float(sigmas[0]), math.sqrt(sigmas[0] * sigmas[1])
        sigma_up = low * math.sqrt(high**2 - low**2) / high
        noise = (made[1] - made[0]) / min(low, sigma_up)
        assert abs(noise.var().item() - 1) < 4 * math.sqrt(2 / SAMPLES)


def test_the_noise_is_that_of_the_tree_scaled_and_rounded_once() -> None:
    seeds, sample = [8, 9], torch.empty(2, 500)
    trees = [BrownianTree(seed, 500, 0.0, 4.0) for seed in seeds]
    scale = torch.tensor(1 / math.sqrt(3.5 - 1.25))
    expected = torch.stack([tree(3.5, 1.25) for tree in trees]) * scale
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        sampler = sde.NoiseSampler(seeds, 4.0).like(sample.to(dtype))
        assert_same_bytes(sampler(3.5, torch.tensor(1.25)), expected.to(dtype))


def test_every_backend_gives_the_same_noise(backend: Backend) -> None:
    sample = torch.empty(2, 5)
    expected = sde.NoiseSampler([1, 2], 16.0).like(sample)(9.3, 4.1)
    device = "cpu" if "cpu" in backend.devices else backend.devices[0]
    with reprorng.backends.use(backend.name):
        noise = sde.NoiseSampler([1, 2], 16.0).like(sample.to(device))(9.3, 4.1)
    assert noise.device.type == device
    assert_same_bytes(noise.cpu(), expected)


def test_a_compiler_does_not_see_the_arithmetic() -> None:
    seen: list[str] = []

    def record(graph: Any, inputs: Any) -> Callable[..., Any]:
        seen.extend(str(node.target) for node in graph.graph.nodes if node.op.startswith("call"))
        return graph.forward

    sampler = sde.NoiseSampler([1, 2], 16.0).like(torch.empty(2, 5))
    compiled = torch.compile(lambda x: x.sin() * sampler(9.3, 4.1).cos(), backend=record)
    x = torch.ones(2, 5)
    assert_same_bytes(compiled(x), x.sin() * sampler(9.3, 4.1).cos())
    assert [name for name in seen if "sin" in name]
    assert not [name for name in seen if "add" in name or "stack" in name]


@both
def test_the_motion_does_not_depend_on_the_number_of_steps(kind: type) -> None:
    ends = set()
    for steps in (3, 10, 100):
        scheduler = kind()
        run(scheduler, Generator(0), steps=steps)
        ends.add((scheduler.noise_sampler.end, *scheduler.noise_sampler.seeds))
    assert len(ends) == 1


@both
def test_the_last_bits_of_sigma_hardly_ever_matter(kind: type) -> None:
    # Other processors have other last bits, since logarithms and exponentials do. A sigma that has
    # them at the border of two roundings is about one in a thousand.
    changed = total = 0
    for steps in (10, 25, 50, 100):
        scheduler = kind()
        scheduler.set_timesteps(steps)
        sampler = sde.NoiseSampler([0], 512.0).like(torch.empty(4))
        sigmas = scheduler.sigmas.unique().flip(0)
        nudged = torch.nextafter(sigmas, torch.tensor(torch.inf))
        exact = [sampler(a, b) for a, b in itertools.pairwise(sigmas)]
        other = [sampler(a, b) for a, b in itertools.pairwise(nudged)]
        changed += sum(not torch.equal(a, b) for a, b in zip(exact, other, strict=True))
        total += len(exact)
    assert total > 150
    assert changed <= 2


def test_steps_too_small_for_12_bits_still_have_noise() -> None:
    sampler = sde.NoiseSampler([0], 16.0).like(torch.empty(10**5))
    for high, low in [(10.0, 10.0 - 1e-5), (0.03, 0.03 - 1e-6)]:
        assert abs(sampler(high, low).var().item() - 1) < 0.02
    assert torch.count_nonzero(sampler(3.0, 3.0)) == 0


def test_rounding_leaves_no_sigma_outside() -> None:
    for highest in (15.999999, 16.0, 14.6, 0.9999999):
        end = 2.0 ** math.frexp(highest)[1]
        sampler = sde.NoiseSampler([0], end).like(torch.empty(4))
        assert sampler(math.nextafter(np.float32(highest), 100), 0.0).isfinite().all()


# Without one


UPSTREAM = {
    "none": lambda: None,
    "torchs": lambda: torch.Generator().manual_seed(3),
    "a list of torchs": lambda: [torch.Generator().manual_seed(k) for k in range(2)],
}


@both
@pytest.mark.parametrize("make", UPSTREAM.values(), ids=UPSTREAM)
def test_whoever_passes_none_of_ours_gets_what_they_got(
    kind: type, make: Callable[[], Any]
) -> None:
    original = kind.step.__wrapped__
    accepts = "generator" in inspect.signature(original).parameters
    torch.manual_seed(0)
    expected = run(kind(), make() if accepts else None, step=original)
    after = torch.get_rng_state()
    torch.manual_seed(0)
    assert_same_bytes(run(kind(), make()), expected)
    assert_same_bytes(torch.get_rng_state(), after)


def test_a_configured_seed_of_theirs_is_theirs() -> None:
    expected = run(DPM(noise_sampler_seed=3), step=DPM.step.__wrapped__)
    assert_same_bytes(run(DPM(noise_sampler_seed=3)), expected)
    assert_same_bytes(run(DPM(noise_sampler_seed=3), torch.Generator()), expected)


@both
def test_after_a_run_with_ours_theirs_is_as_ever(kind: type) -> None:
    scheduler = kind()
    run(scheduler, Generator(0))
    torch.manual_seed(0)
    made = run(scheduler, torch.Generator().manual_seed(3))
    torch.manual_seed(0)
    expected = run(kind(), torch.Generator().manual_seed(3))
    assert_same_bytes(made, expected)


@both
def test_an_error_of_theirs_leaves_what_it_left(kind: type) -> None:
    left = []
    for step in (kind.step, kind.step.__wrapped__):
        scheduler = kind()
        scheduler.set_timesteps(3)
        sample = torch.ones(2, 3)
        with pytest.raises(RuntimeError, match="must match"):
            step(scheduler, torch.ones(2, 5), scheduler.timesteps[0], sample)
        left.append({**vars(scheduler), "noise_sampler": type(scheduler.noise_sampler)})
    assert str(left[0]) == str(left[1])


# What shows of it


@both
def test_the_step_shows_a_generator_and_otherwise_what_it_showed(kind: type) -> None:
    # Pipelines look for it, and pass theirs if it is there.
    assert "generator" in inspect.signature(kind.step).parameters
    assert "generator" in inspect.signature(kind().step).parameters
    shown = inspect.signature(kind.step).parameters
    original = inspect.signature(kind.step.__wrapped__).parameters
    assert [p for p in shown.values() if p.name in original] == list(original.values())
    assert set(shown) == {*original, "generator"}
    assert shown["generator"].default is None
    assert kind.step.__doc__ == kind.step.__wrapped__.__doc__
    assert kind.step.__qualname__ == f"{kind.__name__}.step"


@both
def test_adapted_twice_it_is_adapted_once(kind: type) -> None:
    step = kind.step
    sde.adapt(inspect.getmodule(kind))
    assert kind.step is step
    assert not hasattr(step.__wrapped__, "is_seam")


# Errors


def tries(scheduler: Any, generator: Any, images: int = 2) -> Any:
    sample = torch.ones(images, 3)
    return scheduler.step(sample, scheduler.timesteps[0], sample, generator=generator)


@both
def test_after_an_error_in_a_step_the_generator_is_where_it_was(kind: type) -> None:
    shared = Generator(4)
    for generators in ([Generator(0, position=5), Generator(1)], [shared, shared], Generator(0)):
        scheduler = kind()
        scheduler.set_timesteps(3)
        listed = generators if isinstance(generators, list) else [generators]
        before = [one.position for one in listed]
        sample = torch.ones(2, 3)
        with pytest.raises(RuntimeError, match="must match"):
            scheduler.step(torch.ones(2, 5), scheduler.timesteps[0], sample, generator=generators)
        assert [one.position for one in listed] == before
        assert scheduler.noise_sampler is None


@both
def test_after_an_error_on_the_way_the_motion_is_the_same(kind: type) -> None:
    scheduler, generator = kind(), Generator(0)
    scheduler.set_timesteps(3)
    tries(scheduler, generator)
    sampler = scheduler.noise_sampler
    sample = torch.ones(2, 3)
    with pytest.raises(RuntimeError, match="must match"):
        scheduler.step(torch.ones(2, 5), scheduler.timesteps[1], sample, generator=generator)
    assert scheduler.noise_sampler == sampler
    assert generator.position == 2


@both
@pytest.mark.parametrize("count", [2, 4])
def test_a_list_that_does_not_fit_the_batch_is_refused(kind: type, count: int) -> None:
    scheduler, generators = kind(), reprorng.generators(0, count)
    scheduler.set_timesteps(3)
    with pytest.raises(ValueError, match=f"{count} generators do not go with a batch of 3 images"):
        tries(scheduler, generators, images=3)
    assert [one.position for one in generators] == [0] * count


def test_seeds_that_do_not_fit_the_batch_are_refused() -> None:
    scheduler = DPM()
    scheduler.set_timesteps(3)
    for seeds, message in [([1, 2], "2 seeds do not go"), ([0.5], "seed must be an integer")]:
        scheduler.noise_sampler_seed = seeds
        with pytest.raises((ValueError, TypeError), match=message):
            tries(scheduler, Generator(0), images=3)


@both
@pytest.mark.parametrize("other", [torch.Generator(), None], ids=["torch", "None"])
def test_a_list_of_ours_and_others_is_refused(kind: type, other: Any) -> None:
    scheduler, ours = kind(), Generator(0)
    scheduler.set_timesteps(3)
    theirs = "builtins.NoneType" if other is None else "torch._C.Generator"
    kinds = rf"\[0\] a reprorng.generator.Generator, \[1\] a {theirs}"
    with pytest.raises(TypeError, match=f"all be of reprorng or none of them.*{kinds}"):
        tries(scheduler, [ours, other])
    assert ours.position == 0


@both
def test_arguments_that_are_missing_or_unknown_are_refused_as_ever(kind: type) -> None:
    scheduler = kind()
    for given in ({"sample": torch.ones(1)}, {"model_output": 1, "nothing": 2}):
        with pytest.raises(TypeError, match="argument"):
            scheduler.step(**given)


# Schedulers of another diffusers


def module_of(step: Callable[..., Any]) -> ModuleType:
    """A module with a scheduler that has another step."""
    module = ModuleType("future")
    module.DPMSolverSDEScheduler = type("DPMSolverSDEScheduler", (DPM,), {"step": step})
    sde.adapt(module)
    return module


def test_a_step_that_takes_its_noise_from_elsewhere_refuses_ours() -> None:
    def step(self: Any, model_output: Any, timestep: Any, sample: Any) -> Any:
        return sample

    scheduler = module_of(step).DPMSolverSDEScheduler()
    scheduler.set_timesteps(3)
    with pytest.raises(NotImplementedError, match="does not know the step of this DPMSolverSDE"):
        tries(scheduler, Generator(0))
    assert torch.equal(tries(scheduler, torch.Generator()), torch.ones(2, 3))
    assert torch.equal(tries(scheduler, None), torch.ones(2, 3))


def test_a_step_that_takes_a_generator_itself_is_given_it() -> None:
    def step(
        self: Any, model_output: Any, timestep: Any, sample: Any, generator: Any = None
    ) -> Any:
        return self.noise_sampler, generator

    scheduler = module_of(step).DPMSolverSDEScheduler()
    scheduler.set_timesteps(3)
    theirs, ours = torch.Generator(), Generator(0)
    assert tries(scheduler, theirs) == (None, theirs)
    sampler, given = tries(scheduler, ours)
    assert isinstance(sampler, sde.NoiseSampler)
    assert given is ours


def test_a_module_without_the_schedulers_is_not_known() -> None:
    with pytest.raises(AttributeError, match="none of CosineDPMSolverMultistepScheduler, DPM"):
        sde.adapt(ModuleType("future"))
