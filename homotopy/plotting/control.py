"""A control u(t), over the sign of its switching function."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_control(
    times: np.ndarray,
    controls: np.ndarray,
    switching: np.ndarray,
    bounds: tuple[float, float],
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Draw u(t); the background is orange where raising u lowers the cost, blue where lowering.

    Parameters
    ----------
    times : (m,)
        With the jumps of u among them.
    controls : (m - 1,)
        In the middle of each step.
    switching : (m,)
        H₁, the derivative of the cost in u.
    bounds : (float, float)
        Of u: dashed lines.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the line, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    across = ax.get_xaxis_transform()
    scale = 1e-9 * np.max(np.abs(switching), initial=0.0)
    for sign, colour in ((-1.0, colours.with_points), (1.0, colours.without)):
        area = {"transform": across, "color": colour, "alpha": colours.wash, "lw": 0}
        ax.fill_between(times, 0, 1, sign * switching > scale, **area)
    for bound in bounds:
        ax.axhline(bound, color=colours.shade(0.4), linewidth=0.6, linestyle="--")
    look = {"color": colours.ink, **options}
    ax.plot(np.repeat(times, 2)[1:-1], np.repeat(controls, 2), **look)
    ax.set_xlim(times[0], times[-1])
    label_axes(ax, "time t", "control u(t)")
    return ax
