"""Room on the page: labels that fit along their axes, and a legend that covers no neighbour."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from matplotlib.transforms import Bbox

# Of the room of the axes that a picture must keep for a legend to stand beside it.
_LEAST = 0.2
_LETTERS = (1.0, 0.8, 0.8)  # each time smaller by that factor
_PASSES = 8


class SettledLayout(ConstrainedLayoutEngine):
    """Matplotlib's constrained layout, until it rests.

    One pass leaves labels cut off where the shape of the axes is given: how far they stand from the
    edge of their room depends on the layout itself.
    """

    def execute(self, fig):
        for _ in range(_PASSES):
            before = [ax.get_position().bounds for ax in fig.axes]
            super().execute(fig)
            moved = np.subtract(before, [ax.get_position().bounds for ax in fig.axes])
            if moved.size == 0 or np.max(np.abs(moved)) < 1e-3:
                break


class SpacedLocator(MaxNLocator):
    """Ticks of a linear horizontal axis, as many as have labels that stand apart.

    As matplotlib's `AutoLocator`, which allows every label three letters.
    """

    def __init__(self):
        super().__init__(nbins="auto", steps=[1, 2, 2.5, 5, 10])

    def __call__(self):
        low, high = self.axis.get_view_interval()
        for count in range(int(np.clip(self.axis.get_tick_space(), 1, 9)), 0, -1):
            self.set_params(nbins=count)
            ticks = np.asarray(self.tick_values(low, high))
            if self._apart(ticks[(ticks >= low) & (ticks <= high)], low, high):
                break
        return ticks

    def _apart(self, ticks, low, high):
        if ticks.size < 2:
            return True
        figure = self.axis.get_figure(root=True)
        length = self.axis.axes.transAxes.transform_bbox(Bbox.unit()).width * 72 / figure.dpi
        font = self.axis.get_major_ticks(1)[0].label1.get_fontproperties()
        labels = self.axis.get_major_formatter().format_ticks(ticks)
        widths = np.array([_width(label, font) for label in labels])
        gaps = np.diff(ticks) / (high - low) * length - (widths[1:] + widths[:-1]) / 2
        return bool(np.all(gaps > 0.4 * font.get_size_in_points()))


def _width(label: str, font: FontProperties) -> float:
    """Of a label, in points."""
    # True is matplotlib's own mathematics; "TeX" would call LaTeX.
    return text_to_path.get_text_width_height_descent(label, font, "$" in label)[0]


def label_axes(ax: Axes, horizontal: str, vertical: str) -> None:
    """Label the axes so that neither their names nor the numbers at their ticks run over.

    To be called when their limits are known. A name too long for its axis is broken before its
    parenthesis.
    """
    ax.set(xlabel=horizontal, ylabel=vertical)
    if ax.get_xscale() == "linear":
        ax.xaxis.set_major_locator(SpacedLocator())
    _break_names(ax)
    formatter = ax.yaxis.get_major_formatter()
    if ax.get_yscale() == "linear" and isinstance(formatter, ScalarFormatter):
        ax.ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)


def turn_long_labels(ax: Axes) -> None:
    """Slant the labels below the axes where they are too long to stand side by side."""
    labels = ax.get_xticklabels()
    extents = [label.get_window_extent() for label in labels]
    if any(one.x1 > two.x0 for one, two in itertools.pairwise(extents)):
        texts = [label.get_text().replace("-\n", "-").replace("\n", " ") for label in labels]
        ax.set_xticks(ax.get_xticks(), texts, rotation=30, ha="right", rotation_mode="anchor")


def _break_names(ax: Axes) -> None:
    box = ax.get_position(original=True)
    figure = ax.get_figure(root=False).bbox
    # A power of ten may stand at the right end of the horizontal axis, below it.
    formatter = ax.xaxis.get_major_formatter()
    formatter.format_ticks(ax.get_xticks())
    free = 0.7 if formatter.get_offset() else 1.0
    _break(ax.xaxis.label, free * box.width * figure.width, "width")
    _break(ax.yaxis.label, box.height * figure.height, "height")


def _break(label: Text, room: float, side: str) -> None:
    if getattr(label.get_window_extent(), side) > room:
        label.set_text(label.get_text().replace(" (", "\n("))


def legend_beside(ax: Axes, handles: Sequence[Artist]) -> None:
    """A legend in room taken from the axes, as a colour bar takes it.

    To the right of the picture or below it, where more is left of the picture; in smaller letters
    where too little is, and on the picture where it is too little all the same.
    """
    figure = ax.get_figure(root=False)
    slot = ax.get_position(original=True)
    width, height = slot.width * figure.bbox.width, slot.height * figure.bbox.height
    ax.apply_aspect()
    below = ax.bbox.y0 - ax.get_tightbbox().y0  # labels and ticks
    gap = ax.xaxis.label.get_fontproperties().get_size_in_points() * figure.dpi / 72
    letters = FontProperties(size=mpl.rcParams["legend.fontsize"]).get_size_in_points()

    def legend(columns, **options):
        # Where it stands does not change its size, and the best place takes long to find.
        options = {"fontsize": letters, "borderaxespad": 0.0, "loc": "upper left", **options}
        return ax.legend(handles=handles, ncols=columns, **options)

    for part in _LETTERS:
        letters = part * letters
        sizes = {columns: legend(columns).get_window_extent() for columns in (1, 2, 3)}
        columns = max(count for count in sizes if count == 1 or sizes[count].width <= width)
        beside = _area(ax, width - sizes[1].width - gap, height)
        fits = sizes[columns].width <= width
        under = _area(ax, width, height - sizes[columns].height - below - gap) if fits else 0.0
        if max(beside, under) >= _LEAST * _area(ax, width, height):
            break
    else:
        legend(1, loc="best")
        return
    if beside >= under:
        lengths, distance, shape = (width - sizes[1].width - gap, sizes[1].width), gap, (1, 2)
        columns, place = 1, "center left"
    else:
        # An engine that makes room for labels itself is not to be given it twice.
        engine = ax.get_figure(root=True).get_layout_engine()
        distance = 0.0 if engine is not None and not engine.adjust_compatible else below + gap / 2
        low = sizes[columns].height
        lengths, shape, place = (height - low - distance, low), (2, 1), "lower center"
    room = _divide(ax, shape, lengths, distance)
    ax.set_anchor("E" if shape == (1, 2) else "S")  # next to it, where their shape is given
    anchor = {"bbox_to_anchor": (0.0, 0.0, 1.0, 1.0), "bbox_transform": room.transAxes}
    # The room is kept by axes of its own.
    legend(columns, loc=place, **anchor).set_in_layout(False)


def _area(ax: Axes, width: float, height: float) -> float:
    """Of the picture in a room: less than the room where its shape is given."""
    if width <= 0 or height <= 0:
        return 0.0
    if ax.get_aspect() == "auto":
        return width * height
    shape = ax.get_aspect() * np.ptp(ax.get_ylim()) / np.ptp(ax.get_xlim())
    return min(width, height / shape) ** 2 * shape


def _divide(
    ax: Axes, shape: tuple[int, int], lengths: tuple[float, float], distance: float
) -> Axes:
    """Shrink the axes to the first part of their room; empty axes in the second."""
    figure, across = ax.get_figure(root=False), shape == (1, 2)
    spec = ax.get_subplotspec()
    if spec is not None:
        space = distance / (sum(lengths) / 2)
        ratios = {"width_ratios": lengths, "wspace": space}
        if not across:
            ratios = {"height_ratios": lengths, "hspace": space}
        first, second = spec.subgridspec(*shape, **ratios)
        ax.set_subplotspec(first)
        room = figure.add_subplot(second)
    else:
        x, y, width, height = ax.get_position(original=True).bounds
        part = lengths[1] / (sum(lengths) + distance)
        kept = lengths[0] / (sum(lengths) + distance)
        if across:
            ax.set_position((x, y, kept * width, height))
            box = (x + (1 - part) * width, y, part * width, height)
        else:
            ax.set_position((x, y + (1 - kept) * height, width, kept * height))
            box = (x, y, width, part * height)
        room = figure.add_axes(box)
    room.set_axis_off()
    room.set_label("room of a legend")
    _break_names(ax)
    return room
