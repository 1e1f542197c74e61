"""Many lines against time: the largest in colours and by name, the others grey."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes, legend_beside

_NAMED = 5  # of many lines


def draw_lines(
    abscissae: np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    across: str,
    label: str,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw columns of numbers as lines; of more than there are colours, the largest by name.

    Parameters
    ----------
    abscissae : (m,)
    values : (m, k)
    names : k strings
    across, label : str
        Of the axes.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    values = np.asarray(values, dtype=float)
    count = values.shape[1]
    few = count <= len(colours.palette)
    order = np.argsort(-np.abs(np.nan_to_num(values[-1])), kind="stable")
    shown = range(count) if few else order[:_NAMED]
    single = values.shape[0] == 1
    mark = {"marker": "o", "markersize": 3.5} if single else {}
    if not few:
        rest = order[_NAMED:]
        grey = {"color": colours.shade(0.65), "linewidth": 0.5, "zorder": 1}
        ax.plot(abscissae, values[:, rest], **{**grey, **mark, **options})
    for colour, place in zip(colours.palette, shown, strict=False):
        look = {"color": colour, "label": names[place], "zorder": 3, **mark, **options}
        ax.plot(abscissae, values[:, place], **look)
    if np.any(values < 0.0):
        ax.axhline(0.0, color=colours.shade(0.4), linewidth=0.6, zorder=1)
    label_axes(ax, across, label)
    if count > 1:
        legend_beside(ax, ax.get_legend_handles_labels()[0])
    return ax
