"""Which structure is optimal, and what it gains: over the plane of θ₀, and over s and T.

Upper row: the structure of the optimal ε(t) between the request s and the horizon T, on the
instance of the notes' Figure 4. (a) θ₀ ranges over the plane, with a short horizon, (b) with that
of the notes; (c) s and the time T − s left to forget vary, from the first θ₀ of Figure 4, (d) from
the other one, where for longer times or later requests it is optimal to delete at once. Lower row:
ℰ(1_[0,s])/ℰ(optimum), on a logarithmic scale that is cut off: where θ*₋ itself is reached (black
above) the ratio is infinite, and along curves a single step meets θ*₋ almost exactly. In (d) little
can be gained: a scale of its own.

Every point of the grids is solved by `BangBangs(3)`, all points of a panel at once; on a regular
subset the search over all of E_s starts from what was found, and certifies it or does better.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import homotopy as hm
from figures.deletions import (
    REACHED,
    STRUCTURES,
    deletions_on,
    structure_of,
)
from figures.instance import HORIZON, REQUEST, find_instance
from figures.output import as_numbers, significant, versions
from homotopy.plotting import style

HALF_WIDTH = 4.0  # of the plane of θ₀ shown
SHORT_HORIZON = 1.5
# Largest s and T − s. From the other θ₀ nothing but deleting at once is optimal beyond them.
RANGES = {"c": (2.0, 4.0), "d": (0.5, 1.5)}
LARGEST_GAIN = 1e3  # of the colour scale
MAX_SWITCHES = 3
KEYS = list(STRUCTURES)


def compute(fast: bool = False) -> dict:
    """Structures, costs and gains on four grids, and the certificate on a part of them."""
    instance = find_instance()
    count, every = (13, 6) if fast else (49, 6)
    side = np.linspace(-HALF_WIDTH, HALF_WIDTH, count)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    maps, checks = {}, []

    def add(name, title, theta0, starts, horizons, axes):
        built = deletions_on(instance.problem, theta0, starts, horizons)
        found, check = _solve(*built, count, every)
        maps[name] = {"title": title, **axes, **found}
        checks.append(check)

    for name, horizon in (("a", SHORT_HORIZON), ("b", HORIZON)):
        axes = {"x": side, "y": side, "labels": ["θ₀, first parameter", "θ₀, second parameter"]}
        title = f"s = {REQUEST:g}, T = {horizon:g}"
        add(name, title, plane, REQUEST, horizon, axes)
    for name, theta0 in (("c", instance.theta0), ("d", instance.other_theta0)):
        latest, longest = RANGES[name]
        requests = np.linspace(0.0, latest, count)
        lengths = np.linspace(longest / count, longest, count)
        start, length = (part.ravel() for part in np.meshgrid(requests, lengths))
        axes = {"x": requests, "y": lengths, "labels": ["request s", "time left, T − s"]}
        title = f"θ₀ = ({theta0[0]:.3g}, {theta0[1]:.3g})".replace("-", "−")
        add(name, title, np.tile(theta0, (count**2, 1)), start, start + length, axes)
    total = sum(check["certified_points"] for check in checks)
    return as_numbers(
        {
            "instance": instance.numbers(),
            "fits": {
                "full": instance.problem.full_fit(),
                "deleted": instance.problem.deleted_fit(),
            },
            "versions": versions(),
            "solver": {
                "search": f"BangBangs({MAX_SWITCHES})",
                "certificate": f"Everything, on every {every}th point in both directions",
                "points": len(maps) * count**2,
                "fraction_certified": total / (len(maps) * count**2),
                "certified_points": total,
                "largest_gap": max(check["largest_gap"] for check in checks),
                "structures_changed": sum(check["structures_changed"] for check in checks),
                "largest_excess_of_cost": max(c["largest_excess_of_cost"] for c in checks),
                "largest_pmp_residual": max(c["largest_pmp_residual"] for c in checks),
            },
            "structures": KEYS,
            "maps": maps,
        }
    )


def _solve(deletions, baselines, count, every):
    """Structure and gain of each, and how the certificate judges a part of them."""
    optima = hm.optimise(deletions, hm.BangBangs(MAX_SWITCHES))
    structures = [structure_of(optimum) for optimum in optima]
    costs = np.array([optimum.cost for optimum in optima])
    reached = np.array([structure == REACHED for structure in structures])
    # Zero stands for an infinite gain.
    gains = np.where(reached, 0.0, baselines / np.where(reached, 1.0, costs))
    grid = np.arange(count**2).reshape(count, count)[every // 2 :: every, every // 2 :: every]
    gaps, excess, residuals, changed = [], [], [], 0
    for index in grid.ravel():
        certified = hm.optimise(deletions[index], hm.Everything(), warm_start=optima[index])
        gaps.append(certified.gap)
        changed += structure_of(certified) != structures[index]
        if not reached[index]:
            excess.append(costs[index] / certified.cost - 1.0)
            residuals.append(certified.pmp_residual)
    finite = gains[~reached]
    return (
        {
            "structure": np.array([KEYS.index(key) for key in structures]).reshape(count, count),
            "gain": significant(gains, 5).reshape(count, count),
            "shares": {key: structures.count(key) / len(structures) for key in KEYS},
            "median_gain": np.median(finite),
            "largest_finite_gain": finite.max(),
        },
        {
            "certified_points": grid.size,
            "largest_gap": max(gaps),
            "structures_changed": int(changed),
            "largest_excess_of_cost": max(excess, default=0.0),
            "largest_pmp_residual": max(residuals, default=0.0),
        },
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Structures above gains, two columns wide."""
    figure.set_size_inches(7.0, 4.2)
    grid = figure.subplots(2, len(data["maps"]), sharex="col", sharey="col")
    colours = ListedColormap([STRUCTURES[key][1] for key in data["structures"]])
    norm = LogNorm(1.0, LARGEST_GAIN)
    for (name, panel), (upper, lower) in zip(data["maps"].items(), grid.T, strict=True):
        mesh = {"rasterized": True, "shading": "nearest"}
        structure = np.array(panel["structure"])
        upper.pcolormesh(
            panel["x"], panel["y"], structure, cmap=colours, vmin=-0.5, vmax=len(KEYS) - 0.5, **mesh
        )
        gain = np.array(panel["gain"])
        # Ratios are 1 to rounding where deleting at once is optimal.
        shown = np.where(gain == 0.0, 10 * LARGEST_GAIN, np.maximum(gain, 1.0))
        own = Normalize(1.0, panel["largest_finite_gain"]) if name == "d" else norm
        lower.pcolormesh(panel["x"], panel["y"], shown, cmap="cividis", norm=own, **mesh)
        upper.set_title(f"({name}) {panel['title']}", fontsize=7)
        lower.set_xlabel(panel["labels"][0])
        if name in "acd":
            for ax in (upper, lower):
                ax.set_ylabel(panel["labels"][1])
        reached = np.ma.masked_where(gain > 0.0, np.ones_like(gain))
        black = ListedColormap([STRUCTURES[REACHED][1]])
        lower.pcolormesh(panel["x"], panel["y"], reached, cmap=black, **mesh)
        for ax in (upper, lower):
            ax.set_box_aspect(1)
        if name in "ab":
            _landmarks(upper, data)
            upper.set_xticks([-4, -2, 0, 2, 4])
        elif name == "c":
            largest = f"at most {panel['largest_finite_gain']:.3g}×"
            lower.text(
                0.95, 0.9, largest, transform=lower.transAxes, ha="right", color="white", fontsize=7
            )
        else:
            _own_scale(lower, own)
    used = {key for panel in data["maps"].values() for key, part in panel["shares"].items() if part}
    handles = [
        Patch(color=colour, label=f"{key}: {label}" if key[0] in "01" else label)
        for key, (label, colour) in STRUCTURES.items()
        if key in used
    ]
    for label, marker in (("θ₀ of (c), (d)", _START), (style.DELETED_NAME, _FIT)):
        handles.append(Line2D([], [], label=label, **marker))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    figure.colorbar(
        ScalarMappable(norm, "cividis"),
        ax=grid[1, :],
        label=r"gain ℰ$(\mathbf{1}_{[0,s]})$ / ℰ*",
        extend="max",
        aspect=15,
        pad=0.01,
    )


def _own_scale(ax, norm):
    """A colour bar inside the axes, in a corner where the gain is 1."""
    place = ax.inset_axes((0.42, 0.83, 0.42, 0.05))
    bar = ax.figure.colorbar(ScalarMappable(norm, "cividis"), cax=place, orientation="horizontal")
    bar.set_ticks([norm.vmin, norm.vmax], labels=["1", f"{norm.vmax:.2f}"])
    bar.outline.set_edgecolor("white")
    place.tick_params(colors="white", labelsize=6.5)
    place.set_title("gain", color="white", fontsize=6.5, pad=2, loc="center")


_MARK = {
    "linestyle": "none",
    "color": "white",
    "markeredgecolor": "black",
    "markeredgewidth": 0.6,
}
_START = {**_MARK, "marker": "o", "markersize": 4}
_FIT = {**_MARK, "marker": "*", "markersize": 8}


def _landmarks(ax, data):
    """Where the deleted fit is, and the two θ₀ of Figure 4."""
    for key in ("theta0", "other_theta0"):
        ax.plot(*data["instance"][key], **_START)
    ax.plot(*data["fits"]["deleted"], **_FIT)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig08_synthesis_map"]))
