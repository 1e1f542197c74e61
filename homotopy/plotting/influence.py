"""The influence plot of a regression: residuals against leverage, areas as Cook's distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes
from homotopy.plotting.naming import name_points

_AREA = 160.0  # square points, of the largest distance
_NAMED = 4  # at most


def draw_influence(
    leverage: np.ndarray,
    residuals: np.ndarray,
    distance: np.ndarray | None,
    names: Sequence[str],
    label: str,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw a circle for each point; those of largest distance by name.

    Parameters
    ----------
    leverage, residuals : (n,)
        What is NaN is not drawn.
    distance : (n,), optional
        Cook's distance, which the areas stand for; where None, they are equal, and the largest
        residuals have names.
    names : n strings
    label : str
        What the residuals are.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the circles, for `Axes.scatter`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    known = np.isfinite(residuals)
    leverage, residuals = leverage[known], residuals[known]
    names = [name for name, here in zip(names, known, strict=True) if here]
    sizes = np.abs(residuals) if distance is None else distance[known]
    areas = np.full(sizes.size, 12.0)
    if distance is not None and sizes.size and sizes.max() > 0:
        areas = 4.0 + _AREA * sizes / sizes.max()
    dashed = {"color": colours.shade(0.55), "linewidth": 0.7, "linestyle": "--", "zorder": 1}
    ax.axhline(0.0, color=colours.shade(0.4), linewidth=0.6, zorder=1)
    if distance is not None:
        for bound in (-2.0, 2.0):
            ax.axhline(bound, **dashed)
    if leverage.size:
        ax.axvline(2.0 * leverage.mean(), **dashed)
    look = {"facecolor": (*style.to_rgb(colours.palette[0]), 0.35), "linewidth": 0.7}
    ax.scatter(leverage, residuals, areas, **{**look, "edgecolor": colours.palette[0], **options})
    ax.margins(0.1)
    ax.set_xlim(left=0.0)
    label_axes(ax, "leverage", label)
    if leverage.size:
        order = np.argsort(-sizes, kind="stable")[:_NAMED]
        away = np.sqrt(areas / np.pi) + 2.0
        name_points(ax, np.column_stack([leverage, residuals]), order, names, away=away)
    return ax
