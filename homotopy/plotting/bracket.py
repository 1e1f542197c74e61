"""The least ℰ by horizon, as a search for the least time has bounded it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes, legend_beside


def draw_bracket(
    history: np.ndarray,
    cost: float,
    lower: float,
    time: float,
    baseline: float | None,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw the costs and bounds of every horizon looked at, and the times that follow.

    Parameters
    ----------
    history : (m, 3)
        Horizon, least cost found, lower bound.
    cost : float
        Asked for: a dashed line.
    lower, time : float
        Not reached before, and reached at; infinite for never.
    baseline : float, optional
        When deleting at once reaches the cost: a dotted line.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the dots, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    horizons, costs, bounds = history[np.argsort(history[:, 0])].T
    look = {"linestyle": "none", "color": colours.palette[0], **options}
    ax.plot(horizons, costs, **{"marker": "o", "label": "least ℰ found", **look})
    known = bounds > 0.0
    ax.plot(horizons[known], bounds[known], **{"marker": "_", "label": "lower bound", **look})
    ax.axhline(cost, color=colours.shade(0.3), linewidth=0.8, linestyle="--", label="ℰ asked for")
    if np.isfinite(time):
        ax.axvline(time, color=colours.palette[1], linewidth=0.9, label="least time")
    elif np.isfinite(lower):
        ax.axvline(lower, color=colours.palette[1], linewidth=0.9, label="not before")
    if baseline is not None and np.isfinite(baseline):
        shown = {"color": colours.shade(0.3), "linewidth": 0.9, "linestyle": ":"}
        ax.axvline(baseline, **shown, label="delete at once")
    positive = np.concatenate([costs[costs > 0.0], bounds[known], [cost] if cost > 0 else []])
    if positive.size and cost > 0 and positive.max() > 30.0 * positive.min():
        ax.set_yscale("log")
    ax.margins(x=0.1, y=0.15)
    label_axes(ax, "horizon T", "least ℰ")
    legend_beside(ax, ax.get_legend_handles_labels()[0])
    return ax
