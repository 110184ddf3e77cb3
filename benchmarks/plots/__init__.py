# SPDX-License-Identifier: Apache-2.0
"""Pictures of the committed results, each for a light and a dark page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import matplotlib.style
from matplotlib.figure import Figure

from benchmarks.plots.growth import generators, growth
from benchmarks.plots.instructions import instructions
from benchmarks.plots.speed import calls, ratios, throughput
from benchmarks.plots.theme import DARK, LIGHT, Theme
from benchmarks.saved import ROOT, LeftOutError, Saved

IMAGES = ROOT / "docs" / "images"
THEMES = (LIGHT, DARK)

Draw: TypeAlias = Callable[[Figure, Theme, Saved], None]


@dataclass(frozen=True)
class Picture:
    """A picture: how it is drawn, how large in inches, and what it says to who cannot see it."""

    draw: Draw
    result: str
    size: tuple[float, float]
    text: str


PICTURES = {
    "throughput": Picture(
        throughput,
        "cpu",
        (8.6, 4.6),
        "Float32 normals a second against how many are drawn, for each library",
    ),
    "ratios": Picture(
        ratios,
        "cpu",
        (8.6, 4.2),
        "Speed over that of torch, for each type and each library",
    ),
    "growth": Picture(
        growth,
        "growth",
        (8.6, 5.6),
        "Time and memory against size, speed-up by threads, and the time of a slice at any offset",
    ),
    "calls": Picture(
        calls,
        "calls",
        (8.6, 3.8),
        "Time of one draw against its size, for each way to call it",
    ),
    "generators": Picture(
        generators,
        "growth",
        (8.6, 3.0),
        "Time of each generator of a list, against the length of the list",
    ),
    "instructions": Picture(
        instructions,
        "gpu-instructions",
        (8.6, 2.9),
        "Instructions a float32 normal on an NVIDIA GPU: our kernel, cuRAND and Triton's own",
    ),
}


def files(name: str, folder: Path = IMAGES) -> list[Path]:
    """The files of a picture, light and dark."""
    return [folder / f"{name}-{theme.name}.svg" for theme in THEMES]


def save(name: str, saved: Saved, folder: Path = IMAGES) -> str | None:
    """Write both files of a picture; why it is left out if it is, which removes them."""
    picture = PICTURES[name]
    try:
        for theme, file in zip(THEMES, files(name, folder), strict=True):
            with matplotlib.style.context(["default", theme.rc()]):
                figure = Figure(figsize=picture.size)
                picture.draw(figure, theme, saved)
                figure.savefig(file, metadata=_metadata(picture, saved))
    except LeftOutError as error:
        for file in files(name, folder):
            file.unlink(missing_ok=True)
        return str(error)
    return None


def is_fresh(name: str, saved: Saved, folder: Path = IMAGES) -> bool:
    """Whether both files of a picture were drawn from these results."""
    try:
        source = _source(PICTURES[name], saved)
    except LeftOutError:
        return False
    return all(file.exists() and source in file.read_text() for file in files(name, folder))


def _metadata(picture: Picture, saved: Saved) -> dict[str, str | None]:
    """What a file says of itself: no date and no version, which would change without a reason."""
    return {
        "Creator": "benchmarks.plots",
        "Date": None,
        "Source": _source(picture, saved),
        "Title": picture.text,
    }


def _source(picture: Picture, saved: Saved) -> str:
    return f"{picture.result}.json, SHA-256 {saved.digest(picture.result)}"
