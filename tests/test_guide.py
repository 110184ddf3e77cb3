# SPDX-License-Identifier: Apache-2.0
"""The guide on seeds, row by row: `examples/guide/` holds what a user would write for each.

An example says itself what must hold, and is seen to notice when it does not.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import accelerate
import numpy as np
import pytest
import torch
from checks import assert_same_bytes
from diffusers import (
    DDPMScheduler,
    DiffusionPipeline,
    FluxPipeline,
    StableDiffusionPipeline,
)
from diffusers.utils.torch_utils import randn_tensor
from recorded import recorded
from torch.utils._python_dispatch import TorchDispatchMode

import reprorng
from examples.tiny import flux, stable_diffusion
from reprorng import Generator

pytestmark = [
    # Diffusers' schedulers turn tensors into arrays in ways that NumPy is about to give up.
    pytest.mark.filterwarnings("ignore:__array:DeprecationWarning"),
    # The autoencoder of Stable Audio is built with an older form of it.
    pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning"),
]
gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA or ROCm device"),
]

GUIDE = Path(__file__).parents[1] / "examples" / "guide"
CPU = torch.device("cpu")

ROWS = {
    "a CPU generator": "cpu_generator",
    "a GPU generator": "gpu_generator",
    "manual_seed returns a generator": "manual_seed",
    "a state passed on through several pipelines": "several_pipelines",
    "DDIMPipeline, two steps": "ddim",
    "UnCLIPPipeline": "unclip",
    "StableDiffusionPipeline with DDIMScheduler.from_config": "stable_diffusion",
    "deterministic algorithms": "deterministic",
    "one image of a batch improved": "improve_one_image",
    "Stable Diffusion XL": "stable_diffusion_xl",
    "Stable Diffusion 3": "stable_diffusion_3",
    "Flux": "flux",
    "from an image to an image": "image_to_image",
    "inpainting": "inpainting",
    "ControlNet": "controlnet",
    "a video": "video",
    "a sound": "audio",
}


@pytest.fixture(autouse=True)
def one_thread(keep_threads: None) -> None:
    """Tiny models are fastest so."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def ours_stays() -> Iterator[None]:
    """Leave the default generator, which `reprorng.manual_seed` seeds, as it was found."""
    before = reprorng.default_generator.get_state()
    yield
    reprorng.default_generator.set_state(before)


def global_states() -> list[Any]:
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002  # the global one is meant
    return [torch.get_rng_state().tolist(), repr(numpy_state), random.getstate()]


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An example as a module; it imports what lies beside it, as a program does."""
    monkeypatch.syspath_prepend(GUIDE)
    spec = importlib.util.spec_from_file_location(f"guide_{name}", GUIDE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=ROWS.values(), ids=ROWS.keys())
def example(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Each row of the guide."""
    return load(request.param, monkeypatch)


def claims(example: ModuleType) -> dict[str, bool]:
    """All that an example says must hold."""
    return example.repeats(example.run) | getattr(example, "claims", dict)()


# The rows


def test_each_example_is_a_row() -> None:
    assert {path.stem for path in GUIDE.glob("*.py")} == {*ROWS.values(), "verdict"}


def test_two_runs_agree_bit_for_bit_and_no_global_state_moves(example: ModuleType) -> None:
    before = global_states()
    first, again, other = example.run(3), example.run(3), example.run(4)
    assert global_states() == before
    assert_same_bytes(torch.from_numpy(first), torch.from_numpy(again))
    assert first.shape == other.shape
    assert not np.array_equal(first, other)
    assert np.isfinite(first).all()
    assert first.std() > 0.01


def test_what_an_example_claims_holds(example: ModuleType) -> None:
    found = claims(example)
    assert len(found) >= 3
    assert [claim for claim, holds in found.items() if not holds] == []


# Faults that an example must notice

serial = itertools.count()


class Forgetful(Generator):
    """One that never gives the same numbers again."""

    def __init__(self, seed: Any = None, **options: Any) -> None:
        super().__init__(next(serial), **options)


class Stuck(Generator):
    """One that has the same numbers for all seeds."""

    def __init__(self, seed: Any = None, **options: Any) -> None:
        super().__init__(0, **options)


class Leaking(Generator):
    """One that also draws from torch's global generator."""

    def __init__(self, seed: Any = None, **options: Any) -> None:
        super().__init__(seed, **options)
        torch.rand(1)


