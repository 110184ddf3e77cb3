# SPDX-License-Identifier: Apache-2.0
"""Puts results into documents, so that nobody copies a number by hand.

A document says where: whatever stands between `<!-- speed table: begin -->` and
`<!-- speed table: end -->` is written from the results. What a name stands for is in `BLOCKS`;
`throughput picture` and the like are pictures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

from benchmarks.pages import compat, counts, gpu, growth, speed, upstream
from benchmarks.plots import IMAGES, PICTURES, files
from benchmarks.saved import ROOT, LeftOutError, Saved

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

Block: TypeAlias = Callable[[Saved], str]

BLOCKS: dict[str, Block] = {
    "machine list": speed.machine,
    "speed table": speed.typical,
    "sizes table": speed.sizes,
    "ratios table": speed.ratios,
    "types table": speed.types,
    "traffic table": speed.traffic,
    "fresh table": speed.fresh,
    "mapped table": speed.mapped,
    "parallel table": speed.parallel,
    "GPU table": speed.gpu,
    "targets table": speed.targets,
    "elsewhere tables": speed.elsewhere,
    "left out list": speed.left_out,
    "calls table": speed.calls,
    "instructions table": speed.instructions,
    "GPU costs table": gpu.costs,
    "GPU costs line": gpu.in_short,
    "size table": growth.size,
    "threads table": growth.threads,
    "offset table": growth.offset,
    "generators table": growth.generators,
    "pauses table": growth.pauses,
    "pipeline table": growth.pipeline,
    "counted line": counts.made_by,
    "kinds table": counts.kinds,
    "passes table": counts.passes,
    "bounds table": counts.bounds,
    "models table": counts.models,
    "cycles table": counts.cycles,
    "compat list": compat.made_by,
    "compat table": compat.versions,
    "checks table": compat.checks,
    "upstream list": upstream.made_by,
    "upstream table": upstream.outcomes,
    "reached table": upstream.reached,
    "changed table": upstream.changed,
}

_MARK = re.compile(r"<!-- [\w ]+: (?:begin|end) -->")
_MARKED = re.compile(r"<!-- (?P<name>[\w ]+): begin -->.*?<!-- (?P=name): end -->", re.DOTALL)


def render(text: str, blocks: Mapping[str, Block], saved: Saved) -> str:
    """A document with everything between marks written anew.

    Args:
        text: The document as it is.
        blocks: What writes each block, by the name in its marks.
        saved: The results.

    Raises:
        ValueError: a mark has no partner, or a name that is not in `blocks`.
    """
    if len(_MARK.findall(text)) != 2 * len(_MARKED.findall(text)):
        raise ValueError("a begin or end mark has no partner of its name")

    def write(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in blocks:
            raise ValueError(f"there is no block {name!r}; there are {', '.join(blocks)}")
        try:
            written = blocks[name](saved)
        except LeftOutError as error:
            written = f"*Not shown: {error}.*"
        return f"<!-- {name}: begin -->\n\n{written}\n\n<!-- {name}: end -->"

    return _MARKED.sub(write, text)


def blocks_of(page: Path, images: Path = IMAGES) -> dict[str, Block]:
    """The blocks a page can have, its pictures linked from where it lies."""
    return BLOCKS | {f"{name} picture": partial(_picture, name, page, images) for name in PICTURES}


def _picture(name: str, page: Path, images: Path, saved: Saved) -> str:
    """A picture in both versions, of which the reader's browser takes one."""
    saved.read(PICTURES[name].result)
    light, dark = files(name, images)
    if not (light.exists() and dark.exists()):
        raise LeftOutError(f"the picture {name} is not drawn")
    light_link, dark_link = (
        Path(os.path.relpath(file, page.parent)).as_posix() for file in (light, dark)
    )
    return "\n".join(
        (
            "<picture>",
            f'  <source media="(prefers-color-scheme: dark)" srcset="{dark_link}">',
            f'  <img alt="{PICTURES[name].text}" src="{light_link}">',
            "</picture>",
        )
    )
