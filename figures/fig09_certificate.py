"""How the certificate closes, by the exact tube and by that of several rows; what N cells leave.

Three deletions of one point. Ordinary: random, d = 8 (`figures.deletions.random_deletion`).
Influential: patient 123 of the standardised diabetes data with its features tripled, θ₀ = 0,
T = 1/λ_min. Wide window: eight modes with rates over three decades, of which v may change sign at
almost any time (`wide_window`). (a) (ℰ* − lower bound)/ℰ* against the number of evaluations of the
dual: solid from the exact range of the residual, dashed from the one that several rows have, of
ellipsoids and sweeps with the dual, which does not close the wide window; ℰ* is the certified
optimum. (b) By how much the best schedule on N equal cells exceeds it. A plateau is no mistake: a
cell takes a value between 0 and 1 only if φ changes its sign near the middle of it; else the
switch stays on its edge, and halving the cells brings no edge nearer.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import homotopy as hm
from figures.deletions import baseline_cost, evidence, random_deletion
from figures.output import as_numbers, versions
from homotopy.control.certificate import Certificate, SeveralRowsNodes, certified_optimum
from homotopy.datasets import diabetes, standardise
from homotopy.deletion.bridges.residual_system import common_schedule
from homotopy.plotting import style

GAP = 1e-6
SEED, PATIENT = 13, 123
WIDE_SEED = 87
MOST_NODES = 24  # with ellipsoids and sweeps
CELLS = (2, 4, 8, 16, 32)


def wide_window() -> hm.Deletion:
    """Rates λ from 0.1 to 1,000, a deleted row of leverage near 1, a small residual, T = 1."""
    generator = np.random.default_rng([1, WIDE_SEED])
    size = int(generator.choice([2, 3, 5, 8, 10]))
    rates = 10 ** generator.uniform(-1, 3, size=size)
    rates[0] = generator.uniform(0.2, 3.0)
    row = generator.normal(size=size) * 10 ** generator.uniform(0, 2)
    theta0 = generator.normal(size=size) * 10 ** generator.uniform(-1, 0, size=size)
    residual = generator.normal() * np.linalg.norm(row * theta0)
    residual *= generator.choice([0.02, 0.2, 1.0])
    X = np.vstack([row, np.diag(np.sqrt(rates))])
    y = np.append(residual, np.zeros(size))
    return hm.Deletion(hm.LinearRegression(X, y, deleted=0), theta0, 0.0, 1.0)


def influential() -> hm.Deletion:
    """Patient 123, with its features tripled."""
    dataset, _ = standardise(diabetes())
    X, y = np.array(dataset.X), np.array(dataset.y)
    X[PATIENT] *= 3.0
    others = np.delete(X, PATIENT, axis=0)
    horizon = 1.0 / np.linalg.eigvalsh(others.T @ others)[0]
    problem = hm.LinearRegression(X, y, deleted=PATIENT)
    return hm.Deletion(problem, np.zeros(X.shape[1]), 0.0, horizon)


def compute(fast: bool = False) -> dict:
    """Bounds as the searches went on, and the best of N cells, for each instance."""
    made = {
        "ordinary": random_deletion(SEED, 8, 2.0, 0.0),
        "influential": influential(),
        "wide window": wide_window(),
    }
    cells = CELLS[:2] if fast else CELLS
    instances, gaps = {}, []
    for name, deletion in made.items():
        system = common_schedule(deletion)
        exact = certified_optimum(system, GAP, max_nodes=2000)
        most = 2 if fast else MOST_NODES
        swept = certified_optimum(system, GAP, max_nodes=most, nodes=SeveralRowsNodes)
        optimum = hm.optimise(deletion, hm.Everything(gap=GAP))
        discrete = [hm.optimise(deletion, hm.Cells(count)) for count in cells]
        gaps.append(optimum.gap)
        instances[name] = {
            "start": deletion.start,
            "horizon": deletion.horizon,
            "baseline_cost": baseline_cost(deletion),
            "optimum": evidence(optimum),
            "exact": _history(exact),
            "swept": _history(swept),
            "cells": list(cells),
            "cell_costs": [found.cost for found in discrete],
            "cell_status": [hm.results.OptimumStatus[found.status] for found in discrete],
        }
    return as_numbers(
        {
            "rule": {
                "ordinary": " ".join(random_deletion.__doc__.split()),
                "influential": influential.__doc__,
                "wide window": wide_window.__doc__,
            },
            "seed": [SEED, WIDE_SEED],
            "versions": versions(),
            "solver": {
                "search": f"Everything, gap {GAP:g}; ellipsoids: {MOST_NODES} nodes at most; Cells "
                "from three starts",
                "largest_gap": max(gaps),
            },
            "instances": instances,
        }
    )


def _history(found: Certificate) -> dict:
    """The root, and what was noted afterwards."""
    evaluations, _, bounds = zip(*found.history, strict=True)
    return {
        "evaluations": evaluations,
        "lower_bounds": bounds,
        "nodes": found.nodes,
        "root_bound": found.root_bound,
        "gap": found.gap,
    }


def draw(data: Mapping, figure: Figure) -> None:
    """Two panels, two columns wide."""
    figure.set_size_inches(7.0, 3.3)
    left, right = figure.subplots(1, 2)
    for colour, marker, (name, instance) in zip(
        style.PALETTE, "osD", data["instances"].items(), strict=False
    ):
        cost = instance["optimum"]["cost"]
        for key, line, filled in (("exact", "-", colour), ("swept", "--", "white")):
            found = instance[key]
            missing = 1.0 - np.array(found["lower_bounds"]) / cost
            nodes = f"{found['nodes']} node" + "s" * (found["nodes"] != 1)
            look = {"color": colour, "marker": marker, "markerfacecolor": filled, "linestyle": line}
            label = f"{name}, {'exact tube' if key == 'exact' else 'ellipsoids'}: {nodes}"
            # Below 1e-15 it is rounding.
            left.loglog(found["evaluations"], np.maximum(missing, 1e-15), label=label, **look)
        excess = np.array(instance["cell_costs"]) / cost - 1.0
        right.loglog(instance["cells"], np.maximum(excess, 1e-15), color=colour, marker=marker)
        right.axhline(
            max(instance["optimum"]["gap"], 1e-15), color=colour, linestyle=":", linewidth=1.0
        )
    left.axhline(GAP, color="0.4", linestyle="--", linewidth=0.8)
    left.annotate(
        "gap asked for", (0, GAP), (3, 3), xycoords=("axes fraction", "data"),
        textcoords="offset points", fontsize=7, color="0.4", ha="left",
    )  # fmt: skip
    left.set(
        xlabel="evaluations of the dual",
        ylabel="(ℰ* − lower bound) / ℰ*",
        title="(a) branch and bound",
    )
    counts = np.array(next(iter(data["instances"].values()))["cells"], dtype=float)
    right.set_xticks(counts, [f"{count:g}" for count in counts])
    right.xaxis.minorticks_off()
    right.set(
        xlabel="number of cells N",
        ylabel="(ℰ of N cells − ℰ*) / ℰ*",
        title="(b) direct method: the best of N equal cells",
    )
    handles = [
        *left.get_legend_handles_labels()[0],
        Line2D([], [], color="0.3", linestyle=":", label="gap of the certificate"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=7)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig09_certificate"]))
