# SPDX-License-Identifier: Apache-2.0
"""Processes of their own, for what is settled when a process starts: threads and memory."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from types import MappingProxyType
from typing import Final, TypeVar

import torch

from benchmarks.machine import bind, processors

T = TypeVar("T")

_ENVIRONMENT = {
    # TensorFlow tells what it might have used on another machine. No draw goes through oneDNN.
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    # A second OpenMP beside torch's would be in its way; oneMKL's generators are serial anyway.
    "MKL_THREADING_LAYER": "SEQUENTIAL",
    "JAX_PLATFORMS": "cpu",
}


MAPPING: Final = {"MALLOC_MMAP_THRESHOLD_": str(1 << 16)}
"""Has glibc keep nothing that was freed from this size on; otherwise it learns to keep 32 MiB."""


def in_child(
    function: Callable[..., T],
    *args: object,
    threads: int,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> T:
    """What a function returns in a new process.

    The process is bound to as many cores, where the system can do that, so that nobody's thread
    pool gets more. Libraries without a setting of their own look at that too.

    Args:
        function: A function of a module; it and its arguments are pickled.
        *args: Its arguments.
        threads: How many threads everybody may use.
        environment: What else is set for the process.

    Returns:
        Its result.
    """
    wanted = _ENVIRONMENT | {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        **environment,
    }
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        spawning = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, spawning, _begin, (threads,)) as pool:
            return pool.submit(function, *args).result()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _begin(threads: int) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    bind(processors()[-threads:])


def _end_with_parent() -> None:
    """End when the parent does, however it was ended: what is left behind disturbs the next run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
