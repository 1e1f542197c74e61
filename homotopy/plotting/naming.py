"""Names at the points that matter most, where they cover neither each other nor other marks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

_PLACES = (
    {"xytext": (1, 0), "ha": "left", "va": "center"},
    {"xytext": (-1, 0), "ha": "right", "va": "center"},
    {"xytext": (0, 1), "ha": "center", "va": "bottom"},
    {"xytext": (0, -1), "ha": "center", "va": "top"},
)
_LETTERS = 24


def name_points(
    ax: Axes,
    points: np.ndarray,
    order: Sequence[int] | np.ndarray,
    names: Sequence[str],
    *,
    away: Sequence[float] | np.ndarray,
    stems: bool = False,
) -> None:
    """Write names beside points; one that finds no room is left out.

    To be called when the limits are known.

    Parameters
    ----------
    points : (n, 2)
    order : (m,)
        Which of them have names, those that matter most first.
    names : n strings
    away : (n,)
        How far from its point each name stands, in points of print.
    stems : bool
        Whether a line goes from each point down or up to zero.
    """
    ax.apply_aspect()
    figure = ax.get_figure(root=True)
    dots = ax.transData.transform(points)
    feet = ax.transData.transform(np.column_stack([points[:, 0], np.zeros(len(points))]))
    tops = dots if not stems else np.maximum(dots, feet)
    bottoms = dots if not stems else np.minimum(dots, feet)
    room, taken = ax.get_window_extent(), []
    for place in order:
        for where in _PLACES:
            offset = np.array(where["xytext"]) * away[place]
            look = {**where, "xytext": offset, "textcoords": "offset points", "fontsize": "small"}
            words = names[place] if len(names[place]) <= _LETTERS else f"{names[place][:23]}…"
            text = ax.annotate(words, points[place], **look, zorder=5)
            box = text.get_window_extent(figure.canvas.get_renderer()).padded(1.0)
            if _free(box, room, taken, bottoms, tops, place):
                taken.append(box)
                break
            text.remove()


def _free(box: Bbox, room: Bbox, taken, bottoms, tops, own: int) -> bool:
    inside = box.x0 >= room.x0 and box.x1 <= room.x1 and box.y0 >= room.y0 and box.y1 <= room.y1
    if not inside or any(box.overlaps(other) for other in taken):
        return False
    across = (tops[:, 0] > box.x0) & (tops[:, 0] < box.x1)
    along = (tops[:, 1] > box.y0) & (bottoms[:, 1] < box.y1)
    hidden = across & along
    hidden[own] = False
    return not hidden.any()
