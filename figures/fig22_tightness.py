"""How sharp the bounds are: every row of the diabetes data deleted in its turn.

Linear regression without a ridge (442 rows, 10 features, unit variance), T = 2000 steps of 1/λ_max
from 0, the last K = 100 without the row. Left: bounds of the distance to retraining against the
distance itself, which has a closed form: from what training recorded of the row's own gradients
(pathwise), by the largest gradient that the row met, and by the largest that any row met, which is
all that is known of a row beforehand. Right: the bounds over the truth, from the sharpest row to
the least sharp, at K = 100 (full) and K = 1900 (dotted); and the gradient that is left over the
smallest curvature, a bound of the distance to the minimum, after 10 and 100 steps of descending
from θ*: it does not add norms along a path, and misses no cancellation. Of rows that hardly matter
the path bounds may be thousands of times too large.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import homotopy as hm
from figures.output import as_numbers, significant, versions
from homotopy import unlearning
from homotopy.datasets import diabetes, standardise
from homotopy.plotting import style

STEPS, REWOUND = 2000, (100, 1900)
DESCENDED = (10, 100)
BOUNDS = {
    "pathwise": "pathwise",
    "largest_gradient": "largest gradient of the row",
    "worst_gradient": "largest gradient of all rows",
}


def compute(fast: bool = False) -> dict:
    """Distances and bounds of every row; `fast` takes fewer steps of training."""
    data, _ = standardise(diabetes())
    steps = 400 if fast else STEPS
    counts = (20, 380) if fast else REWOUND
    problem = hm.LinearRegression(data.X, data.y, deleted=0)
    size = 1.0 / np.linalg.eigvalsh(data.X.T @ data.X)[-1]
    run = hm.training_run(
        problem,
        np.zeros(10),
        steps,
        hm.GradientDescent(size),
        checkpoints=[steps - count for count in counts],
    )
    found = unlearning.deletion_distances(run, list(counts))
    mechanism = hm.GaussianMechanism(1.0, 1e-5)
    lines = []
    for place, count in enumerate(counts):
        entry = {"rewound": count, "exact": significant(found.exact[place])}
        entry |= {name: significant(getattr(found, name)[place]) for name in BOUNDS}
        worst = int(np.argmax(found.exact[place]))
        entry["worst_row"] = worst
        entry["noise"] = {
            name: mechanism.noise(float(np.max(getattr(found, name)[place])))
            for name in ("exact", *BOUNDS)
        }
        lines.append(entry)
    return as_numbers(
        {
            "steps": steps,
            "lines": lines,
            "left": _gradients(data.X, data.y, size),
            "versions": versions(),
        }
    )


def _gradients(X, y, size) -> dict:
    """‖∇R₋‖/λ_min over ‖θ − θ*₋‖ after some steps of descending from θ*, of every row."""
    hessian, moment = X.T @ X, X.T @ y
    fit, ratios = np.linalg.solve(hessian, moment), []
    for x, target in zip(X, y, strict=True):
        values, vectors = np.linalg.eigh(hessian - np.outer(x, x))
        away = vectors.T @ fit - vectors.T @ (moment - x * target) / values
        after = [(1.0 - size * values) ** count * away for count in DESCENDED]
        ratios.append([np.linalg.norm(values * u) / values[0] / np.linalg.norm(u) for u in after])
    return {
        str(count): significant(column)
        for count, column in zip(DESCENDED, np.transpose(ratios), strict=True)
    }


def draw(data: Mapping, figure: Figure) -> None:
    """Bounds against distances, and how sharp they are."""
    figure.set_size_inches(6.6, 3.4)
    left, right = figure.subplots(1, 2)
    first = data["lines"][0]
    exact = np.array(first["exact"])
    colours = dict(zip(BOUNDS, style.PALETTE, strict=False))
    for name, colour in colours.items():
        left.plot(exact, first[name], ".", color=colour, markersize=2.0)
    ends = np.array([exact.min(), exact.max()])
    left.plot(ends, ends, color="black", lw=0.8)
    left.set(xscale="log", yscale="log", xlabel="distance to retraining", ylabel="its bound")
    left.set_title(f"(a) rewound by K = {first['rewound']}")
    counts = " and ".join(str(entry["rewound"]) for entry in data["lines"])
    right.set_title(f"(b) K = {counts} (solid, dotted)")
    for entry, line in zip(data["lines"], ("-", ":"), strict=True):
        share = np.linspace(0.0, 1.0, len(entry["exact"]))
        for name, colour in colours.items():
            ratios = np.sort(np.array(entry[name]) / np.array(entry["exact"]))
            right.plot(share, ratios, linestyle=line, color=colour)
    for ratios, line in zip(data["left"].values(), ("-", ":"), strict=True):
        share = np.linspace(0.0, 1.0, len(ratios))
        right.plot(share, np.sort(ratios), linestyle=line, color=style.PALETTE[3])
    right.axhline(1.0, color="black", lw=0.8)
    right.set(yscale="log", xlabel="share of rows", ylabel="bound over truth")
    handles = [
        *(Line2D([], [], color=colours[name], label=label) for name, label in BOUNDS.items()),
        Line2D([], [], color=style.PALETTE[3], label="gradient over curvature, to the minimum"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig22"]))
