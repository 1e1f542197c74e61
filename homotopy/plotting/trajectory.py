"""θ(t): a path in the parameter plane, or its coordinates against time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from homotopy._parameter_names import numbered_entries
from homotopy.plotting import style
from homotopy.plotting.homotopy import from_the_start
from homotopy.plotting.layout import label_axes, legend_beside


def draw_trajectory(
    times: Float[np.ndarray, " m"],
    theta: Float[np.ndarray, "m d"],
    theta0: Float[np.ndarray, " d"],
    switches: Float[np.ndarray, " k"],
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
    **options,
) -> Axes:
    """Draw θ(t): in the parameter plane for d = 2, each coordinate against time otherwise.

    In the plane the path starts at a dot, θ₀, whatever the first time asked for, and a square
    marks the last time; against time, dotted vertical lines mark the switch times of the schedule.

    Parameters
    ----------
    times : (m,)
    theta : (m, d)
    theta0 : (d,)
    switches : (k,)
        The switch times.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    names : d strings, optional
        Of the parameters; θ₁, θ₂, … by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    own_figure = ax is None
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    if theta.shape[1] == 2:
        _, theta = from_the_start(times, theta, theta0)
        (line,) = ax.plot(*theta.T, **options)
        ax.plot(*theta[:1].T, "o", color=colours.ink, markersize=4.5)
        ax.plot(*theta[-1:].T, "s", color=line.get_color(), markersize=4.5)
        label_axes(ax, *(names or numbered_entries(2)))
        return ax
    draw_coordinates(ax, times, theta, "time t", own_figure, names, **options)
    for switch in np.unique(switches):
        if times[0] < switch < times[-1]:
            ax.axvline(switch, color=colours.shade(0.6), linestyle=":", linewidth=0.8, zorder=0)
    return ax


def draw_coordinates(
    ax: Axes,
    abscissae: Sequence[float] | np.ndarray,
    theta: np.ndarray,
    against: str,
    own_figure: bool,
    names: Sequence[str] | None = None,
    **options,
) -> None:
    """Every coordinate of θ (m, d) against something, with a legend while it is readable."""
    dimension = theta.shape[1]
    palette = style.colours_of(ax).palette
    few = dimension <= len(palette)
    colours = palette if few else palette[:1]
    faint = {} if few else {"linewidth": 0.8, "alpha": 0.7}
    known = names or numbered_entries(dimension)
    for index, column in enumerate(theta.T):
        look = {"color": colours[index % len(colours)], **faint, **options}
        ax.plot(abscissae, column, label=known[index], **look)
    several = "parameters θ" if names else f"coordinates {known[0]} … {known[-1]}"
    label_axes(ax, against, known[0] if dimension == 1 else several)
    if few and dimension > 1:
        if own_figure:
            ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0)
        else:
            legend_beside(ax, ax.get_legend_handles_labels()[0])
