"""A schedule ε(t) against time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_schedule(
    pieces: Iterable[tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]],
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw ε(t): pieces as solid lines, jumps between them as dashed vertical ones.

    Parameters
    ----------
    pieces : iterable of ((m,), (m,))
        Times and weights of each piece, from its left end to its right end.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `Axes.plot`; `label` names the schedule in a legend.
    """
    ax = style.axes_or_new(ax)
    previous = None
    for times, values in pieces:
        if previous is not None and previous != values[0]:
            jump = [times[0], times[0]]
            ax.plot(jump, [previous, values[0]], **{**options, "linestyle": "--"})
        (line,) = ax.plot(times, values, **{"linestyle": "-", **options})
        # One colour and one legend entry for all the pieces.
        options = {**options, "color": line.get_color(), "label": "_nolegend_"}
        previous = values[-1]
    label_axes(ax, "time t", "weight ε(t)")
    ax.set_ylim(-0.05, 1.05)
    return ax
