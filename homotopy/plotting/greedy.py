"""What decides between the two weights in greedy deletion, in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes

from homotopy.plotting import style


def draw_greedy(
    times: np.ndarray,
    advantage: np.ndarray,
    sliding: Sequence[tuple[float, float]],
    axes: Sequence[Axes] | None = None,
) -> list[Axes]:
    """Draw S(t), whose sign decides, below an axes for ε(t), and shade where ε slides on both.

    Parameters
    ----------
    times, advantage : (m,)
        S at ascending times from s to T.
    sliding : sequence of (float, float)
        Intervals.
    axes : two Axes, optional
        For ε, which is left to be drawn, and for S; those of a new figure by default. One, for ε,
        is shaded only.
    """
    if axes is None:
        _, axes = pyplot.subplots(2, 1, sharex=True, layout="constrained")
    axes = list(axes)
    lower = axes[-1]
    colours = style.colours_of(lower)
    for ax in axes:
        for interval in sliding:
            ax.axvspan(*interval, color=colours.shade(0.9), lw=0, zorder=0)
    if len(axes) == 1:
        return axes
    lower.axhline(0.0, color=colours.shade(0.4), linewidth=0.6)
    lower.plot(times, advantage, color=colours.ink)
    lower.set(xlabel="time t", ylabel="advantage of ε = 1, S(t)")
    return axes
