# Every target sets up what it needs: a .venv from requirements.txt.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One process per core, each with one thread: two threads of one process wait for each other.
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all lint format bench docs clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## install everything into .venv

$(READY): requirements.txt setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

demo: $(READY) ## synthetic hands: make, pack, train a reduced V2V, test, report
	$(BIN)/python train.py experiment=quickstart

test: $(READY) ## the test suite (≤ 8 minutes on 2 cores)
	$(PYTEST)

test-all: $(READY) ## also what is slow, and the GPU tests where there is one
	$(PYTEST) -m "slow or not slow"

lint: $(READY) ## ruff and the type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

format: $(READY) ## rewrite in house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## every claim of speed, as ratios measured in one run
	set -e; for file in bench/*.py; do $(BIN)/python $$file; done

docs: $(READY) ## pictures and tables of the documentation, made anew
	$(BIN)/python -m carpus.synthetic.sheet docs/images

clean: ## remove what tools left behind, not data or logs
	rm -rf .pytest_cache .ruff_cache build dist src/*.egg-info
	find . -name __pycache__ -not -path './.venv/*' -exec rm -rf {} +
