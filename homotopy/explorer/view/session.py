"""One page and what happens on it: events come in, states change, pictures go out."""

from __future__ import annotations

import html
import time

import numpy as np
import panel as pn
from bokeh.events import MouseLeave, MouseMove, Pan, PanEnd, PanStart
from panel.io.document import unlocked
from panel.io.state import set_curdoc

from homotopy.explorer import export
from homotopy.explorer.code_lines import python_lines
from homotopy.explorer.explored import AbstractExplored, Found
from homotopy.explorer.jobs import Jobs
from homotopy.explorer.picture import Picture, arrows, window_around
from homotopy.explorer.schedules import drawn_from, schedule_of, stroke
from homotopy.explorer.state import SEARCHED, State
from homotopy.explorer.view import colours, readout
from homotopy.explorer.view.controls import Controls, rows_in
from homotopy.explorer.view.curves import CurvesView
from homotopy.explorer.view.follow import Follower
from homotopy.explorer.view.points import PointsView
from homotopy.explorer.view.portrait import SHAPE, PortraitView
from homotopy.schedules import AbstractSchedule, Step

_ALERT = (
    "<div role=alert style='background:{paper};color:{ink};border-left:4px solid {ink};"
    "padding:8px 12px;font-size:15px'><strong>{title}</strong> {text}</div>"
)
# Read aloud, and not seen.
_HEARD = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"
_AT_ONCE = 0.01  # seconds; pictures that take longer may be passed over
_HINT = "Drag θ₀ in the picture. Draw in the weight ε(t). Click on a point to forget it."


