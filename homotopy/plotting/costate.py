"""The costate p(t), coordinate by coordinate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy._parameter_names import numbered_entries
from homotopy.plotting import style
from homotopy.plotting.layout import label_axes
from homotopy.plotting.trajectory import draw_coordinates


def draw_costate(
    times: np.ndarray,
    costate: np.ndarray,
    switches: np.ndarray,
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
    **options,
) -> Axes:
    """Draw p (m, d) against time, with dotted lines at the switches.

    Parameters
    ----------
    times : (m,)
    costate : (m, d)
    switches : (k,)
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    names : d strings, optional
        Of the parameters; p₁, p₂, … by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    own_figure = ax is None
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    names = names or numbered_entries(costate.shape[1], "p")
    draw_coordinates(ax, times, costate, "time t", own_figure, names, **options)
    label_axes(ax, "time t", "costate p(t)")
    ax.axhline(0.0, color=colours.shade(0.4), linewidth=0.6, zorder=1)
    for switch in np.unique(switches):
        if 0 < switch < times[-1]:
            ax.axvline(switch, color=colours.shade(0.3), linestyle=":", linewidth=0.9)
    ax.set_xlim(0.0, times[-1])
    return ax
