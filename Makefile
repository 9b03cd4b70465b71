# vaex: `make` alone lists the targets. Everything is installed into .venv at first use, at the versions in requirements.lock.
EXP ?= mnist_gauss
ARGS ?=
RUN ?=
ACCEL ?=
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
STAMP := .venv/.installed$(if $(ACCEL),-$(ACCEL))
BIN := .venv/bin

.PHONY: help setup train evaluate sample figure test lint bench clean

help:
	@echo "make train EXP=mnist_gauss    train, evaluate and draw; ARGS='--config.model.latent_dim=2 ...' overrides fields"
	@echo "make train RUN=runs/latest    carry an unfinished run on"
	@echo "make evaluate RUN=runs/latest scores and figures again"
	@echo "make sample RUN=runs/latest   draw from the prior; ARGS='--num-samples 64 --seed 1'"
	@echo "make figure NAME=snr          run a study and draw its figure: the gradients' signal-to-noise ratio"
	@echo "make figure NAME=labels       accuracy of M1, M2 and M1+M2 against the number of labels: 36 training runs"
	@echo "make test                     run every test"
	@echo "make lint                     style and types"
	@echo "make bench                    speed, as ratios to the matrix products alone"
	@echo "make setup                    install into .venv, without running anything; ACCEL=cuda13 for an NVIDIA GPU"
	@echo "make clean                    remove .venv and caches (runs/ stays)"
	@echo "experiments (EXP=): $(basename $(notdir $(filter-out experiments/_%,$(wildcard experiments/*.py))))"
	@echo "studies (NAME=): $(basename $(notdir $(filter-out vaex/studies/_%,$(wildcard vaex/studies/*.py))))"

setup: $(STAMP)

$(STAMP): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "vaex needs Python 3.11 or newer on the PATH; found none: install one, or name it with PYTHON=/path/to/python3" >&2; exit 2; }
	@echo "installing into .venv (once, about a minute)"
	@if command -v uv >/dev/null 2>&1; then \
	    test -x $(BIN)/python || uv venv -q --python $(PYTHON) .venv; \
	    uv pip install -q --python $(BIN)/python --compile-bytecode -r requirements.lock && \
	    uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . && \
	    if test -n "$(ACCEL)"; then uv pip install -q --python $(BIN)/python -c requirements.lock "jax[$(ACCEL)]"; fi; \
	else \
	    test -x $(BIN)/pip || $(PYTHON) -m venv .venv; \
	    $(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock && \
	    $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . && \
	    if test -n "$(ACCEL)"; then $(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock "jax[$(ACCEL)]"; fi; \
	fi
	@touch $@

train: $(STAMP)
	@$(BIN)/python -m vaex train $(if $(RUN),--run $(RUN),$(EXP)) $(ARGS)

evaluate: $(STAMP)
	@$(BIN)/python -m vaex evaluate $(or $(RUN),runs/latest) $(ARGS)

sample: $(STAMP)
	@$(BIN)/python -m vaex sample $(or $(RUN),runs/latest) $(ARGS)

figure: $(STAMP)
	@$(BIN)/python -m vaex figure $(or $(NAME),snr) $(ARGS)

test: $(STAMP)
	@$(BIN)/python -m pytest -q -n 2 $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/basedpyright

bench: $(STAMP)
	@$(BIN)/python -m tests.bench $(ARGS)

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
