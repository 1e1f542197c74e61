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


class CurvesView:
    """Three Bokeh figures with one time axis.

    Attributes
    ----------
    schedule, switching, error
        The figures.
    """

    def __init__(self):
        self._time = Range1d(0, 1)
        self._start = Span(location=0, dimension="height", line_color=colours.GREY,
                           line_dash=[4, 3])  # fmt: skip
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
                "t", y1=0, y2=side, source=self.phi, fill_color=colour, fill_alpha=0.35
            )
        self.switching.yaxis.formatter = BasicTickFormatter(power_limit_low=-5)
        self.switching.line("t", "y", source=self.phi, color=colours.INK, line_width=2)
        self.switching.add_layout(
            Span(location=0, dimension="width", line_color=colours.GREY, line_width=1)
        )
        self.error = self._figure("½‖θ(t) − θ*₋‖²", 220, "error", y_axis_type="log")
        # The page itself keeps to the least that a logarithm shows (`follow.js`).
        self.errors = ColumnDataSource(
            {"t": [], "y": [], "at_once": []}, name="errors", tags=[_LEAST]
        )
        self.error.line(
            "t", "y", source=self.errors, color=colours.INK, line_width=2.5,
            legend_label="this schedule",
        )  # fmt: skip
        self.error.line(
            "t", "at_once", source=self.errors, color=colours.ACCENT, line_width=1.8,
            line_dash=[5, 3], legend_label="delete at once",
        )  # fmt: skip
        legend = self.error.legend
        legend.location, legend.label_text_font_size = "bottom_left", "12px"
        legend.background_fill_alpha, legend.padding = 0.75, 4
        self.error.xaxis.axis_label = "time t"
        for each in (self.schedule, self.switching, self.error):
            each.add_layout(self._start.clone())
        self._spans = [
            span
            for each in (self.schedule, self.switching, self.error)
            for span in each.select({"type": Span})
            if span.dimension == "height"
        ]

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

    def update(self, picture: Picture, start: float) -> None:
        """The curves of a picture."""
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
        self.errors.data = {
            "t": times,
            "y": np.maximum(picture.costs, _LEAST),
            "at_once": np.maximum(picture.costs_at_once, _LEAST),
        }
