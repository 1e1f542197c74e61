"""The best schedule under a noise budget, and what no schedule is a bound of.

Left: the notes' example (20 points, row 3 deleted, θ₀ = (0, 2), request at s = 0.05, (ε, δ) = (1,
1e-5)). A schedule ends at θ(T) at some distance from retraining, which noise has to hide: the
expected squared distance of what is released from the minimum without the row is ‖θ(T) − θ*₋‖² +
dσ². Shown is its second part, the noise, over a few horizons T: of deleting at once, of the best
single step, and of the best of all schedules, which is certified. The first parts differ by less
than a twentieth, and at T = 0.3 the noise variance of the best is five times smaller than that of
deleting at once. Right: why that is a bound of schedules and not of algorithms. The diabetes data,
row 169, from the fit to all rows: distance to the minimum without the row after K gradients of the
remaining risk. No combination of K gradients comes nearer than the lowest line (conjugate
gradients are as near); the flow that deletes at once, the best schedule, is where descent is.
Dotted: the certificate of descent, by the gradient that is left.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.output import as_numbers, significant, versions
from homotopy import unlearning
from homotopy.datasets import diabetes, notes_example, standardise
from homotopy.plotting import style

START, THETA0, ROW = 0.05, (0.0, 2.0), 3
HORIZONS = (0.2, 0.25, 0.3, 0.35, 0.4)
GRADIENTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 30, 50, 75, 100)
_ROUNDING = 1e-14  # below it differences of float64 are nothing but that


def compute(fast: bool = False) -> dict:
    """Squared distances and noise of schedules; distances of methods after K gradients."""
    horizons = (0.3,) if fast else HORIZONS
    return as_numbers(
        {
            "horizons": horizons,
            "schedules": [_schedules(horizon) for horizon in horizons],
            "methods": _methods(),
            "versions": versions(),
        }
    )


def _schedules(horizon: float) -> dict:
    data, mechanism = notes_example(), hm.GaussianMechanism(1.0, 1e-5)
    problem = hm.LinearRegression(data.X, data.y, deleted=ROW)
    budget = unlearning.noise_budget(problem, THETA0, horizon, mechanism)
    deletion = hm.Deletion(problem, THETA0, START, horizon, target=budget.target)
    best = hm.optimise(deletion, over=hm.Everything())
    found = {"at once": hm.Step(START), "best step": hm.best_step(deletion).schedule}
    found["best of all"] = best.schedule
    entry = {"gap": best.gap, "structure": best.structure}
    for name, schedule in found.items():
        theta = np.asarray(hm.flow(problem, schedule, THETA0, [horizon]).theta[0])
        away = theta - np.asarray(budget.minimum)
        apart = theta - np.asarray(budget.retrained)
        entry[name] = {"squared": away @ away, "noise": 2 * apart @ apart / mechanism.ratio**2}
    return entry


def _methods() -> dict:
    """Distances to θ*₋ after K gradients of R₋ from θ*, in the eigenbasis of its Hessian."""
    data, _ = standardise(diabetes())
    X, y, row = data.X, data.y, 169
    hessian, moment = X.T @ X, X.T @ y
    fit = np.linalg.solve(hessian, moment)
    values, vectors = np.linalg.eigh(hessian - np.outer(X[row], X[row]))
    away = vectors.T @ fit - vectors.T @ (moment - X[row] * y[row]) / values
    low, high = values[0], values[-1]
    step = 2.0 / (low + high)
    descent = [(1.0 - step * values) ** count * away for count in GRADIENTS]
    flow = [np.exp(-step * values * count) * away for count in GRADIENTS]
    size = np.linalg.norm
    return {
        "gradients": GRADIENTS,
        "descent": significant([size(each) for each in descent]),
        "flow": significant([size(each) for each in flow]),
        "certificate": significant([size(values * each) / low for each in descent]),
        "least": significant([max(_least(values, away, count), _ROUNDING) for count in GRADIENTS]),
    }


def _least(values, away, count: int) -> float:
    """The least ‖away − combination of the first K gradients‖: of K products, made orthogonal."""
    basis, direction = [], values * away
    for _ in range(min(count, len(values))):
        for _ in range(2):
            for known in basis:
                direction = direction - known * (known @ direction)
        length = np.linalg.norm(direction)
        if length < 1e-13:
            break
        basis.append(direction / length)
        direction = values * basis[-1]
    left = away.copy()
    for _ in range(2):
        for known in basis:
            left = left - known * (known @ left)
    return float(np.linalg.norm(left))


def draw(data: Mapping, figure: Figure) -> None:
    """Noise over the horizon, and distances over the work."""
    figure.set_size_inches(6.6, 3.1)
    left, right = figure.subplots(1, 2)
    names = ("at once", "best step", "best of all")
    for name, colour, marker in zip(names, style.PALETTE, "o^s", strict=False):
        noise = [entry[name]["noise"] for entry in data["schedules"]]
        left.plot(data["horizons"], noise, marker=marker, color=colour, label=name)
    left.set(yscale="log", xlabel="horizon T", ylabel="noise dσ²")
    left.legend()
    left.set_title("(a) noise that hides the end")
    right.set_title("(b) distance, by work")
    methods = data["methods"]
    lines = {
        "certificate": ("certificate of descent", ":"),
        "descent": ("gradient descent", "-"),
        "flow": ("best schedule (flow)", "--"),
        "least": ("least of K gradients", "-"),
    }
    colours = dict(zip(lines, (*style.PALETTE[:1] * 2, *style.PALETTE[1:3]), strict=True))
    for name, (label, line) in lines.items():
        look = {"linestyle": line, "color": colours[name], "label": label}
        right.plot(methods["gradients"], methods[name], **look)
    right.set(xscale="log", yscale="log", xlabel="K, gradients", ylabel="distance to the minimum")
    right.legend()


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig23"]))
