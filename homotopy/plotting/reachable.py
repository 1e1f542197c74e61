"""The range of a residual against time: a band, its signs, and a residual inside."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes, legend_beside


def draw_reachable(
    times: np.ndarray,
    ranges: tuple[np.ndarray, np.ndarray],
    signs: np.ndarray,
    inside: np.ndarray | None = None,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw a range against time.

    Parameters
    ----------
    times : (m,)
    ranges : pair of (m,)
        Least and largest value.
    signs : (m−1,)
        1, −1 or 0 between two times, for a strip at the bottom: coloured where it is not 0.
    inside : (m,), optional
        A curve in the range.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the band, for `Axes.fill_between`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    lower, upper = ranges
    first, second, third, fourth = colours.palette[:4]
    look = {"color": first, "alpha": 0.25, "linewidth": 0.0, "label": "reachable"}
    ax.fill_between(times, lower, upper, **(look | options))
    for edge in ranges:
        ax.plot(times, edge, color=first, linewidth=0.9)
    ax.axhline(0.0, color=colours.shade(0.3), linewidth=0.8, linestyle="--")
    if inside is not None:
        ax.plot(times, inside, color=second, linewidth=1.2, label="under the schedule")
    heights = ax.get_xaxis_transform()
    for sign, colour, label in ((1, third, "v ≥ 0 always"), (-1, fourth, "v ≤ 0 always")):
        where = np.append(signs == sign, False) | np.append(False, signs == sign)
        if where.any():
            strip = {"transform": heights, "color": colour, "alpha": 0.6, "linewidth": 0.0}
            ax.fill_between(times, 0.0, 0.025, where=where, label=label, **strip)
    ax.set_xlim(times[0], times[-1])
    label_axes(ax, "time t", "residual v")
    legend_beside(ax, ax.get_legend_handles_labels()[0])
    return ax
