"""Bayesian influence against exact deletion, and the errors of samplers against their formulae.

Least squares with n = 12 points in d = 3 parameters, targets xᵀb + 0.5 noise; the posterior is
around the fit, with the damping δ = γ/β = 1.5 held fixed. (a) The change of the loss on another
point, on deletion of the row of leverage nearest to 0.3: β Cov of the losses, by moments and by 4
× 2,000 draws (bars: two standard errors), and the whole change of the expected loss, by an
integral along the weight; dashed, where β → ∞: the damped influence function, and the loss of the
damped refit. (b) β = 2: how much too large the same covariance is in chains of unadjusted
Langevin steps, against the step as a share of the largest stable one: by the law of the step, and
sampled. (c) β = 2, all 12 rows: the shape k̂ of the tail of reweighting's weights e^{βℓ} in 4 ×
25,000 draws, against the damped leverage, which it is in law; above ½ their variance is infinite.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

import homotopy as hm
from figures.output import as_numbers, versions
from homotopy.bayesian import Reweighting, ThermodynamicIntegration, posterior_deletion
from homotopy.plotting import style

POINTS, DIMENSION, DAMPING = 12, 3, 1.5
BETAS = tuple(np.geomspace(0.3, 1000.0, 25).tolist())
SAMPLED = (1.0, 10.0, 100.0)
STEPS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


def data():
    """X, y, and a point to measure the loss on."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(POINTS, DIMENSION))
    y = X @ generator.normal(size=DIMENSION) + 0.5 * generator.normal(size=POINTS)
    return X, y, generator.normal(size=(1, DIMENSION)), np.array([0.7])


def compute(fast: bool = False) -> dict:
    """Changes against β, biases against the step, shapes against leverages."""
    hm.enable_x64()
    X, y, X_test, y_test = data()
    problem = hm.LinearRegression(X, y, deleted=0)
    theta, loss = problem.full_fit(), hm.TestLoss(X_test, y_test)
    inverse = np.linalg.inv(X.T @ X + DAMPING * np.eye(DIMENSION))
    leverage = np.einsum("id,de,ie->i", X, inverse, X)
    row = int(np.argmin(np.abs(leverage - 0.3)))
    asked = problem, theta, loss
    moments, integral = hm.GaussianMoments(), ThermodynamicIntegration(hm.GaussianMoments(), 16)

    def posterior(beta):
        return hm.LocalPosterior(beta, DAMPING * beta)

    betas = BETAS[::12] if fast else BETAS
    exact, whole = [], []
    for beta in betas:
        found = hm.bayesian_influence(*asked, posterior(beta), sampler=moments)
        exact.append(found.change[row])
        deleted = posterior_deletion(*asked, posterior(beta), points=row, method=integral)
        whole.append(deleted.change)
    sampled = []
    for seed, beta in enumerate(SAMPLED):
        draws = hm.GaussianDraws(2000, seed=seed)
        found = hm.bayesian_influence(*asked, posterior(beta), sampler=draws)
        sampled.append([found.change[row], found.standard_error[row]])
    damped = hm.predict(problem, hm.GaussNewton(DAMPING), points=row)
    limits = [damped.linearised(loss), (damped.delta / (1.0 - leverage[row]))]
    moved = np.asarray(theta + limits[1])
    left = 0.5 * (y_test - X_test @ moved)[0] ** 2 - 0.5 * (y_test - X_test @ theta)[0] ** 2

    truth = float(hm.bayesian_influence(*asked, posterior(2.0), sampler=moments).change[row])
    precision = 2.0 * (X.T @ X + DAMPING * np.eye(DIMENSION))
    q, vectors = np.linalg.eigh(precision)
    residual, left_over = (y - X @ theta)[row], (y_test - X_test @ theta)[0]
    grid, formula = np.linspace(0.0, 0.55, 56), []
    for share in grid:
        covariance = (vectors / (q * (1.0 - share * q / q[-1]))) @ vectors.T
        k = X[row] @ covariance @ X_test[0]
        formula.append(2.0 * (residual * left_over * k + 0.5 * k**2) / truth - 1.0)
    biases = []
    for seed, share in enumerate(STEPS):
        sampler = hm.SGLD(
            400 if fast else 4000, chains=50, seed=seed, burn_in=300, thinning=10,
            step_size=share * 4.0 / float(q[-1]),
        )  # fmt: skip
        found = hm.bayesian_influence(*asked, posterior(2.0), sampler=sampler, throw=False)
        biases.append([found.change[row] / truth - 1.0, found.standard_error[row] / abs(truth)])

    method = Reweighting(hm.GaussianDraws(4000 if fast else 25_000))
    options = {"points": range(POINTS), "method": method, "throw": False}
    tails = posterior_deletion(*asked, posterior(2.0), **options)
    return as_numbers(
        {
            "row": row,
            "leverage": leverage,
            "betas": betas,
            "influence": exact,
            "deletion": whole,
            "sampled_betas": SAMPLED,
            "sampled": sampled,
            "limits": [limits[0], left],
            "step_grid": grid,
            "bias_formula": formula,
            "steps": STEPS,
            "biases": biases,
            "pareto_shapes": tails.pareto_shape,
            "versions": versions(),
        }
    )


def draw(data: Mapping, figure: Figure) -> None:
    """Three panels."""
    figure.set_size_inches(7.2, 2.6)
    by_beta, by_step, by_leverage = figure.subplots(1, 3)
    blue, orange = style.PALETTE[:2]
    by_beta.semilogx(data["betas"], data["influence"], color=blue, label="Bayesian influence")
    by_beta.semilogx(data["betas"], data["deletion"], color=orange, label="exact deletion")
    sampled = np.array(data["sampled"])
    bars = {"fmt": "o", "ms": 3, "capsize": 2, "lw": 0.8}
    by_beta.errorbar(
        data["sampled_betas"], sampled[:, 0], 2.0 * sampled[:, 1], color=blue, label="8,000 draws",
        **bars,
    )  # fmt: skip
    for limit, colour in zip(data["limits"], (blue, orange), strict=True):
        by_beta.axhline(limit, color=colour, ls="--", lw=0.8)
    by_beta.set(xlabel="inverse temperature β", ylabel="change of the loss", title="(a) deletion")
    by_beta.legend(fontsize=6.5)
    biases = 100.0 * np.array(data["biases"])
    formula = 100.0 * np.array(data["bias_formula"])
    by_step.plot(data["step_grid"], formula, color="black", lw=1.0, label="law of the step")
    by_step.errorbar(
        data["steps"], biases[:, 0], 2.0 * biases[:, 1], color=blue, label="sampled", **bars
    )
    by_step.set(
        xlabel="share of the largest step 4/q",
        ylabel="bias (per cent)",
        title="(b) unadjusted Langevin",
    )
    by_step.legend(fontsize=6.5, loc="upper left")
    by_leverage.plot([0.0, 0.65], [0.0, 0.65], color="black", lw=0.8, label="k = leverage")
    by_leverage.plot(data["leverage"], data["pareto_shapes"], "o", ms=3, color=blue, label="fitted")
    by_leverage.axvspan(0.5, 0.65, color="0.9", lw=0, label="infinite variance")
    by_leverage.set(
        xlabel="damped leverage", ylabel="Pareto k̂", title="(c) reweighting", xlim=(0.0, 0.65)
    )
    by_leverage.legend(fontsize=6.5, loc="upper left")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig28"]))
