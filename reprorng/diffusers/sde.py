# SPDX-License-Identifier: Apache-2.0
"""The schedulers that solve a stochastic differential equation, on a Brownian motion of ours.

They take theirs from torchsde, which draws other numbers on each device, and one of them takes no
generator. With one of ours their steps find another noise sampler where they would have put theirs;
nothing else about them changes.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, Final

import torch

from reprorng import modes
from reprorng.brownian import BrownianTree, as_scalar, compute_dtype, run_at_once
from reprorng.generator import Generator
from reprorng.graphs import CapturableGenerator
from reprorng.state import as_seed

SCHEDULERS: Final = ("CosineDPMSolverMultistepScheduler", "DPMSolverSDEScheduler")
"""The classes that are adapted, each in the module that defines it."""

_Ours = Generator | CapturableGenerator
_SIGNIFICANT_BITS: Final = 12


@dataclass(frozen=True)
class NoiseSampler:
    """Noise for the step from one sigma to another: an increment of W(sigma), scaled to variance 1.

    Sigmas are rounded to 12 bits of their own, and the motion is that on [0, 2^k], whatever the
    schedule. For sigmas come from torch's and NumPy's logarithms and exponentials, whose last bits
    differ between processors: as they are, noise would differ with them. So a seed has the same
    motion for any number of steps, too. Steps too small for 12 bits take the sigmas as they are.

    Attributes:
        seeds: That of the motion, or one for each image of the batch.
        end: A power of two above all sigmas.
        size: The shape of the noise.
        dtype: Its dtype.
        device: Where it is made.
    """

    seeds: Sequence[int]
    end: float
    size: torch.Size = field(default_factory=torch.Size)
    dtype: torch.dtype = torch.float32
    device: torch.device | None = None

    def like(self, sample: torch.Tensor) -> NoiseSampler:
        """The sampler of the same motions whose noise goes with `sample`."""
        return replace(self, size=sample.shape, dtype=sample.dtype, device=sample.device)

    def __call__(self, sigma: float, sigma_next: float) -> torch.Tensor:
        """The noise for a step."""
        if torch.compiler.is_compiling():
            return run_at_once(self.__call__, sigma, sigma_next)
        first, last = _rounded(float(sigma)), _rounded(float(sigma_next))
        if first == last:
            first, last = float(sigma), float(sigma_next)
        dtype = compute_dtype(self.dtype)
        size = self.size if len(self.seeds) == 1 else self.size[1:]
        trees = [
            BrownianTree(seed, size, 0.0, self.end, dtype=dtype, device=self.device)
            for seed in self.seeds
        ]
        increments = [tree(first, last) for tree in trees]
        noise = increments[0] if len(trees) == 1 else torch.stack(increments)
        length = abs(last - first)
        scale = as_scalar(1 / math.sqrt(length) if length else 0.0, dtype)
        return noise.mul_(scale).to(self.dtype)


def adapt(module: ModuleType) -> None:
    """Have the scheduler that a module defines take its noise from a generator of ours.

    Raises:
        AttributeError: the module defines none of `SCHEDULERS`, or it has no `step`.
    """
    names = [name for name in SCHEDULERS if name in vars(module)]
    if not names:
        raise AttributeError(f"it has none of {', '.join(SCHEDULERS)}")
    for name in names:
        scheduler = getattr(module, name)
        if not getattr(scheduler.step, "is_seam", False):
            scheduler.step = _seam(scheduler.step)


def _seam(original: Callable[..., Any]) -> Callable[..., Any]:
    """A `step` that takes a generator, and noise from it if it is one of ours."""
    parameters = dict(inspect.signature(original).parameters)
    takes_generator = "generator" in parameters
    if not takes_generator:
        keyword = inspect.Parameter("generator", inspect.Parameter.KEYWORD_ONLY, default=None)
        parameters["generator"] = keyword
    signature = inspect.Signature(list(parameters.values()))
    asks_sampler = "noise_sampler" in inspect.unwrap(original).__code__.co_names

    @functools.wraps(original)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        generators = _ours(bound.arguments.get("generator"))
        if not takes_generator:
            bound.arguments.pop("generator", None)
        before = getattr(self, "noise_sampler", None)
        if not (isinstance(before, NoiseSampler) or (generators and before is None)):
            return original(*bound.args, **bound.kwargs)
        if not (asks_sampler and "sample" in bound.arguments):
            raise NotImplementedError(
                f"reprorng does not know the step of this {type(self).__name__}, which would take "
                "its noise from elsewhere: a newer reprorng may"
            )
        with _noise(self, before, generators, bound.arguments["sample"]):
            return original(*bound.args, **bound.kwargs)

    vars(step).update(__signature__=signature, is_seam=True)
    return step


def _ours(generator: Any) -> list[_Ours]:
    """The generators of ours that a step was given, or that of `ambient` if it was given none.

    Raises:
        TypeError: some of them are ours and some are not.
    """
    if generator is None:
        generator = modes.current()
    given = list(generator) if isinstance(generator, (list, tuple)) else [generator]
    ours = [one for one in given if isinstance(one, _Ours)]
    if ours and len(ours) < len(given):
        kinds = [
            f"[{k}] a {type(g).__module__}.{type(g).__qualname__}" for k, g in enumerate(given)
        ]
        raise TypeError(
            "generators must all be of reprorng or none of them, but they are: " + ", ".join(kinds)
        )
    return ours


@contextmanager
def _noise(
    scheduler: Any, before: NoiseSampler | None, generators: list[_Ours], sample: torch.Tensor
) -> Iterator[None]:
    """Have a scheduler find our noise sampler, and all as it was if the block raises.

    Raises:
        ValueError: the batch has another number of images than there are seeds or generators.
    """
    drawn: list[tuple[_Ours, int]] = []
    try:
        sampler = before
        if sampler is None:
            end = 2.0 ** math.frexp(float(scheduler.sigmas.max()))[1]
            sampler = NoiseSampler(_seeds(scheduler, generators, sample, drawn), end)
        scheduler.noise_sampler = sampler.like(sample)
        yield
    except BaseException:
        scheduler.noise_sampler = before
        for generator, position in reversed(drawn):
            generator.position = position
        raise


def _seeds(
    scheduler: Any, generators: list[_Ours], sample: torch.Tensor, drawn: list[tuple[_Ours, int]]
) -> list[int]:
    """The seeds that are configured, or one drawn from each generator, which `drawn` then lists."""
    configured = getattr(scheduler, "noise_sampler_seed", None)
    given = generators if configured is None else configured
    many = list(given) if isinstance(given, (list, tuple)) else [given]
    if len(many) not in {1, len(sample)}:
        what = "generators" if configured is None else "seeds"
        raise ValueError(f"{len(many)} {what} do not go with a batch of {len(sample)} images")
    if configured is not None:
        return [as_seed(seed) for seed in many]
    seeds = []
    for generator in generators:
        drawn.append((generator, generator.position))
        seeds.append(int(generator.bits((), dtype=torch.uint64, device="cpu").item()))
    return seeds


def _rounded(sigma: float) -> float:
    """The nearest number of 12 significant bits."""
    fraction, exponent = math.frexp(sigma)
    return math.ldexp(round(math.ldexp(fraction, _SIGNIFICANT_BITS)), exponent - _SIGNIFICANT_BITS)
