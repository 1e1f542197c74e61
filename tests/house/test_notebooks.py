"""Every notebook runs from top to bottom without a warning, and is a notebook.

The cells hold their own assertions: what the text claims is checked where it is claimed.
"""

import ast
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupytext.compare import compare_notebooks
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))

# Those last that have Numba compile much: from a fresh clone the other worker's first file does so
# too, and is through by then.
IN_TURN = sorted(NOTEBOOKS[:-1], key=lambda path: path.name[:2] in ("02", "06", "08"))

notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", IN_TURN, ids=[path.stem for path in IN_TURN])
def test_runs_from_top_to_bottom_without_warnings(path, tmp_path, scripts):
    """From the state of a fresh process. An error names the notebook, and the cell by its line."""
    result = scripts.run(path, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout
    assert not list(tmp_path.iterdir()), "a notebook writes no files"


def test_no_notebook_helps_or_hurts_the_next(tmp_path, scripts):
    """What scripts set for a whole process is undone, whatever becomes of them."""
    sets = """
import os, sys, warnings
import jax, jax.numpy as jnp, matplotlib.pyplot as plt, numpy as np, pandas as pd
print(jnp.ones(1).dtype, plt.rcParams["figure.dpi"], plt.get_fignums(), np.ones(1) / 3, np.geterr())
print(pd.options.display.precision, os.getenv("SET"), sys.path[1:], warnings.filters)
print("mine" in globals(), hasattr(sys.modules["__main__"], "mine"), sys.stdin.read())
mine = jax.config.update("jax_enable_x64", True), plt.rcParams.update({"figure.dpi": 7})
plt.figure(), np.set_printoptions(precision=2), np.seterr(all="ignore")
pd.options.display.precision, os.environ["SET"] = 3, "1"
sys.path.append("mine"), warnings.simplefilter("ignore")
raise SystemExit(3)
"""
    script = tmp_path / "sets.py"
    script.write_text(sets, encoding="utf-8")
    first, second = (scripts.run(script, tmp_path) for _ in range(2))
    assert first.returncode == 3 and first.stdout.startswith("float32 ") and not first.stderr
    assert first.stdout == second.stdout
    script.write_text("import warnings\nwarnings.warn('w')", encoding="utf-8")
    warned = scripts.run(script, tmp_path)
    assert warned.returncode == 1 and 'sets.py", line 2' in warned.stderr
    script.write_text("import os\nprint(1, flush=True)\nos._exit(5)", encoding="utf-8")
    ended = scripts.run(script, tmp_path)
    assert (ended.returncode, ended.stdout) == (5, "1\n")


def test_the_last_one_runs_as_make_notebooks_does(tmp_path, monkeypatch):
    """In a kernel of its own; the last one takes least. Warnings would be among its outputs."""
    monkeypatch.delenv("MPLBACKEND")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = jupytext.reads(NOTEBOOKS[-1].read_text(encoding="utf-8"), fmt="py:percent")
    NotebookClient(notebook, kernel_name="python3", timeout=240).execute(cwd=tmp_path)
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert {"display_data", "stream"} <= {output.output_type for output in shown}
    assert [output.text for output in shown if output.get("name") == "stderr"] == []
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
