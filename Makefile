# Every target makes its own environment first: `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-all test-settings test-settings-fast lint bench lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(STAMP)

demo: setup
	$(BIN)/jaxsym discover solar-system --out jaxsym-out/solar-system --force

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-all: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The fast tests under global settings of JAX's, one after the other.
test-settings: setup
	$(BIN)/python tests/run_under_settings.py

test-settings-fast: setup
	$(BIN)/python tests/run_under_settings.py --fast

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m benchmarks --quick

# Re-pins every dependency for all supported Pythons; needs `uv`.
lock:
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header \
	  --extra dev pyproject.toml --constraint constraints.txt -o requirements.lock

clean:
	rm -rf $(VENV) build dist *.egg-info
