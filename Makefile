# Every command of the house; `make help` lists them. A fresh Debian needs python3 (3.11 or newer), node, git and make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SHOP := $(wildcard examples/shop/pyproject.toml)
UV_VERSION := $(shell sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements/dev.txt 2>/dev/null)
UI := traceo/api/static/index.html
CLIENTS := tests/e2e/node/node_modules/.package-lock.json
UI_SOURCES := $(shell find web \( -name node_modules -o -name e2e \) -prune -o -name schema.d.ts -o -type f -print) docs/reference/openapi.json
SOURCES := traceo tests $(wildcard benchmarks examples)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --no-annotate

.PHONY: help setup web check test tests golden docs browser screenshots figures bench demo run lock

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 13

setup: $(STAMP) $(UI) $(CLIENTS) ## create .venv with the locked dependencies, Traceo and the shop, build the UI; a no-op when nothing changed

web: $(UI) ## build the UI from web/

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@command -v npm >/dev/null || { echo "The UI needs Node.js 20 or newer with npm: sudo apt-get install nodejs npm" >&2; exit 1; }
	@echo "==> installing the UI's locked dependencies"
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(CLIENTS): tests/e2e/node/package.json tests/e2e/node/package-lock.json
	@echo "==> installing tracing clients of Node.js (tests send with them)"
	@cd tests/e2e/node && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(UI): web/node_modules/.package-lock.json $(UI_SOURCES)
	@echo "==> building the UI"
	@cd web && npm run --silent build -- --logLevel warn
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Traceo needs Python 3.11 or newer; $(PYTHON) is older. Try: make setup PYTHON=python3.12" >&2; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "==> installing python3-venv (this Python has no ensurepip)"; \
			apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; \
		else \
			echo "This Python cannot create environments. Run: sudo apt-get install python3-venv" >&2; exit 1; \
		fi; \
	fi
	@echo "==> creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(STAMP): requirements/dev.txt pyproject.toml $(SHOP) | $(BIN)/pip
	@echo "==> installing the locked dependencies"
	@[ "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" = "$(UV_VERSION)" ] \
		|| $(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/dev.txt
	@echo "==> installing traceo$(if $(SHOP), and the shop)"
	@$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation -e . $(if $(SHOP),-e examples/shop)
	@command -v prometheus >/dev/null || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "==> installing prometheus (tests compare with it)"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus >/dev/null; \
	else \
		echo "Tests that compare with Prometheus are skipped. To have them: sudo apt-get install prometheus" >&2; \
	fi
	@command -v chromium >/dev/null || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "==> installing chromium (tests use the UI in it)"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else \
		echo "Tests of the UI in a browser are skipped. To have them: sudo apt-get install chromium" >&2; \
	fi
	@touch $@

check: $(STAMP) $(UI) ## lint, format, types, layers
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd web && npx biome check --error-on-warnings . && npx tsc

test: check tests ## all checks and all tests

tests: $(STAMP) $(UI) $(CLIENTS) ## all tests, three files at a time
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=15

golden: $(STAMP) ## rewrite the expected outputs under tests/golden; review the difference
	$(BIN)/python -m pytest $$(grep -rlw golden tests --include='test_*.py') --update-golden

docs: $(STAMP) ## regenerate docs/reference
	$(BIN)/python -m traceo.reference

browser: $(STAMP) $(UI) ## every page and journey of the UI in Chromium: light, dark, on a phone, under axe
	cd web && npm run --silent e2e

screenshots: $(STAMP) $(UI) ## photograph every page of the UI into docs/images
	cd web && npm run --silent screenshots

figures: $(STAMP) $(UI) ## how fast the UI is in Chromium, as a table; MINUTES=10 watches its memory for so long
	cd web && npm run --silent figures

bench: $(STAMP) ## run the benchmarks
	$(BIN)/python -m benchmarks

demo: $(STAMP) $(UI) ## a shop under load, watched by Traceo
	$(BIN)/traceo demo

run: $(STAMP) $(UI) ## the server, in the foreground
	$(BIN)/traceo serve

lock: | $(BIN)/pip ## rewrite requirements/ from the pyproject files
	@[ -x $(BIN)/uv ] || $(BIN)/pip install --quiet --disable-pip-version-check uv
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) pyproject.toml $(SHOP) --extra dev -c requirements/runtime.txt -o requirements/dev.txt
