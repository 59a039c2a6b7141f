# `make demo` is all a newcomer needs; `make` alone lists the targets.
PYTHON ?= python3
ENV := .venv
BIN := $(ENV)/bin
UV := $(shell command -v uv 2>/dev/null)

# uv where it is there, since it is ten times faster; plain venv and pip do the same.
ifdef UV
VENV = $(UV) venv --quiet --allow-existing --python $(PYTHON) $(ENV)
INSTALL = $(UV) pip install --quiet --python $(BIN)/python
else
VENV = $(PYTHON) -m venv $(ENV)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: help setup demo paper reproduce test test-slow test-all lint bench lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(ENV)/.installed  ## install into .venv, and nowhere else (another place: ENV=...)

demo: setup  ## train a few hundred routed networks on real digits, draw the figure
	$(BIN)/absorb sweep experiment=demo --yes
	$(BIN)/absorb figures

paper: setup  ## build paper/build/absorb.pdf and its figures from the rows in paper/runs
	$(BIN)/absorb paper

reproduce: setup  ## run the paper's sweeps again and compare its numbers (SIZE=small: in minutes)
	$(BIN)/absorb reproduce $(SIZE)

# The fast tests compile much and compute little, so here the compiler may hurry; what holds for
# the engine and its kernels is tested among the slow ones too, compiled as for users.
test: setup  ## the fast tests
	XLA_FLAGS=--xla_backend_optimization_level=0 $(BIN)/pytest -q -n auto --dist worksteal -m "not slow"

test-slow: setup  ## the slow tests, and all of the engine and its kernels
	$(BIN)/pytest -q -n auto --dist worksteal -m "slow or contract"

test-all: setup  ## every test
	$(BIN)/pytest -q -n auto --dist worksteal

lint: setup  ## style and types
	$(BIN)/ruff check .
	$(BIN)/pyright

bench: setup  ## speed against PyTorch and against the machine's ceiling
	$(INSTALL) --no-build-isolation -e '.[bench]'
	$(BIN)/absorb bench

lock:  ## resolve requirements.lock anew (needs uv)
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make lock" --extra dev --extra paper --output-file requirements.lock pyproject.toml

clean:  ## remove .venv and caches; results stay
	rm -rf .venv .venv-3.* build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find absorb sweeps figures hydra_plugins tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(ENV)/.installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "absorb needs Python 3.11 to 3.13; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(VENV)
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@
