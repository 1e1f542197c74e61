"""Building linear regressions: against NumPy's Gram matrix, and all deletions of one data set.

Each size in a process of its own, so that its first call is a first call and its peak memory its
own. Times are the processor's, of all threads, in which what other processes do does not count. The
first call also pays for memory that the process did not have before: for as many bytes as the data,
which the problem copies.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import homotopy as hm
from benchmarks.scorecard import Mark, Scorecard
from homotopy.datasets import diabetes, standardise

SIZES = ((100_000, 20), (1_000_000, 20))
SLOWEST, LARGEST = 20.0, 1.5  # times NumPy's Gram matrix, and times the data
COLD, WARM = 10.0, 0.2  # ms a deletion problem


def run() -> Iterator[Scorecard]:
    yield _one_problem()
    yield _all_deletions()


def _measured(what: str, *arguments: int) -> dict:
    command = [sys.executable, "-m", "benchmarks.building", what, *map(str, arguments)]
    root = Path(__file__).parent.parent
    found = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    return json.loads(found.stdout)


def _one_problem() -> Scorecard:
    rows, marks = [], []
    for size, dimension in SIZES:
        found = _measured("problem", size, dimension)
        name = f"n = {size:.0e}, d = {dimension}"
        ratio, memory = found["again"] / found["gram"], found["memory"]
        rows.append(
            (
                name,
                *(f"{1e3 * found[key]:.3g}" for key in ("gram", "again", "first")),
                f"{ratio:.3g}×",
                f"{memory:.2f}×",
            )
        )
        marks.append(Mark(f"building, {name}, times X.T @ X", ratio, SLOWEST, at_least=False))
        marks.append(Mark(f"building, {name}, memory", memory, LARGEST, at_least=False))
    headings = ("", "X.T @ X", "building", "first", "ratio", "memory / data")
    return Scorecard("one LinearRegression; ms", headings, tuple(rows), tuple(marks))


def _all_deletions() -> Scorecard:
    found = _measured("deletions")
    cold, warm = 1e3 * found["cold"], 1e3 * found["warm"]
    return Scorecard(
        f"the {found['points']} deletion problems of the diabetes data; ms each",
        ("", "cold", "again"),
        (("hm.deletions", f"{cold:.3g}", f"{warm:.3g}"),),
        (
            Mark("a deletion problem, cold", cold, COLD, at_least=False),
            Mark("a deletion problem, again", warm, WARM, at_least=False),
        ),
        ("every member made; cold: from the start of a process, with the import of all libraries",),
    )


def _least(call: Callable, repeats: int) -> float:
    """Seconds of the processor, the least of several calls."""
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        call()
        seconds.append(time.process_time() - began)
    return min(seconds)


def measure_problem(size: int, dimension: int) -> dict:
    """Seconds of NumPy's Gram matrix, of building, and of the first; peak memory over data."""
    hm.enable_x64()
    X = np.random.default_rng(0).normal(size=(size, dimension))
    y = X.sum(axis=1)
    hm.LinearRegression(X[:100], y[:100], deleted=0)  # what only a first call loads

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def build():
        hm.LinearRegression(X, y, deleted=0)

    gram, before = _least(lambda: X.T @ X, 20), peak()
    first = _least(build, 1)
    memory = (peak() - before) / X.nbytes
    return {"gram": gram, "first": first, "memory": memory, "again": _least(build, 10)}


def measure_deletions() -> dict:
    """Seconds a deletion problem takes, from the start of the process and once more."""
    hm.enable_x64()
    data, _ = standardise(diabetes())

    def build():
        problem = hm.LinearRegression(data.X, data.y, deleted=0)
        return list(hm.deletions(problem, np.zeros(problem.dimension), start=0.05, horizon=1.0))

    points = len(build())
    cold, warm = time.process_time(), _least(build, 10)
    return {"points": points, "cold": cold / points, "warm": warm / points}


if __name__ == "__main__":
    measure = {"problem": measure_problem, "deletions": measure_deletions}[sys.argv[1]]
    print(json.dumps(measure(*map(int, sys.argv[2:]))))
