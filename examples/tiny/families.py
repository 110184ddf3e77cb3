# SPDX-License-Identifier: Apache-2.0
"""All families of tiny pipelines together."""

from __future__ import annotations

from examples.tiny import (
    families_animation,
    families_cascaded,
    families_flux,
    families_image_transformers,
    families_stable_diffusion,
    families_stable_diffusion_3,
    families_stable_diffusion_xl,
    families_unconditional,
    families_video_transformers,
    families_wan,
)
from examples.tiny.family import Recipe, Table

FAMILIES: list[tuple[Table, dict[str, Table]]] = [
    *families_cascaded.FAMILIES,
    *families_image_transformers.FAMILIES,
    *families_video_transformers.FAMILIES,
    *(
        (family.SHARED, family.PIPELINES)
        for family in (
            families_animation,
            families_flux,
            families_stable_diffusion,
            families_stable_diffusion_3,
            families_stable_diffusion_xl,
            families_unconditional,
            families_wan,
        )
    ),
]

RECIPES = {
    name: Recipe(name, shared, own) for shared, family in FAMILIES for name, own in family.items()
}
"""By the name of the pipeline."""
