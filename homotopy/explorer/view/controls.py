"""The widgets: one for every choice of a state, each with a label, all reached by the keyboard."""

from __future__ import annotations

import numpy as np
import panel as pn

from homotopy.explorer.explored import AbstractExplored
from homotopy.explorer.state import CELLS, FAMILIES, SEARCHED, State, rounded

SHOWN = {
    "field 1": "field of ε = 1",
    "field 0": "field of ε = 0",
    "response": "θ(ε), where training ends",
    "constant": "training at constant ε",
    "map": "synthesis map",
}
_RIDGES = (0.0, *np.geomspace(1e-4, 1e2, 25).tolist())
_PRINCIPAL = "principal plane"


class Controls:
    """Widgets that show a state; what a user changes in them is handed on.

    Parameters
    ----------
    explored : AbstractExplored
    changed
        Called with the changes of a state, and whether the user still holds what changes.
    """

    def __init__(self, explored: AbstractExplored, changed):
        self._explored, self._changed, self._busy = explored, changed, False
        state, wide = explored.initial, {"sizing_mode": "stretch_width"}
        families = {
            text: name for name, text in FAMILIES.items() if explored.certifies or name != "optimum"
        }
        longest, step = explored.longest, explored.longest / 300
        self.family = pn.widgets.Select(label="Schedule ε(t)", options=families, **wide)
        slider = {**wide, "format": "0.[0000]"}
        self.start = pn.widgets.FloatSlider(
            label="Request s", start=0.0, end=longest, step=step, **slider
        )
        self.switch = pn.widgets.FloatSlider(
            label="Deleted by τ", start=0.0, end=longest, step=step, **slider
        )
        self.horizon = pn.widgets.FloatSlider(
            label="Judged at T", start=step, end=longest, step=step, **slider
        )
        self.epsilon = pn.widgets.FloatSlider(
            label="Constant weight ε", start=0.0, end=1.0, step=0.01, **wide
        )
        self.power = pn.widgets.FloatSlider(
            label="Power of the decay", start=0.25, end=6.0, step=0.25, **wide
        )
        self.ridge = pn.widgets.DiscreteSlider(
            label="Ridge ρ", options=_ridges(state.ridge), value=state.ridge, **wide
        )
        self.rows = pn.widgets.TextInput(label="Forgotten rows (numbers or names)", **wide)
        self.add = pn.widgets.Checkbox(label="a click on a point adds it to them")
        self.first = pn.widgets.FloatInput(label="θ₀, horizontal", step=0.1, **wide)
        self.second = pn.widgets.FloatInput(label="θ₀, vertical", step=0.1, **wide)
        shown = {text: name for name, text in SHOWN.items() if explored.certifies or name != "map"}
        self.shown = pn.widgets.CheckBoxGroup(
            label="Show", options=shown, value=["field 1", "field 0", "response", "constant"]
        )
        names = [_PRINCIPAL, *explored.parameter_names]
        self.horizontal = pn.widgets.Select(label="Horizontal axis", options=names, **wide)
        self.vertical = pn.widgets.Select(label="Vertical axis", options=names, **wide)
        self.cell = pn.widgets.IntSlider(
            label="Part of [s, T] to draw", start=1, end=CELLS, value=1, **wide
        )
        self.height = pn.widgets.FloatSlider(
            label="Its weight", start=0.0, end=1.0, step=0.05, value=0.0, **wide
        )
        self._watch()

    def _watch(self):
        for name in ("start", "switch", "horizon", "epsilon", "power"):
            slider = getattr(self, name)
            slider.param.watch(self._hand_on(name, True), "value")
            slider.param.watch(self._hand_on(name, False), "value_throttled")
        for name in ("ridge", "family"):
            getattr(self, name).param.watch(self._hand_on(name, False), "value")
        for widget in (self.horizontal, self.vertical):
            widget.param.watch(self._turned, "value")
        self.height.param.watch(self._drew, "value")
        self.cell.param.watch(self._looked, "value")

    def _hand_on(self, name, held):
        def hand_on(event):
            if not self._busy:
                self._changed({name: event.new}, held)

        return hand_on

    def _turned(self, event):
        if self._busy:
            return
        names = list(self._explored.parameter_names)
        axes = (self.horizontal.value, self.vertical.value)
        if _PRINCIPAL in axes:
            # One axis chosen asks for the plane; the other one follows.
            if event.new == _PRINCIPAL:
                self._changed({"axes": None}, False)
                return
            chosen = names.index(event.new)
            other = next(index for index in range(len(names)) if index != chosen)
            pair = (chosen, other) if event.obj is self.horizontal else (other, chosen)
            self._changed({"axes": pair}, False)
            return
        self._changed({"axes": tuple(names.index(axis) for axis in axes)}, False)

    def _drew(self, event):
        if not self._busy:
            drawn = list(self._drawn)
            drawn[self.cell.value - 1] = round(float(event.new), 3)
            self._changed({"drawn": tuple(drawn), "family": "drawn"}, False)

    def _looked(self, event):
        self._busy = True
        self.height.value = self._drawn[event.new - 1]
        self._busy = False

    def show(self, state: State, seen: tuple[float, float]) -> None:
        """The state in the widgets; nothing is handed on.

        `seen` are the coordinates of θ₀ in the picture.
        """
        self._busy = True
        try:
            self._show(state, seen)
        finally:
            self._busy = False

    def _show(self, state, seen):
        longest = max(self._explored.longest, state.horizon)
        for name in ("start", "switch", "horizon"):
            slider = getattr(self, name)
            if slider.end < longest:
                slider.end = longest
            _set(slider, value=getattr(state, name))
        _set(self.epsilon, value=state.epsilon)
        _set(self.power, value=min(max(state.power, 0.25), 6.0))
        if state.ridge not in self.ridge.values:
            self.ridge.options = _ridges(state.ridge)
        _set(self.ridge, value=state.ridge)
        _set(self.family, value=state.family)
        problem = self._explored.problem(self._explored.initial)
        names = problem.labels.rows
        rows = [str(row) if names is None else names[row] for row in state.deleted]
        _set(self.rows, value=", ".join(rows))
        _set(self.first, value=rounded(seen[0]))
        _set(self.second, value=rounded(seen[1]))
        parameters = self._explored.parameter_names
        chosen = (_PRINCIPAL,) * 2
        if state.axes is not None:
            chosen = tuple(parameters[axis] for axis in state.axes)
        _set(self.horizontal, value=chosen[0])
        _set(self.vertical, value=chosen[1])
        self._drawn = state.drawn
        _set(self.height, value=state.drawn[self.cell.value - 1])
        _set(self.power, visible=state.family == "polynomial")
        _set(self.switch, visible=state.family not in ("drawn", *SEARCHED))
        for widget in (self.cell, self.height):
            _set(widget, visible=state.family == "drawn")


def _set(widget, **values):
    """Without a message for what stands there already."""
    new = {name: value for name, value in values.items() if getattr(widget, name) != value}
    if new:
        widget.param.update(**new)


def _ridges(own: float) -> dict[str, float]:
    """Choices of ρ, the state's own among them."""
    values = sorted({*(float(f"{value:.3g}") for value in _RIDGES), own})
    return {f"{value:.4g}": value for value in values}


def rows_in(text: str, explored: AbstractExplored) -> tuple[int, ...]:
    """Row numbers of what a user wrote: numbers or names, separated by commas.

    Raises
    ------
    ValueError
        For a row that there is not, naming those that nearly are.
    """
    from homotopy.labels import numbered

    labels = explored.problem(explored.initial).labels
    written = [part.strip() for part in text.split(",") if part.strip()]
    named = [
        int(part) if part.isdigit() and part not in (labels.rows or ()) else part
        for part in written
    ]
    found = numbered("rows", named, labels)
    return tuple(dict.fromkeys(int(row) for row in found))
