"""The notes' open questions on perceptrons, by experiment over seeds, in Figure 3's setting.

(a)–(d): response paths of one random point in each of 100 examples, ridge 0.005. (a) How they
end: most are one branch of minima; some fold, break a symmetry, or merge with another. (b) How
different θ̇(1) and θ̇(0) are: their ratio of lengths against (1 − P)², what it would be in linear
regression, P the generalised leverage at ε = 1. (c) The bend of a path against P, and (d) against
the point's distance from the target function; ρ is Spearman's. Rings: paths with an event.

(e), (f): deletions at s = 10, judged at T = 25 by the distance of parameters, ridge 0.05.
(e) θ(T, s): the distance from θ*₋ left at T if the point is deleted at s, over that of never
deleting it. (f) ℰ of schedules over that of deleting at once: fixed decays, and the best of
families, which are local optima.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import spearmanr

import homotopy as hm
from figures.output import as_numbers, significant, versions
from figures.perceptrons import deletions, response_study
from homotopy.plotting import style

RIDGE = 0.005
SCHEDULE_RIDGE, START, HORIZON = 0.05, 10.0, 25.0
FAMILIES = {
    "best step": hm.Steps(9),
    "bang-bang": hm.BangBangs(1),
}


def compute(fast: bool = False) -> dict:
    """Both studies, and the rank correlations."""
    study = response_study(12 if fast else 100, RIDGE, np.linspace(0.0, 1.0, 21))
    paths = {name: np.array(values) for name, values in study["paths"].items()}
    names = ("leverage", "residual", "distance_from_target_function")
    return as_numbers(
        {
            "responses": {
                "seeds": study["seeds"],
                "ended": study["ended"],
                "paths": {name: significant(values) for name, values in paths.items()},
            },
            "rank_correlation_with_bend": {
                name: spearmanr(paths["bend"], paths[name]).statistic for name in names
            },
            "schedules": _schedules(2 if fast else 8),
            "solver": {
                "paths": "Continuation",
                "ridge": RIDGE,
                "flow": "Adaptive(rtol=1e-7, atol=1e-10)",
                "ridge_of_schedules": SCHEDULE_RIDGE,
                "start": START,
                "horizon": HORIZON,
            },
            "versions": versions(),
        }
    )


def _schedules(seeds: int) -> dict:
    problems = deletions(seeds, SCHEDULE_RIDGE, START, HORIZON)
    taus = np.linspace(0.0, HORIZON, 17)
    distances, costs, structures, residuals = [], [], [], []
    for deletion in problems:
        ends = np.asarray(deletion.final_state(jnp.asarray(taus)) - deletion.target)
        apart = np.linalg.norm(ends, axis=1)
        distances.append(significant(apart / apart[-1]))
        once = float(deletion.cost(hm.Step(START)))
        found = {name: hm.optimise(deletion, over=over) for name, over in FAMILIES.items()}
        fixed = {
            "linear decay": hm.Polynomial(START, HORIZON, 1.0),
            "quadratic decay": hm.Polynomial(START, HORIZON, 2.0),
            "never": hm.Step(HORIZON),
        }
        entry = {name: float(deletion.cost(schedule)) / once for name, schedule in fixed.items()}
        costs.append(entry | {name: best.cost / once for name, best in found.items()})
        structures.append(found["bang-bang"].structure)
        residuals.append(found["bang-bang"].pmp_residual)
    return {
        "deletion_times": taus,
        "distances": distances,
        "costs": {name: [entry[name] for entry in costs] for name in costs[0]},
        "structures": structures,
        "pmp_residuals": residuals,
    }


def draw(data: Mapping, figure: Figure) -> None:
    """Six panels."""
    figure.set_size_inches(7.0, 4.4)
    figure.set_layout_engine("constrained")
    (ended, ratio, bend), (distance, ends, gains) = figure.subplots(2, 3)
    responses = data["responses"]
    paths = {name: np.array(values) for name, values in responses["paths"].items()}
    rho = data["rank_correlation_with_bend"]

    counts = sorted(responses["ended"].items(), key=lambda item: item[1])
    bars = ended.barh([name for name, _ in counts], [count for _, count in counts], color="0.55")
    ended.bar_label(bars, padding=2)
    ended.set(xlabel=f"of {responses['seeds']} examples", xlim=(0, 1.15 * counts[-1][1]))
    ended.set_title("(a) how paths end")

    eventful = paths["events"] > 0
    predicted = np.abs(1.0 - paths["leverage"]) ** 2
    _scatter(ratio, predicted, paths["ratio_of_velocities"], eventful)
    low = min(predicted.min(), paths["ratio_of_velocities"].min())
    ratio.plot([low, 1.0], [low, 1.0], color="0.4", lw=0.8, ls="--", zorder=1)
    ratio.set(xlabel="(1 − leverage)²", ylabel="‖θ̇(1)‖ / ‖θ̇(0)‖")
    ratio.set_title("(b) influence functions")
    for ax, name, label, letter in (
        (bend, "leverage", "leverage P", "c"),
        (distance, "distance_from_target_function", "distance to target function", "d"),
    ):
        _scatter(ax, paths[name], paths["bend"], eventful)
        ax.set(xlabel=label, ylabel="bend of θ(ε)")
        ax.set_title(f"({letter}) bend, ρ = {rho[name]:.2f}")

    schedules = data["schedules"]
    for line in schedules["distances"]:
        ends.plot(schedules["deletion_times"], line, color="0.35", lw=0.8)
    ends.set(xlabel="deletion time s", ylabel="distance at T, relative", yscale="log")
    ends.set(xlim=(0.0, schedules["deletion_times"][-1]))
    ends.set_title("(e) ‖θ(T, s) − θ*₋‖".replace("θ*₋", style.DELETED_NAME))

    order = ("never", "linear decay", "quadratic decay", "best step", "bang-bang")
    for position, name in enumerate(order):
        values = np.array(schedules["costs"][name])
        offsets = np.linspace(-0.2, 0.2, values.size)
        gains.plot(values, position + offsets, "o", ms=2.5, color=style.PALETTE[0], alpha=0.8)
        gains.plot(np.median(values), position, "|", ms=12, color="black")
    gains.axvline(1.0, color="0.4", lw=0.8, ls="--", zorder=1)
    gains.set(xscale="log", xlabel="ℰ / ℰ(delete at once)", yticks=range(len(order)))
    gains.set_yticklabels(order)
    gains.set_title("(f) schedules")


def _scatter(ax, x, y, eventful) -> None:
    ax.loglog(x[~eventful], y[~eventful], "o", ms=2.5, color=style.PALETTE[0], alpha=0.7)
    ax.loglog(
        x[eventful], y[eventful], "o", ms=4, color=style.PALETTE[1], markerfacecolor="none"
    )


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig14"]))
