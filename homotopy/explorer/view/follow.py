"""What the page has to follow θ₀ by itself: coefficients beside what they move, and a script."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
from bokeh.models import ColumnDataSource, CustomJS

from homotopy.explorer.drag import Drag
from homotopy.explorer.picture import Picture
from homotopy.explorer.view.curves import FILLED, ROOM, CurvesView
from homotopy.explorer.view.portrait import PortraitView
from homotopy.explorer.view.readout import OWN


class Follower:
    """Sources of coefficients (`drag`), one beside each source of what is drawn.

    Parameters
    ----------
    portrait : PortraitView
    curves : CurvesView
    """

    def __init__(self, portrait: PortraitView, curves: CurvesView):
        self._at = ColumnDataSource({"x": [0.0], "y": [0.0]})
        self._costs = ColumnDataSource({"name": [], "cost": []}, name="costs")
        self._drawn = {
            "path": portrait.path,
            "constant": portrait.constant_path,
            "response": portrait.response_path,
            "marks": portrait.marks,
            "switching": curves.phi,
            "errors": curves.errors,
            "costs": self._costs,
        }
        self._parts = {name: ColumnDataSource() for name in self._drawn}
        self._script = CustomJS(
            args={
                "handle": portrait.handle,
                "at": self._at,
                "figure": portrait.figure,
                "followed": [[self._drawn[name], self._parts[name]] for name in self._drawn],
                "costs": self._costs,
                "axes": [
                    [curves.phi, ["y"], curves.switching.y_range, False],
                    [curves.errors, ["y", "at_once"], curves.error.y_range, True],
                ],
                "room": ROOM,
                "filled": FILLED,
            },
            code=files("homotopy.explorer.view").joinpath("follow.js").read_text(encoding="utf-8"),
        )
        portrait.handle.js_on_change("change", self._script)

    def update(self, drag: Drag, picture: Picture) -> None:
        """The coefficients of a picture at rest; they go out before the picture itself."""
        path, marks = drag.path, PortraitView.landmarks(drag)
        self._at.data = {"x": drag.at[:1], "y": drag.at[1:]}
        self._costs.data = {
            "name": [OWN, *picture.compared],
            "cost": np.array([picture.cost, *picture.compared.values()]),
        }
        everything = {
            "path": {
                "x0": path[:, :-1, 0],
                "y0": path[:, :-1, 1],
                "x1": path[:, 1:, 0],
                "y1": path[:, 1:, 1],
            },
            "constant": _sides(drag.constant),
            "response": _sides(drag.response),
            "marks": _sides(marks),
            "switching": {"y": drag.switching},
            "errors": {"y": drag.costs, "at_once": drag.costs_at_once},
            "costs": {"cost": np.stack([drag.costs[:, :, -1], *drag.compared.values()], axis=2)},
        }
        for name, columns in everything.items():
            self._parts[name].data = _written(columns)


def _sides(parts):
    return {"x": parts[:, :, 0], "y": parts[:, :, 1]}


def _written(columns) -> dict[str, np.ndarray]:
    """One column for each coefficient: "name:i:k" for the k-th one of the i-th number."""
    return {
        f"{name}:{i}:{k}": np.ascontiguousarray(part)
        for name, parts in columns.items()
        for i, number in enumerate(parts if parts.ndim == 3 else parts[None])
        for k, part in enumerate(number)
    }
