"""Names at the points that matter most, where they cover neither each other nor other marks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text

from homotopy._display import shortened
from homotopy.plotting import style

_PLACES = (
    {"xytext": (1, 0), "ha": "left", "va": "center"},
    {"xytext": (-1, 0), "ha": "right", "va": "center"},
    {"xytext": (0, 1), "ha": "center", "va": "bottom"},
    {"xytext": (0, -1), "ha": "center", "va": "top"},
    # Farther away, with a line to the point.
    {"xytext": (2, 3), "ha": "left", "va": "bottom"},
    {"xytext": (-2, 3), "ha": "right", "va": "bottom"},
    {"xytext": (4, 5), "ha": "left", "va": "bottom"},
    {"xytext": (-4, 5), "ha": "right", "va": "bottom"},
    {"xytext": (2, -3), "ha": "left", "va": "top"},
    {"xytext": (-2, -3), "ha": "right", "va": "top"},
)
_LEADER = {"arrowstyle": "-", "linewidth": 0.5, "shrinkA": 0.0, "shrinkB": 2.0}
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
    """Write names beside points, up to the first that finds no room.

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
    renderer = ax.get_figure(root=True).canvas.get_renderer()
    dots = ax.transData.transform(points)
    feet = ax.transData.transform(np.column_stack([points[:, 0], np.zeros(len(points))]))
    tops = dots if not stems else np.maximum(dots, feet)
    bottoms = dots if not stems else np.minimum(dots, feet)
    room, taken = ax.get_window_extent(), []
    ink = style.colours_of(ax).shade(0.4)
    for place in order:
        for where in _PLACES:
            far = 0 not in where["xytext"]
            offset = np.array(where["xytext"]) * away[place]
            look = {**where, "xytext": offset, "textcoords": "offset points", "fontsize": "small"}
            words = shortened(names[place], _LETTERS)
            line = {"arrowprops": {**_LEADER, "color": ink}} if far else {}
            text = ax.annotate(words, points[place], **look, **line, zorder=5)
            text.update_positions(renderer)
            box = Text.get_window_extent(text, renderer).padded(1.0)  # without its line
            if _free(box, room, taken, bottoms, tops, place):
                taken.append(box)
                break
            text.remove()
        else:
            return


def _free(box, room, taken, bottoms, tops, own) -> bool:
    inside = box.x0 >= room.x0 and box.x1 <= room.x1 and box.y0 >= room.y0 and box.y1 <= room.y1
    if not inside or any(box.overlaps(other) for other in taken):
        return False
    across = (tops[:, 0] > box.x0) & (tops[:, 0] < box.x1)
    along = (tops[:, 1] > box.y0) & (bottoms[:, 1] < box.y1)
    hidden = across & along
    hidden[own] = False
    return not hidden.any()
