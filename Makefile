# One verb per task, the same by hand and in .ci/run. `make` alone lists them.
#
#   PYTHON=python3.12   the interpreter to make .venv with
#   FLAGS='…'           arguments for what a target runs (pytest, the demo)
#   JOBS=2              processes that run tests; a file's tests stay together

PYTHON ?= python3
FLAGS ?=
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PROJECT := setup.cfg pyproject.toml
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
OLDEST := import sys; sys.exit(sys.version_info < (3, 10))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run demo-traffic loadtest test explore check api lint types format clean distclean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/run.stamp ## start the billing demo with Gateway in front of it; Ctrl-C stops it
	@$(BIN)/python scripts/demo/run.py $(FLAGS)

demo-traffic: $(VENV)/run.stamp ## send the running demo a minute of believable requests
	@$(BIN)/python scripts/demo/traffic.py $(FLAGS)

test: $(VENV)/dev.stamp ## run the tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(FLAGS)

explore: $(VENV)/dev.stamp ## look for new examples that break a property; takes long
	@HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest --timeout=1800 -k "not whole" $(FLAGS)

check: lint types test ## all that must hold before a commit: lint, types, tests

api: $(VENV)/dev.stamp ## write docs/api.md from the docstrings
	@$(BIN)/python scripts/generate_api_reference.py

lint: $(VENV)/dev.stamp ## ruff: rules and format
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

loadtest: $(VENV)/dev.stamp ## hold Gateway against its budgets, B1 to B9; FLAGS=--short takes minutes
	@$(BIN)/python scripts/loadtest.py $(FLAGS)

types: $(VENV)/dev.stamp ## mypy --strict on gateway/
	@$(BIN)/mypy --strict --no-error-summary gateway

format: $(VENV)/dev.stamp ## rewrite the code in the one format
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format .

clean: ## remove caches and what builds leave
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find gateway scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	@rm -rf $(VENV)

# A stamp says that its step was finished, which the files of a step that was
# interrupted do not. Making .venv again over a half-made one mends it.
$(VENV)/made.stamp:
	@$(PYTHON) -c '$(OLDEST)' || { echo "$(PYTHON) is not Python 3.10 or newer; try: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run.stamp: $(VENV)/made.stamp $(PROJECT)
	@echo "Installing Gateway and its server into $(VENV) …"
	@$(PIP) install --editable '.[server,store]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/made.stamp $(PROJECT)
	@echo "Installing Gateway and its development tools into $(VENV) …"
	@$(PIP) install --editable '.[server,store,dev]'
	@touch $@ $(VENV)/run.stamp
