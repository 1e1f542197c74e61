"""The notes' open questions on perceptrons, by experiment over seeds, in Figure 3's setting.

(a)–(d): response paths of one random point in each of 100 examples, ridge 0.005; rings are paths
with an event. (a) How they end: 93 are one branch of minima; the others fold, break a symmetry or
merge with another branch, and one example has no minimum. (b) How different θ̇(1) and θ̇(0) are:
the ratio of their lengths against (1 − P)², what it would be in linear regression for a point of
leverage P; here P is the generalised leverage at ε = 1. The median ratio is 0.58. (c) The bend of a
path against P, (d) against the point's distance from the fit and from the target function; ρ is
Spearman's. The residual says most about the bend (0.62), leverage least (0.17).

(e), (f): deletions of 24 examples at s = 10, judged at T = 25 by ½‖θ(T) − θ*₋‖², ridge 0.05.
(e) θ(T, τ): the distance left at T if the point is deleted at τ, over that of never deleting it, a
line for each example; where it falls, deleting later is better. (f) The change of ℰ against
deleting at once, a dot for each example, bars at the medians: fixed decays from s to T, the best
step, and the best of 16 cells, which is a local optimum. Linear decay beats
deleting at once in 12 of the 24, but no decay beats the best step in any. The learned cells are
bang-bang, with two exceptions among 384, each next to a switch; in 7 examples they are better than
every step, mostly by taking the point back before T. The gains are small: 0.3 % in the median, 12 %
at most, for with s and T before the end of training what is left at T are its slow directions.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy.stats import spearmanr

import homotopy as hm
from figures.output import as_numbers, significant, versions
from figures.perceptrons import deletions, response_study
from homotopy._threads import side_by_side
from homotopy.plotting import style

SEEDS, RIDGE = range(100), 0.005
SCHEDULE_RIDGE, START, HORIZON = 0.05, 10.0, 25.0
FAMILIES = {
    "best step": hm.Steps(17),
    "16 cells": hm.Cells(16, max_steps=60),
}


def compute(fast: bool = False) -> dict:
    """Both studies, and the rank correlations."""
    study = response_study(SEEDS, RIDGE, np.linspace(0.0, 1.0, 5 if fast else 21))
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
            "schedules": _schedules(2 if fast else 24),
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


def _schedules(count: int) -> dict:
    problems = deletions(count, SCHEDULE_RIDGE, START, HORIZON)
    taus = np.linspace(0.0, HORIZON, 17)
    # The first alone: what it compiles serves the others.
    found = [_examined(problems[0], taus)]
    found += side_by_side(lambda deletion: _examined(deletion, taus), problems[1:])
    return {"deletion_times": taus} | {name: [each[name] for each in found] for name in found[0]}


def _examined(deletion: hm.Deletion, taus) -> dict:
    """θ(T, s), fixed schedules, the best of families, and how far these are from bang-bang."""
    ends = np.asarray(deletion.final_state(jnp.asarray(taus))) - np.asarray(deletion.target)
    apart = np.linalg.norm(ends, axis=1)
    once = float(deletion.cost(hm.Step(START)))
    best = {name: hm.optimise(deletion, over=over) for name, over in FAMILIES.items()}
    cells = np.asarray(best["16 cells"].schedule.values)[1:-1]
    fixed = {
        "linear decay": hm.Polynomial(START, HORIZON, 1.0),
        "quadratic decay": hm.Polynomial(START, HORIZON, 2.0),
        "never": hm.Step(HORIZON),
    }
    costs = {name: float(deletion.cost(schedule)) / once for name, schedule in fixed.items()}
    return {
        "distances": significant(apart / apart[-1]),
        "costs": costs | {name: optimum.cost / once for name, optimum in best.items()},
        "cells": significant(cells),
    }


def draw(data: Mapping, figure: Figure) -> None:
    """Six panels."""
    figure.set_size_inches(7.0, 4.6)
    figure.set_layout_engine("constrained")
    (ended, ratio, bend), (distance, ends, gains) = figure.subplots(2, 3)
    responses = data["responses"]
    paths = {name: np.array(values) for name, values in responses["paths"].items()}
    rho = data["rank_correlation_with_bend"]

    counts = sorted(responses["ended"].items(), key=lambda item: item[1])
    ended.barh(range(len(counts)), [count for _, count in counts], color="0.75")
    for place, (name, count) in enumerate(counts):
        # Beside a bar, or on one that is long enough.
        inside = count > 0.5 * responses["seeds"]
        ended.text(2 if inside else count + 2, place, f"{name}: {count}", va="center", fontsize=7)
    ended.set(xlabel=f"of {responses['seeds']} examples", yticks=[])
    ended.set_xlim(0, responses["seeds"])
    ended.set_title("(a) how paths θ(ε) end")

    eventful = paths["events"] > 0
    predicted = np.abs(1.0 - paths["leverage"]) ** 2
    _scatter(ratio, predicted, paths["ratio_of_velocities"], eventful)
    low = min(predicted.min(), paths["ratio_of_velocities"].min())
    ratio.plot(
        [low, 1.0], [low, 1.0], color="0.4", lw=0.8, ls="--", zorder=1, label="linear regression"
    )
    ring = {"ls": "", "marker": "o", "ms": 4, "mfc": "none", "color": style.PALETTE[0]}
    ratio.plot([], [], label="path with an event", **ring)
    ratio.legend(loc="lower right", handletextpad=0.3, borderpad=0.2)
    ratio.set(xlabel="(1 − P)², P the leverage", ylabel="‖θ̇(1)‖ / ‖θ̇(0)‖")
    ratio.set_title("(b) influence at both ends")
    _scatter(bend, paths["leverage"], paths["bend"], eventful)
    bend.set(xlabel="leverage P", ylabel="bend of θ(ε)")
    bend.set_title(f"(c) bend, leverage: ρ = {rho['leverage']:.2f}")
    _plain_ticks(bend.xaxis, (0.1, 0.2, 0.5, 1.0))
    for name, label, colour in (
        ("residual", "the fit", style.PALETTE[0]),
        ("distance_from_target_function", "the target function", style.PALETTE[1]),
    ):
        label = f"{label}: ρ = {rho[name]:.2f}"
        _scatter(distance, paths[name], paths["bend"], eventful, colour, label)
    distance.set(xlabel="distance of the outcome y", ylabel="bend of θ(ε)")
    distance.set_ylim(top=20.0 * distance.get_ylim()[1])  # room for the legend
    distance.set_title("(d) bend and distance")
    distance.legend(
        title="from", alignment="left", loc="upper left", handletextpad=0.1, borderpad=0.2
    )

    schedules = data["schedules"]
    for line in schedules["distances"]:
        ends.plot(schedules["deletion_times"], line, color="0.35", lw=0.8)
    ends.axvline(data["solver"]["start"], color="0.4", lw=0.8, ls="--", zorder=1)
    across = ends.get_xaxis_transform()
    ends.text(data["solver"]["start"], 0.02, " request s", transform=across, fontsize=7)
    ends.set(xlabel="deletion time τ", ylabel="distance left, relative to never")
    ends.set(xlim=(0.0, schedules["deletion_times"][-1]))
    ends.set_title(f"(e) ‖θ(T, τ) − {style.DELETED_NAME}‖, T = {data['solver']['horizon']:g}")

    order = ("never", "linear decay", "quadratic decay", "best step", "16 cells")
    for position, name in enumerate(order):
        values = 100.0 * (np.array([costs[name] for costs in schedules["costs"]]) - 1.0)
        offsets = np.linspace(-0.2, 0.2, values.size)
        gains.plot(values, position + offsets, "o", ms=2.5, color=style.PALETTE[0], alpha=0.8)
        gains.plot(np.median(values), position, "|", ms=12, color="black")
    gains.axvline(0.0, color="0.4", lw=0.8, ls="--", zorder=1)
    gains.set_xscale("symlog", linthresh=0.1, linscale=0.5)
    gains.set(xlabel="change of ℰ, %", yticks=range(len(order)))
    gains.set_xlim(-25, 250)
    gains.set_xticks([-10, -1, 0, 1, 10, 100], ["−10", "−1", "0", "1", "10", "100"])
    gains.set_yticklabels([name.replace(" ", "\n") for name in order])
    gains.set_title("(f) ℰ and deleting at once")


def _plain_ticks(axis, values) -> None:
    """On a logarithmic axis of one decade, ticks at these values and as these numbers."""
    axis.set_ticks(values, [f"{value:g}" for value in values])
    axis.set_minor_formatter(NullFormatter())


def _scatter(ax, x, y, eventful, colour=style.PALETTE[0], label=None) -> None:
    ax.loglog(x[~eventful], y[~eventful], "o", ms=2.5, color=colour, alpha=0.7, label=label)
    ax.loglog(x[eventful], y[eventful], "o", ms=4, color=colour, markerfacecolor="none")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig14"]))
