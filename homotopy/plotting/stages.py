"""Learning in stages: lines against log t, and when each stage is reached."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_stages(
    times: np.ndarray,
    values: np.ndarray,
    marks: np.ndarray,
    names: Sequence[str],
    label: str,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw a line for each component, and a dotted vertical in its colour at its mark.

    Parameters
    ----------
    times : (t,)
        > 0.
    values : (t, c)
    marks : (c,)
        Those that are not finite or outside the times are left out.
    names : c strings
    label : str
        What the values are.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    ax.axhline(0.0, color=colours.shade(0.4), linewidth=0.6, zorder=1)
    for place, (line, mark, name) in enumerate(zip(values.T, marks, names, strict=True)):
        colour = colours.palette[place % len(colours.palette)]
        ax.plot(times, line, **{"color": colour, "label": name, **options})
        if np.isfinite(mark) and times[0] <= mark <= times[-1]:
            ax.axvline(mark, color=colour, linestyle=":", linewidth=0.8, zorder=1)
    if np.all(times > 0.0):
        ax.set_xscale("log")
    label_axes(ax, "training time t", label)
    ax.legend()
    return ax
