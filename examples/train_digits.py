# SPDX-License-Identifier: Apache-2.0
"""Train a small diffusion model of handwritten digits, and save it as a pipeline of diffusers.

The data are the 8×8 scans that come with scikit-learn, so nothing is downloaded. The default 6000
steps take about ten minutes of one core, and the model has 0.7 million weights (2.8 MB).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMScheduler, UNet2DModel
from diffusers.optimization import get_cosine_schedule_with_warmup
from diffusers.training_utils import EMAModel
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict
from sklearn.svm import SVC
from torch.nn.functional import mse_loss
from tqdm import trange

import reprorng

BATCH = 96
LEARNING_RATE = 2e-3
KEPT = 0.6


def main() -> None:
    """Train from the command line's seed, and save."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6000, help="batches to train on")
    parser.add_argument("--out", type=Path, default=here / "digits", help="folder to save to")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and of all noise")
    parser.add_argument("--threads", type=int, default=1, help="for torch; sums vary with them")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)  # torch.nn draws its first weights from the global generator
    generator = reprorng.Generator(args.seed)

    model = make_model()
    # Predicting velocity lets the first, noisiest steps of the sampler say something of the
    # picture, where predicted noise would have to be divided by almost nothing.
    scheduler = DDPMScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
    )
    train(model, scheduler, legible_digits(), args.steps, generator)
    sampler = DDIMScheduler.from_config(scheduler.config)
    DDIMPipeline(model, sampler).save_pretrained(args.out, safe_serialization=True)


def legible_digits() -> torch.Tensor:
    """The scans of each digit that are easiest to tell from the others, in [-1, 1].

    Many scans puzzle people too, and the model would draw such digits as faithfully as the clear
    ones. How clear a scan is, a classifier says that has not seen it.
    """
    pixels, labels = load_digits(return_X_y=True)
    scores = cross_val_predict(SVC(), pixels, labels, method="decision_function")
    clearness = scores[np.arange(len(labels)), labels]
    kept = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        own = labels == label
        kept |= own & (clearness >= np.quantile(clearness[own], 1 - KEPT))
    images = torch.tensor(pixels[kept], dtype=torch.float32)
    return images.reshape(-1, 1, 8, 8) / 8 - 1


def make_model() -> UNet2DModel:
    """A U-Net of two levels, 8×8 and 4×4, with attention at the lower one."""
    return UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=16,
        norm_num_groups=8,
    )


def train(
    model: UNet2DModel,
    scheduler: DDPMScheduler,
    images: torch.Tensor,
    steps: int,
    generator: reprorng.Generator,
) -> None:
    """Teach the model to denoise the images; it ends with the moving average of its weights."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0)
    schedule = get_cosine_schedule_with_warmup(optimizer, steps // 30, steps)
    average = EMAModel(model.parameters(), decay=0.999)
    batches = shuffled_batches(images, generator)
    levels = scheduler.config.num_train_timesteps
    smooth_loss = 1.0
    progress = trange(steps, desc="training", unit="step")
    for _ in progress:
        clean = next(batches)
        noise = torch.randn(clean.shape, generator=generator)
        times = torch.randint(0, levels, (len(clean),), generator=generator)
        noisy = scheduler.add_noise(clean, noise, times)
        velocity = scheduler.get_velocity(clean, noise, times)

        loss = mse_loss(model(noisy, times).sample, velocity)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.step(model.parameters())

        smooth_loss += 0.01 * (loss.item() - smooth_loss)
        progress.set_postfix(loss=f"{smooth_loss:.3f}", refresh=False)
    average.copy_to(model.parameters())


def shuffled_batches(images: torch.Tensor, generator: reprorng.Generator) -> Iterator[torch.Tensor]:
    """Batches without end, each pass over the images in a new order."""
    while True:
        order = torch.randperm(len(images), generator=generator)
        for chosen in order.split(BATCH):
            yield images[chosen]


if __name__ == "__main__":
    main()
