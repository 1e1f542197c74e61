"""The picture in README.md: `python -m figures.readme` makes figures/readme.png anew.

It is committed, so that a code host shows it; the other figures are not.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from homotopy.plotting import house_style
from homotopy.plotting.style import PALETTE

PATH = Path(__file__).parent / "readme.png"
REQUEST, HORIZON = 0.02, 0.3


def influential_point() -> hm.LinearRegression:
    """The data of notebook 01: a line through nineteen points, and a twentieth that pulls on it."""
    generator = np.random.default_rng(1)
    x = np.append(generator.uniform(-1, 1, 19), 2.5)
    y = np.append(0.5 + x[:19] + 0.25 * generator.standard_normal(19), -0.5)
    return hm.LinearRegression(np.column_stack([np.ones(20), x]), y, deleted=19)


def draw(figure: Figure) -> None:
    """Training runs for each weight; and how well deletion at time τ does, from two starts."""
    problem = influential_point()
    figure.set_size_inches(7.0, 2.7)
    left, right = figure.subplots(1, 2)

    times = np.concatenate([[0.0], np.geomspace(1e-3, 2.0, 200)])
    hm.homotopy(problem, [0.0, 2.0], times, np.linspace(0.0, 1.0, 21)).plot(left)
    left.set(
        xlabel="intercept", ylabel="slope", title="θ(t, ε): one training run for each weight ε"
    )
    left.annotate("θ₀", (0.0, 2.0), (6, 0), textcoords="offset points")

    taus = np.linspace(REQUEST, HORIZON, 400)
    for theta0, colour in (((0.0, 0.0), PALETTE[0]), ((0.0, 2.0), PALETTE[1])):
        deletion = hm.Deletion(problem, theta0, start=REQUEST, horizon=HORIZON)
        ends = np.asarray(deletion.final_state(taus) - deletion.target)
        best = hm.best_step(deletion)
        label = f"θ₀ = ({theta0[0]:g}, {theta0[1]:g})"
        right.semilogy(taus, 0.5 * np.sum(ends**2, axis=1), color=colour, label=label)
        right.plot(best.schedule.switch, best.cost, "o", color=colour)
    right.set(
        xlabel="the point is deleted at time τ",
        ylabel="ℰ = ½ ‖θ(T) − θ*₋‖²",
        title=f"Is it best to delete at once (τ = {REQUEST:g})?",
    )
    right.legend(loc="lower right")


def main() -> None:
    """Write the file."""
    os.environ["MPLBACKEND"] = "Agg"
    import matplotlib.pyplot as plt

    hm.enable_x64()
    with house_style():
        figure = plt.figure()
        draw(figure)
        figure.savefig(PATH, dpi=160, metadata={"Software": None})
        plt.close(figure)
    print(f"wrote {PATH.name}: {PATH.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
