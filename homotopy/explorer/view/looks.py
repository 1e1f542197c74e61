"""What all figures of the page have alike."""

from __future__ import annotations

import numpy as np
from bokeh.models import DataRange1d

from homotopy.explorer.view import colours


def renew(source, columns: dict) -> None:
    """New columns of a source, sent only where they are others."""
    known = source.data
    if any(
        len(known[name]) != len(column) or not np.array_equal(known[name], column)
        for name, column in columns.items()
    ):
        source.data = columns


def plain(made):
    """A Bokeh figure in the look of the page: dark text, faint grid, no logo."""
    made.toolbar.logo = None
    for own in (made.x_range, made.y_range):
        if isinstance(own, DataRange1d):
            own.syncable = False  # what the page chooses by itself nobody needs to be told
    made.outline_line_color = colours.FAINT
    made.min_border_right = 14
    made.grid.grid_line_color = "#EDEDED"
    for axis in made.axis:
        axis.axis_label_text_color = axis.major_label_text_color = colours.INK
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = "14px"
        axis.major_label_text_font_size = "12px"
        axis.axis_line_color = axis.major_tick_line_color = colours.GREY
        axis.minor_tick_line_color = None
    return made
