# SPDX-License-Identifier: Apache-2.0
"""The same seed gives the same noise, bit for bit, on every device.

Examples:
    >>> import torch, reprorng
    >>> g = reprorng.Generator(0)
    >>> torch.equal(torch.randn(4, generator=g), reprorng.randn(4, seed=0))
    True
"""

import sys as _sys

import torch as _torch

if tuple(int(part) for part in _torch.__version__.split(".")[:2]) < (2, 9):
    raise ImportError(
        f"reprorng needs torch 2.9 or newer, and this is {_torch.__version__}: older versions do "
        "not let an object that is no torch.Generator answer for their functions"
    )

from reprorng import backends as backends
from reprorng import numpy as numpy
from reprorng import testing as testing
from reprorng.brownian import BrownianTree as BrownianTree
from reprorng.determinism import deterministic as deterministic
from reprorng.diffusers import install as _install
from reprorng.functional import bernoulli as bernoulli
from reprorng.functional import bernoulli_ as bernoulli_
from reprorng.functional import bits as bits
from reprorng.functional import default_generator as default_generator
from reprorng.functional import manual_seed as manual_seed
from reprorng.functional import multinomial as multinomial
from reprorng.functional import normal as normal
from reprorng.functional import normal_ as normal_
from reprorng.functional import rand as rand
from reprorng.functional import rand_like as rand_like
from reprorng.functional import randint as randint
from reprorng.functional import randn as randn
from reprorng.functional import randn_like as randn_like
from reprorng.functional import random_ as random_
from reprorng.functional import randperm as randperm
from reprorng.functional import uniform_ as uniform_
from reprorng.generator import Generator as Generator
from reprorng.graphs import CapturableGenerator as CapturableGenerator
from reprorng.modes import ForeignDrawError as ForeignDrawError
from reprorng.modes import ambient as ambient
from reprorng.modes import strict as strict
from reprorng.recorder import provenance as provenance
from reprorng.spec import ALGORITHM as ALGORITHM
from reprorng.streams import generators as generators

# Asked here, since importing the extension has turned the lock on where that was not forbidden.
if not getattr(_sys, "_is_gil_enabled", lambda: True)():
    raise ImportError(
        "reprorng needs the interpreter's lock, by which a generator's draws come one after "
        "another: run Python without PYTHON_GIL=0 and without -X gil=0"
    )

__version__ = "0.1.0"

_install()
