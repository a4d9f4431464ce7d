# make run starts the app, make test passes the tests; each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-engines test-slow lint screenshots needs locked audit

run: $(VENV)/.app
	$(BIN)/python app.py

# What pytest makes of the tests is kept, even where the environment says otherwise: 6 s of the start of each of its processes.
test: needs
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -m "not slow and not engines" --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Real engines, in an environment of their own, which takes a few GB.
test-engines: $(VENV)/.dev
	$(BIN)/python tools/engines.py
	$(BIN)/pytest -s tests/engines

test-slow: needs
	$(BIN)/pytest -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/mypy

screenshots: needs
	$(BIN)/python -m tests.browser.screenshots

# The tested set, each file checked against its hash.
locked:
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	touch $(VENV)/.app $(VENV)/.dev

# Known holes in the tested set; needs a network.
audit: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --strict --no-deps --disable-pip -r requirements.lock

# A browser, epubcheck and curl; what cannot be had is named before the first test.
needs: $(VENV)/.dev
	@$(BIN)/python tools/prepare.py

$(VENV)/.app: requirements.txt constraints.txt
	@$(or $(wildcard $(BIN)/python),$(PYTHON)) tools/check_python.py $(MAKECMDGOALS)
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	touch $@

$(VENV)/.dev: $(VENV)/.app requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	touch $@
