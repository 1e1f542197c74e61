"""Unlearning: the exact table of all rows against running, and what the accumulators cost."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np

import homotopy as hm
from benchmarks.scorecard import Mark, Scorecard
from benchmarks.timing import timed
from homotopy import datasets, unlearning
from homotopy.unlearning.steps import Bounds, advance

STEPS, COUNTS = 2000, 100
SIZES = ((442, 10), (2000, 50), (5000, 100))


def run() -> list[Scorecard]:
    return [_table(), _accumulators()]


def _table() -> Scorecard:
    """All rows of the diabetes data at 100 values of K, in closed form; and a few of them by loops.

    Running is counted as one who shares what can be shared would: a run of training, a retraining
    for each row, and K steps for each row and K; timed on a few rows, as all take the same.
    """
    data, _ = datasets.standardise(datasets.diabetes())
    problem = hm.LinearRegression(data.X, data.y, deleted=0)
    size = 1.0 / np.linalg.eigvalsh(data.X.T @ data.X)[-1]
    counts = np.arange(0, STEPS, STEPS // COUNTS)
    start = np.zeros(10)
    closed, found = timed(
        lambda: unlearning.exact_distances(problem, start, size, STEPS, counts), 5
    )
    run = hm.training_run(
        problem, start, STEPS, hm.GradientDescent(size), checkpoints=(STEPS - counts).tolist()
    )
    weights = np.ones(442)
    weights[169] = 0.0
    begin = jnp.asarray(run.checkpoint_theta)

    def one_row():
        """Of one row: retraining, and K steps from every checkpoint."""
        ended = [
            _steps(problem, run.method, begin[run.at(STEPS - count)], STEPS - count, weights)
            for count in counts.tolist()
        ]
        retrained = _steps(problem, run.method, begin[0], 0, weights)
        return np.linalg.norm(np.asarray(ended) - np.asarray(retrained), axis=1)

    alone, row = timed(one_row, 2)
    running, error = 442 * alone.best, float(np.max(np.abs(row - found[:, 169])))
    return Scorecard(
        "exact distances of all 442 rows at 100 values of K",
        ("way", "seconds"),
        (("closed form", f"{closed.best:.3g}"), ("running, from one row", f"{running:.3g}")),
        (Mark("closed form, times faster", running / closed.best, 100.0),),
        (f"largest difference of row 169: {error:.1e}",),
    )


def _steps(problem, method, theta, first, weights):
    return advance(problem, method, theta, None, None, first, STEPS, weights)[0]


def _accumulators() -> Scorecard:
    """A training run of a linear model with the accumulators of all rows, and without."""
    draw, rows, marks = np.random.default_rng(0), [], []
    for size, dimension in SIZES:
        X = draw.normal(size=(size, dimension))
        labels = (draw.normal(size=size) > 0).astype(int)
        problem = hm.Problem(hm.linear_model(dimension), hm.Logistic(), X, labels, deleted=0)
        top = 0.25 * np.linalg.norm(X, 2) ** 2
        method, theta = unlearning.ProjectedDescent(1.0 / top), jnp.zeros(dimension)
        steps = 2000 if size < 1000 else 200
        bounds, none = Bounds(np.zeros((1, size)), top), jnp.zeros((2, size))

        def without(problem=problem, method=method, theta=theta, steps=steps, size=size):
            made = advance(problem, method, theta, None, None, 0, steps, np.ones(size))
            return jax.block_until_ready(made[0])

        def kept(
            problem=problem, method=method, theta=theta, steps=steps, size=size, none=none,
            bounds=bounds,
        ):  # fmt: skip
            made = advance(problem, method, theta, none, bounds, 0, steps, np.ones(size))
            return jax.block_until_ready(made)

        plain, full = _in_turn(without, kept)
        name = f"{size} × {dimension}"
        rows.append((name, f"{1e6 * plain / steps:.3g}", f"{1e6 * full / steps:.3g}"))
        marks.append(Mark(f"accumulators, {name}, part of a step", full / plain - 1.0, 0.1, False))
    headings = ("logistic regression", "µs a step", "with accumulators")
    return Scorecard("what certifies every deletion", headings, tuple(rows), tuple(marks))


def _in_turn(*calls, repeats: int = 40) -> list[float]:
    """The least processor time of each of several calls, which take turns after a first one.

    Differences of a tenth are lost in what else a machine does between two blocks of calls.
    """
    for call in calls:
        call()
    seconds = [[] for _ in calls]
    for _ in range(repeats):
        for call, spent in zip(calls, seconds, strict=True):
            start = time.process_time()
            call()
            spent.append(time.process_time() - start)
    return [min(spent) for spent in seconds]
