"""The homotopy θ(t, ε) of a perceptron: what a point does in the course of training.

The perceptron, the 20 points and the two deleted points of Figure 3 (seed 5, three hidden neurons,
ridge 0.005): the curved case above, the nearly straight one below. Both train from the same θ₀ at
each weight ε, to T = 2000, some 13 time constants of the slowest mode at the full fit.

Left: the trajectories in the plane of their two principal directions; the inset shows where they
end, on the response path θ(ε) that continuation finds, to 2·10⁻⁶. Middle: the effect of the point
on the parameters, ‖θ(t, 1) − θ(t, 0)‖, and its first-order prediction by the sensitivity ‖S_j(t)‖
at ε = 1, which ends at the influence function ‖θ̇(1)‖. Right: the output at the input of the
point, with dots where θ(ε) puts it.

In the curved case the point counts for little until the last phase of training: at most 0.15 up to
t = 150, then 0.51; the influence function at ε = 1 is 16 % below that, the one at ε = 0 19 % above.
In the nearly straight case the influence function at ε = 1 is right to 0.4 % in the end, yet along
the way first order fails: at t = 15 the effect is 0.3, more than ever after, and first order says
half of it; that is when, without the point, the output at its input falls later (f).
"""

from __future__ import annotations

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.fig03_perceptron_paths import NOISE, RIDGE
from figures.output import as_numbers, significant, versions
from homotopy.plotting import style
from homotopy.plotting.homotopy import draw_family, weight_scale
from homotopy.plotting.plane import Plane, principal_plane
from homotopy.plotting.portrait import window_of
from homotopy.teacher import TeacherExample, teacher_example

SEED = 5
CASES = {"curved": 10, "nearly straight": 13}  # the deleted points of Figure 3
FIRST_TIME, LAST_TIME = 0.01, 2000.0
SHOWN = (0.0, 0.25, 0.5, 0.75, 1.0)  # ε whose predictions are drawn
# Times marked on the trajectory of ε = 1, with where their names go, in points.
MARKED = {0.1: (5, 0), 1.0: (5, 1), 10.0: (-25, -4), 100.0: (5, -5)}
# Stiff: for most of the time only the slowest modes move.
METHOD = hm.Adaptive(rtol=1e-7, atol=1e-9, solver=hm.flows.RungeKuttaChebyshev())


def compute(fast: bool = False) -> dict:
    """Trajectories, their distance with its first-order prediction, and predictions."""
    example = teacher_example(SEED, noise=NOISE)
    epsilons = np.linspace(0.0, 1.0, 5 if fast else 21)
    weights = np.linspace(0.0, 1.0, 21 if fast else 41)  # of the response path
    grid = np.geomspace(FIRST_TIME, LAST_TIME, 41 if fast else 121)
    times = np.unique(np.concatenate([[0.0], grid, list(MARKED)]))
    return as_numbers(
        {
            "seed": SEED,
            "epsilons": epsilons,
            "response_epsilons": weights,
            "times": significant(times, 12),
            "shown": SHOWN,
            "marked": np.searchsorted(times, list(MARKED)),
            "cases": {
                name: _case(example, row, epsilons, weights, significant(times, 12))
                for name, row in CASES.items()
            },
            "solver": {"method": "Adaptive", "solver": "RungeKuttaChebyshev", "rtol": METHOD.rtol},
            "ridge": RIDGE,
            "versions": versions(),
        }
    )


def _case(example: TeacherExample, row: int, epsilons, weights, times) -> dict:
    """The numbers of one row of the figure."""
    problem = example.problem(row, RIDGE)
    surface = hm.homotopy(problem, example.theta0, times, epsilons, method=METHOD)
    moved = hm.sensitivity(problem, example.theta0, times, points=row, method=METHOD)
    path = hm.response(problem, weights, theta0=example.theta0)
    theta, limits = np.asarray(surface.theta), np.asarray(path.theta)
    speeds = np.linalg.norm(path.end_velocities, axis=1)
    plane = principal_plane(list(theta))
    at = problem.X[row : row + 1]

    shown = np.searchsorted(epsilons, SHOWN)
    ends = np.array([limits[np.argmin(np.abs(weights - epsilon))] for epsilon in epsilons])
    return {
        "deleted": row,
        "input": at[0, 0],
        "outcome": example.y[row],
        "target_function": example.target_function(at)[0],
        "plane": {
            "centre": plane.centre,
            "directions": plane.directions,
            "fractions": plane.fractions,
        },
        "trajectories": significant(plane.project(theta)),
        "limits": significant(plane.project(limits)),
        "effect": significant(np.linalg.norm(theta[-1] - theta[0], axis=1)),
        "first_order": significant(np.linalg.norm(np.asarray(moved.derivative[:, 0]), axis=1)),
        "whole_effect": np.linalg.norm(path.ends[1] - path.ends[0]),
        "influence": {"at_0": speeds[0], "at_1": speeds[1]},
        "predictions": significant(
            [_outputs(problem, surface.theta[index], at) for index in shown]
        ),
        "predictions_in_the_limit": significant(_outputs(problem, jnp.asarray(ends[shown]), at)),
        "bend_of_response": path.bend,
        "smallest_eigenvalue": np.min(path.smallest_eigenvalue),
        "largest_distance_from_limit": np.max(np.linalg.norm(theta[:, -1] - ends, axis=1)),
    }


