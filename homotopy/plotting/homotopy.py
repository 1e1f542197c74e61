"""The homotopy θ(t, ε): trajectories coloured by ε, with the curve θ(ε) on which they end."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from homotopy._checks import instance
from homotopy.flow import HomotopySurface
from homotopy.plotting import style
from homotopy.plotting.plane import principal_plane


def draw_homotopy(surface: HomotopySurface, ax: Axes | None = None, **options) -> Axes:
    """Draw the trajectories of all ε, coloured by ε, with a colour bar.

    In the parameter plane for d = 2, in the plane of the two principal directions of the surface
    for d > 2, and against time for d = 1. A dashed line joins their last points, θ(T, ε).

    Parameters
    ----------
    surface : HomotopySurface
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `matplotlib.collections.LineCollection`.
    """
    instance("surface", surface, HomotopySurface, "the result of homotopy(problem, ...)")
    ax = style.axes_or_new(ax)
    theta, epsilons = np.asarray(surface.theta), np.asarray(surface.epsilons)
    if theta.shape[2] == 1:
        times = np.broadcast_to(np.asarray(surface.times), theta.shape[:2])
        points, labels = np.stack([times, theta[..., 0]], axis=-1), ("time t", "θ₁")
    else:
        plane = principal_plane(list(theta))
        points, labels = plane.project(theta), plane.labels
    draw_family(ax, points, epsilons, **options)
    ax.set(xlabel=labels[0], ylabel=labels[1])
    ax.figure.colorbar(weight_scale(), ax=ax, label="weight ε")
    return ax


def draw_family(
    ax: Axes,
    points: Float[np.ndarray, "k m 2"],
    epsilons: Float[np.ndarray, " k"],
    **options,
) -> LineCollection:
    """Curves (k, m, 2) coloured by their ε, the line of their last points, and the first point."""
    lines = LineCollection(
        list(points), **{"cmap": style.WEIGHT_COLOURS, "linewidths": 0.9, "zorder": 2, **options}
    )
    lines.set(array=epsilons, clim=(0.0, 1.0))
    ax.add_collection(lines)
    ax.plot(*points[:, -1].T, color="black", linestyle=(0, (2.5, 1.2)), linewidth=1.2, zorder=3)
    ax.plot(*points[0, :1].T, "o", color="black", markersize=4.5, zorder=4)
    ax.autoscale_view()
    return lines


def weight_scale() -> ScalarMappable:
    """The colours of ε from 0 to 1, for a colour bar."""
    return ScalarMappable(Normalize(0.0, 1.0), style.WEIGHT_COLOURS)
