"""A schedule ε(t) against time."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from homotopy._checks import positive
from homotopy.plotting import style
from homotopy.plotting.layout import label_axes
from homotopy.schedules import AbstractSchedule
from homotopy.schedules.base import a_schedule


def draw_schedule(
    schedule: AbstractSchedule, ax: Axes | None = None, horizon: float | None = None, **options
) -> Axes:
    """Draw ε(t) on [0, horizon]: pieces as solid lines, jumps as dashed vertical ones.

    Parameters
    ----------
    schedule : AbstractSchedule
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    horizon : float, optional
        The last time drawn; by default a quarter beyond the last breakpoint.
    **options
        Of the lines, for `Axes.plot`; `label` names the schedule in a legend.

    Raises
    ------
    ValueError
        If the horizon is not positive and finite.
    """
    a_schedule(schedule)
    edges = np.concatenate([[0.0], np.asarray(schedule.breakpoints), [np.inf]])
    if horizon is None:
        horizon = 1.25 * edges[-2] or 1.0
    positive("horizon", horizon)
    ax = style.axes_or_new(ax)
    previous = None
    for index in range(edges.size - 1):
        left, right = edges[index], min(edges[index + 1], horizon)
        if not left < right:
            continue
        times, values = schedule.sample(index, left, right, 201)
        if schedule.constant_pieces[index]:
            times, values = np.array([left, right]), np.repeat(values, 2)
        if previous is not None and previous != values[0]:
            ax.plot([left, left], [previous, values[0]], **{**options, "linestyle": "--"})
        (line,) = ax.plot(times, values, **{"linestyle": "-", **options})
        # One colour and one legend entry for all the pieces.
        options = {**options, "color": line.get_color(), "label": "_nolegend_"}
        previous = values[-1]
    label_axes(ax, "time t", "weight ε(t)")
    ax.set_ylim(-0.05, 1.05)
    return ax
