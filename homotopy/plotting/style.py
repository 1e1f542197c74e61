"""The house style: colours with a meaning, and a context in which figures are drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files

import matplotlib as mpl
import matplotlib.style  # mpl.style is not there without it
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb, to_rgba
from matplotlib.layout_engine import LayoutEngine

from homotopy._checks import instance

# Okabe and Ito's colours, distinct under the common colour-vision deficiencies; the yellow, too
# pale for lines on white, is left out.
PALETTE: tuple[str, ...] = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)

# From ε = 0 (dark blue: without the deleted points) to ε = 1 (orange: with them). Its lightness
# increases throughout, so that it survives a grey print.
WEIGHT_COLOURS: Colormap = LinearSegmentedColormap.from_list(
    "weight", ["#123A7A", "#5B5698", "#A5678F", "#D97C5B", "#F2A02B"]
)
WITHOUT, WITH = "#123A7A", "#F2A02B"

# The same order of hues on dark paper, where a dark blue is not seen.
_DARK_WEIGHT_COLOURS: Colormap = LinearSegmentedColormap.from_list(
    "weight on dark", ["#4C7FE0", "#8880D0", "#C2829F", "#E8976B", "#FFB84D"]
)
RGB = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Colours:
    """What can be told from the paper that a picture is drawn on.

    Attributes
    ----------
    paper, ink : (float, float, float)
        The background, and black or white, whichever stands out from it.
    palette : tuple of str
        For lines; the last one is the ink.
    weights : Colormap
        Of ε from 0 to 1.
    wash : float
        Opacity of an area that lies behind lines.
    """

    paper: RGB
    ink: RGB
    palette: tuple[str, ...]
    weights: Colormap
    wash: float

    @property
    def without(self) -> RGB:
        """Of ε = 0."""
        return self.weights(0.0)[:3]

    @property
    def with_points(self) -> RGB:
        """Of ε = 1."""
        return self.weights(1.0)[:3]

    def shade(self, level: float) -> RGB:
        """Between the ink (0) and the paper (1)."""
        return _mixed(self.ink, self.paper, level)

    def faint(self, colour) -> RGB:
        """Halfway between a colour and the paper."""
        return _mixed(to_rgb(colour), self.paper, 0.5)


def _mixed(first: RGB, second: RGB, part: float) -> RGB:
    return tuple((1 - part) * one + part * other for one, other in zip(first, second, strict=True))


LIGHT = Colours((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), PALETTE, WEIGHT_COLOURS, 0.15)


def colours_of(ax: Axes) -> Colours:
    """The colours to draw with on the background that the axes have: `LIGHT` on white."""
    paper = _paper(ax)
    if luminance(paper) > 0.18:  # as far from black as from white, to the eye
        return dataclasses.replace(LIGHT, paper=paper)
    return Colours(paper, (1.0, 1.0, 1.0), (*PALETTE[:-1], "#FFFFFF"), _DARK_WEIGHT_COLOURS, 0.3)


def _paper(ax):
    """The colour seen behind what is drawn: axes and figures may be transparent."""
    text = to_rgb(mpl.rcParams["text.color"])
    paper = np.zeros(3) if luminance(text) > 0.18 else np.ones(3)
    for part in (ax.get_figure(root=True), ax.get_figure(root=False), ax):
        *colour, opacity = to_rgba(part.get_facecolor())
        paper = opacity * np.array(colour) + (1 - opacity) * paper
    return tuple(paper.tolist())


def luminance(colour) -> float:
    """Relative luminance of an sRGB colour, from 0 (black) to 1 (white), as WCAG 2 defines it."""
    parts = np.array(to_rgb(colour))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


# Names as every picture writes them; matplotlib's own mathtext, no LaTeX.
START_NAME, FULL_NAME, DELETED_NAME = "θ₀", "θ*", r"θ*$_{-}$"


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside a `with` block; settings are restored after it.

    Examples
    --------
    >>> import matplotlib
    >>> before = matplotlib.rcParams["font.size"]
    >>> with house_style():
    ...     matplotlib.rcParams["font.size"]
    8.0
    >>> matplotlib.rcParams["font.size"] == before
    True
    """
    with as_file(files("homotopy.plotting") / "homotopy.mplstyle") as path:
        with mpl.style.context(str(path)):
            yield


def axes_or_new(
    ax: Axes | None,
    size: tuple[float, float] | None = None,
    layout: str | LayoutEngine = "constrained",
) -> Axes:
    """The axes given, or those of a new figure of that size in inches."""
    if ax is not None:
        return instance("ax", ax, Axes, "the Axes of matplotlib to draw in")
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=size, layout=layout)
    return ax
