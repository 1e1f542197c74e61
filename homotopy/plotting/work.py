"""Work against what is reached by it, one dot a method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_work(
    work: np.ndarray,
    reached: np.ndarray,
    certified: np.ndarray,
    names: Sequence[str],
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw each method's true distance as a dot, and its bound as a bar above it.

    Parameters
    ----------
    work : (k,)
    reached, certified : (k,)
        Zero and infinite ones are drawn at the edge.
    names : k strings
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the dots, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    both = np.concatenate([reached, certified]).astype(float)
    seen = both[np.isfinite(both) & (both > 0.0)]
    low, high = (seen.min() / 3.0, seen.max() * 3.0) if seen.size else (0.1, 1.0)
    below = np.clip(np.where(np.isfinite(reached), reached, high), low, high)
    above = np.clip(np.where(np.isfinite(certified), certified, high), low, high)
    for place, name in enumerate(names):
        colour = colours.palette[place % len(colours.palette)]
        look = {"color": colour, "marker": "o", "linestyle": "none", "label": name, **options}
        ax.plot([work[place]], [below[place]], **look)
        ax.vlines(work[place], below[place], above[place], color=colour, linewidth=1.0)
        ax.plot([work[place]], [above[place]], marker="_", color=colour)
    ax.set_yscale("log")
    if np.all(np.asarray(work) > 0) and max(work) > 10 * min(work):
        ax.set_xscale("log")
    label_axes(ax, "gradients of single losses", "distance (dot) and its bound (bar)")
    ax.legend()
    return ax
