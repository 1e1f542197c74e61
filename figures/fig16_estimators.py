"""Every estimator against retraining: a perceptron on the diabetes data, all 442 patients.

The perceptron of Figure 15 (d = 25, a ridge of 3 on the sum risk), trained to a minimum. Each
patient is left out in turn, and the model retrained from there to a minimum (the truth); measured
is the change of the loss on the patient left out, 𝒬 and its kin, at θ + Δ of each estimator: the
influence function at ε = 1, at ε = 0 (which has to retrain to θ(0) first), one Newton step, the
Taylor polynomial of order 3, Gauss–Newton influence with the damping δ = 10, and the proximal
Bregman response with the same damping. Drawn is the ratio of the predicted change to the true one,
against the true one: 1 is right. Where a patient matters little, all but the damped estimators are
within a few per cent; where one matters much, influence at ε = 1 predicts too little, at ε = 0 and
a Newton step too much. Slope: of the regression of predicted on true changes, through the origin,
in which the patients that matter most count most.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import pearsonr, spearmanr

import homotopy as hm
from figures.output import as_numbers, significant, versions
from homotopy.datasets import diabetes, standardise
from homotopy.plotting import style

RIDGE, DAMPING, SEED = 3.0, 10.0, 0
ESTIMATORS = {
    "influence at ε = 1": hm.Influence(),
    "influence at ε = 0": hm.Influence(at=0.0),
    "Newton step": hm.NewtonStep(),
    "Taylor, order 3": hm.Taylor(3),
    f"Gauss–Newton, δ = {DAMPING:g}": hm.GaussNewton(DAMPING),
    f"PBRF, δ = {DAMPING:g}": hm.ProximalBregman(DAMPING),
}


def compute(fast: bool = False) -> dict:
    """True and predicted changes of the own loss, and how they agree."""
    dataset, _ = standardise(diabetes())
    model = hm.mlp([10, 2, 1])
    problem = hm.Problem(model, hm.SquaredError(), dataset.X, dataset.y, deleted=0, ridge=RIDGE)
    trained = hm.train(problem, model.initial_parameters(jax.random.key(SEED)))
    points = np.arange(0, problem.size, 20 if fast else 1)

    def own_loss(estimator):
        change = hm.predict(problem, estimator, trained.theta, points=points, throw=False)
        succeeded = np.asarray(change.status == hm.results.ChangeStatus.successful)
        return np.asarray(change.measured(hm.OwnLoss())), succeeded

    truth, refitted = own_loss(hm.LeaveOneOut())
    panels = {}
    for name, estimator in ESTIMATORS.items():
        values, succeeded = own_loss(estimator)
        # A Newton step of an indefinite Hessian is a number that means nothing.
        used = refitted & succeeded
        panels[name] = {
            "predicted": significant(values),
            "used": used,
            "failed": int(np.sum(~succeeded)),
            # Quantiles of predicted over true changes: 5 %, the median, 95 %.
            "ratios": np.quantile(values[used] / truth[used], [0.05, 0.5, 0.95]),
            "slope": np.sum(truth[used] * values[used]) / np.sum(truth[used] ** 2),
            "pearson": pearsonr(truth[used], values[used]).statistic,
            "spearman": spearmanr(truth[used], values[used]).statistic,
        }
    return as_numbers(
        {
            "dataset": dataset.description,
            "seed": SEED,
            "ridge": RIDGE,
            "points": points,
            "truth": significant(truth),
            "refits_failed": int(np.sum(~refitted)),
            "gradient_norm": trained.gradient_norm,
            "smallest_eigenvalue": trained.smallest_eigenvalue,
            "panels": panels,
            "versions": versions(),
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Ratios for each estimator, on shared axes."""
    figure.set_size_inches(6.6, 4.2)
    axes = figure.subplots(2, 3, sharex=True, sharey=True)
    truth = np.array(data["truth"])
    for number, (ax, (name, panel)) in enumerate(
        zip(axes.ravel(), data["panels"].items(), strict=True)
    ):
        used = np.array(panel["used"])
        ratios = np.array(panel["predicted"])[used] / truth[used]
        ax.axhline(1.0, color="black", lw=0.8, zorder=1)
        look = {"mew": 0, "alpha": 0.6, "color": style.PALETTE[0], "rasterized": True}
        ax.plot(truth[used], ratios, "o", ms=2.2, **look)
        low, middle, high = panel["ratios"]
        text = f"ratio: median {middle:.2f},\n90 % in {low:.2f} to {high:.2f}"
        text += f"\nslope {panel['slope']:.2f}, Spearman {panel['spearman']:.4f}"
        if panel["failed"]:
            text += f"\n{panel['failed']} without an answer"
        ax.text(0.03, 0.97, text, transform=ax.transAxes, va="top", fontsize=6.5)
        ax.set_title(f"({'abcdef'[number]}) {name}")
    axes[0, 0].set(xscale="log", ylim=_limits(data))
    figure.supxlabel("true change of the own loss, by retraining", fontsize=8)
    figure.supylabel("predicted change / true change", fontsize=8)


def _limits(data) -> tuple[float, float]:
    """Of the ratios of all panels, with room for words at the top."""
    truth = np.array(data["truth"])
    ratios = [
        np.array(panel["predicted"])[used] / truth[used]
        for panel in data["panels"].values()
        for used in [np.array(panel["used"])]
    ]
    low, high = min(map(np.min, ratios)), max(map(np.max, ratios))
    return low - 0.05 * (high - low), high + 0.4 * (high - low)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig16"]))
