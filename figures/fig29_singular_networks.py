"""Bayesian influence where the Hessian is singular, and on a network that was stopped early.

(a) f = θ₁θ₂x at θ = 0, with 20 targets whose best slope is zero, γ = 1: β Cov(ℓⱼ, p) of p = θ₁θ₂
as a share of the first-order change of p on retraining, against β; by the density
K₀(γ|p|)e^{−βHp²/2}, by its expansion, and sampled by NUTS (bars: two standard errors). Damped
influence is zero at every damping. (b), (c) The perceptron on the concrete data (200 training
points, d = 81), stopped early; three trainings, 20 points each. Spearman's correlation over the
points, mean of the trainings, of the change by Bayesian influence with δ = γ/β held at the
damping of the others: with damped Gauss–Newton influence, with the proximal Bregman response
(PBRF), and with warm-start retraining to the end; dashed, that of damped influence with the last
two. (b) The own loss, (c) the loss on the validation points.
"""

from __future__ import annotations

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy import integrate, special
from scipy.stats import spearmanr

import homotopy as hm
from figures.early_stopped import concrete_perceptron
from figures.output import as_numbers, significant, versions
from homotopy.plotting import style

SAMPLED = (1.0, 10.0, 100.0)
BETAS = (1.0, 3.0, 10.0, 30.0, 100.0)
MIXED = 1.05  # R̂ of chains that have mixed
TRUTHS = ("damped influence", "PBRF", "retraining")


def product(theta, x):
    """θ₁θ₂x."""
    return theta[0] * theta[1] * x[0]


def slope(theta):
    """p = θ₁θ₂."""
    return theta[0] * theta[1]


def singular(size: int = 20):
    """The problem, and H = Σx²."""
    x, y = np.random.default_rng(0).normal(size=(2, size))
    y -= x * (x @ y) / (x @ x)
    model = hm.function_model(product, 2)
    return hm.Problem(model, hm.SquaredError(), x[:, None], y, deleted=0), x, y


def share(beta_curvature: float, localisation: float) -> float:
    """βH Var(p) under K₀(γ|p|) exp(−βHp²/2), by quadrature."""
    scale = localisation / np.sqrt(beta_curvature)

    def density(z):
        return special.k0(scale * z) * np.exp(-0.5 * z**2)

    options = {"limit": 200, "points": [1e-3]}
    above = integrate.quad(lambda z: z**2 * density(z), 0.0, 40.0, **options)[0]
    return above / integrate.quad(density, 0.0, 40.0, **options)[0]


class OwnAndOther(eqx.Module):
    """The losses of some points of the data, then the mean loss on others."""

    problem: hm.Problem
    rows: jnp.ndarray
    other: hm.TestLoss

    def __call__(self, theta):
        none = jnp.zeros(1, int), jnp.zeros(1)
        own = self.problem.losses(theta)[self.rows]
        return jnp.append(own, self.other(self.problem, theta, *none))


def compute(fast: bool = False) -> dict:
    """Shares against β, and correlations against β of each training."""
    hm.enable_x64()
    problem, x, y = singular()
    curvature = float(x @ x)
    grid = np.geomspace(0.3, 1e6, 40)
    law = [share(beta * curvature, 1.0) for beta in grid]
    logarithms = np.log(8.0 * grid * curvature) - np.euler_gamma
    options = {"draws": 500, "burn_in": 200, "doublings": 5} if fast else {"draws": 4000}
    drawn = []
    first_order = -x * y / curvature
    row = int(np.argmax(np.abs(first_order)))
    for beta in SAMPLED[: 1 if fast else None]:
        sampler = hm.NUTS(**options, chains=20, acceptance=0.9)
        found = hm.bayesian_influence(
            problem, np.zeros(2), slope, hm.LocalPosterior(beta, 1.0), sampler=sampler, throw=False
        )
        parts = found.change[row], found.standard_error[row]
        drawn.append([float(part) / first_order[row] for part in parts])
    betas = BETAS[:1] if fast else BETAS
    sampler = hm.NUTS(50, burn_in=100, doublings=4) if fast else hm.NUTS(500, burn_in=300)
    trainings = [
        _training(seed, 60 if fast else 200, 4 if fast else 20, sampler, betas)
        for seed in range(1 if fast else 3)
    ]
    return as_numbers(
        {
            "grid": grid,
            "law": law,
            "expansion": 1.0 - 2.0 / logarithms,
            "sampled_betas": SAMPLED[: len(drawn)],
            "sampled": drawn,
            "betas": betas,
            "truths": TRUTHS,
            "correlations": [each["correlations"] for each in trainings],
            "of_damped_influence": [each["of_damped_influence"] for each in trainings],
            "measured": [each["measured"] for each in trainings],
            "noise": [each["noise"] for each in trainings],
            "r_hat": [each["r_hat"] for each in trainings],
            "relative_shift": [each["relative_shift"] for each in trainings],
            "versions": versions(),
        }
    )


