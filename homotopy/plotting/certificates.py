"""Bounds of one distance by several arguments, on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy._display import shortened
from homotopy.plotting import style
from homotopy.plotting.layout import label_axes

_LETTERS = 44  # of a name beside the axis
_MARKS = {"exact": "o", "certified": "s", "estimated": "x", "audited": "^"}


def draw_certificates(
    distances: Sequence[float] | np.ndarray,
    names: Sequence[str],
    kinds: Sequence[str],
    ax: Axes | None = None,
    label: str = "distance ‖Δθ‖",
    **options,
) -> Axes:
    """Draw a dot for each bound, from the smallest below to the largest above.

    Parameters
    ----------
    distances : (k,)
        Zero and infinite ones have their number in their name, and no dot.
    names : k strings
    kinds : k strings
        "exact", "certified", "estimated" or "audited": each has its mark.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    label : str
        What the numbers are.
    **options
        Of the dots, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    distances = np.asarray(distances, dtype=float)
    order = np.argsort(distances, kind="stable")
    drawn = np.isfinite(distances) & (distances > 0.0)
    for place, kind in enumerate(_MARKS):
        rows = [row for row, index in enumerate(order) if kinds[index] == kind]
        chosen = [row for row in rows if drawn[order[row]]]
        if chosen:
            look = {"marker": _MARKS[kind], "linestyle": "none", "label": kind}
            look["color"] = colours.palette[place % len(colours.palette)]
            ax.plot(distances[order[chosen]], chosen, **{**look, **options})
    labels = [
        shortened(names[index], _LETTERS) + ("" if drawn[index] else f": {distances[index]:g}")
        for index in order
    ]
    ax.set_yticks(np.arange(len(labels)), labels)
    ax.set_ylim(-0.6, max(len(labels), 1) - 0.4)
    if np.any(drawn):
        ax.set_xscale("log")
        ax.legend()
    else:
        ax.plot([0.0], [0.0], alpha=0.0)
    label_axes(ax, label, "")
    return ax
