"""How far from exact Shapley values: every method, against the ridge and against its cost.

Least squares with n = 10 points in d = 3 parameters, targets xᵀb + noise, the loss on 40 other
points; eight data sets. The error is ‖found − exact‖/‖exact‖, exact by all 1,024 coalitions. (a)
Against the ridge ρ: the effective medium, Aumann–Shapley, the influence function, leave-one-out,
and 1,000 permutations. (b) At ρ = 1, against the permutations that are sampled: orders on their
own, with their reverses, and in strata, cyclic shifts of one order; the levels of the medium and of
Aumann–Shapley, which take one solve for each of some dozen nodes. Means over the data sets.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.output import as_numbers, versions
from homotopy.plotting import style

POINTS, DIMENSION, TESTS, SETS = 10, 3, 40, 8
RIDGES = tuple(np.geomspace(0.01, 100.0, 9).tolist())
COUNTS = (20, 60, 200, 600, 2000, 6000, 20000)
METHODS = (
    "effective medium",
    "Aumann–Shapley",
    "influence",
    "leave-one-out",
    "1,000 permutations",
)
SAMPLING = {
    "permutations": {"antithetic": False},
    "with reverses": {},
    "in strata": {"antithetic": False, "strata": 10},
}


def _data(seed):
    generator = np.random.default_rng(seed)
    X, truth = generator.normal(size=(POINTS, DIMENSION)), generator.normal(size=DIMENSION)
    y = X @ truth + 0.5 * generator.normal(size=POINTS)
    X_test = generator.normal(size=(TESTS, DIMENSION))
    return X, y, hm.TestLoss(X_test, X_test @ truth + 0.5 * generator.normal(size=TESTS))


def _error(found, exact) -> float:
    return float(np.linalg.norm(np.asarray(found) - exact) / np.linalg.norm(exact))


def compute(fast: bool = False) -> dict:
    """Relative errors by ridge and by count, of each data set."""
    hm.enable_x64()
    seeds = range(100, 102 if fast else 100 + SETS)
    by_ridge = np.empty((len(seeds), len(RIDGES), len(METHODS)))
    by_count = np.empty((len(seeds), len(COUNTS), len(SAMPLING)))
    levels = np.empty((len(seeds), 2))
    for place, seed in enumerate(seeds):
        X, y, loss = _data(seed)
        for index, ridge in enumerate((*RIDGES, 1.0)):
            problem = hm.LinearRegression(X, y, deleted=0, ridge=ridge)
            exact = np.asarray(hm.data_values(problem, loss, hm.Enumeration()).values)
            smooth = [
                hm.data_values(problem, loss, hm.EffectiveMedium(0)).values,
                hm.data_values(problem, loss, hm.AumannShapley()).values,
            ]
            errors = [_error(each, exact) for each in smooth]
            if index == len(RIDGES):
                levels[place] = errors
                break
            alone = hm.valuation.LeaveOneOutValue()
            others = (
                hm.data_values(problem, loss, hm.AumannShapley(), alone).values,
                hm.data_values(problem, loss, hm.Enumeration(), alone).values,
                hm.data_values(problem, loss, hm.Permutations(1000), throw=False).values,
            )
            by_ridge[place, index] = [*errors, *(_error(each, exact) for each in others)]
        for index, count in enumerate(COUNTS):
            for kind, options in enumerate(SAMPLING.values()):
                method = hm.Permutations(count, seed=seed, **options)
                found = hm.data_values(problem, loss, method, throw=False).values
                by_count[place, index, kind] = _error(found, exact)
    return as_numbers(
        {
            "ridges": RIDGES,
            "methods": METHODS,
            "by_ridge": by_ridge,
            "counts": COUNTS,
            "sampling": tuple(SAMPLING),
            "by_count": by_count,
            "levels": levels,
            "versions": versions(),
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Errors against the ridge, and against the permutations sampled."""
    figure.set_size_inches(7.0, 3.1)
    by_ridge, by_count = figure.subplots(1, 2)
    errors = np.array(data["by_ridge"]).mean(axis=0)
    for index, name in enumerate(data["methods"]):
        look = {"color": style.PALETTE[index], "ls": ("-", "--", "-.", ":", "-")[index]}
        by_ridge.loglog(data["ridges"], errors[:, index], **look, label=name)
    sampled = np.array(data["by_count"]).mean(axis=0)
    for index, name in enumerate(data["sampling"]):
        colour = style.PALETTE[4]
        look = {"color": colour, "ls": (":", "--", "-")[index], "marker": "o^s"[index]}
        by_count.loglog(data["counts"], sampled[:, index], **look, markersize=3, label=name)
    for index, level in enumerate(np.array(data["levels"]).mean(axis=0)):
        by_count.axhline(level, color=style.PALETTE[index], ls=("-", "--")[index], lw=1.0)
    by_ridge.set(xlabel="ridge ρ", ylabel="relative error", title="(a) against the ridge")
    by_count.set(xlabel="permutations", title="(b) against cost, ρ = 1")
    by_ridge.legend(fontsize=6.5)
    by_count.legend(fontsize=6.5)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig26"]))
