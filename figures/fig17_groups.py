"""Deleting groups: influence, a Newton step and retraining (after Koh et al., 2019).

Logistic regression on the breast cancer data (400 training points, 31 parameters), for three ridges
ρ = nλ on the sum risk. Groups of 0.25 % to 25 % of the training points: at random, clustered (a
point and its nearest neighbours of the same label), and adversarial (drawn from the points whose
predicted effect on the test loss is largest). Measured is the change of the mean loss on 169 test
points, in thousandths; on the horizontal axis by retraining to a minimum, on the vertical one as it
is at the parameters that influence (summed over the group) and one Newton step predict. With the
larger ridges influence ranks groups well and is too small, the more so the larger and the more
alike the group; the Newton step, which knows the Hessian without the group, errs less, to the other
side. With the smallest ridge neither predicts what large groups do. Slopes are regressions through
the origin, of influence and of the Newton step.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import spearmanr

import homotopy as hm
from figures.early_stopped import breast_cancer_logistic
from figures.output import as_numbers, significant, versions
from homotopy.plotting import style

FRACTIONS = (0.0025, 0.01, 0.025, 0.05, 0.1, 0.25)
RIDGES = (1e-3, 1e-2, 1e-1)  # λ of the mean risk
COUNT = 12
KINDS = ("random", "clustered", "adversarial")


def compute(fast: bool = False) -> dict:
    """Changes of the test loss for each ridge and kind of group."""
    setting = breast_cancer_logistic()
    X, y = np.asarray(setting.problem.X), np.asarray(setting.problem.y)
    size, count = len(y), 2 if fast else COUNT
    test = hm.TestLoss(setting.X, setting.y)
    # Far apart unless the labels agree.
    placed = np.column_stack([X, 1e3 * y])
    panels = []
    for mean_ridge in RIDGES:
        problem = hm.Problem(
            setting.problem.model, hm.Logistic(), X, y, deleted=0, ridge=mean_ridge * size
        )
        theta = problem.full_fit()
        alone = hm.predict(problem, hm.Influence(), theta, points=np.arange(size))
        effects = np.asarray(alone.linearised(test))
        for kind in KINDS:
            groups, sizes = [], []
            for seed, fraction in enumerate(FRACTIONS):
                of = max(1, round(fraction * size))
                groups += list(_drawn(kind, of, count, seed, placed, effects))
                sizes += [of] * count
            changes = {
                name: hm.predict(problem, estimator, theta, groups=groups)
                for name, estimator in (
                    ("retrained", hm.LeaveOneOut()),
                    ("influence", hm.Influence()),
                    ("newton", hm.NewtonStep()),
                )
            }
            actual = np.asarray(changes["retrained"].measured(test))
            entry = {"ridge": mean_ridge, "kind": kind, "sizes": sizes}
            entry["retrained"] = significant(actual)
            entry["largest_residual"] = float(np.max(changes["retrained"].residual))
            for name in ("influence", "newton"):
                predicted = np.asarray(changes[name].measured(test))
                entry[name] = significant(predicted)
                entry[f"{name}_slope"] = np.sum(predicted * actual) / np.sum(actual**2)
                entry[f"{name}_spearman"] = spearmanr(predicted, actual).statistic
            panels.append(entry)
    return as_numbers(
        {"size": size, "fractions": FRACTIONS, "panels": panels, "versions": versions()}
    )


def _drawn(kind, of, count, seed, placed, effects):
    """Groups of a kind, as rows."""
    if kind == "random":
        return hm.influence.random_groups(len(effects), of, count, seed)
    if kind == "clustered":
        return hm.influence.clustered_groups(placed, of, count, seed)
    return hm.influence.adversarial_groups(effects, of, count, seed)


def draw(data: Mapping, figure: Figure) -> None:
    """A row for each kind of group, a column for each ridge."""
    figure.set_size_inches(6.6, 6.2)
    axes = figure.subplots(3, 3)
    markers = {"influence": ("o", style.PALETTE[0]), "newton": ("x", style.PALETTE[1])}
    for panel in data["panels"]:
        row, column = KINDS.index(panel["kind"]), RIDGES.index(panel["ridge"])
        ax = axes[row, column]
        actual = 1e3 * np.array(panel["retrained"])
        ends = np.array([min(actual.min(), 0.0), max(actual.max(), 0.0)])
        ax.plot(ends, ends, color="black", lw=0.8, zorder=1)
        areas = 3.0 + 40.0 * np.array(panel["sizes"]) / data["size"]
        for name, (marker, colour) in markers.items():
            look = (
                {"facecolors": "none", "edgecolors": colour} if marker == "o" else {"color": colour}
            )
            predicted = 1e3 * np.array(panel[name])
            ax.scatter(actual, predicted, s=areas, marker=marker, linewidths=0.7, alpha=0.8, **look)
        for height, name in ((0.97, "newton"), (0.89, "influence")):
            words = {"va": "top", "fontsize": 6.5, "color": markers[name][1]}
            slope = f"slope {panel[f'{name}_slope']:.2f}"
            ax.text(0.03, height, slope, transform=ax.transAxes, **words)
        if row == 0:
            ax.set_title(f"ρ = {panel['ridge']:g} n")
        if column == 0:
            ax.set_ylabel(f"{panel['kind']}\npredicted change")
        if row == 2:
            ax.set_xlabel("change of the test loss × 1000")
    handles = [
        Line2D([], [], ls="", marker="o", mfc="none", mec=style.PALETTE[0], label="influence"),
        Line2D([], [], ls="", marker="x", color=style.PALETTE[1], label="Newton step"),
        Line2D([], [], color="black", lw=0.8, label="as by retraining"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig17"]))
