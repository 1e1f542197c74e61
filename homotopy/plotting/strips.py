"""Several schedules as strips in the colours of ε, one below the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.homotopy import weight_scale
from homotopy.plotting.layout import label_axes


def draw_strips(
    strips: Sequence[tuple[np.ndarray, np.ndarray]],
    names: Sequence[str],
    start: float,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw a strip for each schedule, from above; a dotted line marks the request at s.

    Parameters
    ----------
    strips : sequence of ((m + 1,), (m,))
        Edges of time, and the weights between them.
    names : sequence of str
    start : float
        s.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the strips, for `Axes.broken_barh`.
    """
    ax = style.axes_or_new(ax, (3.4, max(1.4, 0.8 + 0.28 * len(strips))))
    colours = style.colours_of(ax)
    for place, (edges, weights) in enumerate(strips):
        pieces = list(zip(edges[:-1], np.diff(edges), strict=True))
        ax.broken_barh(
            pieces, (place - 0.35, 0.7), **{"facecolors": colours.weights(weights), **options}
        )
    if start > 0:
        ax.axvline(start, color=colours.ink, linestyle=":", linewidth=0.9)
    ax.set_yticks(range(len(strips)), list(names))
    ax.set_ylim(len(strips) - 0.5, -0.5)
    ax.set_xlim(0.0, strips[0][0][-1])
    ax.figure.colorbar(weight_scale(colours), ax=ax, label="weight ε")
    label_axes(ax, "time t", "")
    return ax
