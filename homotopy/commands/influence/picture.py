"""The picture of `homotopy influence`: predictions against refits, leverage against residuals."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from homotopy._wording import listed
from homotopy.commands.influence.fit import LOGISTIC, SOFTMAX
from homotopy.commands.influence.numbers import Influences
from homotopy.commands.shared.console import row_name
from homotopy.plotting import house_style
from homotopy.plotting.style import PALETTE

_BLUE, _ORANGE, _GREY = PALETTE[0], PALETTE[1], "0.55"
_NAMES = {
    "own_loss_change": "change of the deleted row's own loss",
    "test_loss_change": "change of the mean test loss",
    "parameter_change": "length ‖Δ‖ of the parameters' change",
}
_RESIDUALS = {
    LOGISTIC: "residual: class − probability",
    SOFTMAX: "residual: 1 − probability of the class",
}
_LABELLED = 12  # rows, at most, in each panel


def write(influences: Influences, change: str, paths: Sequence[Path]) -> None:
    """Draw into image files; `change` is the one that is compared with refits."""
    fit = influences.fit
    with house_style():
        figure = Figure(figsize=(7.2, 3.7), layout="constrained")
        compared, scattered = figure.subplots(1, 2)
        points = [
            _draw_comparison(compared, influences, change),
            _draw_rows(scattered, influences),
        ]
        figure.legend(handles=_handles(influences, scattered), loc="outside lower center", ncols=3)
        # A name is text, not a formula.
        figure.suptitle(f"{fit.original.name}: what deleting a row changes".replace("$", r"\$"))
        figure.draw_without_rendering()
        for axes, positions in zip((compared, scattered), points, strict=True):
            _label(axes, influences, positions)
        figure.set_layout_engine("none")  # everything has its place now
        for path in paths:
            # No date in the file: the same run gives the same bytes.
            metadata = {"CreationDate": None} if path.suffix == ".pdf" else None
            figure.savefig(path, metadata=metadata)


def _draw_comparison(axes, influences, change):
    """Predicted against true of the refitted rows, and the diagonal."""
    fit = influences.fit
    predicted = influences.columns[f"{change}_predicted"]
    true = influences.columns[f"{change}_true"]
    # A row that moves nothing but rounding would stretch logarithms over thirty decades.
    drawn = np.flatnonzero(np.isfinite(influences.columns[f"{change}_ratio"]))
    both = np.concatenate([predicted[drawn], true[drawn]])
    logarithmic = drawn.size > 0 and both.min() > 0 and both.max() > 5 * both.min()
    if logarithmic:
        _use_logarithms(axes, decades=both.max() > 100 * both.min())
    top = set(influences.ranked)
    for row in drawn.tolist():
        _mark(axes, true[row], predicted[row], 22, row in top)
    if drawn.size:
        low, high = both.min(), both.max()
        if logarithmic:
            factor = max((high / low) ** 0.08, 1.2)
            limits = low / factor, high * factor
        else:
            margin = 0.08 * (high - low) or 1.0
            limits = low - margin, high + margin
        axes.plot(limits, limits, color=_GREY, lw=0.8, zorder=0)
        axes.set(xlim=limits, ylim=limits)
    else:
        none = "no refit moves but by rounding" if np.isfinite(true).any() else "no row has a refit"
        axes.text(0.5, 0.5, none, ha="center", transform=axes.transAxes)
    unit = "standardised units" if change == "parameter_change" or fit.linear else "nats"
    axes.set_title(_NAMES[change])
    missing = [row for row in sorted(influences.statuses) if not np.isfinite(true[row])]
    missing = [row_name(fit.original, row).replace("$", r"\$") for row in missing]
    none = f"; none without {listed(missing, limit=3, word='row')}" if missing else ""
    axes.set_xlabel(f"true, by a refit ({unit}){none}")
    axes.set_ylabel(f"predicted ({unit})")
    return {row: (true[row], predicted[row]) for row in drawn.tolist()}


def _use_logarithms(axes, decades):
    """Logarithmic axes with ticks at decades, or at 1, 2 and 5 where the range is short."""
    axes.set(xscale="log", yscale="log")
    if decades:
        return
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())


def _draw_rows(axes, influences):
    """Leverage against residual of all rows, with contours of Cook's distance where it is known."""
    fit = influences.fit
    columns = influences.columns
    leverage, residual = columns["leverage"], columns["residual"]
    weighted = fit.linear and fit.original.weights is not None
    if weighted:  # of one variance, as Cook's distance has them
        residual = np.sqrt(fit.original.weights) * residual
    sizes = columns["parameter_change_predicted"]
    areas = 2 + 60 * sizes / (sizes.max() or 1.0)
    top, high, others = _groups(influences)
    axes.scatter(leverage[others], residual[others], s=areas[others], color=_GREY, alpha=0.6, lw=0)
    for row in sorted(top | high):
        _mark(axes, leverage[row], residual[row], areas[row], row in top)
    axes.axhline(0.0, color=_GREY, lw=0.6, zorder=0)
    reach = 1.15 * np.abs(residual).max()
    low = -0.05 * reach if fit.loss == SOFTMAX else -reach
    axes.set(xlim=(0.0, 1.12 * leverage.max()), ylim=(low, reach))
    if "cooks_distance" in columns:
        _draw_contours(axes, fit)
    axes.set_title("all rows; area ∝ predicted ‖Δ‖")
    axes.set_xlabel("leverage")
    of = "√weight · residual" if weighted else "residual"
    axes.set_ylabel(f"{of} (standardised units)" if fit.linear else _RESIDUALS[fit.loss])
    return {row: (leverage[row], residual[row]) for row in sorted(top | high)}


