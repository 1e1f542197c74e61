"""What less of a measurement costs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_frontier(
    sizes: Float[np.ndarray, " k"],
    costs: Float[np.ndarray, " k"],
    reached: Bool[np.ndarray, " k"],
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw the cost against the size of what was bounded; open where the bound was not reached.

    Parameters
    ----------
    sizes, costs : (k,)
    reached : (k,) of bool
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the line, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    order = np.argsort(sizes)
    look = {"color": style.colours_of(ax).palette[0], "marker": "o", "markersize": 3.5, **options}
    if reached.any():
        kept = order[reached[order]]
        ax.plot(sizes[kept], costs[kept], **look)
    if not reached.all():
        missed = order[~reached[order]]
        ax.plot(sizes[missed], costs[missed], **{**look, "linestyle": "none", "fillstyle": "none"})
    label_axes(ax, "size of the measurement", "change of the weights")
    return ax
