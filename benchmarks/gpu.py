# SPDX-License-Identifier: Apache-2.0
"""The GPU's clock."""

from __future__ import annotations

import torch

from benchmarks.run import Job


def seconds(job: Job, repeats: int) -> float:
    """The time of one job, on the GPU's clock where that is what takes longest."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(repeats):
        job()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1000 / repeats
