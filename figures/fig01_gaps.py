"""What influence functions miss of retraining, in five parts (notes, Figure 1).

Each row is a model trained on real data by Adam and stopped early, at θˢ. For each of a few
deleted training points the chain of theory §5 leads from cold-start retraining to an influence
function as computed; every link is a model, and is measured by its loss on the deleted point less
that of θˢ. Retraining goes to a minimum to rounding (relative gradient 1e-8), with δ = 0.01 n and a
ridge of 0.001 n; the solver is 10 steps of conjugate gradients. Bars are mean sizes of the gaps
over points, trainings and cold starts; whiskers one standard error to either side, by a bootstrap
over points and trainings. A gap below 1e-8 of the largest, to which retraining is exact, is
written 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.early_stopped import (
    breast_cancer_logistic,
    concrete_perceptron,
    diabetes_linear,
    digits_perceptron,
)
from figures.output import as_numbers, significant, versions
from homotopy.influence._gaps import GAPS, LINKS
from homotopy.plotting.gaps import draw_gaps

TRAININGS = 2
POINTS = 8
EXACT = 1e-8  # to which retraining is exact: smaller parts of the largest gap are rounding


def compute(fast: bool = False) -> dict:
    """The links of every row, and the mean sizes of the gaps."""
    trainings, points = (1, 2) if fast else (TRAININGS, POINTS)
    rows = []
    for setting in (
        diabetes_linear(), breast_cancer_logistic(), concrete_perceptron(), digits_perceptron()
    ):  # fmt: skip
        problem = setting.problem
        chosen = np.sort(np.random.default_rng(1).choice(problem.size, points, replace=False))
        parts, stopped = [], []
        for seed in range(trainings):
            trained = setting.train(seed)
            stopped.append(trained)
            parts.append(
                hm.gaps(
                    problem,
                    trained.theta,
                    points=chosen,
                    cold_starts=setting.start(100 + seed),
                    damping=setting.damping,
                )
            )
        gaps = hm.pooled_gaps(parts)
        rows.append(
            {
                "title": setting.title,
                "size": problem.size,
                "dimension": problem.dimension,
                "ridge": problem.ridge,
                "damping": setting.damping,
                "points": chosen,
                "epochs": [int(one.epoch) for one in stopped],
                "gradient_norms": [float(one.gradient_norm) for one in stopped],
                "validation_losses": [float(np.min(one.validation_loss)) for one in stopped],
                "links": significant(gaps.links, 8),
                "complete": gaps.complete,
                "mean_size": gaps.mean_size,
                "standard_error": gaps.standard_error() if not fast else 0 * gaps.mean_size,
                "mean_total": np.mean(np.abs(gaps.total)),
            }
        )
    return as_numbers(
        {"rows": rows, "gaps": GAPS, "links": LINKS, "solver": "ConjugateGradient(max_steps=10)",
         "trainings": trainings, "versions": versions()}
    )  # fmt: skip


def draw(data: Mapping, figure: Figure) -> None:
    """A panel for each row."""
    figure.set_size_inches(6.6, 4.6)
    axes = figure.subplots(2, 2).ravel()
    for number, (ax, row) in enumerate(zip(axes, data["rows"], strict=True)):
        draw_gaps(GAPS, row["mean_size"], row["standard_error"], ax)
        ax.set_title(f"({'abcd'[number]}) {row['title']}, d = {row['dimension']}")
        ax.set_ylabel("mean |gap| in own loss" if number % 2 == 0 else "")
        ax.tick_params(axis="x", labelsize=6)
        most = max(row["mean_size"])
        for place, size in enumerate(row["mean_size"]):
            if size < 0.02 * most:
                ax.text(place, 0.03 * most, _number(size, most), ha="center", fontsize=6.5)
    points = len(data["rows"][0]["points"])
    figure.supxlabel(
        f"Bars: means over {points} deleted points and {data['trainings']} trainings each. "
        "Whiskers: ± one standard error, by a bootstrap over both.",
        fontsize=7,
    )


def _number(size, most) -> str:
    """A gap too small for a bar: to one digit, and 0 where it is rounding."""
    if size < EXACT * most:
        return "0"
    if size >= 1e-4:
        return f"{size:.1g}"
    digit, exponent = f"{size:.0e}".split("e")
    return rf"${digit}\cdot 10^{{{int(exponent)}}}$"


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig01"]))
