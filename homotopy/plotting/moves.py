"""How coordinates of θ move from where they were: the farthest by name, the others in grey."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes, legend_beside

_NAMED = 5  # lines with a colour and a name of their own, where there are too many for all


def draw_moves(
    ax: Axes,
    abscissae: Float[np.ndarray, " m"],
    moves: Float[np.ndarray, "m d"],
    labels: tuple[str, str],
    own_figure: bool,
    names: Sequence[str],
    **options,
) -> None:
    """Draw each coordinate of θ(·) − θ against something.

    Where all go by a colour each, all are named; of more, those that move farthest.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    abscissae : (m,)
    moves : (m, d)
        A line breaks where it is NaN.
    labels : (str, str)
        Of the axes.
    own_figure : bool
        Whether the legend may stand beside the axes without taking of their room.
    names : d strings
    **options
        Of the lines, for `Axes.plot`.
    """
    colours = style.colours_of(ax)
    reach = np.max(np.nan_to_num(np.abs(moves)), axis=0)
    farthest = np.argsort(-reach, kind="stable")
    options = {**_alone(moves), **options}
    if moves.shape[1] > len(colours.palette):
        rest, farthest = farthest[_NAMED:], farthest[:_NAMED]
        grey = {"color": colours.shade(0.7), "linewidth": 0.8, "zorder": 1, **options}
        # The first of them stands for all in the legend.
        for index in rest:
            label = f"{rest.size} others" if index == rest[0] else None
            ax.plot(abscissae, moves[:, index], **{"label": label, **grey})
    for place, index in enumerate(farthest):
        look = {"color": colours.palette[place], **options}
        ax.plot(abscissae, moves[:, index], label=names[index], **look)
    label_axes(ax, *labels)
    handles, words = ax.get_legend_handles_labels()
    order = sorted(range(len(words)), key=lambda place: words[place].endswith(" others"))
    handles = [handles[place] for place in order]
    if own_figure:
        ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0)
    else:
        legend_beside(ax, handles)


def _alone(moves: Float[np.ndarray, "m d"]) -> dict:
    """A dot for what stands between two breaks, of which no line is seen."""
    known = np.pad(np.isfinite(moves).all(axis=1), 1)
    alone = np.flatnonzero(known[1:-1] & ~known[:-2] & ~known[2:])
    return {"marker": ".", "markevery": alone.tolist()} if alone.size else {}
