# Everything on a fresh machine with Python 3.11 or later and make: `make demo`, `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv
DEMO_ENV := DBT_PROFILES_DIR=../profiles
WORKERS ?= 2
# Many a container forbids Python to keep compiled modules: every process that imports dbt, and the tests start
# hundreds, would compile it again, which takes as long as importing it does.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint fmt fuzz bench chaos simulate clean

help: ## show this list
	@echo "make targets:"
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-8s %s\n", $$1, $$2}'

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sqlorch needs Python 3.11 or later; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "==> making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet 'uv>=0.5'
	@touch $@

$(VENV)/.demo: $(VENV)/.uv pyproject.toml uv.lock
	@echo "==> installing sqlorch (locked versions)"
	@$(UV) sync --quiet --frozen --inexact --no-dev --extra expectations
	@touch $@

$(VENV)/.dev: $(VENV)/.uv pyproject.toml uv.lock
	@echo "==> installing sqlorch with everything its tests need (locked versions)"
	@$(UV) sync --quiet --frozen --inexact --all-extras --all-groups
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## install, then run the demo warehouse on real flights data for seven days
	@echo "==> running the first week of January 2013: seven days of flights, their hourly weather"
	@cd project && $(DEMO_ENV) ../$(BIN)/sqlorch run --interval 2013-01-01/2013-01-08
	@echo
	@echo "==> a few numbers, read from project/metrics.duckdb as a dashboard would"
	@$(BIN)/python project/show_numbers.py project/metrics.duckdb
	@echo
	@echo "Dashboards read:  project/metrics.duckdb and project/metrics.sqlite (docs/dashboards.md)"
	@echo "Try next:         source $(VENV)/bin/activate; export DBT_PROFILES_DIR=$$PWD/profiles; cd project"
	@echo "                  sqlorch runs list"
	@echo "                  sqlorch run --interval 2013-01 --group scorecard_monthly"
	@echo "                  sqlorch run --interval 2013-01-08 --select +carrier_delays"

# In the order of their folders, so that the long files come first and the quick unit tests fill up the end;
# xdist would put the files with few tests last, which are the long ones.
test: $(VENV)/.dev ## install what the tests need, then run them
	@echo "==> running the tests on $(WORKERS) processes"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -q

lint: $(VENV)/.dev ## style, types, import contracts
	@echo "==> ruff";         $(BIN)/ruff check .
	@echo "==> ruff format";  $(BIN)/ruff format --check .
	@echo "==> mypy";         $(BIN)/mypy
	@echo "==> import-linter"; $(BIN)/lint-imports --no-cache

fmt: $(VENV)/.dev ## format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

# Each family of fuzz tests is given so many inputs, which are counted where they arrive: tests/support/fuzz.py.
fuzz: $(VENV)/.dev ## 100,000 inputs for what people write: settings, times, selectors, sensors, expectations
	@SQLORCH_FUZZ=$(or $(INPUTS),100000) $(BIN)/python -m pytest -n $(WORKERS) -q tests/properties/test_*_fuzz.py tests/properties/test_selection_properties.py

bench: $(VENV)/.dev ## measure sqlorch against dbt build, in one sitting
	@$(BIN)/python benchmarks/against_dbt.py

chaos: $(VENV)/.dev ## kill daemons and workers a thousand times, then count what was lost: hours
	@$(BIN)/python benchmarks/chaos.py --kills $(or $(KILLS),1000) $(ARGS)

simulate: $(VENV)/.dev ## ten thousand random lives of several daemons, on virtual time
	@PYTHONPATH=tests $(BIN)/python -m simulation.simulate 0 $(or $(SEEDS),10000)

clean: ## remove what was built here
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis project/.sqlorch project/warehouse.duckdb project/metrics.duckdb project/metrics.sqlite
