# SPDX-License-Identifier: Apache-2.0
"""Save each image of a batch with the record of its noise, and make that noise again from the file.

The model is the one of handwritten digits in `digits`. With `eta=1` the scheduler draws noise at
every step, and all of it is in the record.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusers import DDIMPipeline
from PIL import ImageChops

import reprorng
from reprorng.cli import main as command
from reprorng.record import read


def main(arguments: list[str] | None = None) -> int:
    """Save the images and inspect them; the exit status is that of `inspect`."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="of all images; each has its stream")
    parser.add_argument("--images", type=int, default=4, help="how many")
    parser.add_argument("--steps", type=int, default=50, help="of the scheduler")
    parser.add_argument("--out", type=Path, default=here.parent / "build" / "provenance")
    args = parser.parse_args(arguments)

    pipeline = DDIMPipeline.from_pretrained(here / "digits")
    pipeline.set_progress_bar_config(desc="sampling digits", disable=None)
    generators = reprorng.generators(args.seed, args.images)
    with reprorng.provenance(generators) as made:
        images = pipeline(
            batch_size=args.images, generator=generators, num_inference_steps=args.steps, eta=1.0
        ).images

    args.out.mkdir(parents=True, exist_ok=True)
    files = [args.out / f"digit-{index}.png" for index in range(args.images)]
    for record, image, file in zip(made, images, files, strict=True):
        record.save(image, file)

    # What a file carries is enough to draw the image again, alone.
    (record,) = read(files[-1])
    generator = record.generator()
    (alone,) = pipeline(generator=generator, num_inference_steps=args.steps, eta=1.0).images
    farthest = ImageChops.difference(alone, images[-1]).getextrema()[1]
    print(f"the last image, drawn alone from its file: no pixel is more than {farthest} of 255 off")
    return command(["inspect", *map(str, files)])


if __name__ == "__main__":
    raise SystemExit(main())
