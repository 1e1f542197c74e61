"""Forgetting one patient of the diabetes data (442 × 10), standardised, without an intercept.

The patient is the one with the largest |residual| × leverage. Time is that of the sum risk. The
horizon T is twice the time constant of the slowest mode of the retained data, and the deletion is
requested at s = T/10.

(a) The portrait in the plane of the two principal directions of the motion; (b) ½‖θ(t) − θ*₋‖²
under several schedules: at T it is ℰ; (c) the sensitivity ‖∂θ(t)/∂w_j‖ of the trajectory to the
weight of each of the 442 patients; (d) the response path θ(ε) with the influence functions at its
two ends.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.output import as_numbers, significant, versions
from homotopy.datasets import diabetes, standardise
from homotopy.deletion import portrait_plane
from homotopy.deletion._portrait import sampled_path
from homotopy.plotting import style
from homotopy.plotting.portrait import Portrait, portrait_handles, window_of


def most_influential(X: np.ndarray, y: np.ndarray) -> tuple[int, np.ndarray]:
    """The row with the largest |residual| × leverage, and that product for all rows."""
    fit = np.linalg.lstsq(X, y, rcond=None)[0]
    leverages = np.sum(np.linalg.qr(X)[0] ** 2, axis=1)
    products = np.abs(y - X @ fit) * leverages
    return int(np.argmax(products)), products


def compute(fast: bool = False) -> dict:
    """Portrait, ℰ in time, sensitivities and response path of the diabetes data."""
    dataset, _ = standardise(diabetes())
    row, products = most_influential(dataset.X, dataset.y)
    problem = hm.LinearRegression(dataset.X, dataset.y, deleted=row)
    slowest = float(np.linalg.eigvalsh(np.asarray(problem.hessian(problem.deleted_fit(), 0.0)))[0])
    horizon = 2.0 / slowest
    start = horizon / 10
    deletion = hm.Deletion(problem, np.zeros(problem.dimension), start, horizon)
    best = hm.best_step(deletion, grid=129 if fast else 513)
    schedules = {
        "deleted at the request": hm.Step(start),
        "best single step": best.schedule,
        "linear decay": hm.Ramp(start, horizon),
        "never deleted": hm.Step(horizon),
    }
    plane = portrait_plane(deletion, schedules)
    portrait = hm.portrait(deletion, schedules, plane=plane)

    target = np.asarray(deletion.target)
    paths, costs, differences = {}, {}, []
    for name, schedule in schedules.items():
        times, theta = sampled_path(deletion, schedule)
        distances = 0.5 * np.sum((theta - target) ** 2, axis=1)
        paths[name] = {"times": significant(times, 8), "distances": significant(distances)}
        costs[name] = distances[-1]
        if not fast:
            differences.append(abs(float(deletion.cost(schedule)) / costs[name] - 1))
    early = horizon * np.geomspace(1e-4, 1.0, 21 if fast else 101)
    moved = hm.sensitivity(problem, deletion.theta0, early)
    norms = np.linalg.norm(np.asarray(moved.derivative), axis=2)
    epsilons = np.linspace(0.0, 1.0, 11 if fast else 41)
    response = hm.response(problem, epsilons)
    away = np.linalg.norm(np.asarray(response.theta) - target, axis=1)
    speeds = np.linalg.norm(np.asarray(response.end_velocities), axis=1)
    whole = float(np.linalg.norm(np.asarray(response.ends[1] - response.ends[0])))
    # For t → ∞ the sensitivity is minus the influence function at ε = 1, of every point.
    late = np.linalg.norm(np.linalg.solve(dataset.X.T @ dataset.X, dataset.X.T), axis=0)
    late *= np.abs(dataset.y - dataset.X @ np.asarray(problem.full_fit()))
    others = np.delete(late, row)
    solver = {
        "method": "Exact",
        "sensitivities_successful": bool(moved.status == hm.Status.successful),
        "bend_of_response": response.bend,
    }
    if differences:
        solver["largest_relative_difference_of_path_end_and_cost"] = max(differences)
    return as_numbers(
        {
            "costs": costs,
            "dataset": dataset.description,
            "deleted": row,
            "rule": "largest |residual| × leverage of the full fit, standardised data",
            "largest_products": np.sort(products)[::-1][:5],
            "seed": None,
            "versions": versions(),
            "solver": solver,
            "start": start,
            "horizon": horizon,
            "best_switch": best.schedule.switch,
            "plane": {
                "centre": plane.centre,
                "directions": plane.directions,
                "fractions": plane.fractions,
                "captured": plane.captured,
            },
            "portrait": portrait.numbers(),
            "paths": paths,
            "sensitivity_times": significant(early, 8),
            "sensitivity_norms": significant(norms),
            "influence_norms": {"deleted": late[row], "largest_of_others": others.max()},
            "epsilons": epsilons,
            "response_distance": away,
            "response_length": whole,
            "influence_predicts": {"at_1": speeds[1], "at_0": speeds[0]},
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Four panels, two columns wide."""
    figure.set_size_inches(7.0, 5.6)
    ((portrait_ax, cost_ax), (sensitivity_ax, response_ax)) = figure.subplots(
        2, 2, width_ratios=(1.2, 1.0)
    )
    portrait = Portrait.from_numbers(data["portrait"])
    portrait.plot(portrait_ax, legend=False, frames=False)
    portrait_ax.set_title("(a) portrait, and where the paths end")
    _draw_ends(portrait_ax, portrait)
    _draw_costs(cost_ax, data)
    _draw_sensitivities(sensitivity_ax, data)
    _draw_response(response_ax, data)
    figure.legend(handles=portrait_handles(portrait), loc="outside lower center", ncols=4)


