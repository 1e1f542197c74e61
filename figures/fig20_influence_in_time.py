"""Influence in training time: a point helps, harms and helps again while the model learns.

A linear network with two layers of weights learns 15 properties of 8 items from a small random
start. The items are the leaves of a tree (canary, robin | salmon, sunfish ‖ oak, pine | rose,
daisy), the properties its nodes, with singular values 8, 4, 2, 1 by level; seed 0, squared loss.

(a) The loss falls from plateau to plateau, as one level after another is learned: half of each at
t = 0.89, 1.98, 3.26 and 6.85. (b) The first-order change of the loss on the canary when an item is
deleted from the beginning, −∇m(θ(t))·S_j(t). All four are largest at the first transition, at 0.84
to 0.87, and have further peaks at those that set the canary apart from others. In between they
change sign: from 3.13 to 5.36, when the network knows birds but not yet one bird from another, the
canary would do better without the robin; so it would without the oak from 0.97 to 1.63, and
without the salmon from 1.94 to 2.72. In the end all influence is gone, as the network fits every
item. Sign changes at less than 5 % of an item's largest influence are not marked. (c) The robin
deleted in truth: help, then harm, as first order says, but half as large (1.3 for 2.4 at the first
peak) and later in the end: the last peak of first order, 0.31 at 6.2, has no counterpart. Where
the true change is above 0.01, the sign is right at 84 % of the times.

(d) All 331 training patients of the diabetes data (standardised, every fourth patient held out),
in closed form, and the mean loss on the held-out ones, 0.31 in the end: the influences tend to
what the influence function predicts (diamonds), to 10⁻¹¹, but 181 of 331 have had the other sign
before, 158 with more than 5 % of their largest size. In colour the four whose swings are widest.
"""

from __future__ import annotations

from collections.abc import Mapping

import diffrax
import jax
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import homotopy as hm
from figures.output import as_numbers, significant, versions
from homotopy.datasets import diabetes, standardise
from homotopy.influence._influence_in_time import influence_in_time
from homotopy.linear_networks import hierarchy_example
from homotopy.plotting import style
from homotopy.plotting.training_time import draw_influences

SEED = 0
MEASURED, DELETED = 0, 1  # the canary's loss; the robin is the item deleted in truth
SHOWN = {"canary": 0, "robin": 1, "salmon": 2, "oak": 4}
LEVELS = ("all items", "animal | plant", "bird | fish …", "canary | robin …")
FIRST_TIME, LAST_TIME = 0.2, 20.0
VISIBLE = 0.05  # of an item's largest influence: smaller ones, and their signs, are not marked
METHOD = hm.Adaptive(rtol=1e-7, atol=1e-10, solver=diffrax.Tsit5())
HELD_OUT = 4  # every fourth patient
PATIENTS = 4  # drawn in colour
HALF_LEARNED = {"color": "0.6", "linestyle": ":", "linewidth": 0.8}
LIMIT = {"marker": "D", "markersize": 4}
ON_WHITE = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 1.0}


def compute(fast: bool = False) -> dict:
    """Loss, mode strengths and influences of the network; influences on the diabetes data."""
    return as_numbers(
        {
            "seed": SEED,
            "network": _network(fast),
            "diabetes": _diabetes(fast),
            "solver": {"method": "Adaptive", "solver": "Tsit5", "rtol": METHOD.rtol},
            "versions": versions(),
        }
    )


def _network(fast: bool) -> dict:
    example = hierarchy_example(SEED)
    problem = example.problem(DELETED)
    times = significant(np.geomspace(FIRST_TIME, LAST_TIME, 41 if fast else 161), 12)
    rows = slice(MEASURED, MEASURED + 1)
    measurement = hm.TestLoss(example.X[rows], example.y[rows])
    result = influence_in_time(
        problem, example.theta0, measurement, times, points=list(SHOWN.values()), method=METHOD
    )
    without = hm.flow(problem, hm.Constant(0.0), example.theta0, times, method=METHOD)
    losses = jax.jit(jax.vmap(problem.losses))
    risk = np.sum(losses(result.theta), axis=1)
    measured_without = np.asarray(losses(without.theta))[:, MEASURED]

    singular_values = np.asarray(example.singular_values)
    learned = np.asarray(example.strengths(result.theta)) / singular_values
    levels = np.unique(singular_values)[::-1]
    learned = np.stack(
        [learned[:, singular_values == level].mean(axis=1) for level in levels], axis=1
    )
    return {
        "times": times,
        "names": list(SHOWN),
        "singular_values": levels,
        "risk": significant(risk),
        "risk_at_start": problem.risk(example.theta0),
        "learned": significant(learned),
        "half_learned": [np.interp(0.5, column, times) for column in learned.T],
        "value": significant(result.value),
        "influence": significant(result.influence),
        "sign_changes": [result.sign_changes(row, tolerance=VISIBLE) for row in SHOWN.values()],
        "peak_times": result.peak_times,
        "deletion": significant(measured_without - np.asarray(result.value)),
        "deleted": DELETED,
    }


