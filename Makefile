# The commands of this project, for people and for CI. `make` alone lists them.
#
# What each needs is made on the first call and found on the next: a virtual environment in .venv, the real servers
# of the tests in .servers. Another Python: make run PYTHON=python3.13

SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The first Python on this machine that is new enough; empty if there is none.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$name; break; fi; done)
TESTS ?= tests
# Each process of a test run imports all tests: from compiled modules in half the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run demo up test test-long test-hostile test-page test-all test-ten test-upstream servers bench soak lint dist compiled lock written dashboards pictures clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: $(VENV)/run ## the recorder on http://localhost:8080, in front of the Ollama of this machine
	@before=$$(export -p); set -a; if [ -f .env ]; then . ./.env; fi; eval "$$before"; exec $(BIN)/ollama-recorder serve

demo: $(VENV)/run ## the same with a stand-in for Ollama and some traffic: something to see at once
	@exec $(BIN)/python -m examples.demo

up: ## the Docker stack, with a new .env if there is none (PROFILES=n8n,webui,ollama or ollama-gpu)
	@PROFILES='$(PROFILES)' deploy/up.sh

# Most tests wait, for a server to start or a silence to last: two cores have time for five at once. The long ones load
# the machine on purpose. What the tests of a file share is started once, as a file's tests are not divided.
WHOLE_FILES := --dist loadfile --no-loadscope-reorder

test: $(VENV)/dev ## every test that this machine can run, in about three minutes
	$(BIN)/python -m pytest -m "not long and not browser and not hostile" -n 5 $(WHOLE_FILES) $(TESTS)

test-long: $(VENV)/dev ## only the long ones: kills, outages, hundreds of streams, gigabytes
	$(BIN)/python -m pytest -m "long and not browser and not hostile" -n 3 $(WHOLE_FILES) $(TESTS)

test-hostile: $(VENV)/dev ## attacks on a running recorder: framing, heads, addresses, bodies, slow clients
	$(BIN)/python -m pytest -m hostile $(TESTS)

test-page: $(VENV)/dev ## the page in a real Chromium, as a person uses it
	$(BIN)/python -m pytest -m browser -n 2 --dist worksteal $(TESTS)

test-all: test-long test-hostile test-page test ## all of them

test-ten: $(VENV)/dev ## make test on ten clean clones, beside two burning processes, half of them without servers (TEN="--rounds 1")
	$(BIN)/python -m tests.benchmarks.suite_rounds $(TEN)

# Each test that has a real Ollama, and no other.
test-upstream: $(VENV)/dev ## the tests that use a real Ollama on any other one: OLLAMA=/path/to/ollama
	@[ -n '$(OLLAMA)' ] || { echo "Which Ollama? make test-upstream OLLAMA=/path/to/ollama" >&2; exit 2; }
	OLLAMA_PROGRAM='$(OLLAMA)' $(BIN)/python -m pytest -m "not browser" -k ollama-upstream $(TESTS)

servers: $(VENV)/dev ## build Loki, Prometheus, the OpenTelemetry Collector, Helm and two Ollamas and install n8n, Open WebUI, Phoenix, MLflow and the clients for the tests, once (about half an hour)
	PYTHON=$(BIN)/python tests/servers/build.sh

bench: $(VENV)/dev ## what an exchange costs, beside NGINX and a bare pass-through (BENCH=--short: a minute)
	$(BIN)/python -m tests.benchmarks $(BENCH)

soak: $(VENV)/dev ## half an hour of mixed traffic: do memory, files or waiting times grow? (SOAK="--minutes 5")
	$(BIN)/python -m tests.benchmarks.soak $(SOAK)

lint: $(VENV)/dev ## ruff, mypy, and tsc for the types of the page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	tests/servers/typescript/check.sh

dist: $(VENV)/run ## what a release consists of, in dist/: wheel, source, bill of materials, checksums, and with npm the nodes for n8n
	rm -rf dist && mkdir dist
	@if command -v npm >/dev/null 2>&1; then set -e; cd n8n/nodes; \
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error; npm run build; \
		npm pack --silent --pack-destination ../../dist; \
	else echo "npm is not here: the nodes for n8n are left out." >&2; fi
	$(BIN)/python -m release

compiled: $(VENV)/dev ## the recorder with its most used modules compiled, in build/compiled (needs a C compiler): docs/performance.md
	$(BIN)/python -m release.compiled --into build/compiled

lock: $(VENV)/dev ## lock anew what pyproject.toml allows; UPGRADE=--upgrade takes the newest
	$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) pyproject.toml --extra mask --output-file requirements/run.txt
	$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) pyproject.toml --group dev --output-file requirements/dev.txt
	$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) --group build --output-file requirements/build.txt
	$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) --constraint requirements/dev.txt --group compile --output-file requirements/compile.txt
	for part in clients phoenix mlflow; do $(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) \
		tests/servers/$$part/requirements.in --output-file tests/servers/$$part/requirements.txt || exit 1; done
	$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) --override tests/servers/open-webui/overrides.txt tests/servers/open-webui/requirements.in --output-file tests/servers/open-webui/requirements.txt
	$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) tests/servers/frameworks/requirements.in --output-file tests/servers/frameworks/requirements.txt
	$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) tests/servers/mcp/requirements.in --output-file tests/servers/mcp/requirements.txt
	$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) --constraint tests/servers/mcp/requirements.txt pyproject.toml --extra mask --extra mcp --output-file requirements/image.txt
	$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) tests/servers/ollama-0.34/pip.in --output-file tests/servers/ollama-0.34/pip.txt
# For every platform and every Python from 3.11, with hashes, and without saying where the packages come from.
LOCK := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links

written: $(VENV)/dev ## write what repeats a table: settings, the reference of the record, openapi.json, templates
	$(BIN)/python -m tests.configuration.written_files
	$(BIN)/python -m n8n.with_nodes

dashboards: $(VENV)/dev ## write Grafana's dashboards and alerts from the Python in grafana/
	$(BIN)/python -m grafana.dashboards
	$(BIN)/python -m tests.configuration.written_files

pictures: $(VENV)/dev ## draw n8n's templates, and take those of the page, the terminal and n8n (needs Chromium and `make servers`)
	$(BIN)/python -m n8n.draw
	$(BIN)/python -m tests.pictures

clean: ## remove what was made here; the journal in data/ stays
	rm -rf $(VENV) .servers .mypy_cache .pytest_cache .ruff_cache

$(VENV)/run: $(VENV)/python requirements/run.txt requirements/build.txt pyproject.toml
	@echo "Installing what the recorder needs into $(VENV) (once)"
	@$(filter-out --quiet,$(PIP)) install --require-hashes --only-binary :all: -r requirements/run.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# Tests run the checkout itself: the project need not be installed for them.
$(VENV)/dev: $(VENV)/python requirements/dev.txt
	@echo "Installing what the tests need into $(VENV) (once)"
	@$(filter-out --quiet,$(PIP)) install --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

$(VENV)/python:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed, and none was found." \
		"Name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1)." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@
