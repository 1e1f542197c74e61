"""The phase portrait of a deletion: paths over both vector fields, with and without the points."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from homotopy._checks import array, flag, positive
from homotopy._display import Entries
from homotopy._result import Result
from homotopy._tables import Table
from homotopy.plotting import style
from homotopy.plotting.layout import SettledLayout, label_axes, legend_beside
from homotopy.plotting.portrait_data import Path, PlanarField

_SIZE = 4.5  # of marks, in points
# Short over long side of a window: less, and the motion along the short side is not seen unless
# that side has a scale of its own. Far less is rounding.
_LEAST_SHAPE, _NO_SHAPE = 0.1, 1e-9
_NEAR = 0.02  # of the sides of a window: marks that are nearer cover each other


def _looks(colours: style.Colours) -> dict[str, dict]:
    star = {"marker": "*", "markersize": 9, "markeredgecolor": colours.ink, "markeredgewidth": 0.5}
    size = {"markersize": _SIZE}
    return {
        "segment": {"color": colours.shade(0.25), "linewidth": 1.1, "linestyle": (0, (2.5, 1.2))},
        "switch": {"marker": "o", **size, "markerfacecolor": colours.paper, "markeredgewidth": 1.1},
        "end": {"marker": "s", **size, "markeredgecolor": colours.paper, "markeredgewidth": 0.6},
        "start": {"marker": "o", **size, "color": colours.ink},
        "full fit": {**star, "markerfacecolor": colours.with_points},
        "deleted fit": {**star, "markerfacecolor": colours.without},
    }


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Portrait(Result):
    """Paths over both vector fields, in the coordinates of a plane; of `hm.portrait`.

    Attributes
    ----------
    labels : (str, str)
        Of the two axes.
    projected : bool
        Whether the plane leaves something out.
    against_time : bool
        Whether the first coordinate is time (for one parameter).
    fields : (PlanarField, PlanarField)
        Of ε = 1 and of ε = 0.
    paths : dict of str to Path
    segment : (k, 2)
        θ(ε) from ε = 0 to 1.
    start, full_fit, deleted_fit : (2,)
        θ₀, θ*, θ*₋.
    """

    labels: tuple[str, str]
    projected: bool
    against_time: bool
    fields: tuple[PlanarField, PlanarField]
    paths: dict[str, Path]
    segment: Float[np.ndarray, "k 2"]
    start: Float[np.ndarray, " 2"]
    full_fit: Float[np.ndarray, " 2"]
    deleted_fit: Float[np.ndarray, " 2"]

    def _entries(self) -> Entries:
        yield "paths", ", ".join(self.paths)
        yield "axes", "; ".join(self.labels)
        yield "θ₀", self.start
        yield "full fit", self.full_fit
        yield "deleted fit", self.deleted_fit

    def _table(self) -> Table:
        names, paths = list(self.paths), [path.points for path in self.paths.values()]
        counts = [len(points) for points in paths]
        index = [
            (
                "path",
                [name for name, count in zip(names, counts, strict=True) for _ in range(count)],
            ),
            ("point", np.concatenate([np.arange(count) for count in counts])),
        ]
        every = np.concatenate(paths)
        columns = list(zip(self.labels, every.T, strict=True))
        return Table(columns, index, about="points of the paths", spread=True)

    @property
    def extent(self) -> Float[np.ndarray, "m 2"]:
        """Every point that the limits of the axes must hold."""
        paths = (path.points for path in self.paths.values())
        return np.concatenate([self.segment, self.start[None, :], *paths])

    def plot(
        self,
        ax: Axes | None = None,
        *,
        legend: bool = True,
        window: tuple[tuple[float, float], tuple[float, float]] | None = None,
        density: float = 0.6,
        frames: bool = True,
    ) -> Axes:
        """Draw the paths over the vector fields of ε = 1 and ε = 0.

        The flow follows the orange streamlines while ε = 1 and the blue ones while ε = 0. Rings
        mark switch times, squares θ(T), stars the fits with and without the deleted points. A mark
        that a later path would cover is drawn as a frame around its mark.

        Both axes have the same unit, so that angles are those of parameter space, unless the
        motion in one direction is less than a tenth of that in the other: each then has its own.

        For d > 2 the paths are projected onto the plane. The fields are then those at its points,
        projected; away from the plane they differ, so that paths need not follow them exactly, and
        the legend says "projected". For d = 1 the parameter is drawn against time.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure's by default.
        legend : bool
            Whether to add a legend: in a new figure it is the figure's; otherwise it takes room
            from `ax`, at their right or below them.
        window : ((float, float), (float, float)), optional
            Limits of the two axes; by default they hold everything.
        density : float
            Of the streamlines.
        frames : bool
            Whether a mark that a later path covers becomes a frame around its mark.
        """
        flag("legend", legend)
        flag("frames", frames)
        positive("density", density)
        if window is not None:
            limits = "limits ((left, right), (bottom, top))"
            window = np.asarray(array("window", window, limits, lambda shape: shape == (2, 2)))
        own_figure = ax is None
        ax = style.axes_or_new(ax, (5.8, 3.6) if legend else None, SettledLayout())
        if window is None:
            points = self.extent
            window = window_of(points, 0.0) if self.against_time else portrait_window(points)
        ax.set(xlim=window[0], ylim=window[1])
        label_axes(ax, *self.labels)
        if not self.against_time:
            ax.set_aspect("equal" if _shape(window) >= _LEAST_SHAPE else "auto", adjustable="box")
        draw_streamlines(ax, self.fields, density)
        draw_landmarks(ax, self)
        colours, paths = style.colours_of(ax), list(self.paths.items())
        for index, (name, path) in enumerate(paths):
            above = [later for _, later in paths[index + 1 :]] if frames else []
            draw_path(ax, path, name, _colour(colours, index), above)
        if legend:
            handles = portrait_handles(self, colours=colours)
            if own_figure:
                # Known to the layout of the figure, whatever the shape of the axes.
                ax.figure.legend(handles=handles, loc="outside right upper")
            else:
                legend_beside(ax, handles)
        return ax

    def numbers(self) -> dict:
        """As lists, for a JSON file; `from_numbers` reads them back."""
        return _as_lists(dataclasses.asdict(self))

    @classmethod
    def from_numbers(cls, numbers: Mapping) -> Portrait:
        """A portrait from what `numbers` gave."""
        arrays = {
            name: np.asarray(numbers[name], dtype=float)
            for name in ("segment", "start", "full_fit", "deleted_fit")
        }
        fields = tuple(
            PlanarField(
                float(field["epsilon"]), np.asarray(field["matrix"]), np.asarray(field["offset"])
            )
            for field in numbers["fields"]
        )
        paths = {
            name: Path(
                np.asarray(path["points"], dtype=float),
                np.asarray(path["weights"], dtype=float),
                np.asarray(path["switches"], dtype=float).reshape(-1, 2),
            )
            for name, path in numbers["paths"].items()
        }
        return cls(
            labels=tuple(numbers["labels"]),
            projected=numbers["projected"],
            against_time=numbers["against_time"],
            fields=fields,
            paths=paths,
            **arrays,
        )


def _as_lists(value):
    if isinstance(value, dict):
        return {key: _as_lists(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_as_lists(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def portrait_window(
    points: Float[np.ndarray, "m 2"],
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits around points; with one unit for both axes, where that shows motion in both."""
    shape = _shape(np.stack([points.min(axis=0), points.max(axis=0)], axis=1))
    return window_of(points, 0.0 if _NO_SHAPE < shape < _LEAST_SHAPE else 0.6)