class Session:
    """The widgets and figures of one reader, and the state that they show.

    Parameters
    ----------
    explored : AbstractExplored
    state : State, optional
        What is shown first; the problem's own by default.
    document : bokeh.document.Document, optional
        The page; None in a notebook, where searches are waited for.
    moved
        Called with each state at rest, as for the address.
    later : WhenReady, optional
        Runs what searches find in the page's thread; that of a document which is there by default.
    """

    def __init__(
        self, explored: AbstractExplored, state=None, document=None, moved=None, later=None
    ):
        self.explored, self._document, self._moved = explored, document, moved
        self.state: State = explored.initial if state is None else state
        explored.check(self.state)
        self.picture: Picture | None = None
        self._found: Found | None = None
        self._searching = ""
        self._schedule: AbstractSchedule = Step(self.state.start)
        self._waiting: list = []
        self._stroke = None
        self._held = False
        self._last_pointer = 0.0
        self._took = 0.0  # seconds of the last picture
        if later is None and document is not None:
            later = document.add_next_tick_callback
        self._jobs = Jobs(later)
        self.portrait, self.curves, self.points = PortraitView(), CurvesView(), PointsView()
        self._follower = Follower(self.portrait, self.curves)
        self.controls = Controls(explored, self._chosen)
        wide = {"sizing_mode": "stretch_width"}
        self.alert = pn.pane.HTML("", **wide)
        self.table = pn.pane.HTML("", **wide)
        self.spoken = pn.pane.HTML("", width=1, height=1, margin=0)
        self.under = pn.pane.HTML("", height=44, **wide)
        self._listen()
        self.show(self.state)

    # What comes in ------------------------------------------------------------------------------

    def _listen(self):
        self.portrait.handle.on_change("data", self._placed)
        if not self.explored.drags:
            for event in (PanStart, Pan, PanEnd):
                self.portrait.figure.on_event(event, self._dragged)
        self.portrait.figure.on_event(MouseMove, self._pointed)
        self.portrait.figure.on_event(MouseLeave, self._left)
        for event in (PanStart, Pan, PanEnd):
            self.curves.schedule.on_event(event, self._drew)
        self.points.source.selected.on_change("indices", self._clicked)
        for widget in (self.controls.first, self.controls.second):
            widget.param.watch(self._typed, "value")
        self.controls.rows.param.watch(self._named, "value")
        self.controls.shown.param.watch(lambda event: self._soon(self._draw_around), "value")

    def _chosen(self, changes: dict, held: bool):
        def change():
            if changes.get("family") == "drawn" and self.state.family != "drawn":
                given = changes.setdefault("drawn", drawn_from(self.state, self._schedule))
                assert given is not None
            self.show(self.state.but(**changes), quick=held)

        self._soon(change, passing=held)

    def _placed(self, attribute, old, new):
        """θ₀ was let go, where the page follows it by itself.

        The key "delete" takes the handle away: it comes back.
        """
        if len(new["x"]) != 1:
            self._soon(lambda: self.portrait.update(self.picture))
        elif self.explored.drags:
            point = np.array([float(new["x"][0]), float(new["y"][0])])
            if not np.array_equal(point, self.picture.start):
                self._soon(lambda: self.show(self.explored.moved(self.state, point)))

    def _dragged(self, event):
        """θ₀ is on its way, where each picture is computed here."""
        if event.event_name == "panstart":
            self._held = self.portrait.holds(event.x, event.y)
        if not self._held or event.x is None:
            return
        point, ends = np.array([float(event.x), float(event.y)]), event.event_name == "panend"
        self._held = not ends
        self._soon(
            lambda: self.show(
                self.explored.moved(self.state, point), held=not ends, quick=not ends
            ),
            passing=not ends,
        )

    def _soon(self, act, passing=False):
        """Do something next, in the thread and under the lock of the page.

        `passing` for a place of a pointer: one that has not been shown yet gives way to the next,
        as a pointer is faster than a picture may be.
        """
        if self._document is None:
            self._guard(act)
            return
        waits = bool(self._waiting)
        if passing and waits and self._waiting[-1][1]:
            self._waiting.pop()
        self._waiting.append((act, passing))
        if waits:
            return
        if passing and self._took > _AT_ONCE:
            # Places that came in meanwhile are read first, or each would wait for all before it.
            self._document.add_timeout_callback(self._now, max(1, round(100 * self._took)))
        else:
            self._document.add_next_tick_callback(self._now)

    def _now(self):
        acts, self._waiting = self._waiting, []
        if self._document is None:
            return
        began = time.perf_counter()
        # All that changes goes out in one message.
        with set_curdoc(self._document), unlocked():
            for act, _ in acts:
                self._guard(act)
        self._took = time.perf_counter() - began

    def _typed(self, event):
        point = np.array([self.controls.first.value, self.controls.second.value], dtype=float)
        if self.controls._busy or not np.isfinite(point).all():
            return
        self._soon(lambda: self.show(self.explored.moved(self.state, point)))

    def _named(self, event):
        if not self.controls._busy:
            self._soon(lambda: self._forget(rows_in(event.new, self.explored)))

    def _clicked(self, attribute, old, new):
        if not new:
            return
        row = int(self.points.source.data["row"][new[0]])
        self.points.source.selected.indices = []
        rows = (row,)
        if self.controls.add.value:
            others = tuple(other for other in self.state.deleted if other != row)
            rows = others if row in self.state.deleted else (*others, row)
        self._soon(lambda: self._forget(rows))

    def _forget(self, rows):
        state = self.state.but(deleted=rows)
        self.explored.check(state)
        self.show(state, fit=True)

    def _drew(self, event):
        now = (float(event.x), float(event.y))
        if event.event_name == "panstart":
            self._stroke = now
            if self.state.family != "drawn":
                drawn = drawn_from(self.state, self._schedule)
                self.state = self.state.but(family="drawn", drawn=drawn)
        before = self._stroke or now
        self._stroke = None if event.event_name == "panend" else now
        # The cells are filled at once, whichever picture is passed over.
        self.state = stroke(self.state, before, now)
        ends = event.event_name == "panend"
        self._soon(lambda: self.show(self.state, quick=not ends), passing=not ends)

    # What goes out ------------------------------------------------------------------------------

    def _guard(self, act) -> None:
        """Do something; what goes wrong is said on the page, which stays as it was."""
        try:
            act()
        except Exception as error:  # whatever it is, the reader sees it
            self.say(error)
            if self.picture is not None:
                self.controls.show(self.state, tuple(self._at(self.picture)))
        else:
            if self.alert.object:
                self.alert.object = ""

    def say(self, error: Exception | str) -> None:
        """An error on the page."""
        text = str(error) or type(error).__name__
        self.alert.object = _ALERT.format(
            paper=colours.ALERT_PAPER,
            ink=colours.ALERT,
            title="That does not work.",
            text=html.escape(text[:600]),
        )

    def show(self, state: State, quick=False, held=False, fit=False) -> None:
        """Compute and draw a state.

        `quick` while something is held, `held` where that is θ₀ itself, `fit` for a new window.
        """
        self.explored.check(state)
        schedule, found, wanted = self._schedule_for(state, quick)
        picture = self.explored.picture(state, schedule, held)
        first = self.picture is None
        changed = first or any(
            getattr(state, name) != getattr(self.state, name)
            for name in ("deleted", "ridge", "axes")
        )
        self.state, self.picture = state, picture
        self._schedule, self._found = schedule, found
        self._searching = "" if wanted is None else "Searching for it…"
        drag = None if quick else self.explored.drag(state, schedule)
        if drag is not None:
            self._follower.update(drag, picture)
        self.portrait.update(picture, handle=not held)
        self.curves.update(picture, state.start, quick)
        self.table.object = readout.table(state, picture, found, self._searching)
        if changed or fit:
            self._fit()
            self.points.update(self.explored.points(state), state)
        if quick:
            return
        if not (changed or fit):
            self._fit(only_if_outside=True)
        self.controls.show(state, tuple(self._at(picture)))
        self._draw_around()
        heard = readout.spoken(state, picture)
        self.spoken.object = f"<span role=status aria-live=polite style='{_HEARD}'>{heard}</span>"
        if self._moved is not None:
            self._moved(state)
        if wanted is not None:
            self._jobs.ask("search", lambda: self.explored.search(state), wanted, self.say)

    def _schedule_for(self, state, quick):
        """A schedule to draw, what was found of it, and what to do with the result of a search."""
        if state.family not in SEARCHED:
            self._jobs.forget("search")
            return schedule_of(state), None, None
        key = (state.family, state.deleted, state.ridge, state.start, state.horizon, state.theta0)
        known = self.explored.found(key)
        if known is not None:
            return known.schedule, known, None
        # Until then what is there, where it is one of these times.
        fitting = self.state.family in SEARCHED and self._same_times(state)
        schedule = self._schedule if fitting and self.picture is not None else Step(state.start)
        if quick:
            return schedule, None, None

        def wanted(found):
            self.explored.keep_found(key, found)
            self._guard(lambda: self.show(self.state))

        return schedule, None, wanted

    def _same_times(self, state):
        return (state.start, state.horizon) == (self.state.start, self.state.horizon)

    def _at(self, picture) -> np.ndarray:
        """Where θ₀ is seen."""
        return picture.start

    def _fit(self, only_if_outside=False):
        points = self.picture.extent
        if only_if_outside:
            (left, right), (bottom, top) = self.portrait.window
            x, y = points.T
            if x.min() >= left and x.max() <= right and y.min() >= bottom and y.max() <= top:
                return
        self.portrait.window = window_around(points, SHAPE, not self.explored.against_time)

    def _draw_around(self):
        """What does not follow a pointer: the fields, θ(ε), and the synthesis map."""
        shown, window = self.controls.shown.value, self.portrait.window
        for name, epsilon in (("field 1", 1.0), ("field 0", 0.0)):
            field = None
            if name in shown:
                field = arrows(self.explored.velocity(self.state, epsilon), window)
            self.portrait.field(epsilon, field)
        self.portrait.response("response" in shown)
        self.portrait.constant("constant" in shown)
        if "map" not in shown:
            self._jobs.forget("map")
            self._jobs.forget("pointer")
            self.portrait.map(None)
            self.under.object = f"<p style='color:{colours.GREY}'>{_HINT}</p>"
            return
        from homotopy.explorer.synthesis import COLUMNS, ROWS, synthesis_map

        state = self.state
        key = (state.deleted, state.ridge, state.start, state.horizon, state.axes, window)
        known = self.explored.found(("map", *key))

        def drawn(found):
            self.explored.keep_found(("map", *key), found)
            self.portrait.map(found)
            self.under.object = (
                f"<p>{readout.legend(found)} Point at a θ₀ to see the best schedule from there.</p>"
            )

        if known is not None:
            drawn(known)
            return
        self.under.object = (
            f"<p>Solving {COLUMNS * ROWS} deletion problems. The first time on a machine this "
            "compiles for up to a minute…</p>"
        )
        self._jobs.ask("map", lambda: synthesis_map(self.explored, state, window), drawn, self.say)

    def _left(self, event):
        self._jobs.forget("pointer")

    def _pointed(self, event):
        """The best schedule from the θ₀ under the pointer, where the map is shown."""
        if "map" not in self.controls.shown.value or event.x is None:
            return
        now = time.monotonic()
        if now - self._last_pointer < 0.08:
            return
        self._last_pointer = now
        state = self.explored.moved(self.state, np.array([float(event.x), float(event.y)]))

        def told(found):
            seen = f"({event.x:.3g}, {event.y:.3g})".replace("-", "−")
            self.under.object = (
                f"<p>From θ₀ at {seen}: {html.escape(found.words)}, ℰ = {found.cost:.3g}.</p>"
            )

        self._jobs.ask("pointer", lambda: self.explored.best_from(state), told, self.say)

    # What is taken along ------------------------------------------------------------------------

    def file(self, kind: str):
        """An export: png, svg or pdf, json, py."""
        import io

        if kind == "json":
            return io.StringIO(export.as_json(self.explored, self.state, self.picture))
        if kind == "py":
            return io.StringIO(python_lines(self.explored, self.state, self._schedule))
        shown = tuple(self.controls.shown.value)
        return export.file_of(self.explored, self.state, self.picture, shown, kind)

    def reset(self) -> None:
        """Show what was shown first."""
        self._soon(lambda: self.show(self.explored.initial, fit=True))

    def close(self) -> None:
        """The reader has gone."""
        self._jobs.close()
        self._document = self._moved = None
