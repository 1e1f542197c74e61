"""All points of the data: leverage, and what leaving each out changes; a click deletes."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, TapTool
from bokeh.plotting import figure

from homotopy.explorer.picture import Points
from homotopy.explorer.state import State
from homotopy.explorer.view import colours
from homotopy.explorer.view.looks import plain


class PointsView:
    """A Bokeh figure whose points are rows.

    Attributes
    ----------
    figure
    source
        Its `selected.indices` are what a click chose; the column `row` says which rows they are.
    """

    def __init__(self):
        self.figure = plain(
            figure(
                tools="",
                sizing_mode="stretch_width",
                height=300,
                min_width=280,
                name="points",
                toolbar_location=None,
            )
        )
        self.source = ColumnDataSource(
            {name: [] for name in ("row", "name", "leverage", "change", "influence")},
            name="rows",
        )
        picture = self.figure
        picture.segment(
            "leverage", "influence", "leverage", "change", source=self.source,
            color=colours.FAINT, line_width=1,
        )  # fmt: skip
        kept = picture.scatter(
            "leverage", "change", source=self.source, size=8, fill_color=colours.ACCENT,
            fill_alpha=0.65, line_color="white", line_width=0.6,
            nonselection_fill_alpha=0.65, nonselection_line_alpha=1.0,
        )  # fmt: skip
        self._chosen = ColumnDataSource({name: [] for name in ("x", "y", "name", "align", "aside")})
        picture.scatter(
            "x", "y", source=self._chosen, size=15, fill_color=None, line_color=colours.ALERT,
            line_width=2.5,
        )  # fmt: skip
        picture.text(
            "x", "y", text="name", source=self._chosen, x_offset="aside",
            text_align="align", text_baseline="middle", text_font_size="13px",
            text_color=colours.ALERT, text_font={"value": "sans-serif"},
        )  # fmt: skip
        picture.add_tools(
            HoverTool(
                renderers=[kept],
                limit=2,
                tooltips=[
                    ("row", "@name"),
                    ("leverage", "@leverage{0.000}"),
                    ("moves θ by", "@change{0.0000}"),
                    ("influence predicts", "@influence{0.0000}"),
                ],
            ),
            TapTool(renderers=[kept]),
        )
        picture.xaxis.axis_label = "leverage"
        for own in (picture.x_range, picture.y_range):
            own.range_padding = 0.18

    def update(self, points: Points, state: State) -> None:
        """The points, those that are forgotten ringed."""
        rows = points.rows
        names = np.array(points.names, dtype=object)
        known = self.source.data
        if len(known["row"]) != len(rows) or not np.array_equal(
            known["change"], points.change[rows]
        ):
            self.source.data = {
                "row": rows,
                "name": list(names[rows]),
                "leverage": points.leverage[rows],
                "change": points.change[rows],
                "influence": points.influence[rows],
            }
        chosen = np.intersect1d(rows, np.array(state.deleted))
        label = "‖θ(0) − θ(1)‖, by refits" if points.truth else "‖influence‖ at ε = 1"
        self.figure.yaxis.axis_label = label
        # Names stand towards the middle.
        middle = (points.leverage[rows].min() + points.leverage[rows].max()) / 2
        right = points.leverage[chosen] > middle
        self._chosen.data = {
            "align": ["right" if one else "left" for one in right],
            "aside": np.where(right, -12, 12),
            "x": points.leverage[chosen],
            "y": points.change[chosen],
            "name": list(names[chosen][:3]) + [""] * max(0, len(chosen) - 3),
        }
