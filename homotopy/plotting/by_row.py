"""One number for each point: an index plot, which names the largest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from homotopy._display import shortened
from homotopy.plotting import style
from homotopy.plotting.layout import label_axes, turn_long_labels
from homotopy.plotting.naming import name_points

_NAMED = 4  # of the largest, at most
_CLEAR = 0.25  # of the largest: what is smaller has no name
_LETTERS = 18  # of a name below the axis
_FEW = 8  # points, up to which each has its name below the axis


def draw_by_row(
    rows: Sequence[int] | np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    label: str,
    ax: Axes | None = None,
    across: str = "row of the data",
    errors: np.ndarray | None = None,
    **options,
) -> Axes:
    """Draw a stem for each point; the largest are told by name.

    Parameters
    ----------
    rows : (k,)
        Where the points stand.
    values : (k,)
        NaN for none.
    names : k strings
    label : str
        What the values are.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    across : str
        What the rows are.
    errors : (k,), optional
        Standard errors, of which bars show two to either side.
    **options
        Of the dots, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    rows, values = np.asarray(rows), np.asarray(values, dtype=float)
    few = rows.size <= _FEW
    places = np.arange(rows.size) if few else rows
    ax.axhline(0.0, color=colours.shade(0.4), linewidth=0.6, zorder=1)
    look = {"color": colours.palette[0], "marker": "o", "linestyle": "none", "zorder": 3}
    dots = {**look, "markersize": 4 if few else (2.5 if rows.size <= 150 else 1.5), **options}
    stems = {"color": dots["color"], "linewidth": 0.8, "zorder": 2}
    ax.vlines(places, np.minimum(values, 0.0), np.maximum(values, 0.0), **stems)
    ax.plot(places, values, **dots)
    if errors is not None:
        reach = 2.0 * errors
        ax.vlines(places, values - reach, values + reach, color="0.5", linewidth=0.8, zorder=4)
    ax.margins(x=0.06, y=0.12)
    if few:
        across = ""
        short = [shortened(name, _LETTERS) for name in names]
        ax.set_xticks(places, [name.removeprefix("row ") for name in short])
        if all(name.startswith("row ") for name in names):
            across = "row of the data"
        ax.set(xlabel=across, ylabel=label)
        turn_long_labels(ax)
        return ax
    label_axes(ax, across, label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    sizes = np.where(np.isnan(values), 0.0, np.abs(values))
    order = np.argsort(-sizes, kind="stable")[:_NAMED]
    order = order[sizes[order] > _CLEAR * sizes.max()]
    points = np.column_stack([places, np.nan_to_num(values)])
    name_points(ax, points, order, names, away=np.full(places.size, 4.0), stems=True)
    return ax
