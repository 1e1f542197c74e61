"""Every notebook runs from top to bottom without a warning, and is a notebook.

The cells hold their own assertions: what the text claims is checked where it is claimed.
"""

import ast
import os
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupytext.compare import compare_notebooks
from scripts import Scripts

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))

notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.fixture(scope="module")
def scripts(keep_programs_of_others):
    environment = {
        **os.environ,
        "MPLBACKEND": "Agg",
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
    }
    # A notebook switches 64-bit mode on by itself.
    environment.pop("JAX_ENABLE_X64", None)
    with Scripts(environment) as scripts:
        yield scripts


@notebooks
def test_runs_in_a_fresh_process_without_warnings(path, tmp_path, scripts):
    result = scripts.run(path, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout
    assert not list(tmp_path.iterdir()), "a notebook writes no files"


@notebooks
def test_round_trips_as_a_notebook(path):
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    nbformat.validate(notebook)
    stored = nbformat.reads(jupytext.writes(notebook, fmt="ipynb"), as_version=4)
    compare_notebooks(stored, notebook, fmt="py:percent")
    # Cell for cell the same text again; the header may name the version of jupytext.
    assert body(jupytext.writes(stored, fmt="py:percent")) == body(text)


def body(text):
    """A notebook's text after its header."""
    _, _, after = text.split("# ---\n", 2)
    return after


@notebooks
def test_no_cell_shows_what_a_call_happens_to_return(path):
    """A cell ends with a sentence that it prints, with a table, or shows its picture alone."""
    for cell in jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent").cells:
        if cell.cell_type == "code" and (body := ast.parse(cell.source).body):
            last = body[-1]
            value = last.value if isinstance(last, ast.Expr) else None
            called = value.func if isinstance(value, ast.Call) else None
            assert called is None or ast.unparse(called) == "print", ast.unparse(last)


@notebooks
def test_pairs_with_ipynb_and_begins_with_a_title(path):
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    assert notebook.metadata.jupytext.formats == "ipynb,py:percent"
    assert notebook.metadata.kernelspec.name == "python3"
    first = notebook.cells[0]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    assert notebook.cells[-1].cell_type == "markdown"
