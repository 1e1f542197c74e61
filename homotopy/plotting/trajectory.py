"""θ(t): a path in the parameter plane, or its coordinates against time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from homotopy._checks import instance
from homotopy.flow import Trajectory
from homotopy.plotting import style


def draw_trajectory(trajectory: Trajectory, ax: Axes | None = None, **options) -> Axes:
    """Draw θ(t): in the parameter plane for d = 2, each coordinate against time otherwise.

    In the plane a dot marks the first time and a square the last one; against time, dotted
    vertical lines mark the switch times of the schedule.

    Parameters
    ----------
    trajectory : Trajectory
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    instance("trajectory", trajectory, Trajectory, "the result of flow(problem, schedule, ...)")
    ax = style.axes_or_new(ax)
    times, theta = np.asarray(trajectory.times), np.asarray(trajectory.theta)
    if theta.shape[1] == 2:
        (line,) = ax.plot(*theta.T, **options)
        ax.plot(*theta[:1].T, "o", color="black", markersize=4.5)
        ax.plot(*theta[-1:].T, "s", color=line.get_color(), markersize=4.5)
        ax.set(xlabel="θ₁", ylabel="θ₂")
        return ax
    draw_coordinates(ax, times, theta, **options)
    for switch in np.unique(np.asarray(trajectory.schedule.breakpoints)):
        if times[0] < switch < times[-1]:
            ax.axvline(switch, color="0.6", linestyle=":", linewidth=0.8, zorder=0)
    ax.set_xlabel("time t")
    return ax


def draw_coordinates(
    ax: Axes, abscissae: Sequence[float] | np.ndarray, theta: np.ndarray, **options
) -> None:
    """Every coordinate of θ (m, d) against something, with a legend while it is readable."""
    dimension = theta.shape[1]
    colours = style.PALETTE if dimension <= len(style.PALETTE) else ("#0072B2",)
    faint = {} if dimension <= len(style.PALETTE) else {"linewidth": 0.8, "alpha": 0.7}
    for index, column in enumerate(theta.T):
        look = {"color": colours[index % len(colours)], **faint, **options}
        ax.plot(abscissae, column, label=f"θ{_subscript(index + 1)}", **look)
    if 1 < dimension <= len(style.PALETTE):
        ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0)
    ax.set_ylabel("θ₁" if dimension == 1 else f"coordinates θ₁ … θ{_subscript(dimension)}")


def _subscript(number):
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