def _training(seed, size, count, sampler, betas) -> dict:
    setting = concrete_perceptron(size)
    problem, damping = setting.problem, setting.damping
    theta = setting.train(seed).theta
    points = np.random.default_rng(1).choice(problem.size, count, replace=False)
    other = hm.TestLoss(setting.X, setting.y)
    changes = (
        hm.predict(problem, hm.GaussNewton(damping), theta, points=points),
        hm.predict(problem, hm.ProximalBregman(damping), theta, points=points),
        hm.predict(problem, hm.LeaveOneOut(tolerance=1e-8), theta, points=points, throw=False),
    )
    truths = np.array([[c.measured(hm.OwnLoss()), c.measured(other)] for c in changes])
    measurement = OwnAndOther(problem, jnp.asarray(points), other)
    predicted, noise, mixed, shifts = [], [], [], []
    for beta in betas:
        found = hm.bayesian_influence(
            problem, theta, measurement, hm.LocalPosterior(beta, beta * damping), throw=False,
            sampler=sampler,
        )  # fmt: skip
        change, error = np.asarray(found.change)[points], np.asarray(found.standard_error)[points]
        predicted.append([np.diagonal(change), change[:, -1]])
        errors = np.linalg.norm(np.diagonal(error)), np.linalg.norm(error[:, -1])
        noise.append([e / np.linalg.norm(p) for e, p in zip(errors, predicted[-1], strict=True)])
        mixed.append(float(np.max(found.r_hat)))
        shifts.append(float(found.relative_shift))
    correlations = [
        [[_rank(one[kind], truth[kind]) for truth in truths] for kind in range(2)]
        for one in predicted
    ]
    of_damped = [[_rank(truths[0, kind], truth[kind]) for truth in truths] for kind in range(2)]
    return {
        "correlations": significant(correlations),
        "of_damped_influence": significant(of_damped),
        "measured": significant(truths),
        "noise": significant(noise),
        "r_hat": significant(mixed),
        "relative_shift": significant(shifts),
    }


def _rank(one, other) -> float:
    return float(spearmanr(one, other).statistic)


def draw(data: Mapping, figure: Figure) -> None:
    """The share of a singular point, and two panels of correlations."""
    figure.set_size_inches(7.2, 2.7)
    left, own, other = figure.subplots(1, 3)
    left.semilogx(data["grid"], data["law"], color="black", lw=1.0, label="K₀ law")
    left.semilogx(data["grid"], data["expansion"], color="0.5", ls=":", label="expansion")
    sampled = np.array(data["sampled"])
    left.errorbar(
        data["sampled_betas"], sampled[:, 0], 2.0 * np.abs(sampled[:, 1]), fmt="o", ms=3, capsize=2,
        lw=0.8, color=style.PALETTE[0], label="NUTS",
    )  # fmt: skip
    left.axhline(0.0, color=style.PALETTE[1], lw=1.0, label="damped influence")
    left.set(
        xlabel="inverse temperature β", ylabel="share of the retrained change", ylim=(-0.05, 1.05),
        title="(a) θ₁θ₂x at θ = 0",
    )  # fmt: skip
    left.legend(fontsize=6.5, loc="center right")
    correlations = np.array(data["correlations"]).mean(axis=0)
    damped = np.array(data["of_damped_influence"]).mean(axis=0)
    unmixed = np.array(data["r_hat"]).max(axis=0) > MIXED
    for kind, (ax, title) in enumerate(((own, "(b) own loss"), (other, "(c) validation loss"))):
        for index, name in enumerate(data["truths"]):
            look = {"color": style.PALETTE[index], "marker": "o^s"[index], "ms": 3}
            ax.semilogx(data["betas"], correlations[:, kind, index], **look, label=f"with {name}")
            rough = np.where(unmixed, correlations[:, kind, index], np.nan)
            ax.semilogx(
                data["betas"], rough, look["marker"], mfc="white", ms=3, color=look["color"]
            )
            if index:
                ax.axhline(damped[kind, index], color=style.PALETTE[index], ls="--", lw=0.8)
        ax.set(xlabel="inverse temperature β", ylim=(-0.45, 1.05), title=title)
    own.set_ylabel("Spearman, of Bayesian influence")
    other.legend(fontsize=6.5, loc="lower right")


if __name__ == "__main__":
    from figures.__main__ import main

    raise SystemExit(main(["--only", "fig29"]))
