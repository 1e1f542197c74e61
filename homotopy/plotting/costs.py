"""ℰ of several schedules, by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_costs(
    names: Sequence[str],
    costs: np.ndarray,
    admissible: Sequence[bool],
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw a dot for each schedule, from above, on a logarithmic scale where
    they differ by more than a factor of ten.

    Parameters
    ----------
    names : sequence of str
    costs : (k,)
        On a logarithmic scale what is 0 has no dot.
    admissible : sequence of bool
        Whether each is in E_s; the dots of others are hollow.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the dots, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax, (3.4, max(1.6, 0.7 + 0.2 * len(names))))
    colours = style.colours_of(ax)
    places, inside = np.arange(len(names)), np.asarray(admissible, bool)
    look = {"color": colours.palette[0], "marker": "o", "linestyle": "none", **options}
    hollow = {"markerfacecolor": colours.paper, "label": "not a way to delete"}
    ax.plot(costs[inside], places[inside], **look)
    if not inside.all():
        ax.plot(costs[~inside], places[~inside], **{**look, **hollow})
        ax.legend()
    positive = costs[costs > 0]
    if positive.size and positive.max() > 10.0 * positive.min():
        ax.set_xscale("log", nonpositive="mask")
    ax.grid(axis="y")
    ax.set_yticks(places, list(names))
    ax.set_ylim(len(names) - 0.5, -0.5)
    label_axes(ax, "cost ℰ", "")
    return ax
