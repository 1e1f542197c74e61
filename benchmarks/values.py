"""Shapley values of ridge regression: points put in a second, against refits and pyDVL's."""

import time
import warnings

import numpy as np
from sklearn.linear_model import Ridge

import homotopy as hm
from benchmarks.scorecard import Mark, Scorecard
from homotopy.datasets import diabetes

SIZE, RIDGE, COUNT = 342, 10.0, 20_000


def run() -> list:
    return [_permutations(), _growth()]


def _setting():
    data = diabetes()
    rows = np.random.default_rng(0).permutation(len(data.y))
    train, test = rows[:SIZE], rows[SIZE:]
    mean, scale = data.X[train].mean(axis=0), data.X[train].std(axis=0)
    X, y = (data.X - mean) / scale, (data.y - data.y[train].mean()) / data.y[train].std()
    return X[train], y[train], X[test], y[test]


def _permutations() -> Scorecard:
    """20,000 orders of 342 points, d = 10; the effective medium beside them."""
    X, y, X_test, y_test = _setting()
    problem = hm.LinearRegression(X, y, deleted=0, ridge=RIDGE)
    loss = hm.TestLoss(X_test, y_test)
    hm.data_values(problem, loss, hm.Permutations(64))  # compiled
    seconds, sampled = _timed(lambda: hm.data_values(problem, loss, hm.Permutations(COUNT)), 3)
    hm.data_values(problem, loss, hm.EffectiveMedium())
    medium_seconds, medium = _timed(lambda: hm.data_values(problem, loss, hm.EffectiveMedium()), 5)
    values = np.asarray(sampled.values)
    own = int(sampled.work) / seconds
    size = np.linalg.norm(values)
    noise = np.linalg.norm(sampled.standard_error) / size
    away = np.linalg.norm(np.asarray(medium.values) - values) / size
    rows = [("Permutations(20,000)", f"{seconds:.3g}", f"{own:.3g}", f"{noise:.2g} (its noise)")]
    rows.append(("EffectiveMedium()", f"{medium_seconds:.3g}", "", f"{away:.2g}"))
    marks = [
        Mark("seconds of 20,000 permutations", seconds, 5.0, at_least=False),
        Mark("seconds of EffectiveMedium()", medium_seconds, 0.5, at_least=False),
    ]
    notes = []
    for name, rate in (
        ("scikit-learn, refitted", _refits(X, y, X_test, y_test)),
        ("pyDVL", _pydvl(X, y, X_test, y_test)),
    ):
        if rate is None:
            notes.append("pyDVL is not installed, and not measured.")
            continue
        rows.append((name, "", f"{rate:.3g}", ""))
        marks.append(Mark(f"points put in a second, over those of {name}", own / rate, 100.0))
    return Scorecard(
        f"Shapley values of {SIZE} points, ridge regression, d = 10",
        ("", "s", "points put in / s", "difference"),
        tuple(rows),
        tuple(marks),
        tuple(notes),
    )


def _timed(call, calls: int = 1):
    """The least seconds of some calls, and the last value."""
    seconds = []
    for _ in range(calls):
        begin = time.perf_counter()
        value = call()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), value


def _refits(X, y, X_test, y_test) -> float:
    """Refits and losses a second of scikit-learn, along one order."""
    order = np.random.default_rng(1).permutation(len(y))
    model = Ridge(alpha=RIDGE, fit_intercept=False)

    def along():
        for size in range(1, len(order) + 1):
            rows = order[:size]
            model.fit(X[rows], y[rows])
            np.mean((y_test - model.predict(X_test)) ** 2)

    return len(order) / _timed(along, 3)[0]


def _pydvl(X, y, X_test, y_test) -> float | None:
    """Points put in a second by pyDVL's permutation sampler, without truncation."""
    try:
        from pydvl import valuation
        from pydvl.valuation.samplers.truncation import NoTruncation
    except ImportError:
        return None

    def loss(model, features, targets):
        return -0.5 * np.mean((targets - model.predict(features)) ** 2)

    score = valuation.SupervisedScorer(
        loss,
        valuation.Dataset(X_test, y_test),
        default=-0.5 * np.mean(y_test**2),
        range=(-np.inf, 0.0),
    )
    utility = valuation.ModelUtility(Ridge(alpha=RIDGE, fit_intercept=False), score)
    sampler = valuation.PermutationSampler(truncation=NoTruncation(), seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = valuation.ShapleyValuation(
            utility, sampler, is_done=valuation.MaxUpdates(2), progress=False
        )
        seconds, _ = _timed(lambda: fit.fit(valuation.Dataset(X, y)))
    return float(np.sum(fit.result.counts)) / seconds


def _growth() -> Scorecard:
    """Nanoseconds a point put in, as n and d grow; 100,000 points with truncation."""
    rows = []
    for size, dimension, truncation in (
        (1_000, 10, 0.0),
        (10_000, 10, 0.0),
        (100_000, 10, 0.0),
        (1_000, 20, 0.0),
        (1_000, 40, 0.0),
        (100_000, 10, 0.01),
    ):
        generator = np.random.default_rng(0)
        X, truth = generator.normal(size=(size, dimension)), generator.normal(size=dimension)
        y = X @ truth + generator.normal(size=size)
        problem = hm.LinearRegression(X, y, deleted=0, ridge=RIDGE)
        loss = hm.TestLoss(X[:100], y[:100])
        count = max(16, 500_000 // size)
        method = hm.Permutations(count, truncation=truncation)
        seconds, found = _timed(lambda: hm.data_values(problem, loss, method, throw=False))  # noqa: B023
        gap = abs(float(found.efficiency_gap / found.total))
        rows.append(
            (
                f"n = {size:,}, d = {dimension}" + (", truncated at 1 %" if truncation else ""),
                f"{1e9 * seconds / int(found.work):.3g}",
                f"{int(found.work) / count:,.0f}",
                f"{gap:.1e}",
            )
        )
    headings = ("", "ns a point put in", "points put in an order", "efficiency gap, relative")
    return Scorecard("how permutations of ridge regression grow", headings, tuple(rows))
