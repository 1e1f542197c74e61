"""One number for each parameter, by name: dots beside a line at zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy._parameter_names import numbered_entries
from homotopy.plotting import style
from homotopy.plotting.layout import label_axes

MOST = 20  # parameters in one picture


def draw_by_parameter(
    values: np.ndarray,
    names: Sequence[str] | None,
    label: str,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw a dot for each parameter, from above in their order; of many the largest.

    Parameters
    ----------
    values : (d,)
    names : d strings, or None
        θ₁, θ₂, … for None.
    label : str
        What the values are.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the dots, for `Axes.plot`.
    """
    values = np.asarray(values, dtype=float)
    names = numbered_entries(values.size) if names is None else names
    shown = np.arange(values.size)
    if values.size > MOST:
        shown = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")[:MOST]
    ax = style.axes_or_new(ax, (3.4, max(1.6, 0.6 + 0.17 * shown.size)))
    colours = style.colours_of(ax)
    places, values = np.arange(shown.size), values[shown]
    look = {"color": colours.palette[0], "marker": "o", "linestyle": "none", "zorder": 3, **options}
    ax.axvline(0.0, color=colours.shade(0.4), linewidth=0.6, zorder=1)
    stems = {"color": look["color"], "linewidth": 0.8, "zorder": 2}
    ax.hlines(places, np.minimum(values, 0.0), np.maximum(values, 0.0), **stems)
    ax.plot(values, places, **look)
    ax.set_yticks(places, [names[place] for place in shown])
    ax.set_ylim(shown.size - 0.5, -0.5)
    some = f" ({shown.size} largest of {len(names)})" if shown.size < len(names) else ""
    label_axes(ax, f"{label}{some}", "")
    ax.ticklabel_format(axis="x", scilimits=(-3, 4), useMathText=True)
    return ax
