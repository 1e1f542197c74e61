"""What influence functions miss as p/n → 1, for rows of one length and for elliptical rows.

Least squares, σ² = 0.5, ‖b‖² = 2, n = 400 Gaussian rows; elliptical rows are half of them times
0.5 and half times 2. (a) The influence function over the truth, 1 − leverage: 1 − γ of isotropic
rows, all alike, so that it is wrong by a common factor; two branches for elliptical rows. Lines are
limits, dots medians, bars from the 5th to the 95th percentile of the rows. (b) Elliptical rows at
γ = 0.6: the size of the influence against that of the truth; with the factors of (a) between them
ranks change. (c) Leave-one-out estimates the risk of elliptical rows, and generalised
cross-validation, which puts the mean leverage for each, does not; dots are means of 24 draws
with two standard errors.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import spearmanr

import homotopy as hm
from figures.output import as_numbers, significant, versions
from homotopy.plotting import style

NOISE, SIGNAL, SIZE, REPEATS, SHOWN = 0.5, 2.0, 400, 24, 0.6
RATIOS = (0.1, 0.3, 0.5, 0.7, 0.85, 0.95)
SCALES = (0.5, 2.0)
NAMES = ("risk + σ²", "leave-one-out", "GCV")


def compute(fast: bool = False) -> dict:
    """Limits on a grid, one draw of rows for (a) and (b), several for (c)."""
    hm.enable_x64()
    kinds = {
        "isotropic": hm.asymptotics.Population(),
        "elliptical": hm.asymptotics.Population(scales=SCALES),
    }
    grid = np.linspace(0.02, 0.98, 49)
    limits = {name: _limits(grid, rows) for name, rows in kinds.items()}
    ratios = RATIOS[::2] if fast else RATIOS
    spread = {name: [] for name in kinds}
    for gamma in ratios:
        for name, rows in kinds.items():
            data = _drawn(rows, gamma, SIZE, 0)
            problem = hm.LinearRegression(data.X, data.y, deleted=0)
            factor = 1.0 - np.asarray(hm.leverage(problem))
            spread[name].append(
                [np.percentile(factor[data.scales == one], [5, 50, 95]) for one in rows.scales]
            )
    elliptical = kinds["elliptical"]
    data = _drawn(elliptical, SHOWN, SIZE, 0)
    problem = hm.LinearRegression(data.X, data.y, deleted=0)
    points = np.arange(SIZE)
    sizes = [
        np.linalg.norm(hm.predict(problem, one, points=points).delta, axis=1)
        for one in (hm.LeaveOneOut(), hm.Influence())
    ]
    cross = [_cross_validation(elliptical, gamma, 8 if fast else REPEATS) for gamma in ratios]
    found = limits["elliptical"]
    return as_numbers(
        {
            "gamma": grid,
            "factor": {name: one.influence_over_truth for name, one in limits.items()},
            "ratios": ratios,
            "spread": spread,
            "sizes": significant(sizes),
            "scales": data.scales,
            "rank_correlation": spearmanr(*sizes).statistic,
            "names": NAMES,
            "validation": [
                found.risk + NOISE, found.leave_one_out, found.generalised_cross_validation
            ],
            "cross": np.array(cross),  # (ratios, mean or error, names)
            "versions": versions(),
        }
    )  # fmt: skip


def _limits(gamma, rows):
    options = {"noise_variance": NOISE, "signal": SIGNAL, "population": rows}
    return hm.asymptotics.ridge(gamma, **options)


def _drawn(rows, gamma, size, seed):
    options = {"noise_variance": NOISE, "signal": SIGNAL, "seed": seed}
    return rows.draw(size, round(gamma * size), **options)


def _cross_validation(rows, gamma, repeats):
    found = []
    for seed in range(repeats):
        data = _drawn(rows, gamma, SIZE, seed)
        Q, R = np.linalg.qr(data.X)
        residual, loose = data.y - Q @ (Q.T @ data.y), 1.0 - np.sum(Q**2, axis=1)
        theta = np.linalg.solve(R, Q.T @ data.y)
        risk = rows.mean_square_scale * np.sum((theta - data.coefficients) ** 2)
        squares = [np.mean((residual / one) ** 2) for one in (loose, loose.mean())]
        found.append([risk + NOISE, *squares])
    found = np.array(found)
    return [found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(repeats)]


def draw(data: Mapping, figure: Figure) -> None:
    """Factors, ranks, cross-validation."""
    figure.set_size_inches(7.2, 2.8)
    factors, ranks, validation = figure.subplots(1, 3)
    ratios, gamma = np.array(data["ratios"]), np.array(data["gamma"])
    place = 0
    for name, curves in data["factor"].items():
        spread = np.array(data["spread"][name])
        several = np.array(curves).shape[1] > 1
        for kind, curve in enumerate(np.array(curves).T):
            colour = style.PALETTE[place]
            label = f"τ = {SCALES[kind]:g}" if several else name
            factors.plot(gamma, curve, color=colour, label=label)
            low, middle, high = spread[:, kind].T
            bars = [middle - low, high - middle]
            look = {"color": colour, "fmt": "o", "markersize": 3, "elinewidth": 0.8}
            factors.errorbar(ratios, middle, bars, **look)
            place += 1
    factors.set(xlabel="γ = p/n", ylabel="influence over truth", xlim=(0, 1), ylim=(0, 1.05))
    factors.set_title("(a) 1 − leverage")
    factors.legend(fontsize=6.5)
    truth, influence = np.array(data["sizes"])
    scales = np.array(data["scales"])
    for kind, scale in enumerate(SCALES):
        own = scales == scale
        look = {"color": style.PALETTE[1 + kind], "marker": ".", "ls": "", "markersize": 3}
        ranks.loglog(truth[own], influence[own], **look, label=f"τ = {scale:g}")
    seen = truth[truth > 1e-2 * truth.max()]
    span = np.array([seen.min(), truth.max()])
    ranks.plot(span, span, color="0.6", lw=0.8)
    ranks.set(xlim=span * [0.8, 1.3], ylim=[0.1 * span[0], 1.3 * span[1]])
    ranks.set(xlabel="‖θ(1) − θ(0)‖", ylabel="‖influence‖")
    ranks.set_title(f"(b) γ = {SHOWN:g}, ranks {data['rank_correlation']:.2f}")
    ranks.legend(fontsize=6.5)
    cross = np.array(data["cross"])
    for kind, name in enumerate(data["names"]):
        colour, dashes = style.PALETTE[kind], ("-", "--", "-.")[kind]
        validation.semilogy(gamma, data["validation"][kind], color=colour, ls=dashes, label=name)
        look = {"color": colour, "fmt": "osv"[kind], "markersize": 3, "elinewidth": 0.8}
        validation.errorbar(ratios, cross[:, 0, kind], 2.0 * cross[:, 1, kind], **look)
    validation.set(xlabel="γ = p/n", ylabel="mean square error", xlim=(0, 1))
    validation.set_title("(c) elliptical rows")
    validation.legend(fontsize=6.5)


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig32"]))
