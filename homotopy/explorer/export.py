"""What leaves the page: a figure for a paper, and the numbers."""

from __future__ import annotations

import io
import json

import numpy as np

from homotopy.explorer.explored import AbstractExplored
from homotopy.explorer.picture import Picture, arrows, window_around
from homotopy.explorer.state import FAMILIES, State

FORMATS = ("png", "svg", "pdf")


def numbers(explored: AbstractExplored, state: State, picture: Picture) -> dict:
    """State, picture and data, as a JSON file holds them."""
    problem = explored.problem(state)
    return {
        "about": "homotopy explorer",
        "title": explored.origin.title,
        "state": state.query(),
        "parameters": list(explored.parameter_names),
        "picture": picture.numbers(),
        "data": {"X": np.asarray(problem.X).tolist(), "y": np.asarray(problem.y).tolist()},
    }


def as_json(explored: AbstractExplored, state: State, picture: Picture) -> str:
    """The same, as text."""
    return json.dumps(numbers(explored, state, picture), ensure_ascii=False, indent=1)


def drawn(explored: AbstractExplored, state: State, picture: Picture, shown: tuple[str, ...]):
    """A matplotlib figure in the house style: portrait, ε(t), φ(t) and ½‖θ(t) − θ*₋‖²."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    from homotopy.plotting import house_style
    from homotopy.plotting.style import (
        DELETED_NAME,
        FULL_NAME,
        START_NAME,
        WEIGHT_COLOURS,
        WITH,
        WITHOUT,
    )

    with house_style():
        figure = Figure(figsize=(7.0, 3.9), layout="constrained")
        grid = figure.add_gridspec(3, 2, width_ratios=(1.35, 1.0))
        ax = figure.add_subplot(grid[:, 0])
        window = window_around(picture.extent, 1.0, not explored.against_time)
        for name, epsilon, colour in (("field 1", 1.0, WITH), ("field 0", 0.0, WITHOUT)):
            if name in shown:
                field = arrows(explored.velocity(state, epsilon), window)
                lengths = field.tips - field.tails
                ax.quiver(
                    *field.tails.T, *lengths.T, color=colour, alpha=0.45, angles="xy",
                    scale_units="xy", scale=1.0, width=0.003, headwidth=4,
                )  # fmt: skip
        for weight, path in picture.family.items():
            ax.plot(*path.T, color=WEIGHT_COLOURS(weight), linewidth=0.7)
        if "response" in shown:
            ax.plot(*picture.response.T, color="black", linewidth=1.1, linestyle=(0, (3, 2)))
        if "constant" in shown:
            ax.plot(*picture.constant.T, color="0.4", linewidth=0.8, linestyle=":")
        pieces = np.stack([picture.path[:-1], picture.path[1:]], axis=1)
        middle = (picture.weights_after[:-1] + picture.weights[1:]) / 2
        ax.add_collection(
            LineCollection(pieces, colors=WEIGHT_COLOURS(middle), linewidths=1.8, zorder=3)
        )
        star = {"marker": "*", "markersize": 9, "markeredgecolor": "black", "markeredgewidth": 0.5}
        for label, point, look in (
            (FULL_NAME, picture.full_fit, {**star, "color": WITH}),
            (DELETED_NAME, picture.deleted_fit, {**star, "color": WITHOUT}),
            (START_NAME, picture.start, {"marker": "o", "markersize": 4, "color": "black"}),
            (r"θ($T$)", picture.end, {"marker": "s", "markersize": 4, "color": "black"}),
        ):
            ax.plot(*point, linestyle="none", zorder=4, **look)
            ax.annotate(label, point, (4, 4), textcoords="offset points", zorder=5)
        ax.set(
            xlabel=picture.labels[0], ylabel=picture.labels[1], xlim=window[0], ylim=window[1],
            title=f"(a) {FAMILIES[state.family]}, ℰ = {picture.cost:.3g}",
        )  # fmt: skip
        sides = [figure.add_subplot(grid[row, 1]) for row in range(3)]
        times = picture.times
        sides[0].plot(
            np.repeat(times, 2),
            np.stack([picture.weights, picture.weights_after], axis=1).ravel(),
            color="black",
        )
        sides[0].set(ylabel="ε(t)", ylim=(-0.06, 1.1), title="(b) weight")
        phi = picture.switching
        sides[1].plot(picture.switching_times, phi, color="black")
        for side, colour in ((phi > 0, WITH), (phi < 0, WITHOUT)):
            sides[1].fill_between(
                picture.switching_times, phi, 0.0, where=side, color=colour, alpha=0.35, lw=0
            )
        sides[1].axhline(0.0, color="0.5", linewidth=0.6)
        sides[1].set(ylabel="φ(t)", title="(c) switching function")
        sides[2].semilogy(times, np.maximum(picture.costs, 1e-30), color="black")
        sides[2].semilogy(
            times, np.maximum(picture.costs_at_once, 1e-30), color="#0072B2", linestyle="--",
            label="delete at once",
        )  # fmt: skip
        sides[2].legend(loc="best")
        sides[2].set(
            ylabel=r"½‖θ($t$) − " + DELETED_NAME + "‖²", xlabel="time t", title="(d) distance"
        )
        for side in sides:
            side.axvline(state.start, color="0.5", linewidth=0.6, linestyle=":")
            side.set_xlim(0.0, state.horizon)
    return figure


def file_of(explored, state, picture, shown, kind: str) -> io.BytesIO:
    """The figure as a file of one of `FORMATS`."""
    from homotopy.plotting import house_style

    made = io.BytesIO()
    with house_style():
        drawn(explored, state, picture, shown).savefig(made, format=kind, dpi=200)
    made.seek(0)
    return made
