# Needs only make and a Python >= 3.11: the first target that runs creates .venv and installs there.
#
#   make figures         every figure: PDF, PNG and the numbers shown
#   make test            the test suite
#   make lint            the linter
#   make compatibility   the tests on every Python and choice of dependencies of .ci/matrix.toml
#   make bench           the benchmarks
#   make gpu-check       the core verbs on an accelerator against the processor; the check's status is
#                        0 where they agree, 1 where not, 77 ("Error 77" of make) without one
#   make notebooks       notebooks/*.py to executed notebooks/*.ipynb
#   make docs            the site, in docs/_build/html: warnings are errors, links are looked up
#   make clean           remove what the targets made, .venv excepted
#
# To choose the interpreter: make test PYTHON=/path/to/python3.12 (before .venv exists)

PYTHON ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11 python,\
	$(shell $(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo $(python))))
VENV := .venv
BIN := $(VENV)/bin
# Touched after each installation; older than pyproject.toml means that the dependencies changed.
STAMP := $(VENV)/.installed
NOTEBOOKS := $(wildcard notebooks/*.py)

.PHONY: figures test lint compatibility bench gpu-check notebooks docs clean
.DEFAULT_GOAL := test

figures: $(STAMP)
	$(BIN)/python -m figures

# A test that waits for ever ends its worker; it is tried once more, not eight times.
test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 1

lint: $(STAMP)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

compatibility: $(STAMP)
	$(BIN)/python .ci/compatibility.py

bench: $(STAMP)
	$(BIN)/python -m benchmarks

gpu-check: $(STAMP)
	$(BIN)/python -m benchmarks.accelerator

notebooks: $(NOTEBOOKS:.py=.ipynb)

# The gallery shows the figures as they are, so that those that changed are made first.
docs: figures
	@$(BIN)/python -c 'import sphinx, myst_nb, pydata_sphinx_theme' 2>/dev/null \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q -b html docs docs/_build/html
	$(BIN)/python -m sphinx --fail-on-warning -q -b linkcheck docs docs/_build/links

# Executed under a temporary name, so that a notebook that fails is not left behind as finished.
notebooks/%.ipynb: notebooks/%.py $(STAMP)
	$(BIN)/python -m jupytext --quiet --to ipynb --output $(@D)/.$(@F) $<
	$(BIN)/jupyter-execute --kernel_name=python3 --inplace $(@D)/.$(@F) || { rm -f $(@D)/.$(@F); exit 1; }
	mv $(@D)/.$(@F) $@

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 found; name one: make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) does not run or is older than Python 3.11." >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
		rm -rf $(VENV); \
		echo "Could not create $(VENV): install Python's venv module (Debian: python3-venv)." >&2; \
		exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[tests,bench]"
	@touch $@

clean:
	rm -rf build dist homotopy.egg-info .pytest_cache .ruff_cache .hypothesis figures/output
	rm -f $(NOTEBOOKS:.py=.ipynb) docs/benchmarks.md docs/changelog.md docs/contributing.md
	rm -rf docs/_build docs/gallery docs/jupyter_execute docs/reference docs/tutorials
	find homotopy figures tests benchmarks notebooks -name __pycache__ -type d \
		-exec rm -rf {} + 2>/dev/null || true
