"""The response path θ(ε)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.trajectory import draw_coordinates
from homotopy.response import ResponsePath


def draw_response(path: ResponsePath, ax: Axes | None = None, **options) -> Axes:
    """Draw θ(ε): in the parameter plane for d = 2, each coordinate against ε otherwise.

    In the plane, stars mark the full fit θ* = θ(1) and the deleted fit θ*₋ = θ(0), and dots the ε
    asked for: unevenly spaced where the velocity θ̇(ε) changes.

    Parameters
    ----------
    path : ResponsePath
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    epsilons, theta = np.asarray(path.epsilons), np.asarray(path.theta)
    if theta.shape[1] != 2:
        draw_coordinates(ax, epsilons, theta, **options)
        ax.set_xlabel("weight ε")
        return ax
    ax.plot(*theta.T, **{"color": "0.35", "marker": ".", "markersize": 3, **options})
    deleted_fit, full_fit = np.asarray(path.ends)
    for name, point, colour in (
        (f"{style.FULL_NAME} = θ(1)", full_fit, style.WITH),
        (f"{style.DELETED_NAME} = θ(0)", deleted_fit, style.WITHOUT),
    ):
        ax.plot(*point[:, None], "*", color=colour, markersize=9, label=name)
    ax.set(xlabel="θ₁", ylabel="θ₂")
    ax.legend()
    return ax
