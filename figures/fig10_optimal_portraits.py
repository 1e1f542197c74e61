"""Figure 4's portraits with the certified optimum: how the best schedule gets to θ*₋.

On the instance of the notes' Figure 4, from its first θ₀ (upper row) and from the other one (lower
row). (a), (d): the paths of Figure 4's schedules and of the global optimum over E_s; (b), (e):
where they end; (c), (f): ℰ of each. The optimum is certified: the dashed line, not to be told
from it here, is the lower bound that no schedule in E_s can beat.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.deletions import evidence
from figures.fig04_phase_portraits import TITLES
from figures.instance import HORIZON, REQUEST, SCHEDULES, find_instance
from figures.output import as_numbers, versions
from homotopy.plotting import style
from homotopy.plotting.portrait import Portrait, portrait_handles, window_of

OPTIMUM = "optimum"


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
        rows[key] = {
            "costs": costs,
            "schedules": {name: repr(schedule) for name, schedule in schedules.items()},
            "switches": optimum.schedule.breakpoints,
            "gain_over_best_of_figure_4": min(costs[name] for name in SCHEDULES) / costs[OPTIMUM],
            "gain_over_deleting_at_once": costs["early"] / costs[OPTIMUM],
            "optimum": evidence(optimum),
            "portrait": portrait.numbers(),
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
    figure.set_size_inches(7.0, 5.2)
    axes = figure.subplots(2, 3, width_ratios=(1.15, 1.15, 1.0))
    for row, (key, numbers), letters in zip(
        axes, data["rows"].items(), ("abc", "def"), strict=True
    ):
        portrait = Portrait.from_numbers(numbers["portrait"])
        first, second = data["instance"][key]
        start = f"from θ₀ = ({first:.3g}, {second:.3g})".replace("-", "−")
        portrait.plot(row[0], legend=False, density=0.45, frames=False)
        row[0].set_title(f"({letters[0]}) {start}")
        ends = [path.points[-1] for path in portrait.paths.values()]
        near = window_of(np.array([*ends, portrait.deleted_fit]), shape=0.9, margin=0.3)
        portrait.plot(row[1], legend=False, window=near, density=0.35)
        row[1].set(ylabel="", title=f"({letters[1]}) where the paths end")
        _draw_costs(row[2], numbers)
        row[2].set_title(f"({letters[2]}) optimum: {_words(numbers)}")
    handles = portrait_handles(Portrait.from_numbers(data["rows"]["theta0"]["portrait"]))
    for handle in handles[: len(SCHEDULES)]:
        handle.set_label(TITLES[handle.get_label()])
    figure.legend(handles=handles, loc="outside lower center", ncols=5)


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
        (bound, len(costs) - 0.75),
        (3, 0),
        textcoords="offset points",
        fontsize=6.5,
    )
    ax.set_xscale("log")
    ax.set(xlim=(floor, 20.0 * max(costs.values())), ylim=(-0.6, len(costs) + 0.1))
    ax.set_yticks(range(len(costs)), [TITLES.get(name, name) for name in reversed(costs)])
    ax.set_xlabel(f"ℰ = ½‖θ(T) − {style.DELETED_NAME}‖²")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig10_optimal_portraits"]))
