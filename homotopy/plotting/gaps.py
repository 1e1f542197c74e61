"""The five gaps as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy.influence._gaps import GAPS, Gaps
from homotopy.plotting import style
from homotopy.plotting.layout import turn_long_labels


def draw_gaps(gaps: Gaps, ax: Axes | None = None, **options) -> Axes:
    """Draw the mean sizes of the five gaps with their standard errors.

    Parameters
    ----------
    gaps : Gaps
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the bars, for `Axes.bar`.
    """
    errors = np.asarray(gaps.standard_error())
    ax = draw_gap_sizes(np.asarray(gaps.mean_size), errors, ax, **options)
    turn_long_labels(ax)
    return ax


def draw_gap_sizes(
    sizes: Sequence[float] | np.ndarray,
    errors: Sequence[float] | np.ndarray,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """As `draw_gaps`, from the five numbers and their errors."""
    ax = style.axes_or_new(ax)
    colours, places = style.colours_of(ax), range(len(GAPS))
    ax.bar(places, sizes, **{"color": colours.palette[: len(GAPS)], "width": 0.7, **options})
    ax.errorbar(places, sizes, yerr=errors, fmt="none", ecolor=colours.ink, elinewidth=0.9)
    names = [name.replace(" ", "\n").replace("non-", "non-\n") for name in GAPS]
    ax.set_xticks(range(len(GAPS)), names)
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel("mean |gap|")
    return ax
