"""How the certificate closes, and what a direct method leaves.

Instances that need branching, the hardest among 40 random ones with d = 8 parameters
(`figures.deletions.random_deletion`). (a) (ℰ* − lower bound)/ℰ* against the number of evaluations
of the dual, for searches that were stopped after 1, 2, 4, … nodes; ℰ* is the certified optimum.
(b) By how much the best schedule on N equal cells exceeds it, with the gap of the certificate
beside it: below that line nothing is proved. A plateau is no mistake: a cell takes a value between
0 and 1 only if φ changes its sign near the middle of it; else the switch stays on its edge, and
halving the cells brings no edge nearer. Nor has a larger N to be better, unless it is a multiple of
the smaller one: 48 cells have no edge where one of 32 lies near a switch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import homotopy as hm
from figures.deletions import baseline_cost, evidence, random_deletion
from figures.output import as_numbers, versions
from homotopy.plotting import style

DIMENSION, SPAN, GAP = 8, 2.0, 1e-6
SEEDS = {6: 0.0, 14: 0.0, 7: 0.2}  # and s/T
CELLS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48)


def compute(fast: bool = False) -> dict:
    """Bounds after so many nodes, and the best of N cells, for each instance."""
    seeds = dict(list(SEEDS.items())[:2] if fast else SEEDS.items())
    cells = (8, 16) if fast else CELLS
    deletions = [random_deletion(seed, DIMENSION, SPAN, part) for seed, part in seeds.items()]
    optima = [hm.optimise(deletion, hm.Everything(gap=GAP)) for deletion in deletions]
    # One by one: side by side, all would wait for the slowest.
    discrete = {
        count: [hm.optimise(deletion, hm.Cells(count)) for deletion in deletions] for count in cells
    }
    instances = {}
    for index, (seed, deletion, optimum) in enumerate(zip(seeds, deletions, optima, strict=True)):
        stopped, nodes = [], 1
        while nodes < optimum.nodes:
            stopped.append(hm.optimise(deletion, hm.Everything(gap=GAP, max_nodes=nodes)))
            nodes *= 4 if fast else 2
        stopped.append(optimum)
        instances[str(seed)] = {
            "seed": seed,
            "start": deletion.start,
            "horizon": deletion.horizon,
            "baseline_cost": baseline_cost(deletion),
            "optimum": evidence(optimum),
            "nodes": [each.nodes for each in stopped],
            "evaluations": [each.evaluations for each in stopped],
            "costs": [each.cost for each in stopped],
            "lower_bounds": [each.lower_bound for each in stopped],
            "cells": list(cells),
            "cell_costs": [found[index].cost for found in discrete.values()],
            "cell_status": [hm.results.OptimumStatus[f[index].status] for f in discrete.values()],
        }
    return as_numbers(
        {
            "rule": " ".join(random_deletion.__doc__.split()),
            "seed": list(seeds),
            "dimension": DIMENSION,
            "versions": versions(),
            "solver": {
                "search": f"Everything, gap {GAP:g}; Cells from three starts",
                "largest_gap": max(each.gap for each in optima),
                "largest_pmp_residual": max(each.pmp_residual for each in optima),
            },
            "instances": instances,
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Two panels, two columns wide."""
    figure.set_size_inches(7.0, 3.3)
    left, right = figure.subplots(1, 2)
    for colour, marker, instance in zip(
        style.PALETTE, "osD^", data["instances"].values(), strict=False
    ):
        cost = instance["optimum"]["cost"]
        structure = instance["optimum"]["structure"].split(" ")[0]
        look = {"color": colour, "marker": marker}
        missing = 1.0 - np.array(instance["lower_bounds"]) / cost
        gap = f"{instance['optimum']['gap']:.0e}".replace("e-0", "e−")
        label = f"{structure}: {instance['nodes'][-1]} nodes, gap {gap}"
        left.loglog(instance["evaluations"], missing, label=label, **look)
        excess = np.array(instance["cell_costs"]) / cost - 1.0
        right.loglog(instance["cells"], excess, **look)
        right.axhline(instance["optimum"]["gap"], color=colour, linestyle=":", linewidth=1.0)
    left.axhline(GAP, color="0.4", linestyle="--", linewidth=0.8)
    left.annotate(
        "gap asked for", (0, GAP), (3, 3), xycoords=("axes fraction", "data"),
        textcoords="offset points", fontsize=7, color="0.4",
    )  # fmt: skip
    left.set(
        xlabel="evaluations of the dual",
        ylabel="(ℰ* − lower bound) / ℰ*",
        title="(a) branch and bound",
    )
    counts = np.array(next(iter(data["instances"].values()))["cells"], dtype=float)
    top = max(i["cell_costs"][0] / i["optimum"]["cost"] - 1 for i in data["instances"].values())
    right.loglog(
        counts, 2.0 * top * (counts / counts[0]) ** -2, color="0.5", linestyle="--", linewidth=0.8,
        label="slope −2",
    )  # fmt: skip
    right.set_xticks(counts[::2], [f"{count:g}" for count in counts[::2]])
    right.xaxis.minorticks_off()
    right.set(
        xlabel="number of cells N",
        ylabel="(ℰ of N cells − ℰ*) / ℰ*",
        title="(b) direct method: the best of N equal cells",
    )
    handles = [
        *left.get_legend_handles_labels()[0],
        Line2D([], [], color="0.3", linestyle=":", label="gap of the certificate"),
        right.get_legend_handles_labels()[0][-1],
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig09_certificate"]))
