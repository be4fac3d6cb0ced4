# Terrace: `make demo` and `make test` are the two commands; the rest is for those who work on it.
# INSTALLER=pip installs without uv; PYTHON=/path/to/python3.12 names the interpreter.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.terrace-setup
INSTALLER ?= uv
UV_VERSION := 0.13.9
CATALOGS := $(wildcard node/translations/*/LC_MESSAGES/*.po)
TESTS ?=
WORKERS ?= 2

.PHONY: setup demo test bench soak lint clean

setup: $(STAMP) $(CATALOGS:.po=.mo)

$(STAMP): requirements.lock pyproject.toml package-lock.json deploy/setup/find-python deploy/setup/frontend.py
	@set -e; python=$$(deploy/setup/find-python); test -x $(BIN)/python || "$$python" -m venv $(VENV)
	@set -e; if [ "$(INSTALLER)" = pip ]; then \
	    $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock; \
	    $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .; \
	else \
	    test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION); \
	    $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock; \
	    $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	fi
	@$(BIN)/python deploy/setup/frontend.py
	@touch $@

# A target of its own: whoever changes a text compiles it, without the network and without installing anything anew.
%.mo: %.po | $(STAMP)
	@$(BIN)/pybabel -q compile -i $< -o $@

demo: setup
	@$(BIN)/python -m deploy.demo

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(TESTS)

bench: setup
	$(BIN)/python -m tests.bench

soak: setup
	$(BIN)/python -m pytest -m soak $(TESTS)
	@if $(BIN)/python -m pip install --quiet --require-hashes -r tests/fuzz-requirements.txt && $(BIN)/python -c "import atheris" 2>/dev/null; then $(BIN)/python -m tests.fuzz; else echo "no atheris for this system: readers are tried by Hypothesis alone"; fi

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) node_modules node/portal/static/vendor var build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} + ; find node/translations -name '*.mo' -delete
