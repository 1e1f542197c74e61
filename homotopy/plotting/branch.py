"""A branch of stationary points: the smallest eigenvalue of the Hessian along it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_branch(
    epsilons: np.ndarray, eigenvalues: np.ndarray, minima: int, ax: Axes | None = None, **options
) -> Axes:
    """Draw the smallest eigenvalue against ε: minima as a line, what lies beyond dashed.

    Parameters
    ----------
    epsilons, eigenvalues : (m,)
        Along the branch.
    minima : int
        How many of the points, from the first on, are minima or the event at their end.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    look = {"color": colours.palette[0], **options}
    ax.axhline(0.0, color=colours.shade(0.4), linewidth=0.6, zorder=1)
    ax.plot(epsilons[:minima], eigenvalues[:minima], **look)
    ax.plot(epsilons[minima - 1 :], eigenvalues[minima - 1 :], **{**look, "linestyle": "--"})
    if minima < epsilons.size:
        ax.plot(epsilons[minima - 1], eigenvalues[minima - 1], "x", color=colours.ink)
    label_axes(ax, "weight ε", "smallest eigenvalue of ∇²R")
    return ax
