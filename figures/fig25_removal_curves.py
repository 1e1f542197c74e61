"""Which points are worth most: removal curves of values, influence, leave-one-out and leverage.

Ridge regression (ρ = 1) on 200 rows of the diabetes data, of which 20 have their targets turned
over about the mean; points are valued by the loss on 100 other rows, and the fits judged on the
142 that are left. (a) The change of their loss as points are removed, the most helpful first, and
(b) the most harmful first; (c) turned targets found by inspecting the most harmful. Five splits of
the rows; lines are means, bands the least and the largest. All scores are changes on deletion of
the same loss, but leverage, which knows no targets: Shapley values by an effective medium,
Aumann–Shapley values, the influence function, and leave-one-out. The first points removed matter
alike by all of these; Shapley values find more of the turned targets, and removing the points that
they call harmful does not go on to harm the fit.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.output import as_numbers, versions
from homotopy.datasets import diabetes
from homotopy.plotting import style

TRAIN, VALUED_ON, TURNED, RIDGE, SPLITS, STEP = 200, 100, 20, 1.0, 5, 4
NAMES = ("Shapley", "Aumann–Shapley", "influence", "leave-one-out", "leverage", "at random")


def compute(fast: bool = False) -> dict:
    """The loss on the remaining rows, by how many points are removed in which order."""
    hm.enable_x64()
    data = diabetes()
    counts = np.arange(0, TRAIN // 2 + 1, STEP)
    curves, found = [], []
    for seed in range(2 if fast else SPLITS):
        generator = np.random.default_rng(seed)
        rows = generator.permutation(len(data.y))
        train, valued_on, judged_on = np.split(rows, [TRAIN, TRAIN + VALUED_ON])
        mean, scale = data.X[train].mean(axis=0), data.X[train].std(axis=0)
        X = (data.X - mean) / scale
        y = (data.y - data.y[train].mean()) / data.y[train].std()
        turned = generator.choice(TRAIN, TURNED, replace=False)
        targets = y[train].copy()
        targets[turned] *= -1.0
        problem = hm.LinearRegression(X[train], targets, deleted=0, ridge=RIDGE)
        loss = hm.TestLoss(X[valued_on], y[valued_on])
        points = np.arange(TRAIN)
        influence = hm.measurement_influence(problem, hm.Influence(), problem.full_fit(), loss)
        scores = (
            hm.data_values(problem, loss, hm.EffectiveMedium(0)).values,
            hm.data_values(problem, loss, hm.AumannShapley()).values,
            influence.change,
            hm.predict(problem, hm.LeaveOneOut(), points=points).measured(loss),
            hm.leverage(problem),
            generator.normal(size=TRAIN),
        )
        orders = [np.argsort(-np.asarray(score), kind="stable") for score in scores]
        judge = X[judged_on], y[judged_on]
        curves.append(
            [
                [_losses(X[train], targets, order, counts, judge) for order in orders],
                [_losses(X[train], targets, order[::-1], counts, judge) for order in orders],
            ]
        )
        flipped = np.isin(points, turned)
        found.append([np.cumsum(flipped[order[::-1]]) for order in orders])
    return as_numbers(
        {
            "names": NAMES,
            "removed": counts,
            "loss": np.array(curves),  # (splits, ends, scores, counts)
            "turned": TURNED,
            "found": np.array(found),
            "versions": versions(),
        }
    )


def _losses(X, y, order, counts, judge):
    """The mean loss of fits to what is left of the points."""
    losses = []
    for count in counts:
        left = order[count:]
        H = X[left].T @ X[left] + RIDGE * np.eye(X.shape[1])
        theta = np.linalg.solve(H, X[left].T @ y[left])
        losses.append(0.5 * np.mean((judge[1] - judge[0] @ theta) ** 2))
    return losses


def draw(data: Mapping, figure: Figure) -> None:
    """Removal from either end, and what is found."""
    figure.set_size_inches(7.2, 2.9)
    axes = figure.subplots(1, 3)
    removed, loss = np.array(data["removed"]), np.array(data["loss"])
    found = np.array(data["found"], dtype=float)
    inspected = np.arange(1, found.shape[-1] + 1)
    for index, name in enumerate(data["names"]):
        colour = "0.5" if name == "at random" else style.PALETTE[index]
        look = {"color": colour, "ls": ("-", "--", "-.", ":", "-", "-")[index]}
        for end in range(2):
            runs = loss[:, end, index] - loss[:, end, index, :1]
            axes[end].plot(removed, runs.mean(axis=0), **look, label=name if end == 0 else None)
            band = {"color": colour, "alpha": 0.1, "lw": 0}
            axes[end].fill_between(removed, runs.min(axis=0), runs.max(axis=0), **band)
        axes[2].plot(inspected, found[:, index].mean(axis=0), **look)
    for ax, title in zip(axes, ("helpful first", "harmful first", "turned targets"), strict=True):
        ax.set_title(f"({'abc'[list(axes).index(ax)]}) {title}")
    axes[0].set(xlabel="points removed", ylabel="change of the loss on other rows")
    axes[1].set(xlabel="points removed")
    axes[2].set(xlabel="points inspected", ylabel="found", xlim=(0, 100))
    figure.legend(loc="outside lower center", ncols=6)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig25"]))
