# All commands in one place; `make help` lists them. Everything is installed into .venv; a second run is quick.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
JLPM := cd labextension && jlpm
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# The tests start hundreds of processes, and pytest rewrites each test: without a cache, each compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE

# The sources of the front end. Folders are listed too, because their modification time changes when a file is removed.
FRONTEND := $(shell find labextension/src labextension/style labextension/schema labextension/scripts) \
  labextension/package.json labextension/yarn.lock labextension/tsconfig.json jupyter_vnc/__init__.py
LABEXTENSION := $(VENV)/share/jupyter/labextensions/jupyter-vnc

CHECK_PYTHON := import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=…" if sys.version_info < (3, 11) else 0)

headline = @printf '\n== %s\n' '$(1)'

.PHONY: help
help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14

.PHONY: demo
demo: ## start JupyterLab with three desktops and print its URL; the first time, install what it needs
	@$(PYTHON) -c '$(CHECK_PYTHON)'
	@$(PYTHON) -m scripts.prepare $@
	@exec $(VENV)/bin/python -m demo.demo

.PHONY: hub-demo
hub-demo: ## start a JupyterHub with two courses and their machines and print its URL
	@$(PYTHON) -c '$(CHECK_PYTHON)'
	@$(PYTHON) -m scripts.prepare $@
	@exec $(VENV)/bin/python -m demo.hub_demo

# All parts run, even after one has failed, so that one run reports every failure. Parts that mostly wait run in parallel
# with parts that mostly compute, and before them where both want the processor.
.PHONY: test
test: test-packages front-end .make/npm .make/docs ## run all checks: lint, types, TypeScript, the docs, unit tests, real VNC servers, a real browser
	@scripts/beside unit-browser unit-desktops unit-hubs unit-rest unit-lowest lint,types,typescript,docs,unit-oldest,fuzz

.PHONY: lint
lint: .make/python ## ruff, codespell, and our own words
	$(call headline,ruff check)
	@ruff check .
	$(call headline,ruff format --check)
	@ruff format --check .
	$(call headline,codespell)
	@codespell
	$(call headline,words)
	@scripts/check_words.py

.PHONY: types
types: .make/python ## mypy
	$(call headline,mypy --strict)
	@mypy

# pytest-jupyter runs the async tests; pytest-asyncio, if it is installed, would run them instead.
.PHONY: unit
unit: unit-browser unit-desktops unit-hubs unit-rest unit-lowest ## run pytest, with real VNC servers and a real browser

# Runs of about the same length, in parallel, because they mostly wait.
BROWSER := tests/browser
DESKTOPS := $(addprefix tests/,bounds desktops notebooks)
HUBS := $(addprefix tests/,hub test_demo.py)
PYTEST := pytest -p no:asyncio

.PHONY: unit-browser
unit-browser: front-end .make/npm ## run the tests of the viewer in a real browser
	$(call headline,pytest: browser)
	@$(PYTEST) $(BROWSER)

.PHONY: unit-desktops
unit-desktops: front-end .make/npm ## run the tests that start desktops, or measure
	$(call headline,pytest: desktops)
	@$(PYTEST) $(DESKTOPS)

.PHONY: unit-hubs
unit-hubs: front-end .make/npm ## run the tests that start hubs
	$(call headline,pytest: hubs)
	@$(PYTEST) $(HUBS)

.PHONY: unit-rest
unit-rest: front-end .make/npm ## run the other tests
	$(call headline,pytest: the rest)
	@lowest=$$(scripts/check_coverage.py --ignore); \
	  $(PYTEST) tests $(addprefix --ignore=,$(BROWSER) $(DESKTOPS) $(HUBS)) $$lowest

.PHONY: unit-lowest
unit-lowest: front-end ## run the tests of the lowest floors, and check that they cover them
	$(call headline,pytest: the lowest floors)
	@scripts/check_coverage.py -p no:asyncio

# Rules for strangers have to hold with the oldest versions of these that are permitted, not only with the newest.
OLDEST := tornado jupyter_server

.PHONY: unit-oldest
unit-oldest: front-end .make/oldest ## the tests of logins and websockets, with the oldest tornado that is permitted
	$(call headline,pytest: the oldest $(OLDEST))
	@OLDEST=1 PYTHONPATH=$(CURDIR)/.make/oldest pytest -p no:asyncio \
	  tests/test_auth.py tests/test_websocket.py tests/bounds/test_ping_flood.py

.PHONY: endurance
endurance: FUZZ_SECONDS := 60
endurance: test-packages front-end fuzz ## run the tests that take minutes: thousands of connections, gigabytes, peers that vanish, a longer fuzz
	$(call headline,pytest -m endurance)
	@pytest -p no:asyncio -m endurance --capture=tee-sys -rP tests

BENCH_OPTIONS ?=

.PHONY: bench
bench: test-packages .make/bench ## compare the relay with websockify and jupyter-server-proxy; takes 20 minutes
	@.make/bench-venv/bin/python -m benchmarks $(BENCH_OPTIONS)

.PHONY: bench-first-pixel
bench-first-pixel: test-packages .make/bench ## measure from click to first pixel, also of jupyter-remote-desktop-proxy
	@.make/bench-venv/bin/python -m benchmarks.first_pixel

.PHONY: bench-guard
bench-guard: .make/python ## measure how fast the guard parses a viewer's messages
	@python benchmarks/guard.py

FUZZ_SECONDS ?= 20

