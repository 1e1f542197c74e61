"""What points are worth to training that stops: values of θ(T) along the gradient flow.

Least squares without a ridge, n = 9 points, d = 3, the reference instance of the theory, from θ₀ =
(0.3, −0.2, 0.1). (a) The log-time average of influence in training time, ∫₀ᵀ influence dt/t, of
four points, and dots for their exact Shapley values of the game m(θ(T)), by the flows of all 512
coalitions. (b) The error against those, of that average, of ∫∇m·∇ℓ_j dt (TracIn, first-order
in-run Shapley), and of the influence at T: both integrals share out m(θ₀) − m(θ(T)) and are right
to first order in T; neither is where T is long, and the average then grows like log T.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.output import as_numbers, versions
from homotopy.plotting import style

SIZE, DIMENSION, TESTS = 9, 3, 20
START = (0.3, -0.2, 0.1)
TIMES = tuple(np.geomspace(0.01, 3.0, 12).tolist())
SHOWN = (2, 3, 4, 7)
NAMES = ("log-time average", "TracIn", "influence at T")


def compute(fast: bool = False) -> dict:
    """Values at each time by three formulas, and exactly."""
    hm.enable_x64()
    generator = np.random.default_rng(0)
    X, truth = generator.normal(size=(SIZE, DIMENSION)), generator.normal(size=DIMENSION)
    y = X @ truth + 0.5 * generator.normal(size=SIZE)
    X_test = generator.normal(size=(TESTS, DIMENSION))
    y_test = X_test @ truth + 0.5 * generator.normal(size=TESTS)
    problem, loss = hm.LinearRegression(X, y, deleted=0), hm.TestLoss(X_test, y_test)
    times = TIMES[::3] if fast else TIMES
    average, in_run, late, exact = [], [], [], []
    influences = hm.influence_in_time(problem, START, loss, list(times)).influence
    points, weights = np.polynomial.legendre.leggauss(16)
    for time, influence in zip(times, np.asarray(influences), strict=True):
        method = hm.FiniteTime(time, nodes=16, max_nodes=32)
        found = hm.data_values(problem, loss, method, theta0=START, throw=False)
        average.append(np.asarray(found.values))
        late.append(influence)
        nodes = time * (1 + points) / 2
        path = np.array([_flow(X, y, np.ones(SIZE), node) for node in nodes])
        slopes = (path @ X_test.T - y_test) @ X_test / TESTS
        gradients = (path @ X.T - y)[:, :, None] * X
        in_run.append(np.einsum("t,td,tnd->n", time * weights / 2, slopes, gradients))
        exact.append(_shapley(X, y, X_test, y_test, time))
    return as_numbers(
        {
            "times": times,
            "shown": SHOWN,
            "names": NAMES,
            "values": np.array([average, in_run, late]),
            "exact": np.array(exact),
            "versions": versions(),
        }
    )


def _flow(X, y, members, time):
    """θ(T) of the gradient flow on some of the points."""
    rates, V = np.linalg.eigh((X.T * members) @ X)
    safe = np.where(rates > 1e-12, rates, 1.0)
    grown = np.where(rates > 1e-12, -np.expm1(-rates * time) / safe, time)
    return V @ (np.exp(-rates * time) * (V.T @ START) + grown * (V.T @ (X.T @ (members * y))))


def _shapley(X, y, X_test, y_test, time):
    members = np.arange(1 << SIZE)[:, None] >> np.arange(SIZE) & 1
    ends = np.array([_flow(X, y, row.astype(float), time) for row in members])
    measured = 0.5 * np.mean((ends @ X_test.T - y_test) ** 2, axis=1)
    sizes, values = members.sum(axis=1), np.zeros(SIZE)
    for point in range(SIZE):
        without = np.flatnonzero(members[:, point] == 0)
        counts = np.array([math.comb(SIZE - 1, int(size)) for size in sizes[without]])
        change = measured[without] - measured[without | 1 << point]
        values[point] = np.sum(change / (SIZE * counts))
    return values


def draw(data: Mapping, figure: Figure) -> None:
    """Values of four points along T, and the errors of three formulas."""
    figure.set_size_inches(7.0, 3.0)
    along, errors = figure.subplots(1, 2)
    times, exact = np.array(data["times"]), np.array(data["exact"])
    values = np.array(data["values"])
    for index, point in enumerate(data["shown"]):
        colour = style.PALETTE[index]
        along.semilogx(times, values[0][:, point], color=colour, label=f"point {point}")
        along.semilogx(times, exact[:, point], "o", color=colour, markersize=3)
    along.axhline(0.0, color="0.6", lw=0.6)
    along.set(xlabel="time T at which training stops", ylabel="value")
    along.set_title("(a) log-time average; dots: exact")
    along.legend(fontsize=6.5)
    size = np.linalg.norm(exact, axis=1)
    for index, name in enumerate(data["names"]):
        error = np.linalg.norm(values[index] - exact, axis=1) / size
        look = {"color": style.PALETTE[index], "ls": ("-", "--", "-.")[index]}
        errors.loglog(times, error, **look, label=name)
    errors.set(xlabel="time T at which training stops", ylabel="relative error")
    errors.set_title("(b) against exact values")
    errors.legend(fontsize=6.5)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig27"]))
