"""Bounds of many distances against the distances themselves, on logarithmic scales."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_tightness(
    exact: np.ndarray, bounds: Mapping[str, np.ndarray], ax: Axes | None = None, **options
) -> Axes:
    """Draw a dot for each row and bound; a line marks where they are equal.

    Parameters
    ----------
    exact : (n,)
        Where it is not known, the bounds are drawn in order of the first.
    bounds : mapping of str to (n,)
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the dots, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    exact = np.asarray(exact, dtype=float)
    known = bool(np.all(np.isfinite(exact)))
    across = exact if known else np.argsort(np.argsort(-next(iter(bounds.values()))))
    look = {"marker": "o", "linestyle": "none", "markersize": 2.0}
    for colour, (name, values) in zip(colours.palette, bounds.items(), strict=False):
        ax.plot(across, values, **{**look, "color": colour, "label": name, **options})
    if known:
        seen = exact[exact > 0.0]
        if seen.size:
            ends = [seen.min(), seen.max()]
            line = {"color": colours.shade(0.4), "linewidth": 0.8, "zorder": 1}
            ax.plot(ends, ends, label="exact", **line)
            ax.set_xscale("log")
    finite = [np.asarray(one)[np.isfinite(one)] for one in bounds.values()]
    if any(np.any(one > 0.0) for one in finite):
        ax.set_yscale("log")
    label_axes(ax, "exact distance" if known else "rows, by their bound", "bound of the distance")
    ax.legend()
    return ax
