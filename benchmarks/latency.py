"""What a user waits for: processor seconds of fresh processes, imports and first calls included.

Each row is a process of its own that does what it says and ends. It was run once before, so that
compiled programs and kernels lie where they are kept, as on the second day; "first of all" is that
run, with nothing kept. Scripts begin as the notebooks do, with `hm.keep_programs()`. Times are the
processor's, of all threads. A busy machine makes them longer all the same, by a half and more, as
cores are shared by threads: the first row tells, which no code of ours decides. The first ℰ is
counted from when everything is imported, which takes longer than its target.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.scorecard import Mark, Scorecard

_BEGIN = """
import homotopy as hm
hm.enable_x64()
hm.keep_programs()
"""
_IMPORTS = """
from homotopy import datasets
import time, diffrax
hm.LinearRegression, hm.Deletion, hm.Ramp
began = time.process_time()
"""
_DELETION = (
    _BEGIN
    + _IMPORTS
    + """
data, _ = datasets.standardise(datasets.diabetes())
problem = hm.LinearRegression(data.X, data.y, deleted=169)
deletion = hm.Deletion(problem, [0.0] * 10, start=0.05, horizon=1.0)
"""
)
_NETWORK = (
    _BEGIN
    + """
import jax, numpy as np
model = hm.mlp([2, 2, 1, 1])
generator = np.random.default_rng(0)
X = generator.normal(size=(30, 2))
problem = hm.Problem(model, hm.SquaredError(), X, np.tanh(X[:, 0]), deleted=3, ridge=0.1)
start = model.initial_parameters(jax.random.key(0))
"""
)
# The time of a second call stands between the marks; the others are counted as they are.
_AGAIN = """
import time
began = time.process_time()
{again}
print("again", time.process_time() - began)
"""
_SINCE = """
print("again", time.process_time() - began)
"""
_SESSION = "session of docs/session.md"
_FORGET = "forget --dataset diabetes --delete 169 --out {folder}"


class Case(NamedTuple):
    """What is run, and how long it may take: also the first of all, and again in the process.

    `imported`: counted from when everything is imported.
    """

    name: str
    code: str
    target: float
    first_of_all: float | None = None
    again: tuple[str, float] | None = None
    imported: bool = False


def _optimise(family: str) -> str:
    return f"hm.optimise(deletion, over=hm.{family})"


def _command(line: str) -> str:
    return f"import sys\nsys.argv = ['homotopy', *{line!r}.split()]\n" + (
        "from homotopy.cli import main\nmain()\n"
    )


CASES = (
    Case("import jax, diffrax, pyplot", "import jax, diffrax, matplotlib.pyplot", 1.7),
    Case("import homotopy", "import homotopy", 1.8),
    Case("homotopy --help", _command("--help"), 0.5),
    Case("homotopy forget", _command(_FORGET), 6.0),
    Case("homotopy forget --optimise", _command(f"{_FORGET} --optimise"), 7.0, 20.0),
    Case(
        "first ℰ of a ramp, imported",
        _DELETION + "deletion.cost(hm.Ramp(0.05, 1.0))" + _SINCE,
        1.0,
        imported=True,
    ),
    Case(
        "its gradient",
        _DELETION + "deletion.value_and_gradient(hm.Ramp(0.05, 1.0))",
        3.0,
    ),
    *(
        Case(
            f"optimise over {family}",
            _DELETION + _optimise(family),
            first,
            again=(_optimise(family), again),
        )
        for family, first, again in (
            ("Ramps()", 6.0, 0.1),
            ("Splines(8)", 8.0, 1.0),
            ("Networks()", 8.0, 0.5),
        )
    ),
    Case("train a network", _NETWORK + "hm.train(problem, start)", 3.0),
    Case(
        "response of a network",
        _NETWORK + "hm.response(problem, [0.0, 0.5, 1.0], hm.train(problem, start).theta)",
        3.0,
    ),
    Case(_SESSION, "", 10.0),
)


def code_of(case: Case) -> str:
    """What the process of a case runs."""
    if case.name != _SESSION:
        return case.code
    page = (Path(__file__).parent.parent / "docs" / "session.md").read_text(encoding="utf-8")
    return _BEGIN + page.split("```python\n", 1)[1].split("```", 1)[0]


def _seconds(code: str, folder: str) -> tuple[float, float | None]:
    """Of a process, and what it says of a second call."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    kept = {
        "HOMOTOPY_CACHE": f"{folder}/programs",
        "NUMBA_CACHE_DIR": f"{folder}/kernels",
        "MPLBACKEND": "Agg",
    }
    ended = subprocess.run(
        [sys.executable, "-c", code.replace("{folder}", f"{folder}/forget")],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | kept,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = [line.split()[1] for line in ended.stdout.splitlines() if line.startswith("again ")]
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return taken, float(said[0]) if said else None


def run() -> Iterator[Scorecard]:
    rows, marks = [], []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            code = code_of(case)
            if case.again is not None:
                code += _AGAIN.format(again=case.again[0])
            first_of_all, since = _seconds(code, folder)
            first_of_all = since if case.imported else first_of_all
            taken, again = _seconds(code, folder)
            if case.imported:
                taken, again = again, None
        cells = [taken, case.target, first_of_all, case.first_of_all]
        cells += [again, case.again[1]] if case.again else [None, None]
        rows.append((case.name, *("" if cell is None else f"{cell:.3g}" for cell in cells)))
        # Missed by half: processors differ.
        marks.append(Mark(case.name, taken, 1.5 * case.target, at_least=False))
        if case.first_of_all is not None:
            limit = 1.5 * case.first_of_all
            marks.append(Mark(f"{case.name}, first of all", first_of_all, limit, at_least=False))
        if case.again is not None:
            marks.append(Mark(f"{case.name}, again", again, 1.5 * case.again[1], at_least=False))
    headings = ("", "seconds", "target", "first of all", "target", "again", "target")
    yield Scorecard("waiting; processor seconds", headings, tuple(rows), tuple(marks))
