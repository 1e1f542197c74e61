"""The house style: colours with a meaning, and a context in which figures are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files

import matplotlib as mpl
import matplotlib.style  # mpl.style is not there without it
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap

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


def axes_or_new(ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    """The axes given, or those of a new figure of that size in inches."""
    if ax is not None:
        return instance("ax", ax, Axes, "the Axes of matplotlib to draw in")
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax
