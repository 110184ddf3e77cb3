# SPDX-License-Identifier: Apache-2.0
"""What importing the package does to anybody else, which is nothing; each case in a new process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(
    program: str, *, expect: int = 0, arguments: tuple[str, ...] = ("-",), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program given on standard input, as `python - <<< "..."` does."""
    done = subprocess.run(
        [sys.executable, *arguments],
        input=program,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=False,
        timeout=120,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def test_the_acceptance_line_works() -> None:
    line = "import torch, reprorng; print(torch.randn(3, generator=reprorng.Generator(0)))"
    done = run(line)
    assert done.stdout.startswith("tensor([")
    assert done.stderr == ""
    assert run(line).stdout == done.stdout


# Loading any of these would cost every user seconds, or demand a package they do not have.
FOREIGN = ("diffusers", "triton", "transformers", "accelerate", "jax", "torchsde", "matplotlib")


def test_importing_and_drawing_imports_no_foreign_package() -> None:
    done = run(f"""
import sys, torch
before = {{name.partition(".")[0] for name in sys.modules}}
import reprorng
torch.randn(3, generator=reprorng.Generator(0))
reprorng.randperm(3, seed=0)
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & set({FOREIGN!r}) - before))
new = {{name.partition(".")[0] for name in sys.modules}} - before
print(*sorted(name for name in new if name not in sys.stdlib_module_names))
""")
    foreign, new = done.stdout.splitlines()
    assert foreign == ""
    # Nothing at all but the package itself, beyond what torch brings and the standard library.
    assert set(new.split()) <= {"reprorng", "typing_extensions", "numpy"}


def test_importing_and_drawing_does_not_initialise_cuda() -> None:
    # A process that has touched CUDA cannot fork workers any more.
    done = run("""
import torch
def refuse(*args, **kwargs):
    raise AssertionError("CUDA was touched")
torch._C._cuda_init = refuse
torch.cuda._lazy_init = refuse
torch.cuda.is_available = torch.cuda.current_device = refuse
torch.cuda.device_count = lambda: 1
import reprorng
torch.randn(3, generator=reprorng.Generator(0))
reprorng.Generator(0, device="cuda").randn(3)
assert reprorng.backends.available()
print(torch.cuda.is_initialized())
""")
    assert done.stdout == "False\n"


# What each name of every loaded torch module, and of every class in them, is bound to. Lazily
# loaded submodules may appear; whatever was there must be the same object afterwards.
SNAPSHOT = """
import sys, types
import torch, torch.nn.init, torch.utils.data, torch.random, torch.distributions, torch.overrides

def snapshot():
    seen = {}
    for name, module in list(sys.modules.items()):
        if name == "torch" or name.startswith("torch."):
            seen[name] = dict(vars(module))
            for key, value in list(vars(module).items()):
                if isinstance(value, type) and value.__module__.startswith("torch"):
                    seen[f"{name}.{key}"] = dict(vars(value))
    seen["builtins"] = dict(vars(__builtins__))
    return seen

def changes(before, after):
    for place, names in before.items():
        for name in names.keys() | after[place].keys():
            old, new = names.get(name, names), after[place].get(name, names)
            if old is new or (old is names and isinstance(new, types.ModuleType)):
                continue
            # Torch fills some private variables of its own at first use.
            if name == "__warningregistry__" or (name.startswith("_") and old is None):
                continue
            yield f"{place}.{name}"
"""


def test_importing_changes_no_attribute_of_torch() -> None:
    done = run(
        SNAPSHOT
        + """
before = snapshot()
import reprorng
print(*changes(before, snapshot()))
print(len(before), sum(map(len, before.values())))
torch.nn.init.normal_ = lambda tensor: tensor
torch.Tensor.normal_ = lambda tensor: tensor
print(*sorted(changes(before, snapshot())))
"""
    )
    changed, counts, planted = done.stdout.splitlines()
    assert changed == ""
    # The snapshot is of all of torch, and it does see a patch.
    modules, names = map(int, counts.split())
    assert modules > 1000
    assert names > 20000
    assert {"torch.nn.init.normal_", "torch.Tensor.normal_"} <= set(planted.split())


def test_drawing_through_torch_changes_no_attribute_of_torch() -> None:
    done = run(
        SNAPSHOT
        + """
def draw(generator):
    torch.randn(3, generator=generator)
    torch.empty(3).uniform_(generator=generator)
    torch.nn.init.normal_(torch.empty(3), generator=generator)
    list(torch.utils.data.RandomSampler(range(3), generator=generator))

draw(torch.Generator())  # what torch itself sets up at first use
import reprorng
before = snapshot()
draw(reprorng.Generator(0))
print(*changes(before, snapshot()))
"""
    )
    assert done.stdout == "\n"


def test_importing_leaves_global_settings_and_generators_alone() -> None:
    done = run("""
import random, signal, sys, threading, warnings
import numpy as np, torch
def settings():
    return [
        random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist(),
        torch.get_num_threads(), torch.get_default_dtype(), torch.get_default_device(),
        torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled(),
        warnings.filters[:], np.geterr(), sys.getswitchinterval(), sys.excepthook,
        threading.active_count(), signal.getsignal(signal.SIGINT), sys.path[:], sys.meta_path[:],
    ]
before = settings()
import reprorng
# The finder that waits for modules of diffusers is the one thing that may be new.
before[-1] = [f for f in sys.meta_path if type(f).__module__.startswith('reprorng')] + before[-1]
torch.randn(3, generator=reprorng.Generator(0))
after = settings()
print([i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b])
""")
    assert done.stdout == "[]\n"


def test_torchs_own_generators_draw_the_same_numbers_with_and_without_the_package() -> None:
    done = run("""
import torch
def draw():
    g = torch.Generator().manual_seed(1)
    torch.manual_seed(2)
    drawn = []
    for generator in (g, None):
        drawn += [
            torch.randn(20, generator=generator), torch.rand(5, generator=generator),
            torch.randint(9, (5,), generator=generator), torch.randperm(9, generator=generator),
            torch.normal(0.0, torch.ones(5), generator=generator),
            torch.empty(5).normal_(generator=generator),
            torch.empty(5).uniform_(generator=generator),
            torch.empty(5).random_(generator=generator),
            torch.bernoulli(torch.full((5,), 0.5), generator=generator),
            torch.nn.init.kaiming_normal_(torch.empty(3, 3), generator=generator),
        ]
    return [x.tolist() for x in drawn]
before = draw()
import reprorng
imported = draw()
torch.randn(3, generator=reprorng.Generator(0))
reprorng.manual_seed(5)
print(before == imported == draw(), len(before))
""")
    assert done.stdout == "True 20\n"


def test_nothing_is_printed_and_no_warning_is_raised() -> None:
    done = run("import reprorng", arguments=("-W", "error", "-"))
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("version", ["2.8.0", "1.13.1+cu117"])
def test_an_old_torch_is_refused_by_one_clear_error(version: str) -> None:
    done = run(
        f"""
import torch
torch.__version__ = {version!r}
try:
    import reprorng
except ImportError as error:
    print(type(error).__name__, error)
"""
    )
    assert done.stdout.startswith("ImportError reprorng needs torch 2.9 or newer")
    assert version in done.stdout
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("version", ["2.10.0", "2.9.0a0+git1234567"])
def test_a_new_torch_is_accepted_whatever_its_version_looks_like(version: str) -> None:
    # "2.10" is newer than "2.9", though not as a string or as a decimal number.
    run(f"import torch; torch.__version__ = {version!r}; import reprorng")


def test_the_public_names_are_those_of_the_design() -> None:
    done = run("""
import types, reprorng
names = {name: value for name, value in vars(reprorng).items() if not name.startswith("_")}
print(*(name for name, value in names.items() if not isinstance(value, types.ModuleType)))
print(*(value.__name__ for value in names.values() if isinstance(value, types.ModuleType)))
""")
    public, modules = done.stdout.splitlines()
    assert set(public.split()) == {
        "ALGORITHM", "BrownianTree", "CapturableGenerator", "ForeignDrawError", "Generator",
        "ambient", "bernoulli", "bernoulli_", "bits", "default_generator", "deterministic",
        "generators", "manual_seed", "multinomial", "normal", "normal_", "provenance", "rand",
        "rand_like", "randint", "randn", "randn_like", "random_", "randperm", "strict", "uniform_",
    }  # fmt: skip
    # No module of others has become a name of ours.
    assert "reprorng.backends" in modules.split()
    assert all(name.startswith("reprorng.") for name in modules.split())


def test_an_interpreter_without_its_lock_is_refused() -> None:
    # Importing the extension turns the lock on, unless who started the interpreter forbade it.
    done = run("import sys; sys._is_gil_enabled = lambda: False; import reprorng", expect=1)
    assert "ImportError: reprorng needs the interpreter's lock" in done.stderr
    run("import sys; sys._is_gil_enabled = lambda: True; import reprorng")
