# Everything one does in this checkout, a target each; `make help` lists them.
# Nothing outside it is written: what is downloaded goes to .venv, .cache and node_modules.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PORT ?= 19092
PAGE := stateserver/gateway/page
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHON
# Tests start hundreds of processes: each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: $(VENV)/.runs ## Set up .venv with what State Server needs to run, from the lock file
	@:

.PHONY: run
run: setup ## Show a real blast in the browser; ARGS="--speed 50" and the like are handed on
	@exec $(BIN)/stateserver demo $(ARGS)

# Three at a time on two cores: much of the suite waits for brokers that wait.
.PHONY: test
test: $(VENV)/.develops ## Run the tests; ARGS="tests/domain -k blast" and the like are handed on
	@exec $(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

.PHONY: simulate
simulate: $(VENV)/.develops ## Run the worker in a simulated world; SEEDS=17 or SEEDS=1000-2000, else random ones for a minute
	@exec $(BIN)/python -m tests.simulation $(SEEDS)

.PHONY: check
check: $(VENV)/.develops node_modules/.installed ## Check format, lint, types and which package imports which
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/architecture
	@if compgen -G '$(PAGE)/*.js' >/dev/null; then node_modules/.bin/tsc -p .ci/tsconfig.json; fi

.PHONY: format
format: $(VENV)/.develops ## Format the code, and mend what lint can mend
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

.PHONY: kafka
kafka: setup ## Run a real Apache Kafka in the foreground on 127.0.0.1; PORT=19092
	@exec $(BIN)/python -m stateserver.broker.foreground --port $(PORT)

.PHONY: bench
bench: $(VENV)/.develops ## Run the benchmarks; ARGS are handed on
	@exec $(BIN)/python -m benchmarks $(ARGS)

.PHONY: lock
lock: $(VENV)/.develops ## Lock the newest dependencies that pyproject.toml and package.json allow
	@lock="$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url --group build pyproject.toml"; \
	$$lock -o requirements.lock; \
	$$lock --group dev -c requirements.lock -o requirements-dev.lock
	@npm update --ignore-scripts --package-lock-only

.PHONY: clean
clean: ## Remove everything that was made here: .venv, caches, the embedded Kafka's data
	@rm -rf $(VENV) .cache node_modules dist
	@rmdir data 2>/dev/null || true  # `make run` leaves it empty; what a worker keeps in it stays
	@find . -name __pycache__ -prune -exec rm -rf {} +

# The project itself is installed editable and without asking for anything that is not locked.
install = $(BIN)/python -m pip install --quiet --require-hashes --no-deps -r $(1) && \
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .

$(VENV)/.runs: requirements.lock pyproject.toml .ci/make-venv
	@.ci/make-venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(call install,requirements.lock)
	@touch $@

$(VENV)/.develops: requirements-dev.lock $(VENV)/.runs
	@echo "Installing the developers' tools into $(VENV) ..."
	@$(call install,requirements-dev.lock)
	@touch $@

node_modules/.installed: package-lock.json package.json .npmrc
	@command -v npm >/dev/null || { echo "Error: npm is needed for the page's tools; install Node.js 20 or later" >&2; exit 1; }
	@npm ci --ignore-scripts --silent
	@touch $@
