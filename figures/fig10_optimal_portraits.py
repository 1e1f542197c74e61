"""The certified optimum beside the schedules of Figure 4: how the best one gets to θ*₋, and why.

On the instance of the notes' Figure 4, from its first θ₀ (upper row) and from the other one (lower
row). (a), (d): where the paths of Figure 4's schedules and of the global optimum over E_s end;
(b), (e): the switching function φ of the optimum: ε is 1 where φ > 0, on orange, and 0 where φ < 0,
on blue, as Pontryagin's principle demands; (c), (f): ℰ of each. The optimum is certified: the
dashed line, not to be told from it here, is the lower bound that no schedule in E_s can beat.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.deletions import evidence
from figures.fig04_phase_portraits import TITLES
from figures.instance import HORIZON, REQUEST, SCHEDULES, find_instance
from figures.output import as_numbers, significant, versions
from homotopy.deletion.optimum_curves import sample_optimum
from homotopy.plotting import style
from homotopy.plotting.optimum import OptimumCurves
from homotopy.plotting.portrait import Portrait, portrait_handles, window_of

OPTIMUM = "optimum"
SHAPE = 0.95  # height over width of every panel


def compute(fast: bool = False) -> dict:
    """Portraits, ℰ of every schedule and the certificate, for both θ₀.

    There is nothing to make coarser: `fast` makes no difference.
    """
    instance = find_instance()
    rows = {}
    for key in ("theta0", "other_theta0"):
        deletion = hm.Deletion(instance.problem, getattr(instance, key), REQUEST, HORIZON)
        optimum = hm.optimise(deletion, hm.Everything())
        schedules = {**SCHEDULES, OPTIMUM: optimum.schedule}
        portrait = hm.portrait(deletion, schedules)
        # The plane is that of the parameters: a path ends at θ(T) itself.
        misses = {
            name: path.points[-1] - np.asarray(deletion.target)
            for name, path in portrait.paths.items()
        }
        costs = {name: 0.5 * float(miss @ miss) for name, miss in misses.items()}
        curves = sample_optimum(deletion, optimum.schedule).numbers()
        for name in ("residual", "sigma", "switching_function"):
            curves[name] = significant(curves[name])
        rows[key] = {
            "costs": costs,
            "schedules": {name: repr(schedule) for name, schedule in schedules.items()},
            "switches": optimum.schedule.breakpoints,
            "gain_over_best_of_figure_4": min(costs[name] for name in SCHEDULES) / costs[OPTIMUM],
            "gain_over_deleting_at_once": costs["early"] / costs[OPTIMUM],
            "optimum": evidence(optimum),
            "portrait": portrait.numbers(),
            "curves": curves,
        }
    return as_numbers(
        {
            "instance": instance.numbers(),
            "versions": versions(),
            "solver": {
                "search": "Everything: branch and bound with the concave dual, gap 1e-6",
                "largest_gap": max(row["optimum"]["gap"] for row in rows.values()),
                "largest_pmp_residual": max(
                    row["optimum"]["pmp_residual"] for row in rows.values()
                ),
            },
            "start": REQUEST,
            "horizon": HORIZON,
            "rows": rows,
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Two rows of three panels, two columns wide."""
    figure.set_size_inches(7.0, 5.0)
    axes = figure.subplots(2, 3)
    for row, (key, numbers), letters in zip(
        axes, data["rows"].items(), ("abc", "def"), strict=True
    ):
        portrait = Portrait.from_numbers(numbers["portrait"])
        first, second = data["instance"][key]
        start = f"θ₀ = ({first:.3g}, {second:.3g})".replace("-", "−")
        ends = [path.points[-1] for path in portrait.paths.values()]
        near = window_of(np.array([*ends, portrait.deleted_fit]), shape=SHAPE, margin=0.3)
        portrait.plot(row[0], legend=False, window=near, density=0.35)
        row[0].set_title(f"({letters[0]}) ends, {start}")
        _draw_switching(row[1], OptimumCurves.from_numbers(numbers["curves"]))
        row[1].set_title(f"({letters[1]}) optimum: {_words(numbers)}")
        _draw_costs(row[2], numbers)
        row[2].set_title(f"({letters[2]}) ℰ at T = {data['horizon']:g}")
        for ax in row:
            ax.set_box_aspect(SHAPE)
    portrait = Portrait.from_numbers(data["rows"]["theta0"]["portrait"])
    # θ₀ and θ* are outside the windows.
    handles = [
        handle
        for handle in portrait_handles(portrait)
        if handle.get_label() not in (style.START_NAME, f"{style.FULL_NAME}, full fit")
    ]
    for handle in handles[: len(SCHEDULES)]:
        handle.set_label(TITLES[handle.get_label()])
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


def _draw_switching(ax, curves):
    """φ of the optimum from the request on, on the colours of ε."""
    free = curves.times >= curves.start
    times, phi = curves.times[free], curves.switching_function[free]
    edges = [curves.start, *curves.switches[curves.switches > curves.start], curves.horizon]
    for left, right in pairwise(edges):
        at = np.searchsorted(curves.times, (left + right) / 2)
        colour = style.WITH if curves.weights[at - 1] > 0.5 else style.WITHOUT
        ax.axvspan(left, right, color=colour, alpha=0.15, lw=0, zorder=0)
    ax.axhline(0.0, color="0.4", lw=0.6, zorder=1)
    power = int(np.floor(np.log10(np.max(np.abs(phi)))))
    ax.plot(times, phi / 10.0**power, color="black")
    ax.set(xlabel="time t", xlim=(curves.start, curves.horizon))
    ax.set_ylabel(rf"switching function $φ(t)\,/\,10^{{{power}}}$")


def _words(numbers):
    structure = numbers["optimum"]["structure"].split(" ")[0]
    inside = [switch for switch in numbers["switches"] if REQUEST < switch < HORIZON]
    if not inside:
        return {"0": "delete at once", "1": "keep until T"}[structure]
    return f"{structure} at {', '.join(f'{switch:.3f}' for switch in inside)}"


def _draw_costs(ax, numbers):
    costs, bound = numbers["costs"], numbers["optimum"]["lower_bound"]
    floor = 0.4 * bound
    for height, cost in enumerate(reversed(costs.values())):
        colour = style.PALETTE[len(costs) - 1 - height]
        ax.plot([floor, cost], [height, height], color=colour, linewidth=0.8)
        ax.plot(cost, height, "s", color=colour)
        ax.annotate(
            f"{cost:.3g}".replace("e-0", "e−"), (cost, height), (5, -2.5),
            textcoords="offset points", fontsize=6.5,
        )  # fmt: skip
    ax.axvline(bound, color="black", linestyle="--", linewidth=0.8)
    ax.annotate(
        f"lower bound\n(gap {numbers['optimum']['gap']:.0e})".replace("-", "−"),
        (bound, len(costs) - 0.55),
        (3, 0),
        textcoords="offset points",
        fontsize=6.5,
    )
    ax.set_xscale("log")
    ax.set(xlim=(floor, 20.0 * max(costs.values())), ylim=(-0.6, len(costs) + 0.4))
    ax.set_yticks(range(len(costs)), [TITLES.get(name, name) for name in reversed(costs)])
    ax.set_xlabel(f"ℰ = ½‖θ(T) − {style.DELETED_NAME}‖²")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig10_optimal_portraits"]))
