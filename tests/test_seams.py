# SPDX-License-Identifier: Apache-2.0
"""The seams in diffusers: which modules have one, when they get it, and what it lets through."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Optional, Union

import pytest
import torch
from checks import assert_same_bytes

import reprorng
from reprorng.diffusers import install, seams
from reprorng.diffusers.hook import PostImportHook

ROOT = Path(__file__).parent.parent
DIFFUSERS = Path(importlib.util.find_spec("diffusers").origin).parent


def seams_by(adapt: Callable[[ModuleType], None]) -> set[str]:
    """The modules of the installed diffusers that `adapt` adapts."""
    names = {name for name, seam in seams.SEAMS.items() if seam.args == (adapt,)}
    return {
        name for name in names if (DIFFUSERS.parent / (name.replace(".", "/") + ".py")).exists()
    }


# The hook


class _Hooked:
    """A hook on one module that is written to a file, and what it has been called with."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.file = folder / f"{name}.py"
        self.file.write_text("value = 1\n")
        self.called: list[ModuleType] = []
        self.hook = PostImportHook({name: self.called.append})

    def load(self) -> ModuleType:
        return importlib.import_module(self.name)


@pytest.fixture
def hooked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[_Hooked]:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = _Hooked(tmp_path, "hooked_" + re.sub(r"\W", "_", request.node.name))
    yield made
    made.hook.remove()
    sys.modules.pop(made.name, None)


def test_the_function_gets_a_module_that_has_been_executed(hooked: _Hooked) -> None:
    hooked.hook.install()
    assert hooked.called == []
    module = hooked.load()
    assert hooked.called == [module]
    assert module.value == 1


def test_a_module_that_is_there_already_is_not_forgotten(hooked: _Hooked) -> None:
    module = hooked.load()
    hooked.hook.install()
    assert hooked.called == [module]


def test_a_module_that_is_reloaded_comes_again(hooked: _Hooked) -> None:
    hooked.hook.install()
    module = hooked.load()
    hooked.file.write_text("value = 22\n")
    assert importlib.reload(module) is module
    assert module.value == 22
    assert hooked.called == [module, module]


def test_installed_twice_it_calls_once(hooked: _Hooked) -> None:
    hooked.hook.install()
    hooked.hook.install()
    assert sys.meta_path.count(hooked.hook) == 1
    hooked.load()
    assert len(hooked.called) == 1


def test_removed_it_calls_no_more(hooked: _Hooked) -> None:
    before = sys.meta_path[:]
    hooked.hook.install()
    hooked.hook.remove()
    hooked.hook.remove()
    assert sys.meta_path == before
    hooked.load()
    assert hooked.called == []


def test_an_error_of_the_module_itself_goes_its_way(hooked: _Hooked) -> None:
    hooked.hook.install()
    hooked.file.write_text("raise KeyError('its own')\n")
    with pytest.raises(KeyError, match="its own"):
        hooked.load()
    assert hooked.called == []
    assert hooked.name not in sys.modules
    # It is mended, and imported again.
    hooked.file.write_text("value = 333\n")
    importlib.invalidate_caches()
    assert hooked.load().value == 333
    assert len(hooked.called) == 1


def test_a_module_that_is_not_there_is_not_found_as_ever(hooked: _Hooked) -> None:
    hooked.hook.install()
    hooked.file.unlink()
    importlib.invalidate_caches()
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{hooked.name}'"):
        hooked.load()


def test_everybody_sees_the_loader_they_would_have_seen(hooked: _Hooked) -> None:
    hooked.hook.install()
    spec = importlib.util.find_spec(hooked.name)
    assert spec is not None
    assert spec.loader.get_source(hooked.name) == "value = 1\n"
    assert hooked.called == []
    hooked.file.write_text("kind = type(__spec__.loader).__name__, type(__loader__).__name__\n")
    module = hooked.load()
    assert module.kind == ("SourceFileLoader", "SourceFileLoader")
    assert type(module.__loader__) is type(module.__spec__.loader) is SourceFileLoader
    assert inspect.getsource(module).startswith("kind")


