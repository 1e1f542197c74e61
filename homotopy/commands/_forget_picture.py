"""The picture of `homotopy forget`: the whole path, and a close-up from the request on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from homotopy.datasets import Dataset
from homotopy.plotting import draw_sampled_portrait, house_style, portrait_plane, sample_portrait
from homotopy.plotting.portrait import (
    draw_landmarks,
    draw_path,
    draw_streamlines,
    portrait_handles,
    window_of,
)
from homotopy.plotting.style import PALETTE
from homotopy.unlearning.comparison import BASELINE, Comparison

DRAWN = (BASELINE, "best single step", "linear decay", "quadratic decay", "never delete")


def write(comparison: Comparison, dataset: Dataset, paths: Sequence[Path]) -> dict:
    """Draw the comparison into image files; returns the plane of the portrait, for the record."""
    schedules = {name: comparison[name].schedule for name in DRAWN}
    if comparison["best single step"].cost == comparison[BASELINE].cost:
        del schedules["best single step"]  # the same schedule, and the same path
    deletion = comparison.deletion
    plane = portrait_plane(deletion, schedules)
    portrait = sample_portrait(deletion, schedules, plane)
    close_up = not portrait.against_time
    with house_style():
        figure = Figure(figsize=(9.5, 3.3) if close_up else (6.5, 4.0), layout="constrained")
        axes = figure.subplots(1, 2 if close_up else 1, squeeze=False)[0]
        draw_sampled_portrait(portrait, axes[0], legend=False)
        if close_up:
            axes[0].set_title("from θ₀ on")
            _draw_close_up(axes[1], portrait)
        figure.legend(handles=portrait_handles(portrait), loc="outside right upper")
        figure.suptitle(_title(deletion, dataset))
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
    which = f"row {rows[0]}" if len(rows) == 1 else f"{len(rows)} rows"
    times = f"asked for at s = {float(deletion.start):g}, judged at T = {float(deletion.horizon):g}"
    # A name is text, not a formula.
    return f"{dataset.name}: forgetting {which}, {times}".replace("$", r"\$")


def _draw_close_up(ax, portrait) -> None:
    """The portrait within the limits of what happens after the request, at time s."""
    points = [portrait.segment]
    for path in portrait.paths.values():
        # All the schedules but "never delete" have their first switch at s or later.
        since = np.flatnonzero((path.points == path.switches[:1]).all(axis=1)) if (
            path.switches.size
        ) else []
        points.append(path.points[since[0] if len(since) else -1 :])
    horizontal, vertical = window_of(np.concatenate(points))
    ax.set(xlim=horizontal, ylim=vertical, xlabel=portrait.labels[0], ylabel=portrait.labels[1])
    ax.set_aspect("equal", adjustable="box")
    ax.set_title("close-up, from s on")
    draw_streamlines(ax, portrait.fields)
    draw_landmarks(ax, portrait)
    for index, (name, path) in enumerate(portrait.paths.items()):
        draw_path(ax, path, name, PALETTE[index % len(PALETTE)])