def _draw_ends(ax, portrait):
    """The neighbourhood of the deleted fit, in the empty corner of the portrait."""
    ends = [path.points[-1] for path in portrait.paths.values()]
    window = window_of(np.array([*ends, portrait.deleted_fit]), margin=0.25)
    inset = ax.inset_axes((0.02, 0.66, 0.38, 0.32))
    inset.set_anchor("NW")
    portrait.plot(inset, legend=False, window=window, density=0.35)
    inset.set(xlabel="", ylabel="", xticks=[], yticks=[])
    inset.spines[:].set(visible=True, color="0.5")
    ax.indicate_inset_zoom(inset, edgecolor="0.5", linewidth=0.5)


def _draw_costs(ax, data):
    for colour, (name, path) in zip(style.PALETTE, data["paths"].items(), strict=False):
        ax.semilogy(path["times"], path["distances"], color=colour, label=name)
        ax.plot(path["times"][-1], path["distances"][-1], "s", color=colour)
    ax.axvline(data["start"], color="0.6", linestyle=":", linewidth=0.8)
    across = ax.get_xaxis_transform()
    ax.text(data["start"], 0.04, " request", transform=across, color="0.4", fontsize=7)
    ax.set(xlabel="time t", ylabel=f"½‖θ(t) − {style.DELETED_NAME}‖²")
    ax.set_title("(b) distance from the deleted fit; ℰ at the end")


def _draw_sensitivities(ax, data):
    times, norms = data["sensitivity_times"], np.array(data["sensitivity_norms"])
    others = np.delete(norms, data["deleted"], axis=1)
    lines = ax.loglog(times, others, color="0.65", linewidth=0.3, rasterized=True)
    (line,) = ax.loglog(times, norms[:, data["deleted"]], color=style.PALETTE[1], linewidth=1.8)
    line.set_label(f"the deleted patient, j = {data['deleted']}")
    lines[0].set_label(f"the other {others.shape[1]} patients")
    legend = ax.legend(loc="lower right", handles=[line, lines[0]])
    legend.get_lines()[1].set_linewidth(1.0)
    ax.set(xlabel="time t", ylabel="‖∂θ(t)/∂wⱼ‖", title="(c) influence in training time")
    ax.set_xlim(times[0], times[-1])


def _draw_response(ax, data):
    epsilons = np.array(data["epsilons"])
    ax.plot(epsilons, data["response_distance"], color="black", label="exact")
    whole, predicted = data["response_length"], data["influence_predicts"]
    tangent = whole - (1 - epsilons) * predicted["at_1"]
    ax.plot(epsilons, tangent, "--", label="influence function at ε = 1")
    ax.plot(epsilons, epsilons * predicted["at_0"], "--", label="influence function at ε = 0")
    ax.set(xlabel="weight ε", ylabel=f"‖θ(ε) − {style.DELETED_NAME}‖")
    ax.set_title("(d) response path")
    ax.set(xlim=(0.0, 1.0), ylim=(0.0, None))
    ax.legend()


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig06_diabetes"]))