@pytest.mark.parametrize(
    ("faulty", "noticed"),
    [
        (Forgetful, "seed 0 twice: the same, bit for bit"),
        (Stuck, "seed 1: something else"),
        (Leaking, "the global states of torch, NumPy and Python: not touched"),
    ],
)
def test_a_faulty_generator_is_noticed(
    faulty: type[Generator], noticed: str, example: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generators(seed: int, n: int) -> list[Generator]:
        return [faulty(seed, stream=k) for k in range(n)]

    monkeypatch.setattr(reprorng, "Generator", faulty)
    monkeypatch.setattr(reprorng, "generators", generators)
    monkeypatch.setattr(reprorng, "manual_seed", faulty)
    with torch.random.fork_rng(devices=[]):
        assert claims(example)[noticed] is False


def test_a_generator_that_starts_anew_for_each_pipeline_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = load("several_pipelines", monkeypatch)
    variation = example.variation
    monkeypatch.setattr(example, "variation", lambda image, g: variation(image, g.at(0)))
    assert not example.claims()["the second pipeline does not start anew"]


def test_a_batch_that_shares_one_stream_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("improve_one_image", monkeypatch)
    monkeypatch.setattr(reprorng, "generators", lambda seed, n: [Generator(seed)] * n)
    assert not example.claims()["its noise alone is that in the batch"]


def test_settings_that_are_not_set_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    example = load("deterministic", monkeypatch)
    monkeypatch.setattr(reprorng, "deterministic", contextlib.nullcontext)
    assert not example.claims()["inside, torch takes deterministic algorithms"]


def test_settings_that_stay_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def stays() -> Iterator[None]:
        monkeypatch.setattr(torch.backends.cudnn, "benchmark", not torch.backends.cudnn.benchmark)
        yield

    example = load("deterministic", monkeypatch)
    monkeypatch.setattr(reprorng, "deterministic", stays)
    assert not example.claims()["after, all is as before"]


def test_an_example_runs_as_a_program_from_anywhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, GUIDE / "cpu_generator.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert [line[:4] for line in done.stdout.splitlines()] == ["yes "] * 4


def test_a_claim_that_does_not_hold_fails_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show = load("verdict", monkeypatch).show
    show({"this": True})
    with pytest.raises(SystemExit) as stopped:
        show({"this": True, "that": False})
    assert stopped.value.code == 1
    assert capsys.readouterr().out == "yes this\nyes this\nNO  that\n"


# On the target device


class Made(TorchDispatchMode):
    """The operations that made a tensor of one shape, and the device it lay on."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.found: list[tuple[str, str]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.shape == self.shape:
            self.found.append((func.overloadpacket.__name__, result.device.type))
        return result


LATENTS = (1, 4, 8, 8)


def by_randn_tensor(generator: Any, device: torch.device) -> None:
    randn_tensor(LATENTS, generator=generator, device=device)


def by_stable_diffusion(generator: Any, device: torch.device) -> None:
    pipeline = StableDiffusionPipeline(**stable_diffusion.components())
    pipeline.prepare_latents(1, 4, 16, 16, torch.float32, device, generator)


def by_flux(generator: Any, device: torch.device) -> None:
    pipeline = FluxPipeline(**flux.components())
    pipeline.prepare_latents(1, 4, 16, 16, torch.float32, device, generator)


def by_a_step(generator: Any, device: torch.device) -> None:
    scheduler = DDPMScheduler()
    sample = torch.empty(LATENTS, device=device)
    scheduler.step(sample, 500, sample, generator=generator)


@pytest.mark.parametrize("draw", [by_randn_tensor, by_stable_diffusion, by_flux, by_a_step])
def test_noise_is_drawn_on_the_device_it_is_wanted_on(
    draw: Callable[[Any, torch.device], None],
) -> None:
    meta = torch.device("meta")
    with Made(LATENTS) as ours:
        draw(Generator(0), meta)
    assert {device for _, device in ours.found} == {"meta"}
    assert "_to_copy" not in {name for name, _ in ours.found}
    # A generator of torch is bound to the CPU, and its noise is copied from there.
    with Made(LATENTS) as torchs:
        draw(torch.Generator().manual_seed(0), meta)
    assert ("randn", "cpu") in torchs.found
    assert ("_to_copy", "meta") in torchs.found


# Wherever a pipeline's weights are


def make_pipeline() -> StableDiffusionPipeline:
    pipeline = StableDiffusionPipeline(**stable_diffusion.components())
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def noise_of(pipeline: DiffusionPipeline, generator: Generator | None = None) -> list[torch.Tensor]:
    """What a run draws: the first latents, and noise at each of its steps."""
    with recorded() as drawn:
        pipeline("a cat", num_inference_steps=3, eta=1.0, generator=generator or Generator(7))
    assert len(drawn[0]) == 4
    return drawn[0]


def assert_same_noise(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    for noise, wanted in zip(found, expected, strict=True):
        assert_same_bytes(noise.cpu(), wanted)


def whole_models_offloaded(_: Path) -> DiffusionPipeline:
    pipeline = make_pipeline()
    pipeline.enable_model_cpu_offload(device="cpu")
    return pipeline


def layers_offloaded(_: Path) -> DiffusionPipeline:
    pipeline = make_pipeline()
    for model in (pipeline.unet, pipeline.vae):
        accelerate.cpu_offload(model, execution_device=CPU)
        assert all(weight.is_meta for weight in model.parameters())
    return pipeline


def layers_offloaded_in_groups(_: Path) -> DiffusionPipeline:
    pipeline = make_pipeline()
    pipeline.unet.enable_group_offload(CPU, CPU, offload_type="leaf_level")
    return pipeline


def layers_offloaded_to_disk(folder: Path) -> DiffusionPipeline:
    pipeline = make_pipeline()
    accelerate.disk_offload(pipeline.unet, str(folder), execution_device=CPU)
    assert all(weight.is_meta for weight in pipeline.unet.parameters())
    return pipeline


def mapped(device_map: str, folder: Path) -> DiffusionPipeline:
    make_pipeline().save_pretrained(folder)
    pipeline = StableDiffusionPipeline.from_pretrained(folder, device_map=device_map)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def mapped_to_the_cpu(folder: Path) -> DiffusionPipeline:
    return mapped("cpu", folder)


def mapped_by_size(folder: Path) -> DiffusionPipeline:
    return mapped("balanced", folder)


def moved(_: Path) -> DiffusionPipeline:
    return make_pipeline().to(torch.float64).to("cpu").to(torch.float32)


def moved_to_a_gpu(_: Path) -> DiffusionPipeline:
    return make_pipeline().to("cuda")


def moved_to_a_gpu_and_back(_: Path) -> DiffusionPipeline:
    return make_pipeline().to("cuda").to("cpu")


def whole_models_offloaded_from_a_gpu(_: Path) -> DiffusionPipeline:
    pipeline = make_pipeline()
    pipeline.enable_model_cpu_offload()
    return pipeline


def layers_offloaded_from_a_gpu(_: Path) -> DiffusionPipeline:
    pipeline = make_pipeline()
    pipeline.enable_sequential_cpu_offload()
    return pipeline


def mapped_to_a_gpu(folder: Path) -> DiffusionPipeline:
    return mapped("cuda", folder)


@pytest.mark.parametrize(
    "place",
    [
        whole_models_offloaded,
        layers_offloaded,
        layers_offloaded_in_groups,
        layers_offloaded_to_disk,
        mapped_to_the_cpu,
        mapped_by_size,
        moved,
        pytest.param(moved_to_a_gpu, marks=gpu),
        pytest.param(moved_to_a_gpu_and_back, marks=gpu),
        pytest.param(whole_models_offloaded_from_a_gpu, marks=gpu),
        pytest.param(layers_offloaded_from_a_gpu, marks=gpu),
        pytest.param(mapped_to_a_gpu, marks=gpu),
    ],
)
def test_where_the_weights_are_does_not_change_the_noise(
    place: Callable[[Path], DiffusionPipeline], tmp_path: Path
) -> None:
    expected = noise_of(make_pipeline())
    assert_same_noise(noise_of(place(tmp_path)), expected)


def test_moving_a_pipeline_between_two_runs_does_not_change_the_noise() -> None:
    still, stays = make_pipeline(), Generator(7)
    expected = [noise_of(still, stays), noise_of(still, stays)]
    moves, generator = make_pipeline(), Generator(7)
    first = noise_of(moves, generator)
    moves.to(torch.float64).to("cpu").to(torch.float32).enable_model_cpu_offload(device="cpu")
    for found, wanted in zip([first, noise_of(moves, generator)], expected, strict=True):
        assert_same_noise(found, wanted)
    assert generator == stays
    assert not torch.equal(expected[0][0], expected[1][0])


def test_a_pipeline_of_another_precision_has_the_noise_rounded() -> None:
    expected = noise_of(make_pipeline())
    found = noise_of(make_pipeline().to(torch.bfloat16))
    assert_same_noise(found, [noise.to(torch.bfloat16) for noise in expected])