def _draw_contours(axes, fit):
    """Where Cook's distance has a value: of ê² P/((1 − P)² d σ̂²)."""
    right, reach = axes.get_xlim()[1], axes.get_ylim()[1]
    P = np.linspace(0.0, min(right, 1.0), 400)[1:-1]
    size, d = fit.problem.X.shape
    scale = np.sqrt(d * fit.diagnostics.sigma2 * (1 - P) ** 2 / P)
    for value, name, style in ((4 / size, "4/n", "--"), (1.0, "1", ":")):
        residual = np.sqrt(value) * scale
        if (value == 1.0 and 4 / size >= 1.0) or not (residual < reach).any():
            continue
        for sign in (1, -1):
            label = f"Cook's distance {name}" if sign > 0 else None
            axes.plot(P, sign * residual, color="0.25", lw=0.8, ls=style, label=label, zorder=0)


def _mark(axes, x, y, area, ranked):
    style = {"color": _ORANGE, "lw": 0} if ranked else {"facecolor": "none", "edgecolor": _BLUE}
    axes.scatter([x], [y], s=area, zorder=3 if ranked else 2, **style)


def _groups(influences):
    """The most influential rows, those of highest leverage that are not among them, the others."""
    top = set(influences.ranked)
    high = set(influences.highest_leverage) - top
    rows = range(len(influences.columns["row"]))
    return top, high, [row for row in rows if row not in top | high]


def _handles(influences, scattered):
    """Of what is drawn."""
    _, high, others = _groups(influences)
    marker = {"ls": "", "marker": "o", "markersize": 4.5}
    blue = Line2D([], [], color=_BLUE, markerfacecolor="none", **marker, label="highest leverage")
    grey = Line2D([], [], color=_GREY, markeredgewidth=0, **marker, label="other rows")
    return [
        Line2D([], [], color=_ORANGE, markeredgewidth=0, **marker, label="most influential"),
        *([blue] if high else []),
        Line2D([], [], color=_GREY, lw=0.8, label="predicted = true"),
        *([grey] if others else []),
        *scattered.get_legend_handles_labels()[0],
    ]


def _label(axes, influences, positions):
    """Rows' names beside the foremost points, of those that stand apart and have room."""
    half = _LABELLED // 2
    foremost = dict.fromkeys([*influences.ranked[:half], *influences.highest_leverage[:half]])
    frame, points = axes.get_window_extent(), axes.figure.dpi / 72
    shown = {row: axes.transData.transform(at) for row, at in positions.items()}
    taken, labelled = [], set()
    for row in foremost:
        same = {row, *influences.twins(row)} & set(shown)  # at one point, with one label
        others = np.array([at for other, at in shown.items() if other not in same]).reshape(-1, 2)
        if row not in shown or same & labelled:
            continue
        if (np.hypot(*(others - shown[row]).T) < 7 * points).any():
            continue
        for dx, dy, ha, va in _AROUND:
            text = axes.annotate(
                _called(influences, sorted(same)),
                positions[row],
                (dx, dy),
                textcoords="offset points",
                ha=ha,
                va=va,
                fontsize=6.5,
                color="0.15",
                zorder=4,
                path_effects=[withStroke(linewidth=1.5, foreground="white")],
            )
            box = text.get_window_extent()
            inside = frame.containsx(box.x0) and frame.containsx(box.x1)
            inside = inside and frame.containsy(box.y0) and frame.containsy(box.y1)
            around = box.padded(3 * points)
            free = not any(box.overlaps(other) for other in taken)
            if inside and free and not any(around.contains(*other) for other in others):
                taken.append(box)
                labelled |= same
                break
            text.remove()


def _called(influences, rows) -> str:
    names = [row_name(influences.fit.original, row) for row in rows]
    # A name is text, not a formula.
    return listed(names, limit=3).replace("$", r"\$")


# Where a label may stand: its offset in points, and how it is aligned there.
_AROUND = (
    (6, 0, "left", "center"),
    (-6, 0, "right", "center"),
    (0, 6, "center", "bottom"),
    (0, -6, "center", "top"),
    (5, 5, "left", "bottom"),
    (-5, 5, "right", "bottom"),
    (5, -5, "left", "top"),
    (-5, -5, "right", "top"),
)
