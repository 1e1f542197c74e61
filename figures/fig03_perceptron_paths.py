"""The notes' Figure 3: what a perceptron becomes as a data point is forgotten.

A perceptron with three hidden neurons learns 20 points that another one made, with noise of
standard deviation 0.1; a ridge of 0.005 gives the risk minima. Left: the data, the target function,
the fits with and without the deleted point. Right: input and output weight of the first neuron
along the response path θ(ε), from ε = 1 to ε = 0, with the influence functions at both ends.
Top: a point close to the target function whose path bends. Bottom: one further away whose path is
nearly straight.

The example is the first, by seed, that has such a pair among its 20 points; nothing else is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.output import as_numbers, significant, versions
from homotopy.plotting import style
from homotopy.responses.path import chord_deviation
from homotopy.teacher import TeacherExample, teacher_example

RIDGE, NOISE = 0.005, 0.1
CURVED, STRAIGHT = 0.15, 0.01  # bend of the first neuron's path
SEEDS = range(40)
FIRST_NEURON = (0, 6)  # input and output weight among the ten parameters


def compute(fast: bool = False) -> dict:
    """Data, fits and paths of the curved and of the straight case."""
    epsilons = np.linspace(0.0, 1.0, 21 if fast else 41)
    for seed in SEEDS:
        example = teacher_example(seed, noise=NOISE)
        paths, pair = _pair(example, epsilons)
        if pair is not None:
            break
    else:
        raise RuntimeError(f"none of {len(SEEDS)} examples has a curved and a straight path.")
    grid = np.linspace(-3.2, 3.2, 201)[:, None]
    outputs = example.problem(0).predict
    data = {
        "seed": seed,
        "X": example.X[:, 0],
        "y": example.y,
        "grid": grid[:, 0],
        "target_function": significant(example.target_function(jnp.asarray(grid))),
        "cases": {},
        "epsilons": epsilons,
        "solver": {"method": "Continuation", "ridge": RIDGE},
        "versions": versions(),
    }
    for name, row in zip(("curved", "nearly straight"), pair, strict=True):
        path = paths[row]
        theta = np.asarray(path.theta)
        data["cases"][name] = {
            "deleted": row,
            "distance_from_target_function": abs(float(_distances(example)[row])),
            "neuron": theta[:, FIRST_NEURON],
            "end_velocities": np.asarray(path.end_velocities)[:, FIRST_NEURON],
            "bend_of_neuron": _bend(path),
            "bend": path.bend,
            "ratio_of_velocities": _ratio(path),
            "velocity_change": path.velocity_change,
            "velocity_change_bound": path.velocity_change_bound,
            "largest_gradient_norm": np.max(path.gradient_norm),
            "smallest_eigenvalue": np.min(path.smallest_eigenvalue),
            "full_fit": significant(outputs(path.ends[1], jnp.asarray(grid))),
            "deleted_fit": significant(outputs(path.ends[0], jnp.asarray(grid))),
        }
    return as_numbers(data)


def _path(example: TeacherExample, row: int, epsilons) -> hm.results.ResponsePath:
    problem = example.problem(row, RIDGE)
    return hm.response(problem, epsilons, theta0=example.theta0, throw=False)


def _pair(example: TeacherExample, epsilons) -> tuple[dict, tuple[int, int] | None]:
    """A point close to the target function with a curved path, one further away with no curve.

    With the paths by their rows: those of the points further away where there is a curved one only.
    """
    away = np.abs(_distances(example))
    paths: dict[int, hm.results.ResponsePath] = {}

    def bends(rows) -> np.ndarray:
        """NaN where a path is not regular, which compares as False."""
        paths.update({int(row): _path(example, int(row), epsilons) for row in rows})
        some = [paths[int(row)] for row in rows]
        regular = [bool(path.status == hm.results.ResponseStatus.successful) for path in some]
        return np.where(regular, [_bend(path) for path in some], np.nan)

    near, far = np.flatnonzero(away < NOISE), np.flatnonzero(away > NOISE)
    bend = bends(near)
    if not np.any(bend > CURVED):
        return paths, None
    straight = far[bends(far) < STRAIGHT]
    if not straight.size:
        return paths, None
    return paths, (int(near[np.nanargmax(bend)]), int(straight[np.argmax(away[straight])]))


def _distances(example: TeacherExample) -> np.ndarray:
    return np.asarray(example.y - example.target_function(example.X))


def _bend(path: hm.results.ResponsePath) -> float:
    neuron = path.theta[:, FIRST_NEURON]
    return float(chord_deviation(neuron, path.ends[:, FIRST_NEURON]))


def _ratio(path: hm.results.ResponsePath) -> float:
    speeds = np.linalg.norm(np.asarray(path.end_velocities), axis=1)
    return float(speeds[1] / speeds[0])


def draw(data: Mapping, figure: Figure) -> None:
    """Two rows, data and path."""
    figure.set_size_inches(6.3, 4.8)
    axes = figure.subplots(2, 2, width_ratios=(1.25, 1.0))
    figure.set_layout_engine("constrained")
    epsilons = np.array(data["epsilons"])
    for (left, right), letters, (name, case) in zip(
        axes, ("ab", "cd"), data["cases"].items(), strict=True
    ):
        row = case["deleted"]
        left.plot(data["grid"], data["target_function"], color="#009E73", label="target function")
        left.plot(data["grid"], case["full_fit"], color=style.WITH, lw=1, label="fit, ε = 1")
        left.plot(
            data["grid"],
            case["deleted_fit"],
            color=style.WITHOUT,
            lw=1,
            ls="--",
            label="fit, ε = 0",
        )
        kept = [index for index in range(len(data["X"])) if index != row]
        left.plot(
            np.array(data["X"])[kept],
            np.array(data["y"])[kept],
            "o",
            ms=3.5,
            color="#0072B2",
            label="data",
        )
        left.plot(data["X"][row], data["y"][row], "o", ms=6, color="#CC0000", label="deleted point")
        left.set(xlabel="input x", ylabel="output y", xlim=(-3.2, 3.2))
        left.set_title(f"({letters[0]}) {name} case: data and fits")
        right.set_title(
            f"({letters[1]}) θ(ε) of the first neuron, bend {case['bend_of_neuron']:.2g}"
        )
        neuron = np.array(case["neuron"])
        right.plot(*neuron.T, color="0.6", lw=0.8, zorder=1)
        points = right.scatter(
            *neuron.T, c=epsilons, cmap=style.WEIGHT_COLOURS, s=10, vmin=0, vmax=1, zorder=2
        )
        chord = neuron[-1] - neuron[0]
        right.plot(*neuron[[0, -1]].T, color="0.6", lw=0.8, ls=":", zorder=1)
        # As far as the first-order prediction of the whole deletion goes, or the path does.
        for index, sign, colour in ((-1, -1.0, style.WITH), (0, 1.0, style.WITHOUT)):
            velocity = np.array(case["end_velocities"][index])
            reach = min(1.0, np.linalg.norm(chord) / np.linalg.norm(velocity))
            end = neuron[index] + sign * reach * velocity
            arrow = {"arrowstyle": "->", "color": colour, "lw": 1.0, "shrinkA": 0, "shrinkB": 0}
            right.annotate("", end, neuron[index], arrowprops=arrow, annotation_clip=False)
            label = f"influence function at ε = {-index}"
            right.plot(*np.array([neuron[index], end]).T, color=colour, lw=0.8, label=label)
        for position, label, colour in (
            (neuron[-1], style.FULL_NAME, style.WITH),
            (neuron[0], style.DELETED_NAME, style.WITHOUT),
        ):
            right.plot(*position, "*", ms=9, color=colour, zorder=3, label=label)
        right.set(xlabel="input weight of the first neuron", ylabel="its output weight")
        right.margins(0.18)
        figure.colorbar(points, ax=right, label="weight ε of the point", ticks=(0, 0.5, 1))
    handles = [*axes[0, 0].get_lines(), *axes[0, 1].get_lines()]
    named = {line.get_label(): line for line in handles if not line.get_label().startswith("_")}
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=3, fontsize=7)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig03"]))
