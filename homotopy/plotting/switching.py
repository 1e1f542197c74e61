"""The switching function φ(t) of a schedule."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from homotopy._checks import instance
from homotopy.deletion import SwitchingFunction
from homotopy.plotting import style
from homotopy.plotting.layout import label_axes
from homotopy.plotting.plane import sampling_times


def draw_switching_function(
    switching_function: SwitchingFunction, ax: Axes | None = None, **options
) -> Axes:
    """Draw φ(t) on [0, T], with the sign of φ as a background and the switches of the schedule.

    Where the background is orange (φ > 0), raising ε lowers ℰ; where it is blue (φ < 0), lowering
    ε does. Before the deletion request at s nothing can be chosen, and the background is grey.
    Dotted lines are the switch times of the schedule.

    Parameters
    ----------
    switching_function : SwitchingFunction
        `deletion.switching_function(schedule)`.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the line, for `Axes.plot`.
    """
    instance(
        "switching_function",
        switching_function,
        SwitchingFunction,
        "that of a schedule, deletion.switching_function(schedule)",
    )
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    deletion, schedule = switching_function.deletion, switching_function.schedule
    start, horizon = float(deletion.start), float(deletion.horizon)
    times = sampling_times(schedule, horizon)
    values = np.asarray(switching_function(times))
    across = ax.get_xaxis_transform()
    free = times >= start
    for sign, colour in ((1.0, colours.with_points), (-1.0, colours.without)):
        shown = free & (sign * values > 0)
        area = {"transform": across, "color": colour, "alpha": colours.wash, "lw": 0}
        ax.fill_between(times, 0, 1, shown, **area)
    if start > 0:
        ax.axvspan(0.0, start, color=colours.shade(0.9), lw=0, zorder=0)
    ax.axhline(0.0, color=colours.shade(0.4), linewidth=0.6)
    for switch in np.unique(np.asarray(schedule.breakpoints)):
        if 0 < switch < horizon:
            ax.axvline(switch, color=colours.shade(0.3), linestyle=":", linewidth=0.9)
    ax.plot(times, values, **{"color": colours.ink, **options})
    label_axes(ax, "time t", "switching function φ(t)")
    ax.set_xlim(0.0, horizon)
    return ax