def test_a_loader_of_the_old_kind_loads_too(
    hooked: _Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Old:
        def load_module(self, name: str) -> ModuleType:
            module = sys.modules[name] = ModuleType(name)
            module.value = 5
            return module

    class Finder:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
            return ModuleSpec(name, Old()) if name == hooked.name else None

    monkeypatch.setattr(sys, "meta_path", [object(), Finder, *sys.meta_path])
    hooked.hook.install()
    sys.meta_path.remove(next(one for one in sys.meta_path if type(one) is object))
    module = hooked.load()
    assert module.value == 5
    assert hooked.called == [module]


def test_another_finder_that_asks_all_of_them_meets_no_end(
    hooked: _Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrapper(Loader):
        def __init__(self, inner: Loader) -> None:
            self.inner = inner

        def exec_module(self, module: ModuleType) -> None:
            self.inner.exec_module(module)
            module.value += 1

    class Nosy:
        busy = False

        def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
            if name != hooked.name or self.busy:
                return None
            self.busy = True
            spec = importlib.util.find_spec(name)
            self.busy = False
            spec.loader = Wrapper(spec.loader)
            return spec

    for where in (0, 1):  # before our hook, and behind it
        monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])
        hooked.hook.install()
        sys.meta_path.insert(where, Nosy())
        assert hooked.load().value == 2
        assert len(hooked.called) == where + 1
        monkeypatch.undo()
        monkeypatch.syspath_prepend(str(hooked.file.parent))
        del sys.modules[hooked.name]


def test_a_module_that_another_thread_is_importing_is_waited_for(hooked: _Hooked) -> None:
    hooked.file.write_text(
        "import threading\nstarted, go = threading.Event(), threading.Event()\n"
        "started.set()\nassert go.wait(30)\nvalue = 1\n"
    )
    importer = threading.Thread(target=hooked.load)
    importer.start()
    while hooked.name not in sys.modules or not hasattr(sys.modules[hooked.name], "go"):
        assert importer.is_alive()
    module = sys.modules[hooked.name]
    threading.Timer(0.1, module.go.set).start()
    hooked.hook.install()
    assert hooked.called == [module]
    assert module.value == 1
    importer.join()


