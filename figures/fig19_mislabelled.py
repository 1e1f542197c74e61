"""Finding mislabelled examples: which score puts them first.

A perceptron of 3 hidden neurons (d = 97) on 300 tumours of the breast cancer data, of whose labels
30 are flipped; trained by Adam and stopped early. Each training point is scored, and points are
inspected in the order of their scores: by the change of their own loss on deletion as the proximal
Bregman response gives it, as damped Gauss–Newton influence gives it (to first order, as
self-influence, the influence loss difference 𝒬), by the training loss, and by the length of the
gradient. (a) Precision against recall; (b) flipped labels found against points inspected. Three
draws of the flips and of θ₀; lines are means, bands the least and the largest. All scores are far
better than chance, but on these easy data none that measures influence is as good as the training
loss itself: a flipped label is a misfit, and influence also ranks points by their leverage.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np
import optax
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score

import homotopy as hm
from figures.early_stopped import breast_cancer_logistic
from figures.output import as_numbers, versions
from homotopy.plotting import style
from homotopy.point_gradients import gradient_norms

SIZE, FLIPPED, SEEDS = 300, 30, 3
NAMES = ("PBRF", "damped influence", "training loss", "gradient norm")


def compute(fast: bool = False) -> dict:
    """How many flipped labels each score finds, and its average precision."""
    setting = breast_cancer_logistic()
    X, y = np.asarray(setting.problem.X)[:SIZE, :30], np.asarray(setting.problem.y)[:SIZE]
    model = hm.mlp([30, 3, 1])
    damping = 1e-2 * SIZE
    found, precision, epochs = [], [], []
    for seed in range(1 if fast else SEEDS):
        flips = np.random.default_rng(seed).choice(SIZE, FLIPPED, replace=False)
        labels = y.copy()
        labels[flips] = 1.0 - labels[flips]
        problem = hm.Problem(model, hm.Logistic(), X, labels, deleted=0, ridge=1e-3 * SIZE)
        trained = hm.early_stopping(
            problem,
            model.initial_parameters(jax.random.key(seed)),
            setting.X[:, :30],
            setting.y,
            optimiser=optax.adam(1e-2),
            patience=10,
            max_epochs=300,
            seed=seed,
        )
        theta, points = trained.theta, np.arange(SIZE)
        response = hm.predict(problem, hm.ProximalBregman(damping), theta, points=points)
        linear = hm.predict(problem, hm.GaussNewton(damping), theta, points=points)
        scores = (
            response.measured(hm.OwnLoss()),
            linear.linearised(hm.OwnLoss()),
            problem.losses(theta),
            gradient_norms(problem, theta),
        )
        flipped = np.isin(points, flips)
        orders = [np.argsort(-np.asarray(score), kind="stable") for score in scores]
        found.append([np.cumsum(flipped[order]) for order in orders])
        precision.append([average_precision_score(flipped, np.asarray(score)) for score in scores])
        epochs.append(int(trained.epoch))
    return as_numbers(
        {
            "names": NAMES,
            "size": SIZE,
            "flipped": FLIPPED,
            "damping": damping,
            "epochs": epochs,
            "found": np.array(found),
            "average_precision": np.array(precision),
            "versions": versions(),
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Precision–recall curves, and what inspecting so many points finds."""
    figure.set_size_inches(6.6, 3.0)
    precision_ax, found_ax = figure.subplots(1, 2)
    found = np.array(data["found"], dtype=float)  # (seeds, scores, n)
    inspected = np.arange(1, data["size"] + 1)
    averages = np.array(data["average_precision"])
    recall = np.linspace(1, data["flipped"], data["flipped"])
    for index, name in enumerate(data["names"]):
        colour = style.PALETTE[index]
        style_of = {"color": colour, "ls": ("-", "--", "-.", ":")[index]}
        # Precision at the k-th flipped label found.
        at = np.array(
            [k / (1 + np.searchsorted(run, k)) for run in found[:, index] for k in recall]
        ).reshape(len(found), -1)
        mean = averages[:, index].mean()
        precision_ax.plot(recall / data["flipped"], at.mean(axis=0), **style_of,
                          label=f"{name} ({mean:.2f})")  # fmt: skip
        precision_ax.fill_between(
            recall / data["flipped"], at.min(axis=0), at.max(axis=0), color=colour, alpha=0.12, lw=0
        )
        found_ax.plot(inspected, found[:, index].mean(axis=0), **style_of)
    chance = data["flipped"] / data["size"]
    precision_ax.axhline(chance, color="0.6", lw=0.8, label=f"at random ({chance:.2f})")
    found_ax.plot(inspected, chance * inspected, color="0.6", lw=0.8)
    precision_ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    precision_ax.set_title("(a) precision–recall (average precision)")
    figure.legend(loc="outside lower center", ncols=5)
    found_ax.set(xlabel="points inspected", ylabel="flipped labels found", xlim=(0, 150))
    found_ax.set_title("(b) found by inspecting the first")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig19"]))
