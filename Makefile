# SPDX-License-Identifier: Apache-2.0
PYTHON ?= python3
# One version everywhere, installed before anything that depends on it: the newest one may drag in
# gigabytes of CUDA. `make TORCH=...` takes another.
TORCH ?= 2.13.0
# Torch for a GPU brings a Triton; this is for the one without, on Linux, the only system there are
# wheels for. Torch 2.9 brings the oldest.
TRITON ?= $(if $(filter Linux,$(shell uname)),3.9.0)
OLDEST_TRITON := 3.5.0

VENV := .venv
EXTRAS := test,lint,docs
BIN := $(VENV)/bin
READY := $(VENV)/ready-torch-$(TORCH)
GPU_TESTS := $(addprefix tests/test_,kernels.py triton.py gpu_code.py gpu_faults.py gpu_sweep.py)
CPP := $(shell find csrc -name '*.h' -o -name '*.cpp')

.PHONY: demo test test-oldest-triton lint bench bench-full peers pictures proof proof-gpu cross upstream compat docs vectors constants dev clean

demo: $(READY)
	$(BIN)/python demo/run.py

test: $(READY)
	$(BIN)/pytest -n logical --doctest-modules tests reprorng

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(CPP)
	$(BIN)/python tools/make_constants.py --check
	$(BIN)/python tools/make_vectors.py --check
	$(BIN)/python -m benchmarks.pages --check

# Quick, with the peers that are there; `make bench ARGS="--only calls --into laptop"` does a part
# of it and saves that in benchmarks/results/laptop.
bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

# Every peer and size, into benchmarks/results; the peers get an environment of their own, without
# Triton, since its LLVM and TensorFlow's cannot be in one process.
bench-full:
	$(MAKE) peers VENV=.venv-bench EXTRAS=bench TRITON=
	$(MAKE) bench VENV=.venv-bench EXTRAS=bench TRITON= ARGS="--full --save $(ARGS)"

# Every peer must be there, and draw what it is timed for.
peers: $(READY)
	REPRORNG_REQUIRE_PEERS=1 $(BIN)/pytest --noconftest tests/test_peers.py

# Draws the results in benchmarks/results and writes them into the documents.
pictures: $(READY)
	$(BIN)/python -m benchmarks.plots
	$(BIN)/python -m benchmarks.pages

# Every one of the 2^32 words; takes minutes.
proof: $(READY)
	$(BIN)/python -m tools.prove_transform

# What the GPU is given, executed for every word; then all of it again by the oldest compiler.
proof-gpu: $(READY)
	$(BIN)/python -m tools.gpu.prove
	$(MAKE) test-oldest-triton VENV=.venv-oldest

test-oldest-triton: $(READY)
	$(BIN)/pip install --quiet --no-deps triton==$(OLDEST_TRITON)
	$(BIN)/pytest -n logical $(GPU_TESTS)

# Other processors are emulated; compilers and emulators that are missing are left out by name.
cross: $(READY)
	$(BIN)/python -m tools.cross.run

# Diffusers' own tests, as they are and with our generator: `make upstream DIFFUSERS=<checkout>`;
# `ARGS="--only schedulers --save"` does a part of it. A run that was cut off goes on where it was.
upstream: $(READY)
	$(BIN)/python -m tools.upstream $(DIFFUSERS) $(ARGS)

# Torch and diffusers from the oldest to the newest that work, each in an environment of its own;
# gigabytes come and go. `make compat ARGS="--torch 2.13.0 --diffusers 0.42.1"` does a part of it.
compat: $(READY)
	$(BIN)/python -m tools.compat.run $(ARGS)

docs: $(READY)
	$(BIN)/mkdocs build --strict

# Rewrites the known answers. They change when the algorithm id does, never to make a test pass.
vectors: $(READY)
	$(BIN)/python tools/make_vectors.py

constants: $(READY)
	$(BIN)/python tools/make_constants.py

dev: $(READY)
	$(BIN)/pre-commit install

clean:
	rm -rf $(VENV) .venv-oldest .venv-bench build *.egg-info .*_cache .hypothesis reprorng/*.so
	find . -name __pycache__ -prune -exec rm -rf {} +

$(READY): pyproject.toml setup.py $(CPP)
	rm -f $(VENV)/ready-*
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet torch==$(TORCH)
	$(if $(TRITON),$(BIN)/python -c 'import triton' 2>/dev/null || $(BIN)/pip install --quiet triton==$(TRITON))
	$(BIN)/pip install --quiet --editable '.[$(EXTRAS)]'
	touch $@
