"""The phase portrait of a deletion: paths over both vector fields, with and without the points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from homotopy._checks import array, flag, instance, positive
from homotopy.plotting import style
from homotopy.plotting.plane import Plane, checked_schedules, portrait_plane
from homotopy.plotting.portrait_data import Path, PlanarField, Portrait, sample_portrait
from homotopy.schedules import AbstractSchedule
from homotopy.unlearning import Deletion

__all__ = [
    "Plane",
    "draw_landmarks",
    "draw_path",
    "draw_portrait",
    "draw_sampled_portrait",
    "draw_streamlines",
    "portrait_handles",
    "portrait_plane",
    "window_of",
]

_SEGMENT = {"color": "0.25", "linewidth": 1.1, "linestyle": (0, (2.5, 1.2))}
_SWITCH = {"marker": "o", "markersize": 4.5, "markerfacecolor": "white", "markeredgewidth": 1.1}
_END = {"marker": "s", "markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.6}
_STAR = {"marker": "*", "markersize": 9, "markeredgecolor": "black", "markeredgewidth": 0.5}
_START = {"marker": "o", "markersize": 4.5, "color": "black"}
_FULL_FIT = {**_STAR, "markerfacecolor": style.WITH}
_DELETED_FIT = {**_STAR, "markerfacecolor": style.WITHOUT}


def draw_portrait(
    deletion: Deletion,
    schedules: Mapping[str, AbstractSchedule],
    ax: Axes | None = None,
    plane: Plane | None = None,
    legend: bool = True,
) -> Axes:
    """Draw the paths of schedules over the vector fields of ε = 1 and ε = 0.

    The flow follows the orange streamlines while ε = 1 and the blue ones while ε = 0. Rings mark
    switch times, squares θ(T), stars the fits with and without the deleted points.

    For d > 2 the paths are projected onto the plane. The fields are then those at its points,
    projected; away from the plane they differ, so that paths need not follow them exactly, and
    the legend says "projected". For d = 1 the parameter is drawn against time.

    Parameters
    ----------
    deletion : Deletion
    schedules : mapping of str to AbstractSchedule
        By the names that the legend gives them.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    plane : Plane, optional
        `portrait_plane(deletion, schedules)` by default.
    legend : bool
        Whether to add a legend, to the right of the axes; in a new figure it is the figure's.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        For no schedule.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1, 0], [0, 1], [1, 1]], [0, 1, 3], deleted=2)
    >>> deletion = hm.Deletion(problem, [2.0, 2.0], start=0.5, horizon=2.0)
    >>> ax = draw_portrait(deletion, {"at once": hm.Step(0.5), "later": hm.Step(1.0)})
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('θ₁', 'θ₂')
    """
    checked_schedules(deletion, schedules)
    if ax is not None:
        style.axes_or_new(ax)
    flag("legend", legend)
    return draw_sampled_portrait(sample_portrait(deletion, schedules, plane), ax, legend)


def draw_sampled_portrait(
    portrait: Portrait,
    ax: Axes | None = None,
    legend: bool = True,
    window: tuple[tuple[float, float], tuple[float, float]] | None = None,
    density: float = 0.6,
) -> Axes:
    """As `draw_portrait`, of numbers sampled before.

    Parameters
    ----------
    portrait : Portrait
    ax, legend
        As for `draw_portrait`.
    window : ((float, float), (float, float)), optional
        Limits of the two axes; by default they hold everything.
    density : float
        Of the streamlines.
    """
    instance("portrait", portrait, Portrait, "the result of sample_portrait(deletion, schedules)")
    flag("legend", legend)
    positive("density", density)
    if window is not None:
        window = np.asarray(
            array("window", window, "limits ((left, right), (bottom, top))", lambda s: s == (2, 2))
        )
    own_figure = ax is None
    ax = style.axes_or_new(ax, (5.8, 3.6) if legend else None)
    ax.set(xlabel=portrait.labels[0], ylabel=portrait.labels[1])
    if window is None:
        window = window_of(portrait.extent, 0.0 if portrait.against_time else 0.6)
    ax.set(xlim=window[0], ylim=window[1])
    if not portrait.against_time:
        # The same unit on both axes: angles are those of parameter space.
        ax.set_aspect("equal", adjustable="box")
    draw_streamlines(ax, portrait.fields, density)
    draw_landmarks(ax, portrait)
    for colour, (name, path) in zip(_colours(portrait), portrait.paths.items(), strict=True):
        draw_path(ax, path, name, colour)
    if legend:
        handles = portrait_handles(portrait)
        if own_figure:
            # Known to the layout of the figure, whatever the shape of the axes.
            ax.figure.legend(handles=handles, loc="outside right upper")
        else:
            beside = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0}
            ax.legend(handles=handles, **beside)
    return ax


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
            color=field_colour(field),
            linewidth=0.5,
            arrowsize=0.6,
            zorder=1,
        )


def field_colour(field: PlanarField) -> tuple[float, float, float]:
    """The colour of a field's streamlines: that of its weight, made faint."""
    return tuple(0.5 * part + 0.5 for part in to_rgb(style.WEIGHT_COLOURS(field.epsilon)))


