"""The response path θ(ε)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from homotopy._checks import instance
from homotopy.plotting import style
from homotopy.plotting.layout import label_axes
from homotopy.plotting.trajectory import draw_coordinates
from homotopy.responses import Event, EventKind, ResponsePath


def draw_response(path: ResponsePath, ax: Axes | None = None, **options) -> Axes:
    """Draw θ(ε): in the parameter plane for d = 2, each coordinate against ε otherwise.

    In the plane, stars mark the full fit θ* = θ(1) and the deleted fit θ*₋ = θ(0), and dots the ε
    asked for: unevenly spaced where the velocity θ̇(ε) changes. The line breaks where the path
    goes from one branch of minima to another; crosses (against ε, dotted lines) mark those events.
    Saddles, where a continuation recorded them, are dashed.

    Parameters
    ----------
    path : ResponsePath
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    instance("path", path, ResponsePath, "the result of response(problem, epsilons)")
    own_figure = ax is None
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    epsilons, theta = _with_breaks(path)
    if theta.shape[1] != 2:
        draw_coordinates(ax, epsilons, theta, "weight ε", own_figure, **options)
        for number, (event, label) in enumerate(_labelled(path.events)):
            at = float(event.epsilon)
            ax.axvline(at, color=colours.shade(0.6), linestyle=":", linewidth=0.8, zorder=0)
            # In words at the line: the legend, if there is one, is that of the coordinates.
            words = {"rotation": 90, "va": "top", "fontsize": "small", "color": colours.shade(0.4)}
            side = "left" if number % 2 == 0 else "right"
            top = ax.get_xaxis_transform()
            ax.text(at, 0.98, label or "", transform=top, ha=side, **words)
        return ax
    grey = colours.shade(0.35)
    ax.plot(*theta.T, **{"color": grey, "marker": ".", "markersize": 3, **options})
    for branch in path.branches:
        saddles = np.asarray(branch.theta)[branch.minima - 1 :]
        if len(saddles) > 1:
            ax.plot(*saddles.T, color=grey, linestyle="--", linewidth=0.8)
    for event, label in _labelled(path.events):
        ax.plot(*np.asarray(event.theta)[:, None], "x", color=grey, markersize=6, label=label)
    deleted_fit, full_fit = np.asarray(path.ends)
    for name, point, colour in (
        (f"{style.FULL_NAME} = θ(1)", full_fit, colours.with_points),
        (f"{style.DELETED_NAME} = θ(0)", deleted_fit, colours.without),
    ):
        ax.plot(*point[:, None], "*", color=colour, markersize=9, label=name)
    label_axes(ax, "θ₁", "θ₂")
    ax.legend()
    return ax


def _with_breaks(path: ResponsePath) -> tuple[np.ndarray, np.ndarray]:
    """ε and θ, with a NaN between two neighbours on different branches."""
    epsilons, theta = np.asarray(path.epsilons), np.asarray(path.theta)
    ends = np.array([float(event.epsilon) for event in path.events])
    if ends.size == 0:
        return epsilons, theta
    branch = np.sum(epsilons[:, None] < ends[None, :], axis=1)
    breaks = np.flatnonzero(np.diff(branch)) + 1
    return np.insert(epsilons, breaks, np.nan), np.insert(theta, breaks, np.nan, axis=0)


def _labelled(events: tuple[Event, ...]) -> list[tuple[Event, str | None]]:
    """Each event, with a label for the legend the first time that its kind appears."""
    named = (
        (EventKind.fold, "fold"),
        (EventKind.lost_definiteness, "definiteness lost"),
        (EventKind.merging, "branches merge"),
    )
    seen, labelled = set(), []
    for event in events:
        name = next(name for kind, name in named if event.kind == kind)
        labelled.append((event, None if name in seen else name))
        seen.add(name)
    return labelled