def _diabetes(fast: bool) -> dict:
    dataset, _ = standardise(diabetes())
    held_out = np.arange(len(dataset.y)) % HELD_OUT == 0
    problem = hm.LinearRegression(dataset.X[~held_out], dataset.y[~held_out], deleted=0)
    measurement = hm.TestLoss(dataset.X[held_out], dataset.y[held_out])
    rates = np.linalg.svd(dataset.X[~held_out], compute_uv=False) ** 2
    # From a fiftieth of the fastest mode's time constant to twenty of the slowest.
    times = significant(np.geomspace(0.02 / rates[0], 20.0 / rates[-1], 61 if fast else 201), 12)
    result = influence_in_time(problem, np.zeros(problem.dimension), measurement, times)
    change = hm.predict(problem, hm.Influence(), points=np.arange(problem.size))
    limit = change.linearised(measurement)
    changes = [result.sign_changes(row) for row in range(problem.size)]
    # Those that change sign, and are of most account before and after they do.
    influence = np.asarray(result.influence)
    swings = np.minimum(influence.max(axis=0), -influence.min(axis=0))
    shown = np.argsort(-swings)[:PATIENTS]
    return {
        "dataset": dataset.description,
        "held_out": held_out.sum(),
        "time_constants": {"fastest": 1.0 / rates[0], "slowest": 1.0 / rates[-1]},
        "times": times,
        "influence": significant(influence, 5),
        "influence_function": significant(limit),
        "largest_distance_from_influence_function": np.max(np.abs(influence[-1] - limit)),
        "shown": shown,
        "patients": np.flatnonzero(~held_out)[shown],
        "sign_changes": [changes[row] for row in shown],
        "number_with_sign_changes": sum(len(one) > 0 for one in changes),
        "numbers_of_sign_changes": [len(one) for one in changes],
        "value": significant(result.value),
    }


def draw(data: Mapping, figure: Figure) -> None:
    """Two rows of two: the network's stages, influences, truth; linear regression."""
    figure.set_size_inches(7.0, 5.4)
    axes = figure.subplots(2, 2)
    (stages_ax, influence_ax), (truth_ax, diabetes_ax) = axes
    network = data["network"]
    _draw_stages(stages_ax, network)
    _draw_network(influence_ax, network)
    _draw_truth(truth_ax, network)
    for ax in (stages_ax, influence_ax, truth_ax):
        for time in network["half_learned"]:
            ax.axvline(time, **HALF_LEARNED, zorder=0)
        ax.set(xscale="log", xlim=(FIRST_TIME, LAST_TIME), xlabel="training time t")
        ax.set(xticks=(1.0, 10.0), xticklabels=("1", "10"))
    _draw_diabetes(diabetes_ax, data["diabetes"])
    dot = {"linestyle": "", "marker": "o", "markersize": 3.5, "color": "0.3"}
    marks = (
        Line2D([], [], **dot, label="largest size"),
        Line2D([], [], **dot, markerfacecolor="white", label="change of sign"),
        Line2D([], [], **HALF_LEARNED, label="mode half learned"),
        Line2D([], [], **dot | LIMIT, label="influence function, t → ∞"),
    )
    figure.legend(handles=marks, loc="outside lower center", ncols=4)


def _draw_stages(ax, network):
    times, learned = np.array(network["times"]), np.array(network["learned"])
    loss = np.array(network["risk"]) / network["risk_at_start"]
    ax.plot(times, loss, color="black")
    ax.text(0.66, 0.9, "loss", ha="right")
    shades = style.WEIGHT_COLOURS(np.linspace(0.0, 1.0, len(LEVELS)))
    for shade, name, value, column in zip(
        shades, LEVELS, network["singular_values"], learned.T, strict=True
    ):
        ax.plot(times, column, color=shade, linewidth=1.0)
        # On the right of the curve, above the loss.
        at = np.interp(0.95, column, times)
        words = {"rotation": 90, "ha": "left", "va": "top", "fontsize": 6.5, "color": shade}
        ax.text(at, 0.95, f"{name}: {value:g}", **words)
    ax.set(ylabel="fraction of the loss; of a mode learned", ylim=(-0.03, 1.03))
    ax.set_title("(a) learning by levels: singular values")


def _draw_network(ax, network):
    times, influence = np.array(network["times"]), np.array(network["influence"])
    names = [f"deleting the {name}" for name in network["names"]]
    draw_influences(ax, times, influence, names, network["sign_changes"])
    ax.set(ylabel="change of the canary's loss")
    ax.set_title("(b) influence of four items on the canary")
    ax.legend(loc="upper right", **ON_WHITE)


def _draw_truth(ax, network):
    column = list(SHOWN.values()).index(network["deleted"])
    colour = style.PALETTE[column]
    ax.axhline(0.0, color="black", linewidth=0.6, zorder=1)
    first_order = np.array(network["influence"])[:, column]
    ax.plot(network["times"], network["deletion"], color=colour, label="trained without the robin")
    ax.plot(network["times"], first_order, color=colour, ls="--", label="first order, as in (b)")
    ax.set(ylabel="change of the canary's loss")
    ax.set_title("(c) the robin: deletion and its first order")
    ax.legend(loc="upper right", **ON_WHITE)


def _draw_diabetes(ax, part):
    times, influence = np.array(part["times"]), 1000.0 * np.array(part["influence"])
    limit, shown = 1000.0 * np.array(part["influence_function"]), part["shown"]
    lines = ax.plot(times, influence, color="0.75", linewidth=0.3, rasterized=True)
    names = [f"patient {patient}" for patient in part["patients"]]
    drawn = draw_influences(ax, times, influence[:, shown], names, part["sign_changes"])
    for line, row in zip(drawn, shown, strict=True):
        ax.plot(times[-1], limit[row], **LIMIT, color=line.get_color(), clip_on=False, zorder=5)
    grey = Line2D([], [], color=lines[0].get_color(), lw=1.0, label=f"all {len(limit)} patients")
    ax.legend(handles=[*drawn, grey], loc="lower left", ncols=2)
    lowest = influence.min()
    ax.set(ylim=(lowest - 0.3 * (influence.max() - lowest), None))  # room for the legend
    ax.set(xscale="log", xlim=(times[0], times[-1]), xlabel="training time t")
    ax.set(ylabel="change of the test loss, times 1000")
    ax.set_title("(d) linear regression: diabetes data")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig20"]))
