"""Schedules for forgetting a point of a perceptron, learned through the adjoint.

One example of Figure 3's setting (seed 6, a random point, ridge 0.05): the deletion is requested at
s = 10 and judged at T = 25 by ½‖θ(T) − θ*₋‖², θ*₋ the limit of training without the point.
Left: schedules ε(t) of four families, each the best of its family that descent finds, with the
switching function φ(t) below, on a scale that is linear near zero: where that of the bang-bang
schedule is positive (orange), a higher weight lowers ℰ. Right: the trajectories θ(t) from s on, in
the plane of the two main directions of θ − θ*₋.

All four families say the same: keep the point until t = 21.6, then delete it. That lowers ℰ by 12 %
against deleting at once, which is far from Pontryagin's condition (`pmp_residual` in the numbers);
the bang-bang schedule nearly satisfies it. What is left is not noise: a ramp of length 0.07 around
the switch lowers ℰ by another 6·10⁻⁸ of it. Only local optimality is claimed: the risk is not
convex.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.output import as_numbers, significant, versions
from figures.perceptrons import METHOD, NOISE, POINTS, drawn_point
from homotopy.plotting import style
from homotopy.teacher import teacher_example

SEED, RIDGE = 6, 0.05
START, HORIZON = 10.0, 25.0
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
    entries = {}
    for name, schedule in schedules.items():
        entries[name] = {
            "weights": significant(schedule(times)),
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
            "entries": entries,
            "variance_in_plane": float(np.sum(lengths[:2] ** 2) / np.sum(lengths**2)),
            "solver": {"method": repr(METHOD), "ridge": RIDGE},
            "versions": versions(),
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Schedules over switching functions, and trajectories beside them."""
    figure.set_size_inches(7.0, 3.9)
    figure.set_layout_engine("constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1.0))
    weight = figure.add_subplot(grid[0, 0])
    switching = figure.add_subplot(grid[1, 0], sharex=weight)
    plane = figure.add_subplot(grid[:, 1])
    times = np.array(data["times"])
    colours = dict(zip(data["entries"], style.PALETTE, strict=False))
    once = data["entries"]["delete at once"]["cost"]
    # Lines that coincide stay visible: each is thinner than those below it.
    widths = [1.2, *np.linspace(3.6, 0.8, len(data["entries"]) - 1)]
    for (name, entry), width in zip(data["entries"].items(), widths, strict=True):
        look = {"color": colours[name], "lw": width}
        gain = 1.0 - entry["cost"] / once
        label = name if name == "delete at once" else f"{name}: ℰ − {gain:.2%}"
        weight.plot(times, entry["weights"], clip_on=False, label=label, **look)
        switching.plot(times, entry["switching_function"], **look)
        plane.plot(*np.array(entry["path"]).T, **look)
        plane.plot(*entry["path"][-1], "o", ms=2.0 + 1.5 * width, color=colours[name])
    weight.set(ylabel="weight ε(t)", ylim=(-0.05, 1.05), yticks=(0, 1))
    weight.tick_params(labelbottom=False)
    weight.set_xlim(data["start"], data["horizon"])
    best = np.array(data["entries"]["bang-bang"]["switching_function"])
    across = switching.get_xaxis_transform()
    for sign, colour in ((1.0, style.WITH), (-1.0, style.WITHOUT)):
        switching.fill_between(
            times, 0, 1, sign * best > 0, transform=across, color=colour, alpha=0.15, lw=0
        )
    reach = np.max(np.abs(best))
    switching.set_yscale("symlog", linthresh=1e-2 * reach)
    switching.set(xlabel="time t", ylabel="φ(t) = p·∇ℓ")
    switching.axhline(0.0, color="0.4", lw=0.6, zorder=1)
    plane.plot(0.0, 0.0, "*", ms=9, color=style.WITHOUT)
    plane.annotate(
        style.DELETED_NAME, (0.0, 0.0), xytext=(5, 5), textcoords="offset points", fontsize=7
    )
    plane.set(xlabel="first main direction", ylabel="second main direction")
    plane.locator_params(axis="x", nbins=5)
    plane.set_title(f"θ(t) − {style.DELETED_NAME}, t from s to T (dots)", loc="left")
    figure.legend(loc="outside lower center", ncols=3, fontsize=7)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig13"]))
