# SPDX-License-Identifier: Apache-2.0
"""The modules of diffusers that a generator of ours does not reach by itself, and what they need.

For whoever passes none of ours they do what they did before.
"""

from __future__ import annotations

import sys
import warnings
from functools import partial
from types import ModuleType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import torch

from reprorng.diffusers import sde
from reprorng.diffusers.hook import Adapt, PostImportHook
from reprorng.draws import Draws


def install() -> None:
    """Have diffusers' modules adapted when they are imported, and those that are already."""
    HOOK.install()


def accept_our_type(module: ModuleType) -> None:
    """Have `isinstance` say in a module that a generator of ours is a `torch.Generator`."""
    vars(module)["isinstance"] = _isinstance


def _isinstance(value: object, classes: Any) -> bool:
    """Whether `value` is of one of the classes, ours being of torch's class as well."""
    return isinstance(value, classes) or (isinstance(value, Draws) and _ask_for_torchs(classes))


def _ask_for_torchs(classes: Any) -> bool:
    if isinstance(classes, tuple):
        return any(map(_ask_for_torchs, classes))
    if get_origin(classes) in (Union, UnionType):
        return _ask_for_torchs(get_args(classes))
    return classes is torch.Generator


def _or_warn(adapt: Adapt, module: ModuleType) -> None:
    """Adapt a module; one that we do not know works as it would without us, after a warning.

    Warns:
        RuntimeWarning: it is not what `adapt` expects.
    """
    try:
        adapt(module)
    except Exception as error:
        version = getattr(sys.modules.get("diffusers"), "__version__", "of an unknown version")
        warnings.warn(
            f"reprorng does not know {module.__name__} of diffusers {version}: "
            f"{type(error).__name__}: {error}. A reprorng.Generator may be refused there, or noise "
            "come from elsewhere; a newer reprorng may help",
            RuntimeWarning,
            stacklevel=2,
        )


SEAMS: Final[dict[str, Adapt]] = {
    f"diffusers.{name}": partial(_or_warn, adapt)
    for name, adapt in {
        "models.autoencoders.autoencoder_rfd4_proteina": accept_our_type,
        "pipelines.marigold.pipeline_marigold_depth": accept_our_type,
        "pipelines.marigold.pipeline_marigold_intrinsics": accept_our_type,
        "pipelines.marigold.pipeline_marigold_normals": accept_our_type,
        "pipelines.rfd4_proteina.pipeline_rfd4_proteina": accept_our_type,
        "pipelines.visualcloze.pipeline_visualcloze_combined": accept_our_type,
        "pipelines.visualcloze.pipeline_visualcloze_generation": accept_our_type,
        "schedulers.scheduling_cosine_dpmsolver_multistep": sde.adapt,
        "schedulers.scheduling_dpmsolver_sde": sde.adapt,
        "schedulers.scheduling_rfd4_proteina": accept_our_type,
    }.items()
}
"""By the name of a module, who adapts it."""

HOOK: Final = PostImportHook(SEAMS)
