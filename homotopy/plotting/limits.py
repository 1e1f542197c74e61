"""Limits in high dimension: curves over a ratio, with a pole where they diverge."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_limits(
    across: np.ndarray,
    curves: Mapping[str, np.ndarray],
    name: str,
    pole: float | None = None,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw each curve on logarithmic axes; what is infinite breaks it.

    Parameters
    ----------
    across : (m,)
    curves : mapping of str to (m,)
        ≥ 0.
    name : str
        Of the abscissa.
    pole : float, optional
        Where the curves diverge: a dotted line.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    across = np.asarray(across, dtype=float)
    order = np.argsort(across, kind="stable")
    marks = {"marker": "o", "markersize": 3.5} if across.size < 3 else {}
    dashes = ("-", "--", "-.", (0, (1, 1)))
    for place, (label, values) in enumerate(curves.items()):
        known = np.where(np.isfinite(values), values, np.nan)[order]
        look = {"color": colours.palette[place % len(colours.palette)], "label": label}
        look |= {"linestyle": dashes[place % len(dashes)], **marks}
        ax.plot(across[order], np.where(known > 0.0, known, np.nan), **{**look, **options})
    if across.size > 1 and np.all(across > 0.0) and across.max() > 5.0 * across.min():
        ax.set_xscale("log")
    finite = np.concatenate([values[np.isfinite(values)] for values in curves.values()])
    if np.any(finite > 0.0):
        ax.set_yscale("log")
    if pole is not None and across.min() < pole < across.max():
        ax.axvline(pole, color=colours.shade(0.5), linestyle=":", linewidth=0.8, zorder=1)
    label_axes(ax, name, "limit for n, p → ∞")
    ax.legend()
    return ax
