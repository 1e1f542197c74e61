"""Soft weights and hard deletion: less disparity, what it costs, and whether it carries over.

Logistic regression with a ridge (ρ = 1) on 222 rows of the diabetes data, disease above its median
or not; the disparity is the mean probability of patients above the median age less that of the
others, on 110 rows, the rows of choice. From the model as it was (black) it is brought down in
steps to nothing: by soft weights between 0 and 3 with a loss that grows by 0.01 at most; by the
published closed form, one linearisation without bounds; and by deleting the most harmful rows.
Filled marks are refits, open ones what the influence function at the old model predicts. (a) On the
rows of choice; (b) on 110 rows that no weights have seen; (c) how far the weights moved.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit

import homotopy as hm
from figures.output import as_numbers, versions
from homotopy.datasets import diabetes
from homotopy.plotting import style

RIDGE, BOUNDS, WORSE = 1.0, (0.0, 3.0), 0.01
PARTS = (0.75, 0.5, 0.25, 0.0)  # of the disparity that is left
NAMES = ("soft weights", "closed form", "hard deletion")


def compute(fast: bool = False) -> dict:
    """Disparity and loss on both sets, of refits and as predicted, for each way and step."""
    hm.enable_x64()
    data = diabetes()
    age = data.X[:, data.feature_names.index("age")]
    y = (data.y > np.median(data.y)).astype(float)
    rows = np.random.default_rng(0).permutation(y.size)
    train, choice, other = np.split(rows, [222, 332])
    mean, scale = data.X[train].mean(axis=0), data.X[train].std(axis=0)
    X = np.column_stack([np.ones(y.size), (data.X - mean) / scale])
    problem = hm.Problem(
        hm.linear_model(X.shape[1]), hm.Logistic(), X[train], y[train], deleted=0, ridge=RIDGE
    )
    # Group 1 is the age of the higher probabilities.
    group = age > np.median(age)
    if _judged(X[choice], y[choice], group[choice], np.asarray(problem.full_fit()))[0] < 0.0:
        group = ~group
    parity = hm.reweighting.DemographicParity(X[choice], group[choice])
    loss = hm.TestLoss(X[choice], y[choice])

    def judged(weights):
        theta = _fit(X[train], y[train], weights)
        return [_judged(X[part], y[part], group[part], theta) for part in (choice, other)]

    ones = np.ones(train.size)
    before = judged(ones)
    disparity = before[0][0]
    kinds: list[list] = [[], [], []]
    slopes = _slopes(problem, (parity, loss))
    for part in PARTS[::2] if fast else PARTS:
        size = part * disparity
        soft = hm.soft_weights(
            problem,
            constraints=[
                hm.reweighting.Constraint(parity, -size, size),
                hm.reweighting.Constraint(loss, upper=WORSE, relative=True),
            ],
            bounds=BOUNDS,
        )
        change = [size - disparity, 0.0]
        published = hm.reweighting.least_norm_weights(problem, [parity, loss], change)
        gone = hm.reweighting.hard_deletion(problem, parity, max(size, 1e-3))
        deleted = ones.copy()
        deleted[np.asarray(gone.rows)] = 0.0
        slopes = _slopes(problem, (parity, loss))
        for kind, weights in zip(
            kinds, (np.asarray(soft.weights), published, deleted), strict=True
        ):
            predicted = [disparity, before[0][1]] + slopes @ (weights - 1.0)
            kind.append(
                {
                    "refit": judged(weights),
                    "predicted": predicted,
                    "moved": np.linalg.norm(weights - 1.0),
                    "least": weights.min(),
                }
            )
    return as_numbers({"names": NAMES, "before": before, "kinds": kinds, "versions": versions()})


def _slopes(problem, measurements):
    """∂m/∂wᵢ at the old model: minus the change on deletion, to first order."""
    theta = problem.full_fit()
    return np.stack(
        [
            -np.asarray(
                hm.measurement_influence(problem, hm.Influence(), theta, measurement).change
            )
            for measurement in measurements
        ]
    )


def _fit(X, y, weights):
    theta = np.zeros(X.shape[1])
    for _ in range(100):
        p = expit(X @ theta)
        H = (X.T * (weights * p * (1 - p))) @ X + RIDGE * np.eye(theta.size)
        step = np.linalg.solve(H, X.T @ (weights * (p - y)) + RIDGE * theta)
        theta -= step
    return theta


def _judged(X, y, group, theta):
    p = expit(X @ theta)
    loss = np.mean(np.logaddexp(0.0, -(2 * y - 1) * (X @ theta)))
    return [p[group].mean() - p[~group].mean(), loss]


def draw(data: Mapping, figure: Figure) -> None:
    """Loss against disparity on both sets, and the weights that it takes."""
    figure.set_size_inches(7.2, 2.9)
    axes = figure.subplots(1, 3)
    before = np.array(data["before"])
    titles = "rows of choice", "other rows", "change of the weights"
    for place, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        ax.set_title(f"({'abc'[place]}) {title}")
        ax.set_xlabel("disparity")
        ax.axvline(0.0, color="0.6", lw=0.6)
    for index, (name, kind) in enumerate(zip(data["names"], data["kinds"], strict=True)):
        colour, marker = style.PALETTE[index], "osD"[index]
        refit = np.array([each["refit"] for each in kind])
        predicted = np.array([each["predicted"] for each in kind])
        moved = [each["moved"] for each in kind]
        look = {"color": colour, "marker": marker, "ms": 4}
        for place in range(2):
            line = np.vstack([before[place], refit[:, place]])
            axes[place].plot(line[:, 0], line[:, 1], **look, label=name if not place else None)
        axes[0].plot(*predicted.T, **look, ls="none", mfc="none")
        axes[2].plot(np.append(before[0, 0], refit[:, 0, 0]), np.append(0.0, moved), **look)
    for place in range(2):
        axes[place].plot(*before[place], "k*", ms=8, zorder=5)
        axes[place].set_ylabel("mean loss" if not place else "")
    axes[2].set_ylabel("‖w − 1‖")
    figure.legend(loc="outside lower center", ncols=3)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig24"]))
