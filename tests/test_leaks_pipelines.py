# SPDX-License-Identifier: Apache-2.0
"""No pipeline of diffusers draws from elsewhere than the generator it is given.

Those that do are known by name; for them there is `reprorng.ambient`.
"""

from __future__ import annotations

import json
from pathlib import Path

import diffusers
import pytest
import torch
from leak_pipelines import FAILING, KNOWN_LEAKS, all_pipelines, left_out, run

import reprorng
from examples.tiny.families import RECIPES
from examples.tiny.family import Absent, part

LIST = Path(__file__).parent.parent / "docs" / "coverage.json"
LISTED = json.loads(LIST.read_text())
SAME_VERSION = LISTED["diffusers"] == diffusers.__version__

# Transformers and diffusers warn of what they will do one day, and of tiny configurations.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(autouse=True)
def quick(keep_threads: None) -> None:
    """Tiny tensors are faster on one thread, and progress is nothing to look at here."""
    torch.set_num_threads(1)
    diffusers.utils.logging.disable_progress_bar()


def seen_of(name: str, seed: int, global_seed: int, *, ambient: bool = False):
    try:
        return run(name, seed, global_seed, ambient=ambient)
    except Absent as reason:
        if SAME_VERSION:
            raise
        pytest.skip(str(reason))


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - KNOWN_LEAKS.keys()))
def test_every_draw_of_a_pipeline_is_ours(name: str) -> None:
    seen = seen_of(name, 1, 1)
    assert not seen.leaks
    assert seen.ours > 0
    # Whoever looked at a global generator would see another one here.
    assert seen_of(name, 1, 2) == seen
    assert seen_of(name, 2, 1).digest != seen.digest
    if SAME_VERSION:
        assert {"draws": seen.ours, "words": seen.words} == LISTED["pipelines"][name]


@pytest.mark.parametrize("name", sorted(KNOWN_LEAKS))
def test_what_leaks_is_known_to(name: str) -> None:
    # Once it leaks no more it belongs to the others.
    assert seen_of(name, 1, 1).leaks


@pytest.mark.parametrize("name", sorted(KNOWN_LEAKS))
def test_ambient_reaches_the_draws_that_name_no_generator(name: str) -> None:
    seen = seen_of(name, 1, 1, ambient=True)
    assert not seen.moved
    assert seen_of(name, 1, 2, ambient=True).digest == seen.digest
    assert seen_of(name, 2, 1, ambient=True).digest != seen.digest


@pytest.mark.skipif(not SAME_VERSION, reason=f"the list is of diffusers {LISTED['diffusers']}")
def test_every_pipeline_is_listed_with_its_draws_or_the_reason_why_not() -> None:
    assert LISTED["pipelines"].keys() == set(all_pipelines())
    for name, entry in LISTED["pipelines"].items():
        if name in RECIPES:
            assert entry["draws"] > 0
        else:
            assert entry == {"left_out": left_out(name)}
    assert not FAILING.keys() & RECIPES.keys()


def test_at_least_sixty_pipelines_are_run() -> None:
    assert len(RECIPES) >= 60


def test_a_weight_that_no_constructor_sets_is_the_same_each_time() -> None:
    class Careless(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unset = torch.nn.Parameter(torch.empty(8))
            self.unset_before_us = self.unset.isnan().all()
            self.zero = torch.nn.Parameter(torch.zeros(8))

    first, second = (part(Careless)() for _ in range(2))
    assert first.unset_before_us
    assert first.unset.isfinite().all()
    assert torch.equal(first.unset, second.unset)
    assert torch.equal(first.zero, second.zero)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_leak_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    randn = reprorng.Generator.randn

    def leaky(self: reprorng.Generator, *size: object, **options: object) -> torch.Tensor:
        return randn(self, *size, **options) + torch.randn(())

    monkeypatch.setattr(reprorng.Generator, "randn", leaky)
    seen = run("DDIMPipeline", 1, 1)
    assert seen.moved == ("torch",)
    assert run("DDIMPipeline", 1, 2).digest != seen.digest
