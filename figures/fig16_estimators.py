"""Every estimator against retraining: a perceptron on the diabetes data, all 442 patients.

The perceptron of Figure 15 (d = 25, a ridge of 3 on the sum risk), trained to a minimum. Each
patient is left out in turn, and the model retrained from there to a minimum (the truth, on the
horizontal axis); measured is the change of the loss on the patient left out, 𝒬 and its kin. On the
vertical axis is what an estimator predicts, measured at θ + Δ, for the influence function at ε = 1,
at ε = 0 (which has to retrain to θ(0) first), one Newton step, the Taylor polynomial of order 3,
Gauss–Newton influence with the damping δ = 10, and the proximal Bregman response with the same
damping. Slope of the regression through the origin, Pearson and Spearman correlations.
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
        succeeded = np.asarray(change.status == hm.ChangeStatus.successful)
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
    """A scatter for each estimator, on shared axes."""
    figure.set_size_inches(6.6, 4.6)
    axes = figure.subplots(2, 3, sharex=True, sharey=True)
    truth = np.array(data["truth"])
    least, most = 0.5 * truth[truth > 0].min(), 2.0 * truth.max()
    for number, (ax, (name, panel)) in enumerate(
        zip(axes.ravel(), data["panels"].items(), strict=True)
    ):
        predicted, used = np.array(panel["predicted"]), np.array(panel["used"])
        ax.plot([least, most], [least, most], color="black", lw=0.8, zorder=1)
        ax.plot(
            truth[used],
            predicted[used],
            "o",
            ms=2.0,
            mew=0,
            alpha=0.6,
            color=style.PALETTE[0],
            rasterized=True,
        )
        text = (
            f"slope {panel['slope']:.2f}\nPearson {panel['pearson']:.3f}\n"
            f"Spearman {panel['spearman']:.4f}"
        )
        if panel["failed"]:
            text += f"\n{panel['failed']} without an answer"
        ax.text(0.96, 0.04, text, transform=ax.transAxes, ha="right", va="bottom", fontsize=6.5)
        ax.set_title(f"({'abcdef'[number]}) {name}")
        ax.set(xscale="log", yscale="log", xlim=(least, most), ylim=(least, most))
        ax.set_aspect("equal")
    figure.supxlabel("change of the own loss, by retraining", fontsize=8)
    figure.supylabel("change predicted", fontsize=8)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig16"]))
