# SPDX-License-Identifier: Apache-2.0
"""A GPU generator. Ours is the same one as on the CPU: noise is made where a pipeline wants it.

So it needs no device. One that is given decides no number, but diffusers takes it at its word: a
generator of the device "cuda" is refused by a pipeline on the CPU, hence `DEVICE` here.
Without a GPU the pipeline runs on the CPU, and all that can be shown of another device is that a
draw goes there: to torch's `meta` device, which holds no numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMPipeline
from diffusers.utils.torch_utils import randn_tensor
from verdict import Claims, repeats, same, show

import reprorng

DIGITS = Path(__file__).parents[1] / "digits"
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def sample(generator: reprorng.Generator) -> np.ndarray:
    """A digit, made on the GPU if there is one."""
    pipeline = DDIMPipeline.from_pretrained(DIGITS).to(DEVICE)
    return pipeline(num_inference_steps=2, generator=generator, output_type="np").images


def run(seed: int) -> np.ndarray:
    """The digit of a seed, from a generator that is bound to the device."""
    return sample(reprorng.Generator(seed, device=DEVICE))


def noise(device: torch.device) -> torch.Tensor:
    """First latents, by the function with which all of diffusers draws them."""
    return randn_tensor((1, 4, 64, 64), generator=reprorng.Generator(0), device=device)


def claims() -> Claims:
    """Where the noise lies, and what that changes of it: nothing."""
    found = {
        "with and without a device: the same": same(run(0), sample(reprorng.Generator(0))),
        "noise for the device 'meta' lies there": noise(torch.device("meta")).is_meta,
    }
    if DEVICE.type == "cuda":
        on_gpu, on_cpu = noise(DEVICE), noise(torch.device("cpu"))
        found["noise for the GPU lies there"] = on_gpu.is_cuda
        found["and is the CPU's, bit for bit"] = same(on_gpu.cpu().numpy(), on_cpu.numpy())
    return found


if __name__ == "__main__":
    print(f"the pipeline runs on the device {DEVICE.type!r}")
    show(repeats(run) | claims())
