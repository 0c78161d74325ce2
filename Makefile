# What to run; README.md says what each does. PYTHON=python3.12 chooses another interpreter, before the first use.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check --no-input
TEST_ARGS ?=
export PYTHONUNBUFFERED := 1
# What is compiled is kept, whatever the environment says: to collect all tests takes 8 s instead of 16.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo up test hostile check bench chaos clean lock chromium

help:
	@echo "make demo [EXIT=1]      a synthetic community brought to life, with every server it needs; DAYS=14 for a shorter one"
	@echo "make up                 the same servers for your own use; settings: .env.example"
	@echo "make test               all tests            make check   format, lint, types, import direction"
	@echo "make hostile            the tests of bad input, with 1,000 examples each instead of 25"
	@echo "make bench [ONLY=name]  the figures          make lock    renew constraints*.txt"
	@echo "make chaos [ONLY=name]  everything that can break, against the invariants; ARGS='--seconds 600' for long faults"
	@echo "make clean              remove .venv and caches, never data"

demo: .venv/runtime
	@exec $(BIN)/sop demo $(if $(EXIT),--exit) $(if $(DAYS),--days $(DAYS))

up: .venv/runtime
	@exec $(BIN)/sop up

test: .venv/dev chromium
	@$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder $(TEST_ARGS)

hostile: .venv/dev
	@HYPOTHESIS_PROFILE=long $(BIN)/pytest -k hostile $(TEST_ARGS)

check: .venv/dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev
	@$(BIN)/python -m tests.benchmarks $(ONLY)

chaos: .venv/dev
	@$(BIN)/python -m tests.chaos $(ONLY) $(ARGS)

# Browser tests look for `chromium` on PATH, and skip without it.
chromium:
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || \
	  { echo "Installing Chromium for the browser tests …"; apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } </dev/null || \
	  echo "Chromium could not be installed: browser tests will be skipped."

# Without resolving (--no-deps) and with bytecode compiled on all cores, an installation takes 1½ instead of 3 minutes.
# Prefect's empty database is made here once, so that a first start need not wait for it.
# Another Python than the lock's may need other packages: then pip check says so, and pip resolves within the lock.
.venv/runtime: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "$(PYTHON): Python 3.11 or newer is needed; install it, or name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) has no venv module: apt-get install python3-venv"; exit 1; }
	@echo "Installing into .venv (once; one to two minutes) …"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(PIP) install --no-deps --no-compile --requirement constraints.txt
	@$(PIP) install --no-deps --editable .
	@$(PIP) check >/dev/null || $(PIP) install --constraint constraints.txt --editable .
	@$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null || true
	@PREFECT_HOME=.venv/prefect PREFECT_SERVER_DATABASE_CONNECTION_URL=sqlite+aiosqlite:///$(CURDIR)/.venv/prefect.db \
	  $(BIN)/prefect server database upgrade --yes >/dev/null
	@touch $@

.venv/dev: .venv/runtime constraints-dev.txt
	@echo "Installing what tests and checks need …"
	@$(PIP) install --no-deps --requirement constraints-dev.txt
	@$(PIP) check >/dev/null || $(PIP) install --constraint constraints.txt --constraint constraints-dev.txt --editable '.[dev]'
	@touch $@

# Both sets are resolved together, as a development tool may hold a library back; then split.
lock:
	rm -rf .lock && $(PYTHON) -m venv .lock/all && $(PYTHON) -m venv .lock/runtime
	.lock/all/bin/pip install -q '.[dev]' && .lock/all/bin/pip freeze --exclude community-sop > .lock/all.txt
	.lock/runtime/bin/pip install -q -c .lock/all.txt .
	.lock/runtime/bin/pip freeze --exclude community-sop > constraints.txt
	grep -vxFf constraints.txt .lock/all.txt > constraints-dev.txt
	rm -rf .lock build

clean:
	rm -rf .venv .lock build .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
