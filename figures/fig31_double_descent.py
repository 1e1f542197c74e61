"""Double descent, of the risk and of what a deletion does: limits and data, from γ = 0.1 to 10.

Isotropic Gaussian rows, σ² = 0.5, ‖b‖² = 2, n = 200 rows and p = γn features. (a) The risk of
least squares (of least norm where p > n) rises to a pole at γ = 1 and falls again; with the ridge
that is best, λ* = σ²γ/‖b‖², there is none. (b) n E‖θ(1) − θ(0)‖² of deleting a row goes the same
way: at γ = 1 one row decides everything, and far beyond each row decides its own direction. Lines
are the limits n, p → ∞, dots the means of 24 draws of data with two standard errors, all rows
deleted one after another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.output import as_numbers, versions
from homotopy.plotting import style

NOISE, SIGNAL, SIZE, REPEATS = 0.5, 2.0, 200, 24
RATIOS = (0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.1, 1.25, 1.6, 2.5, 5.0, 10.0)
NAMES = ("least squares", "best ridge")


def compute(fast: bool = False) -> dict:
    """Limits on a fine grid, and data at a few ratios."""
    hm.enable_x64()
    sides = np.linspace(np.log(0.1), np.log(0.985), 60 if fast else 160)
    grid = np.exp(np.concatenate([sides, -sides[::-1]]))
    options = {"noise_variance": NOISE, "signal": SIGNAL}
    plain = hm.asymptotics.ridge(grid, **options)
    best = hm.asymptotics.ridge(grid, plain.optimal_ridge_per_point, **options)
    ratios = RATIOS[::3] if fast else RATIOS
    repeats, size = (8, 100) if fast else (REPEATS, SIZE)
    drawn = []
    for gamma in ratios:
        ridge = NOISE * gamma / SIGNAL
        drawn.append([_data(gamma, one, size, repeats) for one in (0.0, ridge)])
    return as_numbers(
        {
            "gamma": grid,
            "names": NAMES,
            "risk": [plain.risk, best.risk],
            "deletion": [plain.deletion_size, best.deletion_size],
            "ratios": ratios,
            "size": size,
            "drawn": np.array(drawn),  # (ratios, ridges, mean or error, risk or deletion)
            "versions": versions(),
        }
    )


def _data(gamma, ridge, size, repeats):
    """Means of both numbers over draws, and their standard errors."""
    found, rows = [], hm.asymptotics.Population()
    for seed in range(repeats):
        options = {"noise_variance": NOISE, "signal": SIGNAL, "seed": seed}
        data = rows.draw(size, round(gamma * size), **options)
        X = data.X
        if X.shape[1] < size:
            inverse = np.linalg.inv(X.T @ X + ridge * size * np.eye(X.shape[1]))
            pulled = X @ inverse
            theta = pulled.T @ data.y
            loose = 1.0 - np.sum(pulled * X, axis=1)
            change = pulled * ((data.y - X @ theta) / loose)[:, None]
            moved = np.sum(change**2, axis=1)
        else:
            K = X @ X.T
            inverse = np.linalg.inv(K + ridge * size * np.eye(size))
            pull = inverse @ data.y
            theta = X.T @ pull
            change = inverse * (pull / np.diag(inverse))
            moved = np.sum((K @ change) * change, axis=0)
        found.append([np.sum((theta - data.coefficients) ** 2), size * np.mean(moved)])
    found = np.array(found)
    return [found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(repeats)]


def draw(data: Mapping, figure: Figure) -> None:
    """The risk on the left, the deletion on the right."""
    figure.set_size_inches(7.0, 3.0)
    axes = figure.subplots(1, 2)
    gamma, drawn = np.array(data["gamma"]), np.array(data["drawn"])
    for place, (ax, curves) in enumerate(zip(axes, (data["risk"], data["deletion"]), strict=True)):
        for kind, name in enumerate(data["names"]):
            colour, values = style.PALETTE[kind], np.array(curves[kind])
            for part in (gamma < 1.0, gamma > 1.0):
                label = name if part[0] else None
                ax.loglog(gamma[part], values[part], color=colour, label=label)
            mean, error = drawn[:, kind, 0, place], drawn[:, kind, 1, place]
            look = {"color": colour, "fmt": "o", "markersize": 3, "elinewidth": 0.8}
            ax.errorbar(data["ratios"], mean, 2.0 * error, **look)
        ax.axvline(1.0, color="0.5", lw=0.8, ls=":")
        ax.set_xticks([0.1, 1.0, 10.0], ["0.1", "1", "10"])
        ax.set(xlabel="γ = p/n")
    axes[0].set_ylabel("risk, without σ²")
    axes[0].set_title("(a) risk")
    axes[0].legend()
    axes[1].set_ylabel("n E‖θ(1) − θ(0)‖²")
    axes[1].set_title("(b) deletion of a row")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig31"]))
