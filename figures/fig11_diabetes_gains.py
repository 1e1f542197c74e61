"""What the best schedule gains for every patient of the diabetes data, and for groups of them.

Standardised data (442 × 10), θ₀ = 0, time of the sum risk; for all deletions the same times as in
`fig06_diabetes`: T = 2/λ_min of all the data, s = T/10. The gain is ℰ(1_[0,s])/ℰ(optimum), which
is 1 where deleting at once is optimal.

(a) Each of the 442 patients, sorted, coloured by the structure of the optimal ε(t), which is
certified; (b) against |residual| × leverage in the full fit, with crosses for the patients of the
largest such products whose own features are tripled; (c) random groups of 5, 20 and 50 with one
common ε(t), and for some groups of 5 also with a schedule of its own for each patient. For a common
ε(t) the theorem that excludes singular arcs does not hold: where the best bang-bang schedule fails
Pontryagin's condition, the best of 32 cells is taken if it does better. Lines lead up to the
largest gain that the lower bound does not exclude, where one was computed and is not at the gain
itself; an arrow where it excludes none.

In (b) and (c) the gain less 1 is shown, on a logarithmic scale, at the bottom where it is 0: at
these times little but the slowest mode is left, and a single step can let it cross θ*₋ almost
exactly. Huge gains are such crossings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import homotopy as hm
from figures.deletions import (
    REACHED,
    SINGULAR,
    STRUCTURES,
    baseline_cost,
    evidence,
    structure_of,
)
from figures.fig06_diabetes import most_influential
from figures.output import as_numbers, significant, versions
from homotopy.datasets import diabetes, standardise

SEED = 0
SIZES = (5, 20, 50)
MAX_SWITCHES, CELLS = 3, 32
EXTREMAL = 1e-6  # Pontryagin residual above which a group's schedule is not taken for an optimum
INFLUENTIAL, SCALE = 20, 3.0  # patients, and their features times that
MOST_NODES = 8  # of branch and bound for one patient; groups are bounded at the root only
LARGEST_GAIN, MOST_OFTEN = 1e6, 6.0  # shown in (b) and (c), and in (a)
LEAST = 1e-4  # gain less 1 that is told from 0 in (b) and (c)


def compute(fast: bool = False) -> dict:
    """Gains with their evidence. `fast` takes every 40th patient, and few groups of 5 only."""
    dataset, _ = standardise(diabetes())
    _, products = most_influential(dataset.X, dataset.y)
    slowest = float(np.linalg.eigvalsh(dataset.X.T @ dataset.X)[0])
    horizon = 2.0 / slowest
    times = {"start": horizon / 10, "horizon": horizon}
    rows = np.arange(len(dataset.y))[:: 40 if fast else 1]
    problem = hm.LinearRegression(dataset.X, dataset.y, deleted=0)
    theta0 = np.zeros(problem.dimension)
    patients = hm.deletions(problem, theta0, points=rows, **times)
    found = hm.optimise(patients, hm.BangBangs(MAX_SWITCHES))
    search = hm.Everything(max_nodes=MOST_NODES)
    certified = [
        hm.optimise(deletion, search, warm_start=optimum)
        for deletion, optimum in zip(patients, found, strict=True)
    ]
    single = _table(patients, certified)
    gaps = np.array([optimum.gap for optimum in certified])
    excess = [
        one.cost / other.cost - 1
        for one, other in zip(found, certified, strict=True)
        if other.cost > other.resolution
    ]
    chosen = np.argsort(-products[rows], kind="stable")[: 2 if fast else INFLUENTIAL]
    influential = _influential(dataset, rows[chosen], times)
    groups = _groups(problem, theta0, times, fast)
    bounded = [entry for size in groups.values() for entry in size["bounded"]]
    return as_numbers(
        {
            "dataset": dataset.description,
            "seed": SEED,
            "versions": versions(),
            "solver": {
                "search": f"BangBangs({MAX_SWITCHES}), then Everything from what it found, "
                f"{MOST_NODES} nodes at most; groups: Everything at the root only",
                "fraction_certified_to_1e-6": np.mean(gaps <= 1e-6),
                "largest_gap": gaps.max(),
                "largest_pmp_residual": max(optimum.pmp_residual for optimum in certified),
                "largest_excess_of_cost_of_bang_bangs": max(excess),
                "nodes": [optimum.nodes for optimum in certified],
                "largest_gap_of_groups": max(entry["gap"] for entry in bounded),
            },
            **times,
            "rows": rows,
            "products": significant(products[rows]),
            "structures": dict(Counter(single["structure"])),
            "quantiles_of_gain": {
                str(part): np.quantile(single["gain"], part / 100)
                for part in (0, 25, 50, 75, 90, 95, 99, 100)
            },
            "patients": single,
            "influential": influential,
            "groups": groups,
        }
    )


def _influential(dataset, rows, times) -> dict:
    """The same for patients with their own features scaled, and how the certificate closes."""
    deletions, products = [], []
    for row in rows:
        X = np.array(dataset.X)
        X[row] *= SCALE
        deletions.append(
            hm.Deletion(
                hm.LinearRegression(X, dataset.y, deleted=int(row)), np.zeros(X.shape[1]), **times
            )
        )
        products.append(most_influential(X, dataset.y)[1][row])
    optima = [hm.optimise(deletion, hm.Everything()) for deletion in deletions]
    return {
        "rows": rows,
        "scale": SCALE,
        "products": significant(products),
        "nodes": [optimum.nodes for optimum in optima],
        **_table(deletions, optima),
    }


def _table(deletions, optima) -> dict:
    baselines = np.array([baseline_cost(deletion) for deletion in deletions])
    costs = np.array([optimum.cost for optimum in optima])
    return {
        "structure": [structure_of(optimum) for optimum in optima],
        "baseline_cost": significant(baselines, 12),
        "cost": significant(costs, 12),
        "gain": significant(baselines / costs, 12),
        "lower_bound": [optimum.lower_bound for optimum in optima],
        "gap": significant([optimum.gap for optimum in optima]),
    }


def _groups(problem, theta0, times, fast) -> dict:
    """Gains of random groups, and bounds for the first few of each size."""
    generator = np.random.default_rng(SEED)
    count, few = (4, 1) if fast else (24, 2)
    groups = {}
    for size in SIZES[:1] if fast else SIZES:
        members = [
            np.sort(generator.choice(problem.size, size, replace=False)) for _ in range(count)
        ]
        deletions = [hm.Deletion(problem.deleting(rows), theta0, **times) for rows in members]
        optima = hm.optimise(deletions, hm.BangBangs(MAX_SWITCHES))
        bounded, separate = [], []
        for index in range(few):
            deletion, optimum = deletions[index], optima[index]
            better = hm.optimise(deletion, hm.Everything(max_nodes=1), warm_start=optimum)
            baseline = baseline_cost(deletion)
            bounded.append(
                {
                    **evidence(better),
                    "gain": baseline / better.cost,
                    "excess_of_bang_bangs": optimum.cost / better.cost - 1,
                }
            )
            optima[index] = better
            if size == SIZES[0]:
                apart = hm.optimise(deletion, hm.Separately(max_nodes=1), warm_start=better)
                separate.append(
                    {
                        "cost": apart.cost,
                        "lower_bound": apart.lower_bound,
                        "gap": apart.gap,
                        "status": hm.results.OptimumStatus[apart.status],
                        "gain": baseline / apart.cost,
                        "switches": [len(each.breakpoints) for each in apart.schedules],
                    }
                )
        groups[str(size)] = {
            "members": [rows.tolist() for rows in members],
            **_with_singular_arcs(_table(deletions, optima), deletions, optima),
            "bounded": bounded,
            "separate": separate,
        }
    return groups


def _with_singular_arcs(table, deletions, optima) -> dict:
    """The table with the best of equal cells where no bang-bang schedule is an extremal."""
    residuals = np.array([optimum.pmp_residual for optimum in optima])
    failing = np.flatnonzero((residuals > EXTREMAL) & (np.array(table["structure"]) != REACHED))
    table["pmp_residual"] = significant(residuals)
    table["bang_bang_cost"] = table["cost"].copy()
    for index in failing:
        optimum = hm.optimise(deletions[index], hm.Cells(CELLS), warm_start=optima[index])
        if optimum.cost < table["cost"][index]:
            table["gain"][index] *= table["cost"][index] / optimum.cost
            table["cost"][index] = optimum.cost
            table["gap"][index] = 1.0 - table["lower_bound"][index] / optimum.cost
            table["structure"][index] = SINGULAR
            table["pmp_residual"][index] = optimum.pmp_residual
    return table


def draw(data: Mapping, figure: Figure) -> None:
    """Three panels, two columns wide."""
    figure.set_size_inches(7.0, 3.0)
    ranked, against, grouped = figure.subplots(1, 3, width_ratios=(1.0, 1.0, 1.1))
    patients = data["patients"]
    gains = _shown(patients["gain"])
    order = np.argsort(patients["gain"], kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    unsure = np.flatnonzero(np.array(patients["gap"]) > 1e-6)
    for ax, abscissae, less in ((ranked, ranks, 0.0), (against, np.array(data["products"]), 1.0)):
        _scatter(ax, abscissae, gains, patients["structure"], less)
        for index in unsure:
            _headroom(ax, abscissae[index], _entry(patients, index), less)
    more = data["influential"]
    colours = [STRUCTURES[key][1] for key in more["structure"]]
    heights = _height(_shown(more["gain"]), 1.0)
    against.scatter(more["products"], heights, c=colours, zorder=4, **_TRIPLED)
    ranked.set(
        xlabel="patients, sorted by gain", ylabel=r"gain ℰ$(\mathbf{1}_{[0,s]})$ / ℰ(optimum)"
    )
    ranked.set_title(f"(a) each of {len(gains)} patients")
    against.set(xscale="log", xlabel="|residual| × leverage", title="(b) against influence")
    against.set_ylabel("gain − 1")
    for ax in (against, grouped):
        ax.set(yscale="log", ylim=(0.5 * LEAST, 2.5 * LARGEST_GAIN))
        powers = np.arange(round(np.log10(LEAST)) + 1, round(np.log10(LARGEST_GAIN)) + 1)
        names = [f"$10^{{{power}}}$" if power else "1" for power in powers]
        ax.set_yticks([LEAST, *10.0**powers], ["0", *names])
        ax.yaxis.minorticks_off()
    ranked.set(yscale="log", ylim=(0.97, MOST_OFTEN))
    ranked.set_yticks([1, 1.5, 2, 3, 4, 5], ["1", "1.5", "2", "3", "4", "5"])
    ranked.yaxis.minorticks_off()
    beyond = np.sort(gains[gains > MOST_OFTEN])
    if beyond.size:
        ranked.annotate(
            "beyond: " + ", ".join(f"{gain:.0f}×" for gain in beyond),
            (0.98, 0.97), xycoords="axes fraction", ha="right", va="top", fontsize=6.5,
        )  # fmt: skip
    _draw_groups(grouped, data["groups"])
    used = set(patients["structure"]) | set(more["structure"])
    used.update(*(group["structure"] for group in data["groups"].values()))
    handles = [
        Line2D([], [], marker="o", linestyle="none", color=colour, label=_label(key, words))
        for key, (words, colour) in STRUCTURES.items()
        if key in used
    ]
    handles += [
        Line2D([], [], color="0.35", linewidth=1.0, label="not excluded by the bound"),
        Line2D([], [], label="a schedule for each patient", **_SEPARATE),
        Line2D([], [], marker="x", linestyle="none", color="0.35", label="features tripled"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


_SEPARATE = {"marker": "D", "markersize": 4, "linestyle": "none", "color": "black"}
_SEPARATE |= {"markerfacecolor": "white"}
_TRIPLED = {"marker": "x", "s": 18, "linewidths": 1.0}


def _label(key, words):
    return f"{key}: {words}" if key[0] in "01" else words


def _shown(gains):
    # Ratios are 1 to rounding where deleting at once is optimal.
    return np.clip(gains, 1.0, LARGEST_GAIN)


def _entry(table, index):
    return {name: column[index] for name, column in table.items()}


def _height(gain, less):
    """Where a gain is drawn, less 1 or not: 0 at the bottom."""
    return np.maximum(gain - less, LEAST)


def _scatter(ax, abscissae, gains, structures, less):
    structures = np.array(structures)
    for key, (_, colour) in STRUCTURES.items():
        own, beyond = structures == key, gains >= LARGEST_GAIN
        for shape, here in (("o", own & ~beyond), ("^", own & beyond)):
            heights = _height(gains[here], less)
            ax.plot(abscissae[here], heights, shape, color=colour, markersize=2.5, zorder=3)


def _headroom(ax, place, entry, less):
    """From the gain up to the largest one that the lower bound leaves possible."""
    gain, bound = float(_shown(entry["gain"])), entry["lower_bound"]
    most = entry["gain"] * entry["cost"] / bound if bound > 0.0 else np.inf
    low, high = _height(gain, less), _height(most, less)
    if most <= LARGEST_GAIN:
        ax.plot([place, place], [low, high], color="0.35", linewidth=1.0, zorder=2)
        ax.plot(place, high, "_", color="0.35", markersize=4, zorder=2)
    else:
        arrow = {"arrowstyle": "->", "color": "0.35", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (place, 1.5 * LARGEST_GAIN), (place, low), arrowprops=arrow)


def _draw_groups(ax, groups):
    for place, group in enumerate(groups.values()):
        gains = _shown(group["gain"])
        across = place + np.linspace(-0.35, 0.35, len(gains))
        _scatter(ax, across, gains, group["structure"], 1.0)
        for index, entry in enumerate(group["bounded"]):
            _headroom(ax, across[index], entry, 1.0)
        for index, entry in enumerate(group["separate"]):
            height = _height(_shown(entry["gain"]), 1.0)
            ax.plot(across[index], height, zorder=4, **_SEPARATE)
    ax.set_xticks(range(len(groups)), [f"{size}" for size in groups])
    ax.set(xlabel="size of the random group", title="(c) groups, one common ε(t)")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig11_diabetes_gains"]))
