# make demo: the main job on two small checkpoints.  make test: everything CI checks.
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
FASHION := /usr/share/datasets/fashion-mnist

TESTS ?= tests
# once for the many processes that tests start, also where the environment lets none keep bytecode
COMPILE = $(BIN)/python -m compileall -q -j 2 lmctool plugins

.PHONY: demo docs test test-all test-anywhere test-cluster slurm fuzz attack bench gpu survival zoo data clean

$(BIN)/lmctool: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

# the libraries of all extras, which tests, zoo, fuzz and bench use
$(VENV)/models: $(BIN)/lmctool
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,dask,datasets,docs,models,notebook,observers]"
	@touch $@

$(VENV)/docs: $(BIN)/lmctool
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	@touch $@

demo: $(BIN)/lmctool
	mkdir -p demo
	$(BIN)/lmctool barrier examples/digits/a.safetensors examples/digits/b.safetensors \
	    --align --repair --force -o demo/barrier.h5

# the documentation as a site: open build/site/index.html.  Loads nothing from elsewhere.
docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

test: $(VENV)/models
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPY_NUM_WORKERS=2 $(BIN)/mypy
	$(COMPILE)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

# the tests in other surroundings one after the other, which may not change an outcome: hours.
# With some of the tests alone: make test-anywhere TESTS=tests/files
test-anywhere: $(VENV)/models
	$(BIN)/python -m tools.anywhere $(TESTS)

test-all: $(VENV)/models data slurm
	$(COMPILE)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# runs spread over the jobs of a Slurm that is started for it: minutes on 2 cores
test-cluster: $(VENV)/models slurm
	@[ "$$(id -u)" = 0 ] || { echo "make test-cluster starts a Slurm, which root alone can" >&2; exit 1; }
	$(BIN)/python -m pytest -m cluster tests/cluster

# where root may install it; elsewhere test-all skips what needs it
slurm:
	@command -v slurmctld >/dev/null || [ "$$(id -u)" != 0 ] || { apt-get update -qq \
	    && apt-get install -y -qq -o DPkg::Lock::Timeout=400 --no-install-recommends \
	    slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge; }

data:
	@test -d $(FASHION) || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq dataset-fashion-mnist; } \
	    || { echo "Fashion-MNIST is not installed: apt-get install dataset-fashion-mnist" >&2; exit 1; }
	@command -v bible >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq bible-kjv; } \
	    || { echo "The text of examples/text is not installed: apt-get install bible-kjv" >&2; exit 1; }

# a quarter of an hour on 2 cores; nothing else should run meanwhile
bench: $(VENV)/models
	mkdir -p build/bench
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python -m benchmarks.speed --markdown build/bench/speed.md \
	    --json build/bench/speed.json --figure build/bench/growth.png
	$(BIN)/python benchmarks/weights.py --gigabytes 3 --json build/bench/weights.json
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.alignment

# at most eight minutes on a machine with a GPU; installs nothing, and leaves out what lacks a package
gpu:
	$(PYTHON) -m benchmarks.gpu

# an hour on 2 cores: runs killed at 200 random moments
survival: $(BIN)/lmctool
	$(BIN)/python -m tools.survival --kills 200

# half an hour on 2 cores: spoiled files of every format, each read by the real command
fuzz: $(VENV)/models
	mkdir -p build
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.fuzz --mutants 24000 --markdown build/fuzz.md

# a quarter of an hour on 2 cores: what hostile users and files try, by area
attack: $(VENV)/models
	mkdir -p build
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.attack --markdown build/attack.md

zoo: $(VENV)/models
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.zoo --markdown docs/architectures.md

clean:
	rm -rf $(VENV) demo build dist *.egg-info
