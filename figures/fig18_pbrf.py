"""What influence functions do predict: the proximal Bregman response, not retraining.

The perceptron of Figure 1 (c) on the concrete data (800 training points, d = 81), stopped early.
(a) The change of the own loss on deletion of one of 40 points: damped Gauss–Newton influence on
the vertical axis, against the proximal Bregman response (PBRF) and against warm-start retraining.
(b) The same for the change of the mean loss on the validation points. (c) The error of the
linearisation, ‖Δ(PBRF) − Δ(linear)‖/‖Δ(PBRF)‖, median and quartiles over the points, against the
damping δ. (d) It shrinks with the part h of the point's weight that is taken away: ‖Δ(h) − h Δ'‖ as
h², four points.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from scipy.stats import spearmanr

import homotopy as hm
from figures.early_stopped import concrete_perceptron
from figures.output import as_numbers, significant, versions
from homotopy.plotting import style

DAMPINGS = (1e-3, 1e-2, 1e-1, 1.0)  # λ of the mean risk


def compute(fast: bool = False) -> dict:
    """Predictions of three kinds, and the size of what the linearisation leaves out."""
    setting = concrete_perceptron(200 if fast else 800)
    problem, damping = setting.problem, setting.damping
    trained = setting.train(0)
    theta = trained.theta
    points = np.random.default_rng(1).choice(problem.size, 4 if fast else 40, replace=False)
    measurements = {"own": hm.OwnLoss(), "test": hm.TestLoss(setting.X, setting.y)}
    changes = {
        "influence": hm.predict(problem, hm.GaussNewton(damping), theta, points=points),
        "pbrf": hm.predict(problem, hm.ProximalBregman(damping), theta, points=points),
        "retrained": hm.predict(
            problem, hm.LeaveOneOut(tolerance=1e-8), theta, points=points, throw=False
        ),
    }
    refitted = np.asarray(changes["retrained"].status == hm.results.ChangeStatus.successful)
    measured = {
        name: {kind: significant(change.measured(m)) for kind, m in measurements.items()}
        for name, change in changes.items()
    }
    agreement = {
        name: {
            kind: spearmanr(
                measured["influence"][kind][refitted], measured[name][kind][refitted]
            ).statistic
            for kind in measurements
        }
        for name in ("pbrf", "retrained")
    }
    errors = []
    for mean_damping in DAMPINGS:
        delta = mean_damping * problem.size
        response = hm.predict(problem, hm.ProximalBregman(delta), theta, points=points).delta
        linear = hm.predict(problem, hm.GaussNewton(delta), theta, points=points).delta
        relative = _norms(response - linear) / _norms(response)
        errors.append(np.quantile(relative, [0.25, 0.5, 0.75]))
    parts = np.array([1.0, 0.5, 0.25, 0.125, 0.0625])
    shown = points[:4]
    weights = np.zeros((shown.size, parts.size, problem.size))
    for index, row in enumerate(shown):
        weights[index, :, row] = -parts
    flat = weights.reshape(-1, problem.size)
    response = hm.predict(problem, hm.ProximalBregman(damping), theta, changes=flat).delta
    linear = hm.predict(problem, hm.GaussNewton(damping), theta, changes=flat).delta
    left = _norms(response - linear).reshape(shown.size, parts.size)
    return as_numbers(
        {
            "points": points,
            "damping": damping,
            "epoch": trained.epoch,
            "gradient_norm": trained.gradient_norm,
            "measured": measured,
            "refitted": refitted,
            "spearman_with_influence": agreement,
            "mean_dampings": DAMPINGS,
            "linearisation_errors": significant(errors),
            "parts": parts,
            "left": significant(left),
            "slopes": [np.polyfit(np.log(parts[1:]), np.log(row[1:]), 1)[0] for row in left],
            "versions": versions(),
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Four panels."""
    figure.set_size_inches(6.6, 5.2)
    axes = figure.subplots(2, 2)
    colours = {"pbrf": ("o", style.PALETTE[0]), "retrained": ("^", style.PALETTE[1])}
    refitted = np.array(data["refitted"])
    agreement = data["spearman_with_influence"]
    labels = {"pbrf": "PBRF", "retrained": "warm-start retraining"}
    for ax, kind, title, place in (
        (axes[0, 0], "own", "(a) change of the own loss", "upper left"),
        (axes[0, 1], "test", "(b) change of the validation loss", "upper center"),
    ):
        predicted = np.array(data["measured"]["influence"][kind])
        span = np.max(np.abs(predicted))
        for name, (marker, colour) in colours.items():
            shown = refitted if name == "retrained" else np.ones_like(refitted)
            values = np.array(data["measured"][name][kind])
            ax.plot(
                values[shown], predicted[shown], marker, ms=3.5, mew=0.6, color=colour, mfc="none",
                label=f"{labels[name]} (Spearman {agreement[name][kind]:.2f})".replace("-0", "−0"),
            )  # fmt: skip
        ends = np.array([predicted.min(), predicted.max()])
        ax.plot(ends, ends, color="black", lw=0.8, zorder=1)
        retrained = np.max(np.abs(data["measured"]["retrained"][kind]))
        ax.set_xscale("symlog", linthresh=span / 10)
        ax.set_yscale("symlog", linthresh=span / 10)
        _few_ticks(ax.xaxis, span / 10, max(span, retrained))
        _few_ticks(ax.yaxis, span / 10, span)
        ax.set_ylim(top=ax.get_ylim()[1] * 15)  # room for the legend
        if predicted.min() >= 0.0:
            ax.set_ylim(bottom=-span / 50)
        ax.legend(loc=place)
        ax.set(title=title, xlabel="by PBRF or by retraining", ylabel="by damped influence")
    low, middle, high = np.array(data["linearisation_errors"]).T
    ax = axes[1, 0]
    ax.fill_between(data["mean_dampings"], low, high, color=style.PALETTE[0], alpha=0.25, lw=0)
    ax.loglog(data["mean_dampings"], middle, "o-", color=style.PALETTE[0])
    ax.set(xlabel="damping δ/n", ylabel="relative error of the linearisation")
    ax.set_title("(c) PBRF and its linearisation")
    ax = axes[1, 1]
    parts = np.array(data["parts"])
    for colour, row in zip(style.PALETTE, data["left"], strict=False):
        ax.loglog(parts, row, "o-", ms=3, color=colour)
    reference = np.array(data["left"]).min() * (parts / parts.min()) ** 2 * 0.5
    ax.loglog(parts, reference, color="black", lw=0.8, ls="--", label="h²")
    ax.set(xlabel="part h of the weight taken away", ylabel="‖Δ(h) − h Δ'‖")
    ax.set_title("(d) the remainder is of second order")
    ax.legend()


def _few_ticks(axis, threshold, most) -> None:
    """Ticks at zero and at powers of ten of either sign, so few that they do not crowd."""
    powers = np.arange(np.ceil(np.log10(threshold)) + 0.0, np.floor(np.log10(most)) + 1.0)
    powers = powers[:: max(1, len(powers) // 2)]
    sizes = 10.0**powers
    axis.set_ticks(np.concatenate([-sizes[::-1], [0.0], sizes]))
    axis.set_minor_locator(NullLocator())


def _norms(delta):
    return np.linalg.norm(np.asarray(delta), axis=-1)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig18"]))
