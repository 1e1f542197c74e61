"""The homotopy θ(t, ε): trajectories coloured by ε, with the curve θ(ε) on which they end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes
from homotopy.plotting.plane import principal_plane


def draw_homotopy(
    times: Float[np.ndarray, " m"],
    theta: Float[np.ndarray, "k m d"],
    theta0: Float[np.ndarray, " d"],
    epsilons: Float[np.ndarray, " k"],
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
    **options,
) -> Axes:
    """Draw the trajectories of all ε, coloured by ε, with a colour bar.

    In the parameter plane for d = 2, in the plane of the two principal directions of the surface
    for d > 2, and against time for d = 1. All start at a dot, θ₀, whatever the first time asked
    for; a dashed line joins their last points, θ(T, ε).

    Parameters
    ----------
    times : (m,)
    theta : (k, m, d)
        θ(t, ε).
    theta0 : (d,)
    epsilons : (k,)
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    names : d strings, optional
        Of the parameters; θ₁, θ₂ by default.
    **options
        Of the lines, for `matplotlib.collections.LineCollection`.
    """
    ax = style.axes_or_new(ax)
    times, theta = from_the_start(times, theta, theta0)
    if theta.shape[2] == 1:
        times = np.broadcast_to(times, theta.shape[:2])
        points, labels = np.stack([times, theta[..., 0]], axis=-1), ("time t", *(names or ["θ₁"]))
    else:
        plane = principal_plane(list(theta))
        points, labels = plane.project(theta), plane.labels
        labels = names if names and plane.is_identity else labels
    draw_family(ax, points, epsilons, **options)
    ax.figure.colorbar(weight_scale(style.colours_of(ax)), ax=ax, label="weight ε")
    label_axes(ax, *labels)
    return ax


def from_the_start(
    times: Float[np.ndarray, " m"],
    theta: Float[np.ndarray, "*k m d"],
    theta0: Float[np.ndarray, " d"],
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "*k n d"]]:
    """Times and states with θ₀ at time 0 before them, if they begin later."""
    if times[0] <= 0.0:
        return times, theta
    first = np.broadcast_to(theta0, (*theta.shape[:-2], 1, theta0.size))
    return np.append(0.0, times), np.concatenate([first, theta], axis=-2)


def draw_family(
    ax: Axes,
    points: Float[np.ndarray, "k m 2"],
    epsilons: Float[np.ndarray, " k"],
    **options,
) -> LineCollection:
    """Curves (k, m, 2) coloured by their ε, the line of their last points, and the first point."""
    colours = style.colours_of(ax)
    lines = LineCollection(
        list(points), **{"cmap": colours.weights, "linewidths": 0.9, "zorder": 2, **options}
    )
    lines.set(array=epsilons, clim=(0.0, 1.0))
    ax.add_collection(lines)
    ends = {"linestyle": (0, (2.5, 1.2)), "linewidth": 1.2, "zorder": 3}
    ax.plot(*points[:, -1].T, color=colours.ink, **ends)
    ax.plot(*points[0, :1].T, "o", color=colours.ink, markersize=4.5, zorder=4)
    ax.autoscale_view()
    return lines


def weight_scale(colours: style.Colours = style.LIGHT) -> ScalarMappable:
    """The colours of ε from 0 to 1, for a colour bar."""
    return ScalarMappable(Normalize(0.0, 1.0), colours.weights)
