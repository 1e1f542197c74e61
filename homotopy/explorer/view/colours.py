"""Colours of the page: those of the figures, with enough contrast for text and lines on white."""

from matplotlib.colors import to_hex

from homotopy.plotting.style import PALETTE, WEIGHT_COLOURS, WITH, WITHOUT

INK, GREY, FAINT = "#1A1A1A", "#595959", "#C4C4C4"
WEIGHTS = [to_hex(WEIGHT_COLOURS(level / 255)) for level in range(256)]
DELETED, FULL = WITHOUT, WITH
ALERT, ALERT_PAPER = "#8B0000", "#FDECEA"
ACCENT = PALETTE[0]
# Of the structures of a synthesis map, in the order of its keys.
STRUCTURES = ["#BDBDBD", PALETTE[0], PALETTE[4], PALETTE[2], PALETTE[3], "#000000", PALETTE[5]]
