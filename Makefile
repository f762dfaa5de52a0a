# The Foundation Model Lab. `make` alone lists the commands.
# Works with the make of Linux and macOS (GNU make 3.81 and later).

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
SITE := _build/html
PORT ?= 8000

# The Linux wheel of torch in the default index drags in several GB of CUDA. The CPU build comes from
# here, asked for on its own and as an extra index, so that elsewhere the default index still serves.
TORCH := torch==2.13.0
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu

# pip names each package as it comes to it; show that on one line, and of its warnings nothing.
PIP := set -o pipefail; $(BIN)/pip install --disable-pip-version-check
SHOW := 2> >(grep -v '^ *WARNING' >&2) | awk '/^Collecting/ { printf "\r%4d %-40s", ++n, $$2 } \
	/^Installing/ { printf "\r%-45s", "     now unpacking them" } { fflush() } END { if (n) print "" }'

export PYTHONPATH := $(CURDIR)/src$(if $(PYTHONPATH),:$(PYTHONPATH))
export PATH := $(CURDIR)/$(BIN):$(PATH)
# One thread per process: two notebooks run side by side on two cores, and results do not depend on it.
export OMP_NUM_THREADS ?= 1
# No part of the book asks a hub for anything unless the reader does.
export HF_HUB_OFFLINE ?= 1

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
USERNS := /proc/sys/kernel/apparmor_restrict_unprivileged_userns

SOURCES := $(shell find book src/fmlab -type f \
	-not -path 'book/_static/vendor/*' -not -name '*.pyc' -not -path '*/.ipynb_checkpoints/*')

.DEFAULT_GOAL := help
.PHONY: help book serve lab test test-code test-grading sandbox test-notebooks test-site binder-test execute lint format bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' Makefile

book: $(SITE)/.built ## build the site (first time: installs into .venv)
	@echo "The book is at file://$(CURDIR)/$(SITE)/index.html, or run: make serve"

serve: book ## build the site and serve it on this machine
	@echo "Open http://127.0.0.1:$(PORT)/ (stop with Ctrl-C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

lab: $(VENV)/.installed ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab book

# Grading needs bubblewrap, which is for Linux alone.
test: lint test-code $(if $(filter Linux,$(shell uname -s)),test-grading) test-notebooks test-site ## run every test: code, notebooks, site in a real browser
	@echo "All tests passed."

test-code: $(VENV)/.installed ## unit, reference and widget tests, and the doctests
	@echo "Testing the code"
	@$(BIN)/pytest -q -n 2 --doctest-modules src tests/unit tests/reference tests/widgets

test-grading: $(VENV)/.installed ## grade simulated classes, hostile submissions among them, in the sandbox
	@echo "Testing the grading"
	@$(BIN)/pytest -q -n 2 --dist loadfile tests/grading

sandbox: ## install bubblewrap, in which submissions are graded (Debian, Ubuntu; asks for sudo)
	@command -v bwrap >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq bubblewrap; }
	@# Ubuntu lets nobody but root make user namespaces unless told so.
	@! [ -e $(USERNS) ] || echo 0 | $(SUDO) tee $(USERNS) >/dev/null

test-notebooks: $(VENV)/.installed ## run every notebook; outputs and figures must be the stored ones
	@echo "Testing the notebooks"
	@$(BIN)/pytest -q -n 2 --dist loadfile --nbval tests/notebooks book

test-site: $(SITE)/.built ## drive the built site in Chromium
	@echo "Testing the site"
	@$(BIN)/pytest -q -n 2 --dist loadfile tests/site

binder-test: $(VENV)/.installed ## install from binder/ alone, start JupyterLab as Binder does, run the chapters through it
	@$(BIN)/python tools/prove_binder.py

execute: $(VENV)/.installed ## run the notebooks (or NOTEBOOKS=...) and store their outputs
	@$(BIN)/python tools/execute.py $(NOTEBOOKS)
	@$(BIN)/python book/_ext/single_source.py

lint: $(VENV)/.installed ## check style
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .

format: $(VENV)/.installed ## mend style
	@$(BIN)/ruff check --quiet --fix . && $(BIN)/ruff format --quiet .

bench: $(VENV)/.installed ## measure speeds against peers (minutes; the table goes into the book)
	@$(BIN)/python -m tests.benchmarks.bench

clean: ## remove what was built; keeps .venv
	@rm -rf _build book/_static/vendor node_modules

$(SITE)/.built: $(VENV)/.installed $(SOURCES) _config.yml _toc.yml package-lock.json tools/vendor.py
	@$(BIN)/python tools/vendor.py
	@echo "Building the site"
	@rm -rf $(SITE)
	@$(BIN)/jupyter-book build . --all -W -n --keep-going --quiet >/dev/null
	@touch $@

$(VENV)/.installed: requirements.txt requirements-dev.txt constraints.txt
	@python=$$(PYTHON="$(PYTHON)" tools/find_python) || exit 1; \
	if [ ! -x $(BIN)/python ]; then \
		echo "Making $(VENV) with $$python"; "$$python" -m venv $(VENV) || exit 1; \
	fi
	@echo "Installing the pinned packages into $(VENV) (about 1.5 GB, some minutes the first time)"
	@$(PIP) --no-deps --retries 1 \
		$(if $(filter Linux,$(shell uname -s)),--extra-index-url $(TORCH_CPU_INDEX)) $(TORCH) $(SHOW)
	@$(PIP) -r requirements-dev.txt $(SHOW)
	@$(BIN)/python -c "import torch" || { echo "torch was installed but does not load: the CPU build could not \
	be had from $(TORCH_CPU_INDEX). Install torch 2.13.0 for CPU into $(VENV) and run make again."; exit 1; }
	@touch $@
