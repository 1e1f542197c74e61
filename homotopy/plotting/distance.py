"""How far two response paths are from each other, against ε."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_distance(
    epsilons: np.ndarray,
    distances: np.ndarray,
    agree: np.ndarray,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw distances as a line, on a logarithmic scale where they are of several sizes.

    Parameters
    ----------
    epsilons, distances : (k,)
        NaN where one of the paths is not known.
    agree : (k,)
        Where they count as one; crosses mark the others.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the line, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    ax.plot(epsilons, distances, **{"color": colours.palette[0], "marker": ".", **options})
    apart = ~agree & np.isfinite(distances)
    ax.plot(epsilons[apart], distances[apart], "x", color=colours.palette[1], label="do not agree")
    positive = distances[np.isfinite(distances) & (distances > 0.0)]
    if positive.size and positive.max() > 30.0 * positive.min():
        ax.set_yscale("symlog", linthresh=positive.min())
    label_axes(ax, "weight ε", "distance of the paths ‖θ(ε) − θ′(ε)‖")
    ax.set_ylim(bottom=0.0)
    if not positive.size:
        ax.set_ylim(top=1.0)
    if np.any(apart):
        ax.legend()
    return ax