@eqx.filter_jit
def _outputs(problem: hm.Problem, thetas, at):
    return jax.vmap(lambda theta: problem.predict(theta, at)[0])(thetas)


def draw(data: Mapping, figure: Figure) -> None:
    """Two rows; plane, effect and predictions."""
    figure.set_size_inches(7.0, 4.9)
    axes = figure.subplots(2, 3, width_ratios=(1.25, 1.0, 1.0))
    letters = iter("abcdef")
    for row, (name, case) in zip(axes, data["cases"].items(), strict=True):
        at = f"{case['input']:.2f}".replace("-", "−")
        for ax, part, title in zip(
            row,
            (_draw_plane, _draw_effect, _draw_predictions),
            (f"{name} case", "effect of the point", f"at its input, x = {at}"),
            strict=True,
        ):
            part(ax, data, case)
            ax.set_title(f"({next(letters)}) {title}")
    figure.colorbar(
        weight_scale(), ax=axes, label="weight ε", ticks=(0, 0.5, 1), aspect=40, pad=0.01
    )
    named = {}
    for ax in axes.flat:
        handles, labels = ax.get_legend_handles_labels()
        named.update(zip(labels, handles, strict=True))
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=4)


def _draw_plane(ax, data, case):
    points, limits = np.array(case["trajectories"]), np.array(case["limits"])
    epsilons = np.array(data["epsilons"])
    plane = Plane(**{name: np.array(part) for name, part in case["plane"].items()})
    inset = ax.inset_axes((0.34, 0.5, 0.4, 0.48))
    for part in (ax, inset):
        draw_family(part, points, epsilons, linewidths=0.7)
        part.lines[0].remove()  # the line of the last points: the response path is drawn instead
        part.plot(*limits.T, color="black", lw=1.0, zorder=3, label="response path θ(ε)")
        for index, colour, label in (
            (-1, style.WITH, f"{style.FULL_NAME} = θ(1)"),
            (0, style.WITHOUT, f"{style.DELETED_NAME} = θ(0)"),
        ):
            part.plot(
                *limits[index],
                "*",
                ms=8,
                color=colour,
                mec="black",
                mew=0.5,
                zorder=5,
                label=label,
            )
    ax.lines[0].set_label(style.START_NAME)
    for index, offset in zip(data["marked"], MARKED.values(), strict=True):
        point = points[-1, index]
        ax.plot(*point, "o", ms=2.5, color="white", mec="black", mew=0.6, zorder=4)
        words = {"textcoords": "offset points", "va": "center", "fontsize": 6, "color": "0.3"}
        ax.annotate(f"t = {data['times'][index]:g}", point, offset, **words)
    window = window_of(limits, margin=0.35)
    inset.set(xlim=window[0], ylim=window[1], xticks=[], yticks=[])
    inset.spines[:].set(visible=True, color="0.5")
    ax.indicate_inset_zoom(inset, edgecolor="0.5", linewidth=0.5)
    ax.set(xlabel=plane.labels[0], ylabel=plane.labels[1])


def _draw_effect(ax, data, case):
    times = np.array(data["times"])[1:]
    ax.semilogx(times, case["effect"][1:], color="black", label="‖θ(t, 1) − θ(t, 0)‖")
    ax.plot(
        times,
        case["first_order"][1:],
        color=style.WITH,
        ls="--",
        label="first order at ε = 1, ‖Sⱼ(t)‖",
    )
    for end, colour in (("at_1", style.WITH), ("at_0", style.WITHOUT)):
        ax.axhline(
            case["influence"][end],
            color=colour,
            ls=":",
            lw=1.0,
            zorder=1,
            label=f"influence function at ε = {end[-1]}",
        )
    ax.set(xlabel="training time t", ylabel="change of the parameters")
    ax.set(xlim=(times[0], times[-1]), ylim=(0.0, None))


def _draw_predictions(ax, data, case):
    times = np.array(data["times"])[1:]
    for epsilon, values, limit in zip(
        data["shown"], case["predictions"], case["predictions_in_the_limit"], strict=True
    ):
        colour = style.WEIGHT_COLOURS(epsilon)
        ax.semilogx(times, values[1:], color=colour, lw=1.0)
        ax.plot(times[-1], limit, "o", ms=3, color=colour, clip_on=False)
    ax.axhline(case["outcome"], color="#CC0000", lw=1.0, label="outcome of the point")
    ax.axhline(case["target_function"], color="#009E73", lw=1.0, ls="-.", label="target function")
    ax.set(xlabel="training time t", ylabel="output f(θ(t, ε); x)", xlim=(times[0], times[-1]))


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig12"]))