def _shape(window) -> float:
    """The short side of a window over the long one."""
    short, long = sorted(abs(high - low) for low, high in window)
    return short / long if long > 0 else 1.0


def window_of(
    points: Float[np.ndarray, "m 2"], shape: float = 0.6, margin: float = 0.08
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits around points, with a margin; the short side at least `shape` times the long one."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = (0.5 + margin) * (high - low)
    half = np.maximum(half, shape * half.max())
    half = np.where(half > 0, half, 1.0)
    middle = (low + high) / 2
    (left, bottom), (right, top) = (middle - half).tolist(), (middle + half).tolist()
    return (left, right), (bottom, top)


def draw_streamlines(ax: Axes, fields: tuple[PlanarField, ...], density: float = 0.6) -> None:
    """Streamlines of vector fields within the limits of the axes, faint."""
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    colours = style.colours_of(ax)
    # Half of the spacing that matplotlib's streamplot keeps between lines: the second field is
    # seeded between the first one's lines, and neither hides the other where they agree.
    half_cell = (high - low) / (60 * density)
    for index, field in enumerate(fields):
        shift = index * half_cell
        horizontal, vertical = np.linspace(low - shift, high + shift, 41).T
        velocity = field.velocity(np.stack(np.meshgrid(horizontal, vertical), axis=-1))
        ax.streamplot(
            horizontal,
            vertical,
            velocity[..., 0],
            velocity[..., 1],
            density=density,
            color=field_colour(field, colours),
            linewidth=0.5,
            arrowsize=0.6,
            zorder=1,
        )


def field_colour(field: PlanarField, colours: style.Colours = style.LIGHT) -> style.RGB:
    """The colour of a field's streamlines: that of its weight, made faint."""
    return colours.faint(colours.weights(field.epsilon))


def draw_landmarks(ax: Axes, portrait: Portrait) -> None:
    """θ₀, θ*, θ*₋ and the segment θ(ε) between the two fits."""
    looks = _looks(style.colours_of(ax))
    ax.plot(*portrait.segment.T, **looks["segment"], zorder=2)
    for point, look in (
        (portrait.start, "start"),
        (portrait.full_fit, "full fit"),
        (portrait.deleted_fit, "deleted fit"),
    ):
        ax.plot(*point[:, None], linestyle="none", **looks[look], zorder=5)


def draw_path(ax: Axes, path: Path, name: str, colour=None, above: Sequence[Path] = ()) -> None:
    """One path with rings at its switches and a square at θ(T); by default coloured by ε(t).

    A mark where `above`, the paths drawn after this one, have marks becomes a frame around theirs.
    """
    colours = style.colours_of(ax)
    looks = _looks(colours)
    if colour is None:
        lines = LineCollection(
            np.stack([path.points[:-1], path.points[1:]], axis=1),
            cmap=colours.weights,
            label=name,
            linewidths=1.8,
            capstyle="round",
            zorder=4,
        )
        lines.set(array=path.weights, clim=(0.0, 1.0))
        ax.add_collection(lines, autolim=False)
        colour = colours.ink
    else:
        ax.plot(*path.points.T, color=colour, label=name, zorder=4)
    for points, look in ((path.switches, "switch"), (path.points[-1:], "end")):
        covers = _covers(ax, points, above)
        for count in np.unique(covers):
            mark = {"color": colour, "linestyle": "none", **looks[look], "zorder": 6}
            if count > 0:
                mark["markersize"] = _SIZE + 3.5 * count
                mark |= {"markerfacecolor": "none", "markeredgecolor": colour}
                mark["markeredgewidth"] = 1.1
            ax.plot(*points[covers == count].T, **mark)


def _covers(ax, points, above):
    """How many of the paths above have a mark where each of the points is, to the eye."""
    sides = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    counts = np.zeros(len(points), int)
    for path in above:
        marks = np.concatenate([path.switches, path.points[-1:]])
        away = np.abs(points[:, None, :] - marks[None, :, :]) / sides
        counts += np.any(np.all(away < _NEAR, axis=2), axis=1)
    return counts


def portrait_handles(
    portrait: Portrait, paths: bool = True, colours: style.Colours = style.LIGHT
) -> list[Line2D]:
    """Legend entries: the paths by name (if asked), then what every portrait shows."""
    handles, alone, looks = [], {"linestyle": "none"}, _looks(colours)
    grey = colours.shade(0.3)
    if paths:
        for index, name in enumerate(portrait.paths):
            handles.append(Line2D([], [], color=_colour(colours, index), label=name))
    handles += [
        Line2D([], [], **alone, **looks["start"], label=style.START_NAME),
        Line2D([], [], **alone, **looks["full fit"], label=f"{style.FULL_NAME}, full fit"),
        Line2D([], [], **alone, **looks["deleted fit"], label=f"{style.DELETED_NAME}, deleted fit"),
        Line2D([], [], **looks["segment"], label="θ(ε), 0 ≤ ε ≤ 1"),
        Line2D([], [], **alone, color=grey, **looks["switch"], label="switch of ε(t)"),
        Line2D([], [], **alone, color=grey, **looks["end"], label="θ(T)"),
    ]
    where = ", projected" if portrait.projected else ""
    for field in portrait.fields:
        label = f"field of ε = {field.epsilon:g}{where}"
        colour = field_colour(field, colours)
        handles.append(Line2D([], [], color=colour, linewidth=1.2, label=label))
    return handles


def _colour(colours, index):
    return colours.palette[index % len(colours.palette)]
