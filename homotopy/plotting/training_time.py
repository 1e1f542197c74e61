"""Influence in training time: one line a point, with its zeros and its largest size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from homotopy.influence.training_time import InfluenceInTime
from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_influence_in_time(
    result: InfluenceInTime,
    ax: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    output: int | tuple[int, ...] = (),
    **options,
) -> Axes:
    """Draw the influence of each point against training time.

    A ring marks where an influence changes its sign, a dot where it is largest; both are
    left out, as is the legend, where there are more points than colours.

    Parameters
    ----------
    result : InfluenceInTime
    ax : matplotlib.axes.Axes, optional
        A new figure's by default. Training that goes from plateau to plateau is seen best with
        `ax.set_xscale("log")`.
    names : sequence of str, optional
        Of the points, for the legend; their row numbers by default.
    output : int or tuple of int
        Which of the measurement's outputs, where it has several.
    **options
        Of the lines, for `Axes.plot`.

    Raises
    ------
    ValueError
        Naming `names` or `output`.
    """
    points = np.asarray(result.points).tolist()
    names = [f"j = {point}" for point in points] if names is None else list(names)
    if len(names) != len(points):
        raise ValueError(f"names: expected one for each of {len(points)} points, got {len(names)}.")
    times, influence = np.asarray(result.times), np.asarray(result.of_output(output))
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    if len(points) > len(colours.palette):
        ax.plot(times, influence, **{"color": colours.shade(0.6), "linewidth": 0.5, **options})
        ax.axhline(0.0, color=colours.ink, linewidth=0.6, zorder=1)
    else:
        changes = [result.sign_changes(point, output) for point in points]
        draw_influences(ax, times, influence, names, changes, **options)
        ax.legend()
    label_axes(ax, "training time t", "change on deletion (first order)")
    return ax


def draw_influences(
    ax: Axes,
    times: Float[np.ndarray, " m"],
    influence: Float[np.ndarray, "m k"],
    names: Sequence[str],
    sign_changes: Sequence[Sequence[float] | np.ndarray],
    **options,
) -> list[Line2D]:
    """Lines in the colours of the palette, over a line at zero, each with its marks."""
    colours = style.colours_of(ax)
    ax.axhline(0.0, color=colours.ink, linewidth=0.6, zorder=1)
    lines = []
    for colour, name, values, zeros in zip(
        colours.palette, names, influence.T, sign_changes, strict=False
    ):
        lines += ax.plot(times, values, **{"color": colour, "label": name, **options})
        marks = {"linestyle": "", "marker": "o", "markersize": 3.5, "color": lines[-1].get_color()}
        ax.plot(zeros, np.zeros(len(zeros)), **marks, markerfacecolor=colours.paper, zorder=4)
        largest = np.argmax(np.abs(values))
        ax.plot(times[largest], values[largest], **marks, zorder=4)
    return lines