def test_threads_that_import_at_once_have_it_called_once(hooked: _Hooked) -> None:
    hooked.file.write_text("import time\ntime.sleep(0.05)\n")
    hooked.hook.install()
    threads = [threading.Thread(target=hooked.load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hooked.called) == 1


def test_other_modules_are_found_by_the_others(hooked: _Hooked) -> None:
    assert hooked.hook.find_spec("json.tool") is None
    assert PathFinder.find_spec(hooked.name) is not None


# When diffusers gets its seams

IS_ADAPTED = """
marigold = importlib.import_module("diffusers.pipelines.marigold.pipeline_marigold_depth")
sde = importlib.import_module("diffusers.schedulers.scheduling_dpmsolver_sde")
print("isinstance" in vars(marigold), sde.DPMSolverSDEScheduler.step.is_seam)
"""


@pytest.mark.parametrize("first", ["reprorng", "diffusers"])
def test_a_module_of_diffusers_is_adapted_whoever_comes_first(first: str) -> None:
    ours = """
before = set(sys.modules)
import reprorng
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(new & {"diffusers", "torchsde", "transformers", "accelerate"}))
"""
    theirs = """
import diffusers
from diffusers.pipelines.marigold import pipeline_marigold_depth
from diffusers.schedulers import scheduling_dpmsolver_sde
"""
    program = "import importlib, sys, warnings\nwarnings.simplefilter('ignore')\nimport torch\n"
    program += ours + theirs if first == "reprorng" else theirs + ours
    done = subprocess.run(
        [sys.executable, "-c", program + IS_ADAPTED],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    # Importing reprorng has imported none of them, and yet the modules are adapted.
    assert done.stdout.splitlines()[-2:] == ["", "True True"]


def test_importing_the_package_installs_one_hook() -> None:
    assert sys.meta_path.count(seams.HOOK) == 1
    install()
    assert sys.meta_path.count(seams.HOOK) == 1


def test_a_module_that_is_not_known_warns_and_is_left_as_it_is() -> None:
    name = "diffusers.schedulers.scheduling_dpmsolver_sde"
    module = ModuleType(name)
    before = dict(vars(module))
    importlib.import_module("diffusers")
    version = re.escape(sys.modules["diffusers"].__version__)
    with pytest.warns(RuntimeWarning, match=f"{name} of diffusers {version}: AttributeError"):
        seams.SEAMS[name](module)
    assert vars(module) == before


# Which modules need one


def mentions(tree: ast.AST, *names: str) -> bool:
    """Whether one of the names is used or imported in a part of a program."""
    for part in ast.walk(tree):
        used = [getattr(part, key, None) for key in ("id", "attr", "name", "module")]
        if any(str(name).split(".")[0] in names for name in used):
            return True
    return False


def asks_for_torchs_generator(tree: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Call)
        and getattr(part.func, "id", "") in {"isinstance", "issubclass"}
        and mentions(part.args[1], "Generator")
        for part in ast.walk(tree)
    )


def modules_where(text: str, asks: Callable[[ast.AST], bool]) -> set[str]:
    """The modules of diffusers that match a pattern and, looked at as programs, `asks`."""
    found = set()
    for file in DIFFUSERS.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        if re.search(text, source) and asks(ast.parse(source)):
            parts = file.relative_to(DIFFUSERS.parent).with_suffix("").parts
            found.add(".".join(parts))
    return found


def test_every_module_that_checks_for_torchs_generator_has_a_seam() -> None:
    # The pattern saves parsing 1000 files, and lets a check span lines.
    found = modules_where(
        r"(?s)is(instance|subclass)\(.{,200}?Generator", asks_for_torchs_generator
    )
    assert found == seams_by(seams.accept_our_type)
    assert found


def test_every_module_that_uses_torchsde_has_a_seam() -> None:
    def uses(tree: ast.AST) -> bool:
        return mentions(tree, "torchsde", "BrownianTreeNoiseSampler", "BatchedBrownianTree")

    found = modules_where("torchsde|Brownian", uses)
    assert found == seams_by(seams.sde.adapt)
    assert found


def test_the_census_sees_a_check_in_any_form() -> None:
    seen = [
        "isinstance(g, torch.Generator)",
        "isinstance(g, (list, torch.Generator))",
        "isinstance(g, Generator | None)",
        "issubclass(type(g), torch._C.Generator)",
    ]
    assert all(asks_for_torchs_generator(ast.parse(text)) for text in seen)
    unseen = ["isinstance(g, torch.Tensor)", "g: torch.Generator = isinstance(g, list)"]
    assert not any(asks_for_torchs_generator(ast.parse(text)) for text in unseen)


# What isinstance says in these modules

OURS = [reprorng.Generator(0), reprorng.CapturableGenerator(0, device="cpu")]
ASK = [
    torch.Generator,
    (torch.Generator,),
    (list, torch.Generator),
    (list, (str, (torch.Generator,))),
    torch.Generator | None,
    list | torch.Generator,
    Optional[torch.Generator],  # noqa: UP045  # typing's form is another object
    Union[list, torch.Generator],  # noqa: UP007
    (str, list | torch.Generator),
]
ASK_NOT = [list, (), (list, str), (list, (int,)), list | None, Optional[int], torch.Tensor, type]  # noqa: UP045


@pytest.fixture
def answer() -> Callable[[object, Any], bool]:
    """The `isinstance` of an adapted module."""
    module = ModuleType("adapted")
    seams.accept_our_type(module)
    return eval("isinstance", vars(module))


@pytest.mark.parametrize("ours", OURS, ids=["Generator", "CapturableGenerator"])
def test_ours_is_a_torch_generator_where_that_is_asked(answer: Callable, ours: object) -> None:
    assert all(answer(ours, classes) is True for classes in ASK)
    assert not any(answer(ours, classes) for classes in ASK_NOT)


def test_ours_is_what_it_is(answer: Callable) -> None:
    assert answer(OURS[0], reprorng.Generator)
    assert answer(OURS[0], object)
    assert not answer(OURS[1], reprorng.Generator)
    # `torch.Generator` is hashable and ours is not, though neither of them was asked for.
    assert answer(torch.Generator(), Hashable)
    assert not answer(OURS[0], Hashable)


def test_the_answer_for_anything_else_is_the_same(answer: Callable) -> None:
    values = [
        torch.Generator(),
        None,
        1,
        "a",
        [OURS[0]],
        [],
        torch.ones(1),
        int,
        reprorng.Generator,
    ]
    for value in values:
        for classes in [*ASK, *ASK_NOT]:
            assert answer(value, classes) is isinstance(value, classes)
    for wrong in (1, "torch.Generator", [torch.Generator], list[torch.Generator]):
        for value in (1, *OURS):
            with pytest.raises(TypeError) as error:
                answer(value, wrong)
            with pytest.raises(TypeError, match=re.escape(str(error.value))):
                isinstance(value, wrong)


# The checks of the real modules


def load(name: str) -> ModuleType:
    """A module of diffusers; skips where this diffusers does not have it."""
    if importlib.util.find_spec("diffusers." + name.rpartition(".")[0]) is None:
        pytest.skip(f"this diffusers has no {name}")
    return importlib.import_module("diffusers." + name)


def both(seed: int) -> list[Any]:
    """A generator of torch's and one of ours."""
    return [torch.Generator().manual_seed(seed), reprorng.Generator(seed)]


def assert_needs_seam(
    module: ModuleType, check: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail unless `check` takes torch's and ours, and without the seam torch's alone."""
    for generator in both(0):
        check(generator)
    with monkeypatch.context() as patch:
        patch.delitem(vars(module), "isinstance")
        check(torch.Generator())
        with pytest.raises((ValueError, TypeError, AttributeError)):
            check(reprorng.Generator(0))
    for wrong in (0, object()):
        with pytest.raises((ValueError, TypeError, AttributeError)):
            check(wrong)


@pytest.mark.parametrize("kind", ["depth", "intrinsics", "normals"])
def test_marigold_takes_ours(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(f"pipelines.marigold.pipeline_marigold_{kind}")
    pipeline = getattr(module, f"Marigold{kind.capitalize()}Pipeline")
    given = {
        "image": torch.zeros(1, 3, 16, 16),
        "num_inference_steps": 1,
        "ensemble_size": 1,
        "processing_resolution": 16,
        "resample_method_input": "bilinear",
        "resample_method_output": "bilinear",
        "batch_size": 1,
        "ensembling_kwargs": None,
        "latents": None,
        "output_type": "pt",
        "output_uncertainty": False,
    }
    vae = SimpleNamespace(config=SimpleNamespace(block_out_channels=[1, 1], latent_channels=4))
    stand_in = SimpleNamespace(vae=vae, vae_scale_factor=2)

    def check(generator: Any) -> None:
        assert pipeline.check_inputs(stand_in, **given, generator=generator) == 1

    assert_needs_seam(module, check, monkeypatch)
    check([reprorng.Generator(0)])


def test_visualcloze_takes_ours_for_the_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("pipelines.visualcloze.pipeline_visualcloze_generation")
    asked: list[Any] = []

    def prepare(image: Any, mask: Any, generator: Any, *_: Any) -> tuple[torch.Tensor, ...]:
        asked.append(generator)
        return torch.zeros(1, 3), torch.zeros(1, 3), torch.zeros(1, 3), torch.zeros(1, 3)

    stand_in = SimpleNamespace(
        _prepare_latents=prepare,
        scheduler=SimpleNamespace(scale_noise=lambda latents, timestep, noise: noise),
    )

    def check(generator: Any) -> Any:
        return module.VisualClozeGenerationPipeline.prepare_latents(
            stand_in, [0], [0], None, 1, torch.float32, torch.device("cpu"), generator, 8
        )

    assert_needs_seam(module, check, monkeypatch)
    generator = reprorng.Generator(3)
    assert_same_bytes(check(generator)[0], reprorng.randn(1, 3, seed=3))
    assert asked[-1] is generator


def test_visualcloze_passes_ours_on_to_the_upsampling(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    module = load("pipelines.visualcloze.pipeline_visualcloze_combined")
    image = Image.new("RGB", (8, 8))
    passed: list[Any] = []

    def upsample(**given: Any) -> Any:
        passed.append(given["generator"])
        return SimpleNamespace(images=[image, image])

    stand_in = SimpleNamespace(
        generation_pipe=lambda **_: SimpleNamespace(images=[[image, image]]),
        upsampling_pipe=upsample,
        maybe_free_model_hooks=lambda: None,
    )

    def check(generator: Any) -> None:
        module.VisualClozePipeline.__call__(stand_in, content_prompt="a", generator=generator)

    assert_needs_seam(module, check, monkeypatch)
    single, several = reprorng.Generator(0), [reprorng.Generator(1)]
    check(single)
    assert passed[-1] is single
    check(several)
    assert passed[-1] == several * 2


def test_rfd4_scheduler_takes_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("schedulers.scheduling_rfd4_proteina")
    generators = module.RFD4ProteinaScheduler._generators
    assert_needs_seam(module, lambda generator: generators(generator, 1), monkeypatch)
    ours, two = reprorng.Generator(0), reprorng.generators(0, 2)
    assert generators(ours, 1) == (ours,)
    assert generators(two, 2) == tuple(two)
    with pytest.raises(ValueError, match="per batch row"):
        generators(ours, 2)
    with pytest.raises(ValueError, match="distinct"):
        generators([ours, ours], 2)


def test_rfd4_scheduler_steps_with_ours() -> None:
    module = load("schedulers.scheduling_rfd4_proteina")

    def run(make: Callable[[], Any]) -> torch.Tensor:
        generator = make()
        scheduler = module.RFD4ProteinaScheduler("power", "tan", 1.0, 1.0, tail_steps=0)
        scheduler.set_timesteps(5)
        sample = torch.ones(2, 3, 3)
        emit = torch.ones(2, 3, dtype=torch.bool)
        for time in scheduler.timesteps:
            sample = scheduler.step(-sample, time, sample, emit, generator=generator).prev_sample
        return sample

    before = torch.get_rng_state()
    first = run(lambda: reprorng.generators(0, 2))
    assert_same_bytes(run(lambda: reprorng.generators(0, 2)), first)
    assert not torch.equal(run(lambda: reprorng.generators(1, 2)), first)
    assert_same_bytes(torch.get_rng_state(), before)


def test_rfd4_pipeline_takes_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("pipelines.rfd4_proteina.pipeline_rfd4_proteina")
    mask = torch.ones(1, 4, dtype=torch.bool)
    given = dict.fromkeys(
        inspect.signature(module.RFD4ProteinaPipeline.check_inputs).parameters
    ) | {
        "self": SimpleNamespace(_callback_tensor_inputs=[]),
        "padding_mask": mask,
        "is_in_context_conditioning": mask,
        "supports_local_latent": mask,
        "conditioning_features": {module.CONDITION_KEYS["sequence"]: 0, "molecule_iid": 0},
        "num_designs_per_prompt": 1,
        "partial_t": {},
        "inverse_folding": False,
        "latents": {},
        "callback_on_step_end_tensor_inputs": [],
        "output_type": "pt",
    }

    def check(generator: Any) -> None:
        module.RFD4ProteinaPipeline.check_inputs(**(given | {"generator": generator}))

    assert_needs_seam(module, check, monkeypatch)
    check([reprorng.Generator(0)])


def test_rfd4_autoencoder_takes_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("models.autoencoders.autoencoder_rfd4_proteina")
    stand_in = SimpleNamespace(
        dim_cond=1,
        transition_c_1=lambda values, mask: values,
        transition_c_2=lambda values, mask: values,
        transformer_layers=[],
        init_repr_factory=lambda features: torch.ones(1, 4, 2),
        latent_decoder_mean_n_log_scale=torch.nn.Sequential(
            torch.nn.Identity(), torch.nn.Linear(2, 6)
        ),
    )
    mask = torch.ones(1, 4, dtype=torch.bool)
    features = {
        "padding_mask": mask,
        "is_in_context_conditioning": ~mask,
        "supports_local_latent": mask,
        "compute_dtype": torch.float32,
    }

    def check(generator: Any) -> dict[str, torch.Tensor]:
        return module.RFD4ProteinaEncoder.forward(stand_in, features, generator=generator)

    assert_needs_seam(module, check, monkeypatch)
    made = check(reprorng.Generator(5))
    noise = reprorng.randn(1, 4, 3, seed=5)
    assert_same_bytes(made["latent"], made["mean"] + noise * made["log_scale"].exp())
