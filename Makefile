# vaex: `make` alone lists the commands. Everything is installed into .venv at first use, at the versions in the lock files.
EXP ?= mnist_gauss
RUN ?=
RUNS ?=
INPUT ?=
NAME ?= snr
ARGS ?=
ACCEL ?=
EXTRAS ?=
# Looked for once, and only where it is needed.
PYTHON ?= $(eval PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done))$(PYTHON)
STAMP := .venv/.installed$(if $(ACCEL),-$(ACCEL))
BIN := .venv/bin
# What is installed only where it is asked for, by EXTRAS or by the command that needs it: requirements-NAME.lock. A
# version is written in one of them; all of them hold wherever one is installed.
LOCKED := $(patsubst %,-c %,$(wildcard requirements*.lock))
KNOWN_EXTRAS := $(patsubst requirements-%.lock,%,$(wildcard requirements-*.lock))
ifneq ($(filter-out $(KNOWN_EXTRAS),$(EXTRAS)),)
$(error EXTRAS is $(EXTRAS): expected $(KNOWN_EXTRAS))
endif
READY := $(STAMP) $(EXTRAS:%=.venv/.extra-%)
INSTALL = $(if $(shell command -v uv 2>/dev/null),uv pip install -q --python $(BIN)/python --compile-bytecode,$(BIN)/python -m pip install -q --disable-pip-version-check)

# A variable as one word of a shell, as it was given: neither make nor the shell runs anything that is in it.
define NEWLINE


endef
quoted = '$(subst ','\'',$(subst $(NEWLINE), ,$(value $(1))))'
unexport EXP RUN RUNS INPUT NAME ARGS

# What each command of vaex is about; train carries a run on where RUN is given, and report keeps it.
RUN_OR_LATEST = $(if $(value RUN),$(call quoted,RUN),runs/latest)
SUBJECT_train = $(if $(value RUN),--run $(call quoted,RUN),$(if $(STARTED),,$(call quoted,EXP)))
# A run that starts from another, where no EXP is named, has the other's config.
STARTED = $(and $(findstring --from,$(value ARGS)),$(filter file,$(origin EXP)))
SUBJECT_config = $(call quoted,EXP)
SUBJECT_sweep = $(call quoted,EXP)
ABOUT_INPUT = $(RUN_OR_LATEST)$(if $(value INPUT), --input $(call quoted,INPUT))
SUBJECT_evaluate = $(ABOUT_INPUT)
SUBJECT_encode = $(ABOUT_INPUT)
SUBJECT_reconstruct = $(ABOUT_INPUT)
SUBJECT_interpolate = $(ABOUT_INPUT)
SUBJECT_score = $(ABOUT_INPUT)
SUBJECT_impute = $(ABOUT_INPUT)
SUBJECT_classify = $(ABOUT_INPUT)
SUBJECT_certify = $(ABOUT_INPUT)
SUBJECT_sample = $(RUN_OR_LATEST)
SUBJECT_open = $(RUN_OR_LATEST)
SUBJECT_compare = $(if $(value RUNS),--of $(call quoted,RUNS))
SUBJECT_figure = $(call quoted,NAME)
SUBJECT_table = $(call quoted,NAME)
SUBJECT_report = $(if $(value RUN),--run $(call quoted,RUN))
MORE = $(if $(value ARGS),--args $(call quoted,ARGS))
COMMANDS := train sweep config evaluate open compare sample encode reconstruct interpolate score impute classify certify figure table report

.PHONY: help setup $(COMMANDS) tensorboard test lint docs notebooks dist bench clean

help:
	@$(if $(wildcard $(STAMP)),$(BIN)/vaex,$(PYTHON) -m vaex) --help
	@echo
	@echo "make test: every test; make lint: style and types; make bench: speed, as ratios to the matrix products alone"
	@echo "make tensorboard: the metrics of all runs, or of RUN, where TensorBoard is installed"
	@echo "make docs: the site, in docs/_build/html; make notebooks: runs those of notebooks/"
	@echo "make dist: the wheel and the sdist of a release, checked"
	@echo "make setup: install into .venv, without running anything, ACCEL=cuda13 for an NVIDIA GPU, EXTRAS=tfds for TensorFlow,"
	@echo "which prepares what TFDS alone has; make clean: remove it"

$(COMMANDS): $(READY)
	@$(BIN)/vaex $@ $(SUBJECT_$@) $(MORE)

setup: $(READY)

$(STAMP): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "vaex needs Python 3.11 or newer on the PATH; found none: install one, or name it with PYTHON=/path/to/python3" >&2; exit 2; }
	@echo "installing into .venv (once, about a minute)"
	@if command -v uv >/dev/null 2>&1; then \
	    test -x $(BIN)/python || uv venv -q --seed --python $(PYTHON) .venv; \
	else \
	    test -x $(BIN)/pip || $(PYTHON) -m venv .venv; \
	fi
	@$(INSTALL) -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@$(if $(ACCEL),$(INSTALL) -c requirements.lock "jax[$(ACCEL)]")
	@touch $@

.venv/.extra-%: requirements-%.lock | $(STAMP)
	@echo "installing $* into .venv (once)"
	@$(INSTALL) $(LOCKED) -r $<
	@touch $@

# TensorBoard itself is not among what is installed.
tensorboard: $(READY)
	@test -x $(BIN)/tensorboard || { echo "TensorBoard is not installed: $(BIN)/python -m pip install tensorboard, then the same command; make open RUN=... shows the same curves without it" >&2; exit 2; }
	@$(BIN)/tensorboard --logdir $(if $(value RUN),$(call quoted,RUN),runs)

test: $(READY)
	@PYTEST_ADDOPTS="-q -n logical --maxprocesses 4 --dist loadfile $$PYTEST_ADDOPTS "$(call quoted,ARGS) $(BIN)/python -m pytest

lint: $(READY) .venv/.extra-lint
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/basedpyright

# A warning is an error; links between pages are checked, and that no page fetches anything.
docs: $(READY) .venv/.extra-docs
	@$(BIN)/python -m sphinx -b html -n -W --keep-going -q -j auto docs docs/_build/html
	@echo docs/_build/html/index.html

notebooks: $(READY) .venv/.extra-notebooks
	@$(BIN)/python notebooks/run.py $(call quoted,ARGS)

# From the checkout to the sdist, and from the sdist to the wheel, with the setuptools of the lock.
dist: $(READY) .venv/.extra-dist
	@rm -rf dist build *.egg-info
	@$(BIN)/python -m build --no-isolation --outdir dist . >/dev/null
	@$(BIN)/twine check --strict dist/*

bench: $(STAMP)
	@$(BIN)/python -m tests.bench $(call quoted,ARGS)

clean:
	rm -rf .venv .pytest_cache .ruff_cache build dist docs/_build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
