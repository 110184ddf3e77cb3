# SPDX-License-Identifier: Apache-2.0
"""JAX and TensorFlow, compiled as their documentations advise.

Their arrays cannot be written again, so each draw makes a new one, in touched cases too. Their
thread pools have as many threads as the process may use cores when they start: on one core more
threads than one share it, and the CPU time of all of them counts.
"""

from __future__ import annotations

import importlib
from typing import Any

import torch

from benchmarks.cases import Case
from benchmarks.run import Job


def import_error(module: str) -> str | None:
    """Why a module cannot be imported, or None if it can."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        return str(error)
    return None


class Jax:
    """`jax.random` with its default generator, threefry."""

    name = "JAX threefry"

    def why_not(self) -> str | None:
        """Whether it is missing."""
        return import_error("jax")

    def job(self, case: Case, buffer: torch.Tensor) -> Job | None:
        """All types but float64, which JAX has only by a global switch."""
        if case.dtype == "float64" or case.device != "cpu":
            return None
        jax: Any = importlib.import_module("jax")
        draw = jax.random.normal if case.kind == "normal" else jax.random.uniform
        compiled = jax.jit(lambda key: draw(key, (case.count,), case.dtype))
        key = jax.random.key(0)
        return lambda: compiled(key).block_until_ready()


class TensorFlow:
    """`tf.random.stateless_*` with Philox; on the CPU a call returns when its result is there."""

    name = "TensorFlow Philox"

    def why_not(self) -> str | None:
        """Whether it is missing."""
        return import_error("tensorflow")

    def job(self, case: Case, buffer: torch.Tensor) -> Job | None:
        """All types."""
        if case.device != "cpu":
            return None
        tf: Any = importlib.import_module("tensorflow")
        normal = case.kind == "normal"
        draw = tf.random.stateless_normal if normal else tf.random.stateless_uniform
        seed = tf.constant([0, 0], tf.int64)
        compiled = tf.function(lambda key: draw((case.count,), key, dtype=case.dtype, alg="philox"))
        return lambda: compiled(seed)
