"""The switching function φ(t) of a schedule."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_switching_function(
    times: Float[np.ndarray, " m"],
    values: Float[np.ndarray, " m"],
    start: float,
    switches: Float[np.ndarray, " k"],
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw φ(t), with the sign of φ as a background and the switches of the schedule.

    Where the background is orange (φ > 0), raising ε lowers ℰ; where it is blue (φ < 0), lowering
    ε does. Before the deletion request at s nothing can be chosen, and the background is grey.
    Dotted lines are the switch times of the schedule.

    Parameters
    ----------
    times : (m,)
        From 0 to T, ascending.
    values : (m,)
        φ at them.
    start : float
        s.
    switches : (k,)
        The switch times of the schedule.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the line, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    across = ax.get_xaxis_transform()
    free = times >= start
    for sign, colour in ((1.0, colours.with_points), (-1.0, colours.without)):
        shown = free & (sign * values > 0)
        area = {"transform": across, "color": colour, "alpha": colours.wash, "lw": 0}
        ax.fill_between(times, 0, 1, shown, **area)
    if start > 0:
        ax.axvspan(0.0, start, color=colours.shade(0.9), lw=0, zorder=0)
    ax.axhline(0.0, color=colours.shade(0.4), linewidth=0.6)
    for switch in np.unique(switches):
        if 0 < switch < times[-1]:
            ax.axvline(switch, color=colours.shade(0.3), linestyle=":", linewidth=0.9)
    ax.plot(times, values, **{"color": colours.ink, **options})
    label_axes(ax, "time t", "switching function φ(t)")
    ax.set_xlim(0.0, times[-1])
    return ax
