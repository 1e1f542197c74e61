"""Optimal schedules, and why they are optimal: an instance of each structure that was found.

Random regressions of 20 points with the point 0 deleted (`figures.deletions.random_deletion`), in
the first four columns of d = 2 parameters with s = T/5, in the last one of d = 8 with s = 0. Below
each other: ε(t), globally optimal in E_s to within the gap; the deleted point's residual
v = xᵀθ − y; σ = xᵀp, what it sees of the costate; and the switching function φ = σ·v. ε is 1 where
φ > 0 and 0 where φ < 0, and a switch is a zero of v or of σ.

The seeds were looked for once, among the first 600 (d = 2) and 40 (d = 8): of each structure one
whose arcs can be seen and that gains something.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import homotopy as hm
from figures.deletions import STRUCTURES, evidence, random_deletion
from figures.output import as_numbers, significant, versions
from homotopy.deletion.optimum_curves import sample_optimum
from homotopy.plotting.optimum import OptimumCurves, draw_optimum_curves

# Structure: seed, d, s/T. All with T = 2/λ_min.
INSTANCES = {
    "1": (5, 2, 0.2),
    "1→0": (19, 2, 0.2),
    "0→1": (37, 2, 0.2),
    "0→1→0": (427, 2, 0.2),
    "1→0→1→0": (14, 8, 0.0),
}
SPAN = 2.0
WORDS = {key: words for key, (words, _) in STRUCTURES.items()} | {"1→0→1→0": "3 switches, d = 8"}


def compute(fast: bool = False) -> dict:
    """The certified optimum of each instance, its curves and its gain over 1_[0,s].

    `fast` leaves out the instance of d = 8.
    """
    columns = {}
    for structure, (seed, dimension, part) in INSTANCES.items():
        if fast and dimension > 2:
            continue
        deletion = random_deletion(seed, dimension, SPAN, part)
        optimum = hm.optimise(deletion, hm.Everything())
        baseline = float(deletion.cost(hm.Step(deletion.start)))
        curves = sample_optimum(deletion, optimum.schedule).numbers()
        for name in ("residual", "sigma", "switching_function"):
            curves[name] = significant(curves[name])
        curves["times"] = significant(curves["times"], 12)
        columns[structure] = {
            "seed": seed,
            "dimension": dimension,
            "start": deletion.start,
            "horizon": deletion.horizon,
            "theta0": deletion.theta0,
            "baseline_cost": baseline,
            "gain": baseline / optimum.cost,
            **evidence(optimum),
            "controllability_margin": optimum.controllability.margin,
            "curves": curves,
        }
    return as_numbers(
        {
            "rule": " ".join(random_deletion.__doc__.split()),
            "seed": [seed for seed, *_ in INSTANCES.values()],
            "versions": versions(),
            "solver": {
                "search": "Everything: branch and bound with the concave dual, gap 1e-6",
                "largest_gap": max(column["gap"] for column in columns.values()),
                "largest_pmp_residual": max(column["pmp_residual"] for column in columns.values()),
            },
            "columns": columns,
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """A column for each structure, two journal columns wide."""
    columns = data["columns"]
    figure.set_size_inches(7.0, 5.2)
    grid = figure.subplots(4, len(columns), squeeze=False, sharex="col")
    for index, ((structure, column), letter) in enumerate(
        zip(columns.items(), "abcdefg", strict=False)
    ):
        axes = grid[:, index]
        draw_optimum_curves(OptimumCurves.from_numbers(column["curves"]), axes)
        arrows = "1 throughout" if structure == "1" else structure
        axes[0].set_title(
            f"({letter}) {arrows}\n{WORDS[structure]}\n"
            f"gain {column['gain']:.3g}×\ngap ≤ {_power(column['gap'])}",
            fontsize=7,
        )
        for ax in axes:
            ax.tick_params(labelsize=6)
            ax.xaxis.set_major_locator(MaxNLocator(3))
            ax.yaxis.get_offset_text().set_fontsize(6)
            if index > 0:
                ax.set_ylabel("")
        start = column["start"]
        if start > 0:
            axes[0].annotate(
                "s", (start, 0.5), (-2.5, 0), textcoords="offset points", fontsize=6, ha="right"
            )
    figure.align_ylabels(grid[:, 0])


def _power(gap: float) -> str:
    """Rounded up to a power of ten."""
    exponent = int(np.ceil(np.log10(max(gap, 1e-16))))
    return rf"$10^{{{exponent}}}$".replace("-", "−")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig07_optimal_schedules"]))
