"""Three curves against time: the schedule, which a pointer draws; φ; and ℰ, judged at t."""

from __future__ import annotations

import numpy as np
from bokeh.models import (
    BasicTickFormatter,
    ColumnDataSource,
    FixedTicker,
    Range1d,
    Span,
)
from bokeh.plotting import figure

from homotopy.explorer.picture import Picture
from homotopy.explorer.view import colours
from homotopy.explorer.view.looks import plain, renew

_LEAST = 1e-30  # of a logarithmic scale
ROOM = 0.06  # above and below a curve, of its height
# While something is held, limits stay as long as a curve fills so much of them: axes, whose texts
# are measured and painted anew, cost more than curves (`follow.js` keeps to the same).
FILLED = 0.4
# What moves lies on a canvas of its own, and the axes are left as they are.
_MOVES = {"level": "overlay"}


class CurvesView:
    """Three Bokeh figures with one time axis.

    Attributes
    ----------
    schedule, switching, error
        The figures.
    """

    def __init__(self):
        self._time = Range1d(0, 1)
        self.schedule = self._figure("weight ε(t)", 190, "schedule")
        self.schedule.y_range = Range1d(-0.06, 1.12)
        self.schedule.yaxis.ticker = FixedTicker(ticks=[0, 0.5, 1])
        self._weights = ColumnDataSource({"t": [], "y": []})
        self.schedule.varea(
            "t", y1=0, y2="y", source=self._weights, fill_color=colours.FULL, fill_alpha=0.25
        )
        self.schedule.line("t", "y", source=self._weights, color=colours.INK, line_width=2.5)
        self.switching = self._figure("switching function φ(t)", 190, "switching")
        self.phi = ColumnDataSource(
            {"t": [], "y": [], "up": [], "down": []}, name="switching function"
        )
        for side, colour in (("up", colours.FULL), ("down", colours.DELETED)):
            self.switching.varea(
                "t", y1=0, y2=side, source=self.phi, fill_color=colour, fill_alpha=0.35, **_MOVES
            )
        self.switching.y_range = Range1d(-1, 1)
        self.switching.yaxis.formatter = BasicTickFormatter(power_limit_low=-5)
        self.switching.line("t", "y", source=self.phi, color=colours.INK, line_width=2, **_MOVES)
        self.switching.add_layout(
            Span(location=0, dimension="width", line_color=colours.GREY, line_width=1)
        )
        self.error = self._figure("½‖θ(t) − θ*₋‖²", 220, "error", y_axis_type="log")
        self.error.y_range = Range1d(0.1, 1)
        # The page itself keeps to the least that a logarithm shows (`follow.js`).
        self.errors = ColumnDataSource(
            {"t": [], "y": [], "at_once": []}, name="errors", tags=[_LEAST]
        )
        for name, label, look in (
            ("y", "this schedule", {"color": colours.INK, "line_width": 2.5}),
            ("at_once", "delete at once",
             {"color": colours.ACCENT, "line_width": 1.8, "line_dash": [5, 3]}),
        ):  # fmt: skip
            # Of what lies on the other canvas a legend shows the text alone, and of nothing too.
            self.error.line([np.nan], [np.nan], legend_label=label, **look)
            self.error.line("t", name, source=self.errors, **look, **_MOVES)
        legend = self.error.legend
        legend.location, legend.label_text_font_size = "bottom_left", "12px"
        legend.background_fill_alpha, legend.padding = 0.75, 4
        self.error.xaxis.axis_label = "time t"
        self._spans = []
        for each in (self.schedule, self.switching, self.error):
            span = Span(location=0, dimension="height", line_color=colours.GREY, line_dash=[4, 3])
            each.add_layout(span)
            self._spans.append(span)

    def _figure(self, label, height, name, **options):
        made = plain(
            figure(
                tools="",
                toolbar_location=None,
                x_range=self._time,
                sizing_mode="stretch_width",
                height=height,
                min_width=280,
                name=name,
                **options,
            )
        )
        made.yaxis.axis_label = label
        made.min_border_left = 78
        return made

    def update(self, picture: Picture, start: float, held: bool = False) -> None:
        """The curves of a picture; while something is held, limits change where they must."""
        times = picture.times
        horizon = float(times[-1])
        if self._time.end != horizon:
            self._time.end = horizon
        for span in self._spans:
            if span.location != start:
                span.location = start
        both = np.stack([picture.weights, picture.weights_after], axis=1).ravel()
        renew(self._weights, {"t": np.repeat(times, 2), "y": both})
        phi = picture.switching
        self.phi.data = {
            "t": picture.switching_times,
            "y": phi,
            "up": np.maximum(phi, 0.0),
            "down": np.minimum(phi, 0.0),
        }
        errors = {
            "y": np.maximum(picture.costs, _LEAST),
            "at_once": np.maximum(picture.costs_at_once, _LEAST),
        }
        self.errors.data = {"t": times, **errors}
        # A filled curve is seen from zero on.
        _limit(self.switching.y_range, [*phi, 0.0], held)
        _limit(self.error.y_range, np.concatenate(list(errors.values())), held, logarithmic=True)


def _limit(own: Range1d, values, held: bool, logarithmic: bool = False) -> None:
    """Limits of an axis about some values."""
    known = np.array([own.start, own.end], dtype=float)
    wanted = np.array([np.min(values), np.max(values)])
    if logarithmic:
        known, wanted = np.log10(known), np.log10(wanted)
    height, seen = np.ptp(wanted), np.ptp(known)
    inside = known[0] <= wanted[0] and wanted[1] <= known[1]
    if held and inside and height >= FILLED * seen:
        return
    room = ROOM * height if height > 0 else 1.0
    low, high = wanted[0] - room, wanted[1] + room
    if logarithmic:
        low, high = 10.0**low, 10.0**high
    own.update(start=float(low), end=float(high))
