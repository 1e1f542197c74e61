"""Influence in training time: one line a point, with its zeros and its largest size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_influence_in_time(
    times: Float[np.ndarray, " m"],
    influence: Float[np.ndarray, "m k"],
    names: Sequence[str],
    sign_changes: Sequence[Float[np.ndarray, " _"]] | None,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw the influence of each point against training time.

    Parameters
    ----------
    times : (m,)
    influence : (m, k)
    names : k strings
        Of the points, for the legend.
    sign_changes : k arrays, or None
        When each influence changes its sign; where None, all lines look the same, without marks
        and legend.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    if sign_changes is None:
        colours = style.colours_of(ax)
        ax.plot(times, influence, **{"color": colours.shade(0.6), "linewidth": 0.5, **options})
        ax.axhline(0.0, color=colours.ink, linewidth=0.6, zorder=1)
    else:
        draw_influences(ax, times, influence, names, sign_changes, **options)
        ax.legend()
    label_axes(ax, "training time t", "change on deletion (first order)")
    return ax


def draw_influences(
    ax: Axes,
    times: Float[np.ndarray, " m"],
    influence: Float[np.ndarray, "m k"],
    names: Sequence[str],
    sign_changes: Sequence[Sequence[float] | np.ndarray],
    **options,
) -> list[Line2D]:
    """Lines in the colours of the palette, over a line at zero, each with its marks."""
    colours = style.colours_of(ax)
    ax.axhline(0.0, color=colours.ink, linewidth=0.6, zorder=1)
    lines = []
    for colour, name, values, zeros in zip(
        colours.palette, names, influence.T, sign_changes, strict=False
    ):
        lines += ax.plot(times, values, **{"color": colour, "label": name, **options})
        marks = {"linestyle": "", "marker": "o", "markersize": 3.5, "color": lines[-1].get_color()}
        ax.plot(zeros, np.zeros(len(zeros)), **marks, markerfacecolor=colours.paper, zorder=4)
        largest = np.argmax(np.abs(values))
        ax.plot(times[largest], values[largest], **marks, zorder=4)
    return lines
