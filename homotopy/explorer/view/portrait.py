"""The phase portrait: θ₀ to drag, the path, both vector fields, θ(ε), θ* and θ*₋, the map."""

from __future__ import annotations

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    HoverTool,
    LinearColorMapper,
    PointDrawTool,
    Range1d,
)
from bokeh.plotting import figure

from homotopy.explorer.drag import Drag
from homotopy.explorer.picture import Arrows, Picture
from homotopy.explorer.view import colours
from homotopy.explorer.view.looks import plain, renew

_NEAR = 0.035  # of the width: the handle, and what a finger misses it by
_RINGS = 6  # of switches; more would cover the path
# What moves with θ₀ lies on a canvas of its own: the fields below are not painted again.
_MOVES = {"level": "overlay"}
# Names stand on sides of their own, so that those of marks at one place can all be read.
_ASIDE = {"θ*": (-9, -7), "θ*₋": (9, -7), "θ(ε)": (0, 9), "θ(T)": (18, 9)}
SHAPE = 1.25  # width over height of the frame, near enough


class PortraitView:
    """A Bokeh figure and its sources.

    Attributes
    ----------
    figure
    handle
        The source of θ₀, one point, which a pointer moves.
    """

    def __init__(self):
        self.figure = plain(
            figure(
                tools="wheel_zoom,box_zoom,reset",
                x_range=Range1d(0, 1),
                y_range=Range1d(0, 1),
                sizing_mode="stretch_width",
                height=520,
                min_width=300,
                name="portrait",
            )
        )
        picture = self.figure
        weights = LinearColorMapper(palette=colours.WEIGHTS, low=0.0, high=1.0)
        self._map = ColumnDataSource({"image": [], "x": [], "y": [], "dw": [], "dh": []})
        self._map_glyph = picture.image(
            "image",
            source=self._map,
            color_mapper=LinearColorMapper(
                palette=colours.STRUCTURES, low=-0.5, high=len(colours.STRUCTURES) - 0.5
            ),
            alpha=0.45,
        )
        self._fields = {}
        for epsilon, colour in ((1.0, colours.FULL), (0.0, colours.DELETED)):
            lines = ColumnDataSource({name: [] for name in ("x0", "y0", "x1", "y1", "angle")})
            shaft = picture.segment(
                *("x0", "y0", "x1", "y1"), source=lines, color=colour, alpha=0.4, line_width=1.5
            )
            head = picture.scatter(
                "x1", "y1", source=lines, marker="triangle", angle="angle", size=6, color=colour,
                alpha=0.6, line_color=None,
            )  # fmt: skip
            self._fields[epsilon] = lines, (shaft, head)
        self._family = ColumnDataSource({"xs": [], "ys": [], "weight": []})
        picture.multi_line(
            "xs", "ys", source=self._family, line_width=1.2, alpha=0.8,
            color={"field": "weight", "transform": weights}, **_MOVES,
        )  # fmt: skip
        self.response_path = ColumnDataSource({"x": [], "y": []})
        self._response_glyph = picture.line(
            "x", "y", source=self.response_path, color=colours.INK, line_width=2, line_dash=[5, 3],
            **_MOVES,
        )  # fmt: skip
        self.constant_path = ColumnDataSource({"x": [], "y": []})
        self._constant_glyph = picture.line(
            "x", "y", source=self.constant_path, color=colours.GREY, line_width=1.5,
            line_dash=[2, 2], **_MOVES,
        )  # fmt: skip
        self.path = ColumnDataSource(
            {"x0": [], "y0": [], "x1": [], "y1": [], "weight": []}, name="path"
        )
        picture.segment(
            *("x0", "y0", "x1", "y1"), source=self.path, line_width=3.5, line_cap="round",
            color={"field": "weight", "transform": weights}, **_MOVES,
        )  # fmt: skip
        columns = ("x", "y", "name", "marker", "fill", "size", "right", "down", "align", "base")
        self.marks = ColumnDataSource({name: [] for name in columns})
        paper = {
            "text_font": {"value": "sans-serif"}, "text_color": colours.INK, "padding": 1,
            "background_fill_color": "white", "background_fill_alpha": 0.7, "border_radius": 3,
        }  # fmt: skip
        picture.text(
            "x", "y", text="name", source=self.marks, x_offset="right", y_offset="down",
            text_align="align", text_baseline="base", text_font_size="15px", **paper, **_MOVES,
        )  # fmt: skip
        self.handle = ColumnDataSource({"x": [0.0], "y": [0.0]}, name="theta0")
        picture.text(
            "x", "y", text={"value": "θ₀"}, source=self.handle, y_offset=-12,
            text_align="center", text_baseline="bottom", text_font_size="16px",
            text_font_style="bold", **paper, **_MOVES,
        )  # fmt: skip
        # Marks lie over the paper of the names.
        picture.scatter(
            "x", "y", source=self.marks, marker="marker", size="size", fill_color="fill",
            line_color=colours.INK, line_width=1.2, **_MOVES,
        )  # fmt: skip
        grip = picture.scatter(
            "x", "y", source=self.handle, size=17, fill_color=colours.INK, line_color="white",
            line_width=2.5, **_MOVES,
        )  # fmt: skip
        grip.nonselection_glyph = grip.selection_glyph = None
        drag = PointDrawTool(renderers=[grip], add=False, description="Drag θ₀")
        picture.add_tools(drag)
        picture.toolbar.active_drag = drag
        picture.toolbar.active_scroll = None
        self._hover = HoverTool(renderers=[self._map_glyph], tooltips=None, visible=False)

    def holds(self, x: float, y: float) -> bool:
        """Whether a point of the picture is near enough to θ₀ to take hold of it."""
        at = self.handle.data
        (left, right), (bottom, top) = self.window
        return abs(x - at["x"][0]) < _NEAR * abs(right - left) and abs(
            y - at["y"][0]
        ) < _NEAR * SHAPE * abs(top - bottom)

    def update(self, picture: Picture, handle: bool = True) -> None:
        """The curves and marks of a picture; θ₀ itself only where a pointer does not hold it."""
        path = picture.path
        self.path.data = {
            "x0": path[:-1, 0],
            "y0": path[:-1, 1],
            "x1": path[1:, 0],
            "y1": path[1:, 1],
            "weight": (picture.weights_after[:-1] + picture.weights[1:]) / 2,
        }
        self.constant_path.data = _columns(picture.constant)
        renew(self.response_path, _columns(picture.response))
        marks = [
            ("θ*", "star", colours.FULL, 19),
            ("θ*₋", "star", colours.DELETED, 19),
            ("θ(ε)", "diamond", "white", 11),
            ("θ(T)", "square", "white", 10),
        ]
        points = self.landmarks(picture)
        marks += [("", "circle", "white", 7)] * (len(points) - len(marks))
        names, markers, fills, sizes = map(list, zip(*marks, strict=True))
        right, down = zip(*(_ASIDE.get(name, (0, 0)) for name in names), strict=True)
        renew(
            self.marks,
            {
                **_columns(points),
                "name": names,
                "marker": markers,
                "fill": fills,
                "size": sizes,
                "right": list(right),
                "down": list(down),
                "align": [("left", "center", "right")[1 - int(np.sign(one))] for one in right],
                "base": ["bottom" if one < 0 else "top" for one in down],
            },
        )
        if self._family.data["xs"] or picture.family:
            self._family.data = {
                "xs": [one[:, 0] for one in picture.family.values()],
                "ys": [one[:, 1] for one in picture.family.values()],
                "weight": list(picture.family),
            }
        self.figure.xaxis.axis_label, self.figure.yaxis.axis_label = picture.labels
        if handle:
            renew(self.handle, _columns(picture.start[None, :]))

    @staticmethod
    def landmarks(of: Picture | Drag) -> np.ndarray:
        """What is marked beside θ₀: θ*, θ*₋, θ(ε), θ(T) and the first switches, (…, k, 2)."""
        named = of.full_fit, of.deleted_fit, of.equilibrium, of.end
        points = np.stack(named, axis=-2)
        few = of.switches.shape[-2] <= _RINGS
        return np.concatenate([points, of.switches], axis=-2) if few else points

    @property
    def window(self):
        """The limits of both axes."""
        x, y = self.figure.x_range, self.figure.y_range
        return (x.start, x.end), (y.start, y.end)

    @window.setter
    def window(self, limits) -> None:
        for axis, (low, high) in zip(
            (self.figure.x_range, self.figure.y_range), limits, strict=True
        ):
            axis.update(start=low, end=high, reset_start=low, reset_end=high)

    def field(self, epsilon: float, arrows: Arrows | None) -> None:
        """The arrows of a field; None hides it."""
        lines, glyphs = self._fields[epsilon]
        for glyph in glyphs:
            glyph.visible = arrows is not None
        if arrows is not None:
            x, y = self.figure.x_range, self.figure.y_range
            along, up = (arrows.tips - arrows.tails).T
            seen = up / (y.end - y.start), SHAPE * along / (x.end - x.start)
            lines.data = {
                # A triangle points up.
                "angle": np.arctan2(*seen) - np.pi / 2,
                "x0": arrows.tails[:, 0],
                "y0": arrows.tails[:, 1],
                "x1": arrows.tips[:, 0],
                "y1": arrows.tips[:, 1],
            }

    def map(self, found) -> None:
        """A synthesis map behind everything; None hides it."""
        self._map_glyph.visible = found is not None
        if found is not None:
            (left, right), (bottom, top) = found.window
            self._map.data = {
                "image": [found.structure.astype(float)],
                "x": [left],
                "y": [bottom],
                "dw": [right - left],
                "dh": [top - bottom],
            }

    def response(self, shown: bool) -> None:
        """Whether θ(ε) is drawn."""
        self._response_glyph.visible = shown

    def constant(self, shown: bool) -> None:
        """Whether the training under one constant weight is drawn."""
        self._constant_glyph.visible = shown


def _columns(points):
    return {"x": points[:, 0], "y": points[:, 1]}
