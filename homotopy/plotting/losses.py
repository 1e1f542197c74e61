"""Losses of training and validation, epoch by epoch."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from homotopy.plotting import style
from homotopy.plotting.layout import label_axes


def draw_losses(
    training: np.ndarray, validation: np.ndarray, epoch: int, ax: Axes | None = None, **options
) -> Axes:
    """Draw both losses; a ring and a dotted line mark the epoch of least validation loss.

    Parameters
    ----------
    training, validation : (e + 1,)
        After each epoch, from the beginning on.
    epoch : int
        Where training was stopped.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the lines, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colours = style.colours_of(ax)
    epochs = np.arange(len(training))
    for losses, name, colour in (
        (training, "training", colours.palette[0]),
        (validation, "validation", colours.palette[1]),
    ):
        ax.plot(epochs, losses, **{"color": colour, "label": name, **options})
    every = np.concatenate([training, validation])
    if np.all(every > 0.0) and every.max() > 30.0 * every.min():
        ax.set_yscale("log")
    ax.axvline(epoch, color=colours.shade(0.6), linestyle=":", linewidth=0.8, zorder=0)
    ring = {"marker": "o", "markerfacecolor": colours.paper, "color": colours.palette[1]}
    ax.plot(epoch, validation[epoch], linestyle="none", label=f"stopped: {epoch}", **ring)
    label_axes(ax, "epoch", "mean loss")
    ax.legend()
    return ax


def draw_risk(risk: np.ndarray, kept: np.ndarray, ax: Axes | None = None, **options) -> Axes:
    """Draw the risk after each epoch, with dots where θ was kept.

    Parameters
    ----------
    risk : (e + 1,)
        From the beginning on.
    kept : (c,)
        Epochs.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    **options
        Of the line, for `Axes.plot`.
    """
    ax = style.axes_or_new(ax)
    colour = style.colours_of(ax).palette[0]
    ax.plot(np.arange(len(risk)), risk, **{"color": colour, **options})
    known = np.all(np.isfinite(risk)) and np.all(risk > 0.0)
    if known and risk.max() > 30.0 * risk.min():
        ax.set_yscale("log")
    if len(kept):
        dots = {"marker": "o", "markersize": 3.5, "linestyle": "none", "color": colour}
        ax.plot(kept, risk[kept], label="θ kept", **dots)
        ax.legend()
    label_axes(ax, "epoch", "risk")
    return ax
