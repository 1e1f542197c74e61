"""Schedules for forgetting a point of a perceptron, learned through the adjoint.

One example of Figure 3's setting (seed 6, a random point, ridge 0.05): the deletion is requested at
s = 10 and judged at T = 25 by ½‖θ(T) − θ*₋‖², θ*₋ the limit of training without the point. Four
families of schedules ε(t), each with the best of the family that descent finds.

All four say the same: keep the point until t = 21.6, then delete it. (a) ε(t) of the bang-bang
schedule and of deleting at once; (b) all four around the switch, where alone they differ; (c) by
how much the others leave more than the best of the four, in parts of its ℰ. (d) The switching
function φ(t) of both schedules of (a), on a scale that is linear near zero: where that of the
bang-bang schedule is positive (orange), a higher weight lowers ℰ. (e) The trajectories θ(t) from s
on, in the plane of the two main directions of θ − θ*₋; those of the four families cannot be told
apart.

Keeping the point lowers ℰ by 12 % against deleting at once, which is far from Pontryagin's
condition (`pmp_residual` in the numbers); the bang-bang schedule nearly satisfies it. What is left
is not noise: a ramp of length 0.07 around the switch lowers ℰ by another 6·10⁻⁸ of it. Only local
optimality is claimed: the risk is not convex.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import homotopy as hm
from figures.output import as_numbers, significant, versions
from figures.perceptrons import METHOD, NOISE, POINTS, drawn_point
from homotopy.plotting import style
from homotopy.teacher import teacher_example

SEED, RIDGE = 6, 0.05
START, HORIZON = 10.0, 25.0
LEAST = 1e-9  # of ℰ: differences below it are those of the solver
AROUND = 0.6  # of the switch, to either side, in (b)
SEARCHES = {
    "bang-bang": hm.BangBangs(2),
    "spline": hm.Splines(6, max_steps=20),
    "network": hm.Networks(width=4, count=1, max_steps=20),
    "ramp": hm.Ramps(max_steps=20),
}


def compute(fast: bool = False) -> dict:
    """The best of each family, its switching function and its trajectory."""
    example, row = teacher_example(SEED, POINTS, noise=NOISE), drawn_point(SEED)
    problem = example.problem(row, RIDGE)
    deletion = hm.Deletion(problem, example.theta0, START, HORIZON, method=METHOD)
    searches = {"bang-bang": hm.BangBangs(1)} if fast else SEARCHES
    optima: dict = {}
    for name, search in searches.items():
        warm = optima.get("bang-bang")
        optima[name] = hm.optimise(deletion, over=search, warm_start=warm)
    schedules = {"delete at once": hm.Step(START)}
    schedules |= {name: optimum.schedule for name, optimum in optima.items()}

    # A switch belongs to two lines of constant weight: just before it and just after.
    times = np.linspace(START, HORIZON, 101 if fast else 401)
    switches = np.asarray(optima["bang-bang"].schedule.breakpoints)
    around = [switches * (1 - 1e-9), switches * (1 + 1e-9)]
    times = np.unique(np.clip(np.concatenate([times, *around]), START, HORIZON))
    phi = {name: deletion.switching_function(schedule) for name, schedule in schedules.items()}
    offsets = {
        name: np.asarray(found.costate.trajectory.state(times)) - np.asarray(deletion.target)
        for name, found in phi.items()
    }
    _, lengths, directions = np.linalg.svd(np.vstack([*offsets.values()]), full_matrices=False)
    last = float(switches[switches < HORIZON].max(initial=START))
    near = np.linspace(max(last - AROUND, START), min(last + AROUND, HORIZON), 241)
    entries = {}
    for name, schedule in schedules.items():
        entries[name] = {
            "weights": significant(schedule(times)),
            "weights_near_switch": significant(schedule(near)),
            "switching_function": significant(phi[name](times)),
            "path": significant(offsets[name] @ directions[:2].T),
            "cost": deletion.cost(schedule),
            "pmp_residual": deletion.pmp_residual(schedule),
            "schedule": repr(schedule),
        }
    return as_numbers(
        {
            "seed": SEED,
            "deleted": row,
            "start": START,
            "horizon": HORIZON,
            "times": times,
            "times_near_switch": near,
            "entries": entries,
            "variance_in_plane": float(np.sum(lengths[:2] ** 2) / np.sum(lengths**2)),
            "solver": {"method": repr(METHOD), "ridge": RIDGE},
            "versions": versions(),
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Schedules in full, around the switch, and what they cost; why; and where they lead."""
    figure.set_size_inches(7.0, 4.4)
    figure.set_layout_engine("constrained")
    grid = figure.add_gridspec(2, 6)
    weight = figure.add_subplot(grid[0, :2])
    near = figure.add_subplot(grid[0, 2:4])
    excess = figure.add_subplot(grid[0, 4:])
    switching, plane = figure.add_subplot(grid[1, :3]), figure.add_subplot(grid[1, 3:])
    colours = dict(zip(data["entries"], style.PALETTE, strict=False))
    entries = data["entries"]
    families = [name for name in entries if name != "delete at once"]
    _draw_schedules(weight, near, data, colours, families)
    _draw_excess(excess, entries, colours, families)
    _draw_switching(switching, data, colours)
    for name in ("delete at once", "bang-bang"):
        path = np.array(entries[name]["path"])
        plane.plot(*path.T, color=colours[name])
        plane.plot(*path[-1], "s", color=colours[name])
    plane.plot(*path[0], "o", color="black")
    plane.annotate("t = s", path[0], (-5, 4), textcoords="offset points", fontsize=7, ha="right")
    plane.plot(0.0, 0.0, "*", ms=9, color=style.WITHOUT, mec="black", mew=0.5)
    plane.annotate(style.DELETED_NAME, (0.0, 0.0), (-6, 6), textcoords="offset points", ha="right")
    plane.margins(x=0.2)
    plane.set(xlabel="first main direction", ylabel="second main direction")
    plane.locator_params(axis="x", nbins=5)
    plane.set_title(f"(e) θ(t) − {style.DELETED_NAME}, t from s to T (squares)")
    handles = [
        Line2D([], [], color=colours[name], label=name) for name in ("delete at once", *families)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _draw_schedules(weight, near, data, colours, families):
    times, around = np.array(data["times"]), np.array(data["times_near_switch"])
    for name in ("delete at once", "bang-bang"):
        weight.plot(times, data["entries"][name]["weights"], color=colours[name], clip_on=False)
    weight.axvspan(around[0], around[-1], color="0.9", lw=0, zorder=0)
    for name in families:
        near.plot(around, data["entries"][name]["weights_near_switch"], color=colours[name], lw=1.2)
    for ax in (weight, near):
        ax.set(xlabel="time t", ylim=(-0.05, 1.05), yticks=(0, 1))
    weight.set(ylabel="weight ε(t)", xlim=(data["start"], data["horizon"]))
    weight.set_title("(a) keep, then delete")
    near.set_xlim(around[0], around[-1])
    near.locator_params(axis="x", nbins=4)
    near.set_title("(b) grey part of (a)")


def _draw_excess(ax, entries, colours, families):
    """ℰ of each over the best of the families, less 1."""
    best = min(entries[name]["cost"] for name in families)
    for place, name in enumerate(reversed(list(entries))):
        part = entries[name]["cost"] / best - 1.0
        shown = max(part, LEAST)
        ax.plot([LEAST, shown], [place, place], color=colours[name], lw=0.8)
        ax.plot(shown, place, "o" if part > LEAST else "<", color=colours[name])
    ax.set_xscale("log")
    ax.set(xlim=(0.6 * LEAST, 1.0), ylim=(-0.5, len(entries) - 0.5))
    ax.set_yticks(range(len(entries)), list(reversed(list(entries))))
    ax.set_xticks([1e-8, 1e-6, 1e-4, 1e-2])
    ax.set(xlabel="ℰ / least ℰ − 1", title="(c) what is left")


def _draw_switching(ax, data, colours):
    times, entries = np.array(data["times"]), data["entries"]
    best = np.array(entries["bang-bang"]["switching_function"])
    across = ax.get_xaxis_transform()
    for sign, colour in ((1.0, style.WITH), (-1.0, style.WITHOUT)):
        ax.fill_between(
            times, 0, 1, sign * best > 0, transform=across, color=colour, alpha=0.15, lw=0
        )
    for name in ("delete at once", "bang-bang"):
        ax.plot(times, entries[name]["switching_function"], color=colours[name])
    ax.axhline(0.0, color="0.4", lw=0.6, zorder=1)
    ax.set_yscale("symlog", linthresh=1e-2 * np.max(np.abs(best)))
    ax.set(xlabel="time t", ylabel="φ(t) = p·∇ℓ", xlim=(data["start"], data["horizon"]))
    ax.set_title("(d) switching functions")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig13"]))