.PHONY: fuzz
fuzz: .make/python ## run a coverage-guided fuzzer on all RFB parsers, for FUZZ_SECONDS
	$(call headline,fuzz)
	@python tests/fuzz/seeds.py .fuzz/corpus
	@mkdir -p .fuzz; python tests/fuzz/fuzz_rfb.py -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 \
	  -print_final_stats=1 -verbosity=0 -artifact_prefix=.fuzz/ .fuzz/corpus 2>&1 | grep -vE '^(INFO: |WARNING: |"|#####)'

.PHONY: mutants
mutants: .make/mutmut ## change the code in one place at a time and list what no test notices; takes up to 15 minutes
	$(call headline,mutants)
	@nice scripts/mutants.py

.PHONY: typescript
typescript: front-end ## lint, type-check and test the front end
	$(call headline,TypeScript: lint and types)
	@$(JLPM) lint:check
	$(call headline,TypeScript: tests)
	@$(JLPM) test

.PHONY: wheel
wheel: test-packages front-end ## build the wheel in dist/; open its desktop in new environments with JupyterLab or Notebook only
	$(call headline,wheel)
	@rm -rf dist jupyter_vnc/labextension jupyter_vnc/static
	@$(JLPM) build:prod
	@$(PIP) wheel --quiet --no-deps --wheel-dir dist .
	@scripts/check-wheel dist/*.whl lab
	@scripts/check-wheel dist/*.whl notebook

.PHONY: release
release: front-end .make/release ## make and check the files of a release in dist/; publishes nothing (RELEASE_OPTIONS=--rehearse)
	$(call headline,release)
	@$(JLPM) build:prod
	@$(VENV)/bin/python -m scripts.release $(RELEASE_OPTIONS)

.PHONY: docs
docs: .make/docs ## build the documentation in docs/_build/html; warnings are errors
	$(call headline,sphinx-build -W)
	@if [[ -f docs/conf.py ]]; then sphinx-build -W --keep-going -b html docs docs/_build/html; \
	else echo 'There is no docs/conf.py.'; fi

.PHONY: fresh
fresh: test-packages .make/python ## try the demo on new machines (debootstrap): Debian 12 and 13; needs root, takes minutes
	@$(VENV)/bin/python -m scripts.fresh $(SUITES)

.PHONY: recipes
recipes: ## run the steps of Dockerfile and binder/ on new machines (debootstrap); needs root, takes minutes
	@$(PYTHON) -m scripts.recipes $(RECIPES)

.PHONY: clean
clean: ## remove everything that was built, except .venv
	rm -rf .make dist build docs/_build test-results .mypy_cache .pytest_cache .ruff_cache .hypothesis htmlcov .coverage*
	rm -rf jupyter_vnc/labextension jupyter_vnc/static/novnc jupyter_vnc/static/viewer
	rm -rf labextension/lib labextension/tsconfig.tsbuildinfo labextension/.eslintcache labextension/.stylelintcache

.PHONY: test-packages
test-packages:
	@scripts/system-packages test

# A separate make, because installing may have built the front end after this one has checked timestamps.
.PHONY: front-end
front-end: .make/python
	@$(MAKE) --no-print-directory --silent .make/frontend

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c '$(CHECK_PYTHON)'
	@$(PYTHON) -m venv $(VENV)

# Installing also builds the front end (hooks in pyproject.toml), so its stamp gets the time at which installing began.
# Compiled, because where PYTHONDONTWRITEBYTECODE is set, as in many containers, each process of a test would do it anew.
.make/python: pyproject.toml jupyter_vnc/__init__.py $(VENV)/pyvenv.cfg
	$(call headline,pip install)
	@mkdir -p .make
	@touch .make/began
	@$(PIP) install --quiet --editable '.[test]'
	@python -m compileall -q jupyter_vnc
	@touch -r .make/began .make/frontend
	@touch $@

# A folder that is put before the environment's own packages.
.make/oldest: pyproject.toml scripts/oldest.py .make/python
	$(call headline,pip install, the oldest that is permitted)
	@rm -rf $@
	@$(PIP) install --quiet --no-deps --target $@ $$(scripts/oldest.py $(OLDEST))
	@touch $@

# In a separate environment, so that the tests do not find a second proxy in JupyterLab.
.make/bench: pyproject.toml
	$(call headline,pip install, for the benchmarks)
	@mkdir -p .make
	@$(PYTHON) -m venv .make/bench-venv
	@.make/bench-venv/bin/python -m pip --disable-pip-version-check install --quiet --editable '.[bench]'
	@touch $@

# JupyterHub's proxy, for the tests with a hub.
.make/npm:
	$(call headline,npm install, for the tests)
	@npm install --silent --no-audit --no-fund --no-save --prefix $@ configurable-http-proxy@5
	@touch $@

.make/release: .make/python
	@$(PIP) install --quiet --editable '.[release]'
	@touch $@

.make/mutmut: .make/python
	@$(PIP) install --quiet --editable '.[mutants]'
	@touch $@

.make/docs: .make/python
	@$(PIP) install --quiet --editable '.[docs]'
	@touch $@

# JupyterLab reads the copy that was installed into the environment.
.make/frontend: $(FRONTEND)
	$(call headline,front end)
	@$(JLPM) install --immutable
	@$(JLPM) build:prod
	@rm -rf $(LABEXTENSION)
	@mkdir -p $(dir $(LABEXTENSION))
	@cp -R jupyter_vnc/labextension $(LABEXTENSION)
	@cp labextension/install.json $(LABEXTENSION)
	@touch $@
