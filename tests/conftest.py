# SPDX-License-Identifier: Apache-2.0
"""The backends every test that takes one runs on, and settings that make runs repeatable."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
import torch
from checks import REQUIRED, skip_unless_runnable

from reprorng import backends
from reprorng.backends import Backend
from reprorng.backends.cpu import CpuBackend

# The same examples in every run: a failure seen once can be looked at again.
hypothesis.settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, print_blob=False
)
hypothesis.settings.load_profile("repeatable")


def pytest_configure() -> None:
    """Refuse to require a backend that nobody registered: no test would run on it and fail."""
    unknown = REQUIRED - backends.available().keys()
    if unknown:
        raise pytest.UsageError(
            f"REPRORNG_REQUIRE names {', '.join(sorted(unknown))}; "
            f"there are: {', '.join(backends.available())}"
        )


# Asking what is available also loads the backends of other packages.
NAMES = [
    pytest.param(name, marks=() if "cpu" in backends._registry[name].devices else pytest.mark.gpu)
    for name in backends.available()
]


@pytest.fixture(scope="session", params=NAMES)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each backend in turn; those that cannot run here skip, or fail if they are required."""
    skip_unless_runnable(request.param, backends.available()[request.param], REQUIRED)
    return backends.get(request.param)


@pytest.fixture(
    scope="session", params=[n for n in backends.available() if n.split(":")[0] == "cpu"]
)
def cpu_backend(request: pytest.FixtureRequest) -> CpuBackend:
    """Each backend of compiled kernels in turn, as `backend`."""
    skip_unless_runnable(request.param, backends.available()[request.param], REQUIRED)
    chosen = backends.get(request.param)
    assert isinstance(chosen, CpuBackend)
    return chosen


@pytest.fixture
def keep_threads() -> Iterator[None]:
    """Leave torch's number of threads as it was found."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
