# Each target sets up what it needs on a machine that has only Python 3.11 (or later) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# One process of tests a core; those that touch Ray share one (tests/conftest.py).
PROCESSES := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: quickstart test test-all check bench serve lock clean services services-there

quickstart: $(STAMP)
	$(BIN)/rayline quickstart

test: $(STAMP) services
	$(BIN)/python -m pytest -q --doctest-modules platform/rayline
	$(BIN)/python -m pytest $(PROCESSES) -m "not slow"

test-all: $(STAMP) services
	$(BIN)/python -m pytest -q --doctest-modules platform/rayline
	$(BIN)/python -m pytest $(PROCESSES)

check: $(STAMP)
	$(BIN)/ruff format --check platform tests jobs
	$(BIN)/ruff check platform tests jobs
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/run_all.py

serve: $(STAMP)
	$(BIN)/rayline serve

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Rayline needs Python 3.11 to 3.13; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The tests scrape with a real Prometheus, query a real PostgreSQL and a real MariaDB, and read from a real MQTT broker.
MISSING = $(shell command -v prometheus >/dev/null && command -v promtool >/dev/null || echo prometheus; \
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || echo postgresql; \
  PATH=$$PATH:/usr/sbin:/usr/local/sbin command -v mosquitto >/dev/null || echo mosquitto; \
  PATH=$$PATH:/usr/sbin:/usr/libexec command -v mariadbd >/dev/null || \
    if command -v apt-get >/dev/null || command -v dnf >/dev/null; then echo mariadb-server; else echo mariadb; fi)

services:
	@test -z "$(MISSING)" || { \
	  echo "Installing for the tests: $(MISSING)"; \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq $(MISSING) >/dev/null; \
	  elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo apt-get install -y -qq $(MISSING) >/dev/null; \
	  elif command -v brew >/dev/null; then brew install $(MISSING); fi; }
	@$(MAKE) --no-print-directory services-there

services-there:
	@test -z "$(MISSING)" || { \
	  echo "The tests need $(MISSING), and that could not be installed here."; \
	  echo "Install these packages of your system (apt-get, dnf, brew), then run make test again."; exit 2; }

# Exact versions without local tags: the build of torch is the one the machine's index offers.
lock:
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	$(BIN)/python -m pip list --format=freeze --exclude-editable --exclude pip | sed -E 's/\+[A-Za-z0-9.]+$$//' > requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
