# SPDX-License-Identifier: Apache-2.0
"""The compiled kernels round to nearest, whatever the program has told its threads to do."""

from __future__ import annotations

import platform
import signal
import subprocess
import sys

import pytest

X86, ARM = ("x86_64", "amd64"), ("aarch64", "arm64")
SHIFTS = {**dict.fromkeys(X86, 10), **dict.fromkeys(ARM, 22)}
SHIFT = SHIFTS.get(platform.machine().lower())
MODES = {"nearest": 0, "first": 1, "second": 2, "third": 3}
"""As <fenv.h> has them on both, but for the place of the two bits."""
ALL_TRAPS = 0x3D
"""Invalid, by zero, overflow, underflow and inexact, as <fenv.h> has them on x86."""

PROGRAM = """
import ctypes, hashlib, sys, numpy, torch, reprorng
from reprorng import _core, backends
libm = ctypes.CDLL(None)
words = numpy.arange(0, 1 << 32, 999_983, dtype=numpy.uint32)
mode = int(sys.argv[1])
names = [name for name, why in backends.available().items() if name.startswith("cpu") and not why]
def digests():
    for threads in (1, 3):
        torch.set_num_threads(threads)
        for name in names:
            for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
                # So many that they wake the team, and a few; then what needs no plan.
                for count in ((1 << 18) + 5, 7):
                    x = reprorng.randn(count, seed=1, dtype=dtype, backend=name)
                    yield hashlib.sha256(x.view(torch.uint8).numpy()).hexdigest()
        yield reprorng.randn(4099, seed=2).tolist()
        for variant, (_, _, runs) in enumerate(_core.variants()):
            if runs:
                radii = _core.radius(variant, words)
                for table in (radii, *_core.rotate(variant, radii, words)):
                    yield hashlib.sha256(table).hexdigest()
def probe():  # `fegetround` need not ask the unit that computes
    return [one + tiny for one in (1.0, -1.0) for tiny in (2.0**-60, -(2.0**-60))]
nearest = probe()
assert libm.fesetround(mode) == 0
before = probe()
assert (before == nearest) == (mode == 0)
drawn = list(digests())  # the team is born in that mode
assert probe() == before
libm.fesetround(0)
again = list(digests())
torch.set_num_threads(1)
print(drawn == again, again[:len(again) // 2] == again[len(again) // 2:], len(names) > 1)
"""


@pytest.mark.skipif(SHIFT is None, reason="the numbers of the modes are others here")
@pytest.mark.skipif(sys.platform == "win32", reason="libm is not in the process")
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_the_rounding_mode_of_the_program_changes_no_bit_and_stays(mode: int) -> None:
    assert SHIFT is not None
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(mode << SHIFT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True True True\n", done.stderr


TRAPS = f"""
import ctypes, os, torch, reprorng
from reprorng import _core
from reprorng.backends.cpu import GRAIN, KERNEL, WORTH_WAKING
libm = ctypes.CDLL(None)
kernels = [kernel for name, kernel in KERNEL.items() if not name.startswith("bits")]
variants = [index for index, (*_, runs) in enumerate(_core.variants()) if runs]
x = torch.zeros(1 << 18, dtype=torch.float64)
address = x.data_ptr()
libm.feenableexcept({ALL_TRAPS})
for variant in variants:
    for kernel in kernels:
        for count in (7, 4097, 1 << 18):
            for threads in (1, 3):
                _core.fill(variant, kernel, 1, 0, 0, count, address, threads, GRAIN, WORTH_WAKING)
os.write(1, b"drawn")
print(address / 3)
"""


@pytest.mark.skipif(SHIFTS["x86_64"] != SHIFT, reason="other processors need not have traps")
@pytest.mark.skipif(sys.platform != "linux", reason="glibc sets traps")
def test_what_the_program_has_trapped_ends_no_draw_and_stays_trapped() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRAPS], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("drawn", -signal.SIGFPE), done.stderr
