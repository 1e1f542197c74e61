"""Measured numbers against a small parameter, with the powers that are predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_scaling(
    across: np.ndarray,
    values: np.ndarray,
    exponents: np.ndarray,
    names: Sequence[str],
    name: str,
    label: str,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw dots for each column, and a line of the predicted slope through its last.

    Parameters
    ----------
    across : (e,)
        > 0.
    values : (e, c)
        > 0.
    exponents : (c,)
    names : c strings
    name, label : str
        Of the axes.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the dots, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    across = np.asarray(across, dtype=float)
    last = np.argmin(across)
    for place, (column, exponent, one) in enumerate(zip(values.T, exponents, names, strict=True)):
        colour = colours.palette[place % len(colours.palette)]
        line = column[last] * (across / across[last]) ** exponent
        ax.plot(across, line, color=colour, linewidth=0.8, label=f"{one}, slope {exponent:.3g}")
        look = {"color": colour, "marker": "o", "linestyle": "none", "markersize": 3.5}
        ax.plot(across, column, **{**look, **options})
    ax.set(xscale="log", yscale="log")
    label_axes(ax, name, label)
    if len(names):
        ax.legend()
    return ax
