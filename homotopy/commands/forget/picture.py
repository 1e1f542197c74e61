"""The picture of `homotopy forget`: the whole path, and a close-up from the request on."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context, rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from homotopy.datasets import Dataset
from homotopy.deletion import portrait as portrait_of
from homotopy.deletion import portrait_plane
from homotopy.deletion.comparison import BASELINE, OPTIMUM, Comparison
from homotopy.plotting import house_style
from homotopy.plotting.layout import SettledLayout
from homotopy.plotting.portrait import portrait_handles, portrait_window
from homotopy.schedules.sampling import sampling_times

DRAWN = (BASELINE, "best single step", "linear decay", "quadratic decay", "never delete", OPTIMUM)
_ROOM = 24  # characters on an axis
_SAME = 2e-3  # of the close-up's size, under half a pixel


def write(comparison: Comparison, dataset: Dataset, paths: Sequence[Path]) -> dict:
    """Draw the comparison into image files; returns the plane of the portrait, for the record."""
    compared = {entry.name: entry.schedule for entry in comparison.entries}
    schedules = {name: compared[name] for name in DRAWN if name in compared}
    if comparison["best single step"].cost == comparison[BASELINE].cost:
        del schedules["best single step"]  # the same schedule, and the same path
    deletion = comparison.deletion
    plane = portrait_plane(deletion, schedules)
    portrait = portrait_of(deletion, schedules, plane=plane)
    portrait = _with_shared_paths(portrait, schedules, deletion)
    labels = _labels(plane, deletion.problem.parameter_names, portrait.against_time)
    portrait = dataclasses.replace(portrait, labels=labels)
    close_up = not portrait.against_time
    with house_style():
        size = (9.5, 3.3) if close_up else (6.5, 4.0)
        figure = Figure(size, dpi=rcParams["savefig.dpi"], layout="none")
        FigureCanvasAgg(figure)  # which knows how large labels are
        axes = figure.subplots(1, 2 if close_up else 1, squeeze=False)[0]
        # Marks that lie on each other here stand apart in the close-up.
        portrait.plot(axes[0], legend=False, frames=not close_up)
        if close_up:
            axes[0].set_title("from θ₀ on")
            window = portrait_window(_after_request(portrait))
            portrait.plot(axes[1], legend=False, window=window)
            axes[1].set_title("close-up, from s on")
        figure.legend(handles=portrait_handles(portrait), loc="outside right upper")
        figure.suptitle(_title(deletion, dataset))
        SettledLayout().execute(figure)
        # With a layout of its own the figure would be drawn twice for each file.
        with rc_context({"figure.constrained_layout.use": False}):
            for path in paths:
                # No date in the file: the same run gives the same bytes.
                metadata = {"CreationDate": None} if path.suffix == ".pdf" else None
                figure.savefig(path, metadata=metadata)
    return {
        "centre": plane.centre,
        "directions": plane.directions,
        "variance_fractions": plane.fractions,
    }


def _title(deletion, dataset) -> str:
    rows = np.asarray(deletion.problem.deleted).tolist()
    which = dataset.row_label(rows[0]) if len(rows) == 1 else f"{len(rows)} rows"
    times = f"asked for at s = {float(deletion.start):g}, judged at T = {float(deletion.horizon):g}"
    # A name is text, not a formula.
    return f"{dataset.name}: forgetting {which}, {times}".replace("$", r"\$")


def _labels(plane, names, against_time) -> tuple[str, str]:
    """The axes in terms of parameters, by name."""
    names = [name.replace("$", r"\$") for name in names]
    if against_time:
        return "time t", names[0]
    if plane.is_identity:
        return names[0], names[1]
    return tuple(
        f"{_combination(direction, names)}\n{label[label.index('(') :]}"
        for direction, label in zip(plane.directions, plane.labels, strict=True)
    )


def _combination(direction, names) -> str:
    """The largest parts of a direction, as many as an axis has room for."""
    order = np.argsort(-np.abs(direction), kind="stable")
    parts = [i for i in order if abs(direction[i]) >= 0.005]
    text = ""
    for count, i in enumerate(parts):
        sign = ("− " if text else "−") if direction[i] < 0 else "+ " if text else ""
        term = f"{sign}{abs(direction[i]):.2f} {names[i]}"
        if text and len(text) + len(term) > _ROOM:
            return f"{text} + …"
        text = f"{text} {term}" if count else term
    return text


def _with_shared_paths(portrait, schedules, deletion):
    """Paths that are the same to the eye as one, under both names: the later would hide the other.

    They are compared at the same times, from the request on, on the scale of the close-up.
    """
    horizon = float(deletion.horizon)
    scale = _SAME * np.ptp(_after_request(portrait), axis=0).max()
    names, kept = {}, {}
    for name, path in portrait.paths.items():
        times = sampling_times(schedules[name], horizon)
        for other in kept:
            others = sampling_times(schedules[other], horizon)
            at = np.stack([np.interp(times, others, x) for x in kept[other].points.T], axis=1)
            if np.abs(at - path.points).max() < scale:
                names[other] += f", {name}"
                break
        else:
            names[name], kept[name] = name, path
    return dataclasses.replace(portrait, paths={names[name]: kept[name] for name in kept})


def _after_request(portrait) -> np.ndarray:
    """Points that the close-up must hold: both fits, and every path from the request on."""
    points = [portrait.segment]
    for path in portrait.paths.values():
        # The first switch comes at s or later; "never delete" has none, and counts by its end.
        switched = (path.points == path.switches[:1]).all(axis=1) if len(path.switches) else [False]
        since = np.flatnonzero(switched)
        points.append(path.points[since[0] if since.size else -1 :])
    return np.concatenate(points)