def draw_landmarks(ax: Axes, portrait: Portrait) -> None:
    """θ₀, θ*, θ*₋ and the segment θ(ε) between the two fits."""
    ax.plot(*portrait.segment.T, **_SEGMENT, zorder=2)
    for point, marker in (
        (portrait.start, _START),
        (portrait.full_fit, _FULL_FIT),
        (portrait.deleted_fit, _DELETED_FIT),
    ):
        ax.plot(*point[:, None], linestyle="none", **marker, zorder=5)


def draw_path(ax: Axes, path: Path, name: str, colour: str | None = None) -> None:
    """One path with rings at its switches and a square at θ(T); by default coloured by ε(t)."""
    if colour is None:
        lines = LineCollection(
            np.stack([path.points[:-1], path.points[1:]], axis=1),
            cmap=style.WEIGHT_COLOURS,
            label=name,
            linewidths=1.8,
            capstyle="round",
            zorder=4,
        )
        lines.set(array=path.weights, clim=(0.0, 1.0))
        ax.add_collection(lines, autolim=False)
        colour = "black"
    else:
        ax.plot(*path.points.T, color=colour, label=name, zorder=4)
    ax.plot(*path.switches.T, color=colour, linestyle="none", **_SWITCH, zorder=6)
    ax.plot(*path.points[-1:].T, color=colour, linestyle="none", **_END, zorder=6)


def portrait_handles(portrait: Portrait, paths: bool = True) -> list[Line2D]:
    """Legend entries: the paths by name (if asked), then what every portrait shows."""
    handles, alone = [], {"linestyle": "none"}
    if paths:
        for colour, name in zip(_colours(portrait), portrait.paths, strict=True):
            handles.append(Line2D([], [], color=colour, label=name))
    handles += [
        Line2D([], [], **alone, **_START, label=style.START_NAME),
        Line2D([], [], **alone, **_FULL_FIT, label=f"{style.FULL_NAME}, full fit"),
        Line2D([], [], **alone, **_DELETED_FIT, label=f"{style.DELETED_NAME}, deleted fit"),
        Line2D([], [], **_SEGMENT, label="θ(ε), 0 ≤ ε ≤ 1"),
        Line2D([], [], **alone, color="0.3", **_SWITCH, label="switch of ε(t)"),
        Line2D([], [], **alone, color="0.3", **_END, label="θ(T)"),
    ]
    where = ", projected" if portrait.projected else ""
    for field in portrait.fields:
        label = f"field of ε = {field.epsilon:g}{where}"
        handles.append(Line2D([], [], color=field_colour(field), linewidth=1.2, label=label))
    return handles


def _colours(portrait):
    return [style.PALETTE[index % len(style.PALETTE)] for index in range(len(portrait.paths))]
