"""The response path θ(ε)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from homotopy._parameter_names import numbered_entries
from homotopy.plotting import style
from homotopy.plotting.layout import label_axes
from homotopy.plotting.moves import draw_moves
from homotopy.plotting.trajectory import draw_coordinates


def draw_response(
    epsilons: Float[np.ndarray, " k"],
    theta: Float[np.ndarray, "k d"],
    ends: Float[np.ndarray, "2 d"],
    events: Sequence[tuple[float, Float[np.ndarray, " d"], str | None]] = (),
    saddles: Sequence[Float[np.ndarray, "_ d"]] = (),
    ax: Axes | None = None,
    names: Sequence[str] | None = None,
    **options,
) -> Axes:
    """Draw θ(ε): in the parameter plane for d = 2, the moves θ(ε) − θ(1) against ε for more.

    In the plane, stars mark the full fit θ* = θ(1) and the deleted fit θ*₋ = θ(0), and dots the ε
    asked for: unevenly spaced where the velocity θ̇(ε) changes. The line breaks where it is NaN;
    crosses (against ε, dotted lines) mark events. Saddles are dashed.

    Parameters
    ----------
    epsilons : (k,)
    theta : (k, d)
    ends : (2, d)
        θ(0) and θ(1).
    events : sequence of (float, (d,), str or None)
        ε, θ and, where the legend is to have an entry of its kind, a label.
    saddles : sequence of (m, d)
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
    if theta.shape[1] != 2:
        if theta.shape[1] == 1:
            draw_coordinates(ax, epsilons, theta, "weight ε", own_figure, names, **options)
        else:
            # What deletion changes is small beside θ, whose lines would all be flat.
            known = names or numbered_entries(theta.shape[1])
            labels = ("weight ε", "change θ(ε) − θ(1)")
            draw_moves(ax, epsilons, theta - ends[1], labels, own_figure, known, **options)
        for number, (at, _, label) in enumerate(events):
            ax.axvline(at, color=colours.shade(0.6), linestyle=":", linewidth=0.8, zorder=0)
            # In words at the line: the legend, if there is one, is that of the coordinates.
            words = {"rotation": 90, "va": "top", "fontsize": "small", "color": colours.shade(0.4)}
            side = "left" if number % 2 == 0 else "right"
            top = ax.get_xaxis_transform()
            ax.text(at, 0.98, label or "", transform=top, ha=side, **words)
        return ax
    grey = colours.shade(0.35)
    ax.plot(*theta.T, **{"color": grey, "marker": ".", "markersize": 3, **options})
    for points in saddles:
        if len(points) > 1:
            ax.plot(*points.T, color=grey, linestyle="--", linewidth=0.8)
    for _, point, label in events:
        ax.plot(*point[:, None], "x", color=grey, markersize=6, label=label)
    deleted_fit, full_fit = ends
    for name, point, colour in (
        (f"{style.FULL_NAME} = θ(1)", full_fit, colours.with_points),
        (f"{style.DELETED_NAME} = θ(0)", deleted_fit, colours.without),
    ):
        ax.plot(*point[:, None], "*", color=colour, markersize=9, label=name)
    label_axes(ax, *(names or numbered_entries(2)))
    ax.legend()
    return ax
