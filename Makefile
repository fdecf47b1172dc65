# Every target works on a fresh machine with make and Python 3.11 or later: it makes its own .venv first.
# PYTHON=… names another interpreter; TESTS=… and ARGS=… narrow a test run.

PYTHON ?= python3
TESTS ?=
ARGS ?=
SECONDS ?= 600
BIN := .venv/bin
CORE := estate_config/*.py,estate_config/live/*.py
NODE_MODULES := examples/estate/apps/backend/node_modules/.installed

.PHONY: demo test lint bench soak docs lock clean

demo: .venv/installed $(NODE_MODULES)
	$(BIN)/python examples/estate/demo.py

test: .venv/installed .venv/system $(NODE_MODULES)
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report= $(ARGS) $(TESTS)
	@$(if $(TESTS),true,$(BIN)/coverage report --include='$(CORE)' --fail-under=100)

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --warnings
	$(BIN)/lint-imports --no-logo

bench: .venv/installed
	$(BIN)/python -m tests.benchmarks

soak: .venv/installed
	PYTHONPATH=examples/estate $(BIN)/python -m tests.under_load.soak --seconds $(SECONDS) $(ARGS)

docs: .venv/installed
	$(BIN)/python -m pytest -q tests/docs

lock: .venv/installed
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-emit-index-url --no-header --annotation-style line -o requirements/dev.txt pyproject.toml requirements/dev.in

clean:
	rm -rf .venv dist build $(dir $(NODE_MODULES)) examples/estate/apps/backend/dist

# the backend's packages as locked, and its program; the Node.js of a wheel where there is none on the path
$(NODE_MODULES): examples/estate/apps/backend/package-lock.json | .venv/installed
	PYTHONPATH=examples/estate $(BIN)/python -m tools.node

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=/path/to/it")'
	$(PYTHON) -m venv .venv
	@touch $@

# --no-deps: the lock is complete, and pip would look for a newer release of what is asked for with an extra
.venv/locked: requirements/dev.txt .venv/made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@

# What tests drive that is no package of Python: a browser. Who is not root, or has no apt-get, installs it by hand;
# without it the tests that need it are skipped, and say so.
.venv/system: requirements/debian.txt .venv/made
	@packages=$$(grep -v '^#' $<); \
	if dpkg -s $$packages >/dev/null 2>&1; then touch $@; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $$packages; } \
			>.venv/apt.log 2>&1 && touch $@ || tail -n 5 .venv/apt.log; \
	else echo "to run every test, install: $$packages" >&2; fi

# entry points are read when it is installed, so a change of pyproject.toml installs it again
.venv/installed: pyproject.toml .venv/locked
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
