"""A perceptron forgets one patient of the diabetes data (442 × 10), standardised.

Ten inputs, two hidden neurons, d = 25; squared loss; a ridge of 3 on the sum risk. Without a ridge
there is no minimum: the risk falls on for ever. The patient is the one with the largest
|residual| × leverage among all 442, the leverages J_i (G + ρI)⁻¹ J_iᵀ those of the Gauss–Newton
matrix G = JᵀJ at the full fit: number 256.

(a) The response path θ(ε), found by continuation, in the plane of its two principal directions, the
second one magnified (the bend is 0.054), with the change that the influence function at each end
predicts. (b) ‖θ(ε) − θ*₋‖: the change predicted at ε = 1 is 15 % too small, that at ε = 0 21 % too
large; the Taylor polynomial of order 3 about ε = 1 misses θ*₋ by 2 % of the whole change.
(c) ½‖θ(t) − θ*₋‖² from the request at s to the horizon T; T is twice the time constant of the
slowest mode of the retained data at θ*₋, 1/2.57, and s = T/10, as in Figure 6. Waiting until 0.64 T
leaves less than half of what deleting at once leaves, though along the way it is further from θ*₋.
(d) The change of the prediction for every patient, in points of the disease progression score: the
deleted patient's own falls from 244 to 227, the outcome being 346; of these 16.3 points the
influence function predicts 12.6 at ε = 1 and 19.9 at ε = 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import equinox as eqx
import jax
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.optimize import minimize_scalar

import homotopy as hm
from figures.output import as_numbers, significant, versions
from figures.perceptrons import output_jacobian
from homotopy.datasets import diabetes, standardise
from homotopy.plotting import style
from homotopy.plotting.plane import Plane, principal_plane

RIDGE = 3.0
SEED = 0
ORDER = 3
METHOD = hm.Adaptive(rtol=1e-7, atol=1e-9)
ENDS = (("at_1", style.WITH), ("at_0", style.WITHOUT))
TAYLOR = {"marker": "o", "ms": 3.5, "mfc": "white", "ls": "", "color": style.PALETTE[2]}


def leverages(jacobian: np.ndarray, ridge: float) -> np.ndarray:
    """J_i (JᵀJ + ρI)⁻¹ J_iᵀ of every row: how much each point holds its own prediction."""
    left, singular, _ = np.linalg.svd(jacobian, full_matrices=False)
    return left**2 @ (singular**2 / (singular**2 + ridge))


def compute(fast: bool = False) -> dict:
    """Response path, its local models, the distance from the deleted fit in time, predictions."""
    dataset, scale = standardise(diabetes())
    model = hm.mlp([10, 2, 1])
    theta0 = model.initial_parameters(jax.random.key(SEED))
    problem = hm.Problem(model, hm.SquaredError(), dataset.X, dataset.y, deleted=0, ridge=RIDGE)
    outputs = eqx.filter_jit(problem.predict)
    full = hm.train(problem, theta0, 1.0).theta
    residuals = dataset.y - np.asarray(outputs(full))
    products = np.abs(residuals) * leverages(np.asarray(output_jacobian(problem, full)), RIDGE)
    row = int(np.argmax(products))
    problem = hm.Problem(model, hm.SquaredError(), dataset.X, dataset.y, deleted=row, ridge=RIDGE)

    epsilons = np.linspace(0.0, 1.0, 21 if fast else 41)
    path = hm.response(problem, epsilons, theta0=theta0)
    theta, velocities = np.asarray(path.theta), np.asarray(path.end_velocities)
    ends = np.asarray(path.ends)
    plane = principal_plane([theta])
    polynomial = np.asarray(hm.taylor(problem, path.ends[1], 1.0, ORDER)(epsilons))

    target = hm.train(problem, theta0, 0.0)
    horizon = 2.0 / float(target.smallest_eigenvalue)
    start = horizon / 10
    deletion = hm.Deletion(problem, theta0, start, horizon, target.theta, METHOD)
    best = _best_switch(deletion, 17 if fast else 33)
    schedules = {
        "deleted at the request": hm.Step(start),
        "best single step": hm.Step(best),
        "linear decay": hm.Ramp(start, horizon),
        "never deleted": hm.Step(horizon),
    }
    grid = np.linspace(0.0, horizon, 41 if fast else 161)
    times = np.unique(np.concatenate([grid, [start, best]]))
    distances = {}
    for name, schedule in schedules.items():
        states = np.asarray(hm.flow(problem, schedule, theta0, times, method=METHOD).theta)
        distances[name] = significant(_half_squared(states - np.asarray(target.theta)), 8)

    predictions = [np.asarray(outputs(end)) for end in path.ends]
    slopes = [
        np.asarray(output_jacobian(problem, end)) @ velocity
        for end, velocity in zip(path.ends, velocities, strict=True)
    ]
    points = scale.target_scale  # of the score
    return as_numbers(
        {
            "dataset": dataset.description,
            "rule": "largest |residual| × Gauss–Newton leverage at the full fit",
            "seed": SEED,
            "ridge": RIDGE,
            "theta0": theta0,
            "deleted": row,
            "largest_products": np.sort(products)[::-1][:5],
            "variance_explained": 1.0 - np.sum(residuals**2) / np.sum(dataset.y**2),
            "epsilons": epsilons,
            "plane": {
                "centre": plane.centre,
                "directions": plane.directions,
                "fractions": plane.fractions,
            },
            "path": plane.project(theta),
            "predicted_ends": {
                "at_0": plane.project(ends[0] + velocities[0]),
                "at_1": plane.project(ends[1] - velocities[1]),
            },
            "distance": _norms(theta - ends[0]),
            "influence": {
                "at_0": _norms(epsilons[:, None] * velocities[0]),
                "at_1": _norms(ends[1] - (1 - epsilons[:, None]) * velocities[1] - ends[0]),
            },
            "influence_norms": {"at_0": _norms(velocities[0]), "at_1": _norms(velocities[1])},
            "taylor": _norms(polynomial - ends[0]),
            "whole_change": _norms(ends[1] - ends[0]),
            "start": start,
            "horizon": horizon,
            "best_switch": best,
            "times": times,
            "distances": distances,
            "outcome": points * dataset.y[row] + scale.target_mean,
            "own_predictions": [
                points * prediction[row] + scale.target_mean for prediction in predictions
            ],
            "changes": significant(points * (predictions[0] - predictions[1])),
            "predicted_changes": {
                name: significant(-points * slope)
                for name, slope in zip(("at_0", "at_1"), slopes, strict=True)
            },
            "solver": {
                "method": "Continuation, Adaptive",
                "bend_of_response": path.bend,
                "smallest_eigenvalue": np.min(path.smallest_eigenvalue),
                "largest_gradient_norm": np.max(path.gradient_norm),
                "distance_of_deleted_fits": _norms(np.asarray(target.theta) - ends[0]),
            },
            "versions": versions(),
        }
    )


def _best_switch(deletion: hm.Deletion, count: int) -> float:
    """The τ of least ℰ(1_[0,τ]): the least on a grid over [s, T], and the minimum around it.

    Without derivatives, which `hm.best_step` takes: those of a solver's steps cost more here.
    """

    def cost(switch):
        return float(deletion.cost(hm.Step(switch)))

    taus = np.linspace(float(deletion.start), float(deletion.horizon), count)
    index = int(np.argmin([cost(tau) for tau in taus]))
    around = taus[max(index - 1, 0)], taus[min(index + 1, count - 1)]
    return float(minimize_scalar(cost, bounds=around, method="bounded").x)


def _half_squared(states):
    return 0.5 * np.sum(states**2, axis=-1)


def _norms(states):
    return np.linalg.norm(states, axis=-1)


def draw(data: Mapping, figure: Figure) -> None:
    """Four panels."""
    figure.set_size_inches(6.6, 5.2)
    ((path_ax, distance_ax), (time_ax, change_ax)) = figure.subplots(2, 2)
    _draw_path(path_ax, data)
    _draw_distance(distance_ax, data)
    _draw_times(time_ax, data)
    _draw_changes(change_ax, data)
    handles = [
        Line2D([], [], color="black", label="exact"),
        Line2D([], [], **TAYLOR, label=f"(b) order {ORDER} at ε = 1"),
    ]
    for (name, colour), fit in zip(ENDS, (style.FULL_NAME, style.DELETED_NAME), strict=True):
        star = {"marker": "*", "ms": 9, "mec": "black", "mew": 0.5, "ls": ""}
        end = name[-1]
        handles.append(Line2D([], [], color=colour, label=f"influence function at ε = {end}"))
        handles.append(Line2D([], [], color=colour, **star, label=f"(a) {fit} = θ({end})"))
    handles.append(Line2D([], [], color="white", **star, label="(d) the deleted patient"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


def _draw_path(ax, data):
    points = np.array(data["path"])
    plane = Plane(**{name: np.array(part) for name, part in data["plane"].items()})
    ax.plot(*points.T, color="0.6", lw=0.8, zorder=1)
    dots = ax.scatter(
        *points.T, c=data["epsilons"], cmap=style.WEIGHT_COLOURS, s=9, vmin=0, vmax=1, zorder=2
    )
    for index, (name, colour) in zip((-1, 0), ENDS, strict=True):
        end = np.array(data["predicted_ends"][name])
        arrow = {"arrowstyle": "->", "color": colour, "lw": 1.1, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", end, points[index], arrowprops=arrow)
        # An arrow does not count for the limits.
        ax.plot(*np.array([points[index], end]).T, color=colour, lw=0.9)
        ax.plot(*points[index], "*", ms=9, color=colour, mec="black", mew=0.5, zorder=3)
    ax.figure.colorbar(dots, ax=ax, label="weight ε of the patient", ticks=(0, 0.5, 1))
    ax.set(xlabel=plane.labels[0], ylabel=plane.labels[1])
    ax.set_title("(a) response path, magnified vertically")
    ax.margins(0.1)


def _draw_distance(ax, data):
    epsilons = data["epsilons"]
    ax.plot(epsilons, data["distance"], color="black")
    for name, colour in ENDS:
        ax.plot(epsilons, data["influence"][name], "--", color=colour)
    tenth = len(epsilons) // 10
    ax.plot(epsilons, data["taylor"], markevery=tenth, clip_on=False, **TAYLOR)
    ax.set(xlabel="weight ε", ylabel=f"‖θ(ε) − {style.DELETED_NAME}‖")
    ax.set(xlim=(0.0, 1.0), ylim=(0.0, None), title="(b) its distance from the deleted fit")


def _draw_times(ax, data):
    times = np.array(data["times"])
    for colour, (name, values) in zip(style.PALETTE, data["distances"].items(), strict=False):
        shown = times >= data["start"]
        ax.semilogy(times[shown], np.array(values)[shown], color=colour, label=name)
        ax.plot(times[-1], values[-1], "s", color=colour, clip_on=False)
    ax.axvline(data["best_switch"], ymax=0.45, color="0.6", ls=":", lw=0.8)
    across = ax.get_xaxis_transform()
    ax.text(
        data["best_switch"],
        0.03,
        "best switch ",
        transform=across,
        color="0.4",
        fontsize=7,
        ha="right",
    )
    ax.set(xlabel="time t", ylabel=f"½‖θ(t) − {style.DELETED_NAME}‖²")
    ax.set(xlim=(data["start"], data["horizon"]), title="(c) from the request to the horizon")
    ax.legend()


def _draw_changes(ax, data):
    changes, row = np.array(data["changes"]), data["deleted"]
    others = np.delete(np.arange(changes.size), row)
    ends = np.array([changes.min(), changes.max()])
    ax.plot(ends, ends, color="black", lw=0.8, zorder=1)
    for marker, (name, colour) in zip("o^", ENDS, strict=True):
        predicted = np.array(data["predicted_changes"][name])
        ax.plot(
            changes[others],
            predicted[others],
            marker,
            ms=2.2,
            color=colour,
            mew=0,
            alpha=0.7,
            rasterized=True,
        )
        ax.plot(
            changes[row], predicted[row], "*", ms=9, color=colour, mec="black", mew=0.5, zorder=3
        )
    ax.set(xlabel="change of the prediction (score points)", ylabel="predicted change")
    ax.set_title("(d) predictions for all 442 patients")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig15"]))
