"""The five gaps as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style


def draw_gaps(
    names: Sequence[str],
    sizes: Sequence[float] | np.ndarray,
    errors: Sequence[float] | np.ndarray,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw the mean size of each gap with its standard error.

    Parameters
    ----------
    names : sequence of str
    sizes, errors : sequence of float
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the bars, for `Axes.bar`.
    """
    ax = style.axes_or_new(ax)
    colours, places = style.colours_of(ax), range(len(names))
    ax.bar(places, sizes, **{"color": colours.palette[: len(names)], "width": 0.7, **options})
    ax.errorbar(places, sizes, yerr=errors, fmt="none", ecolor=colours.ink, elinewidth=0.9)
    ax.set_xticks(places, [name.replace(" ", "\n").replace("non-", "non-\n") for name in names])
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel("mean |gap|")
    return ax
