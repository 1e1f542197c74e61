"""An optimal schedule and why it is optimal: ε(t), v(t), σ(t) and φ(t) below each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from homotopy.plotting import style

# Of the largest value of a factor: what it may be at a switch and still count as zero there.
_ZERO = 1e-5
LABELS = ("weight ε(t)", "residual v(t)", "σ(t) = xᵀp(t)", "φ(t) = σ·v")


@dataclasses.dataclass(frozen=True, eq=False)
class OptimumCurves:
    """All that the picture of an optimum shows.

    Attributes
    ----------
    start, horizon : float
        s and T.
    times : (m,)
        From 0 to T, with the switches among them.
    weights : (m - 1,)
        ε(t) in the middle of each step between two times.
    residual, sigma : (m, g)
        v(t) and σ(t) of every deleted point; g = 0 where the model is not linear.
    switching_function : (m,)
        φ(t).
    switches : (k,)
        Where ε jumps, from s on and before T.
    """

    start: float
    horizon: float
    times: Float[np.ndarray, " m"]
    weights: Float[np.ndarray, " m-1"]
    residual: Float[np.ndarray, "m g"]
    sigma: Float[np.ndarray, "m g"]
    switching_function: Float[np.ndarray, " m"]
    switches: Float[np.ndarray, " k"]

    def numbers(self) -> dict:
        """As lists, for a JSON file; `from_numbers` reads them back."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_numbers(cls, numbers: Mapping) -> OptimumCurves:
        """The curves from what `numbers` gave."""
        names = [field.name for field in dataclasses.fields(cls)]
        values = {name: np.asarray(numbers[name], dtype=float) for name in names}
        return cls(**values | {name: float(numbers[name]) for name in ("start", "horizon")})

    def vanishing(self, factor: Float[np.ndarray, "m g"]) -> Float[np.ndarray, " j"]:
        """The switches inside (s, T) at which one of the deleted points has that factor zero."""
        free = self.times >= self.start
        scale = np.max(np.abs(factor[free]), axis=0)
        at = np.abs(factor[np.searchsorted(self.times, self.switches)])
        inside = (self.switches > self.start) & (self.switches < self.horizon)
        return self.switches[inside & np.any(at <= _ZERO * scale, axis=1)]


def draw_optimum_curves(
    curves: OptimumCurves, axes: Axes | Iterable[Axes] | None = None
) -> list[Axes]:
    """Draw ε, v, σ and φ = σ·v against time, below each other; ε and φ if not of a linear model.

    Where φ > 0, on an orange background, an optimal ε is 1; where φ < 0, on blue, it is 0. Before
    the request at s, on grey, nothing can be chosen. Dotted lines mark the switches; a ring marks
    the factor that vanishes there: v, the deleted point's residual, or σ, what it sees of the
    costate.

    Parameters
    ----------
    curves : OptimumCurves
    axes : four Axes (or two), optional
        Those of a new figure by default. In a single one ε is drawn, on the colours of φ's sign.

    Raises
    ------
    ValueError
        Naming `ax`, where there are as many as there are no curves for.
    """
    linear = curves.residual.shape[1] > 0
    if axes is None:
        from matplotlib import pyplot

        rows, height = (4, 5.2) if linear else (2, 3.0)
        _, axes = pyplot.subplots(rows, 1, sharex=True, figsize=(3.4, height), layout="constrained")
    axes = [axes] if isinstance(axes, Axes) else list(axes)
    labels = LABELS if linear else (LABELS[0], "φ(t) = p·∇ℓ")
    if len(axes) not in (1, len(labels)):
        raise ValueError(
            f"ax: expected {len(labels)} Axes, or one for ε(t) alone, got {len(axes)}."
        )
    weight, factors, switching = axes[0], axes[1:-1], axes[-1]
    alone = len(axes) == 1
    colours = style.colours_of(weight)
    times, free = curves.times, curves.times >= curves.start
    weight.plot(
        np.repeat(times, 2)[1:-1], np.repeat(curves.weights, 2), color=colours.ink, clip_on=False
    )
    weight.set(ylim=(-0.05, 1.05), yticks=(0, 1))
    ring = {**_RING, "color": colours.ink, "markerfacecolor": colours.paper}
    lines = [*colours.palette[:1], *colours.palette[2:]]
    for ax, factor in zip(factors, (curves.residual, curves.sigma), strict=linear and not alone):
        for index, column in enumerate(factor.T):
            ax.plot(times, column, color=lines[index % len(lines)])
        vanishing = curves.vanishing(factor)
        ax.plot(vanishing, np.zeros_like(vanishing), **ring)
        _limit(ax, factor[free])
    if not alone:
        switching.plot(times, curves.switching_function, color=colours.ink)
        _limit(switching, curves.switching_function[free])
    _shade(switching, curves, colours)
    for ax, label in zip(axes, labels, strict=not alone):
        ax.set(ylabel=label, xlim=(0.0, curves.horizon))
        ax.xaxis.set_major_locator(MaxNLocator(4))
        if ax is not weight:
            ax.axhline(0.0, color=colours.shade(0.4), linewidth=0.6, zorder=1)
            ax.yaxis.set_major_locator(MaxNLocator(4))
            ax.ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)
        if curves.start > 0:
            ax.axvspan(0.0, curves.start, color=colours.shade(0.9), lw=0, zorder=0)
        for switch in curves.switches[curves.switches > curves.start]:
            ax.axvline(switch, color=colours.shade(0.3), linestyle=":", linewidth=0.9, zorder=1)
    switching.set_xlabel("time t")
    return axes


_RING = {
    "marker": "o",
    "linestyle": "none",
    "markeredgewidth": 1.0,
    "markersize": 4.5,
    "zorder": 5,
}


def _limit(ax, values):
    """Limits for what is seen from s on, zero among it: before s, v may be far larger."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    margin = 0.1 * (high - low) or 1.0
    ax.set_ylim(low - margin, high + margin)


def _shade(ax, curves, colours):
    """What Pontryagin's principle asks for, as a background: orange for ε = 1, blue for ε = 0."""
    times, values, across = curves.times, curves.switching_function, ax.get_xaxis_transform()
    middle = (values[1:] + values[:-1]) / 2
    steps = np.append(middle, middle[-1:])
    for sign, colour in ((1.0, colours.with_points), (-1.0, colours.without)):
        shown = (times >= curves.start) & (sign * steps > 0)
        area = {"color": colour, "alpha": colours.wash, "lw": 0}
        ax.fill_between(times, 0, 1, shown, step="post", transform=across, **area)
