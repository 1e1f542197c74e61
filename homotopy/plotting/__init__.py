"""Pictures of results, one a file: they draw numbers computed elsewhere, and return their axes.

Every one takes `ax=None` and draws into a new figure then. They look as intended inside
`with house_style():`.
"""

from homotopy.plotting.homotopy import draw_homotopy
from homotopy.plotting.plane import Plane, portrait_plane
from homotopy.plotting.portrait import draw_portrait, draw_sampled_portrait
from homotopy.plotting.portrait_data import Portrait, sample_portrait
from homotopy.plotting.response import draw_response
from homotopy.plotting.schedule import draw_schedule
from homotopy.plotting.style import house_style
from homotopy.plotting.switching import draw_switching_function
from homotopy.plotting.trajectory import draw_trajectory

__all__ = [
    "Plane",
    "Portrait",
    "draw_homotopy",
    "draw_portrait",
    "draw_response",
    "draw_sampled_portrait",
    "draw_schedule",
    "draw_switching_function",
    "draw_trajectory",
    "house_style",
    "portrait_plane",
    "sample_portrait",
]
