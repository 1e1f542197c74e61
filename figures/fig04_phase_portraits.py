"""Figure 4 of the notes: phase portraits of θ(t) under different schedules ε(t), X ∈ ℝ^{20×2}.

(a) linear decay, (b) ε = 1_[0,0.5], (c) 1_[0,1], (d) deletion delayed too long, all from one θ₀;
(e) and (f) are (b) and (c) from another θ₀, where their order is reversed. The deletion is
requested at s = 0.5 and judged at T = 4. Insets: the surroundings of both fits, in grey frames,
magnified and without the fields. The claims of the notes' caption are computed, as the entry
"claims".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.instance import HORIZON, REQUEST, SCHEDULES, find_instance
from figures.output import as_numbers, versions
from homotopy.plotting.homotopy import weight_scale
from homotopy.plotting.portrait import (
    Portrait,
    draw_landmarks,
    draw_path,
    draw_streamlines,
    portrait_handles,
    window_of,
)

# Panel: which schedule, from which θ₀ (0: the first one, 1: the other).
PANELS = {
    "a": ("linear", 0),
    "b": ("early", 0),
    "c": ("later", 0),
    "d": ("too late", 0),
    "e": ("early", 1),
    "f": ("later", 1),
}
TITLES = {
    "linear": "linear decay",
    **{
        name: rf"$\mathbf{{1}}_{{[0,\,{float(SCHEDULES[name].switch):g}]}}$"
        for name in ("early", "later", "too late")
    },
}


def compute(fast: bool = False) -> dict:
    """Portraits and ℰ of the six panels, and whether the caption's claims hold.

    There is nothing to make coarser: `fast` leaves out the comparison with the adaptive solver.
    """
    instance = find_instance()
    starts = (instance.theta0, instance.other_theta0)
    deletions = [hm.Deletion(instance.problem, start, REQUEST, HORIZON) for start in starts]
    panels, costs, differences = {}, {}, []
    for panel, (name, which) in PANELS.items():
        schedule, deletion = SCHEDULES[name], deletions[which]
        costs[panel] = float(deletion.cost(schedule, outside="allow"))
        panels[panel] = {
            "schedule": repr(schedule),
            "admissible": bool(deletion.membership(schedule)),
            "cost": costs[panel],
            **hm.portrait(deletion, {name: schedule}).numbers(),
        }
        if not fast:
            adaptive = hm.flow(
                instance.problem, schedule, starts[which], [HORIZON], hm.Adaptive(1e-10, 1e-12)
            )
            distance = np.asarray(adaptive.theta[0] - deletion.target)
            differences.append(abs(0.5 * distance @ distance / costs[panel] - 1))
    solver = {"method": "Exact", "tolerance_of_linear_decay": hm.Exact().tolerance}
    if differences:
        solver["largest_relative_difference_of_cost_from_adaptive_1e-10"] = max(differences)
    return as_numbers(
        {
            "costs": costs,
            "claims": {
                "(c) is better than (b)": costs["c"] < costs["b"],
                "linear decay (a) is worse than the steps (b), (c) and (d)": costs["a"]
                > max(costs["b"], costs["c"], costs["d"]),
                "too long a delay (d) is worse than (b) and (c)": costs["d"]
                > max(costs["b"], costs["c"]),
                "from the other θ₀ the order is reversed: (f) is worse than (e)": costs["f"]
                > costs["e"],
            },
            "instance": instance.numbers(),
            "versions": versions(),
            "solver": solver,
            "start": REQUEST,
            "horizon": HORIZON,
            "panels": panels,
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Six panels with the same scale, two columns wide; insets show where the paths end."""
    portraits = {name: Portrait.from_numbers(panel) for name, panel in data["panels"].items()}
    extent = np.concatenate([portrait.extent for portrait in portraits.values()])
    (left, right), (bottom, top) = window_of(extent, margin=0.06)
    # Room for the insets, below the paths.
    bottom -= 0.75 * (top - bottom)
    fits = np.array([portraits["a"].full_fit, portraits["a"].deleted_fit])
    ends = [next(iter(portrait.paths.values())).points[-1] for portrait in portraits.values()]
    near = window_of(np.concatenate([fits, ends]), shape=0.55, margin=0.1)
    figure.set_size_inches(7.0, 5.4)
    axes = figure.subplots(2, 3, sharex=True, sharey=True)
    for ax, (panel, portrait) in zip(axes.flat, portraits.items(), strict=True):
        ax.set(xlim=(left, right), ylim=(bottom, top))
        _draw_panel(ax, portrait, density=0.4)
        ax.set_title(f"({panel}) {TITLES[next(iter(portrait.paths))]}")
        cost = rf"ℰ = {1e3 * data['costs'][panel]:.2f}$\cdot10^{{-3}}$"
        ax.set_title(cost, loc="right", fontsize=7)
        inset = ax.inset_axes((0.03, 0.03, 0.66, 0.36), xlim=near[0], ylim=near[1])
        _draw_panel(inset, portrait)
        inset.set(xticks=[], yticks=[])
        inset.spines[:].set(visible=True, color="0.5")
        zoom = ax.indicate_inset_zoom(inset, edgecolor="0.5", linewidth=0.5)
        for connector in zoom.connectors:  # they would cross the paths
            connector.set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel(portraits["a"].labels[0])
    for ax in axes[:, 0]:
        ax.set_ylabel(portraits["a"].labels[1])
    figure.colorbar(
        weight_scale(), ax=axes, label="weight ε(t) along the path", shrink=0.6, aspect=35, pad=0.01
    )
    handles = portrait_handles(portraits["a"], paths=False)
    times = f"request s = {data['start']:g}, horizon T = {data['horizon']:g}"
    figure.legend(
        handles=handles, loc="outside lower center", ncols=4, title=times, title_fontsize=7.5
    )


def _draw_panel(ax, portrait, density=0.0):
    """Fields, fits and the one path of a panel, within the limits that the axes have."""
    ax.set_aspect("equal", adjustable="box")
    if density:
        draw_streamlines(ax, portrait.fields, density)
    draw_landmarks(ax, portrait)
    ((name, path),) = portrait.paths.items()
    draw_path(ax, path, name)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig04_phase_portraits"]))
