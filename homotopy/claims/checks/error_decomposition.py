"""The five gaps of a regression, and proximal refits of a perceptron."""

from __future__ import annotations

import numpy as np

from homotopy.claims.checks.instances import arrays, each, regressions
from homotopy.claims.checks.perceptron import DAMPING, curvature, perceptron, proximal_refit, refit
from homotopy.influence import gaps, predict
from homotopy.influence.diagnostics import leverage
from homotopy.influence.estimators import GaussNewton, ProximalBregman
from homotopy.influence.solvers import ConjugateGradient

_STOPPED = 0.5  # θˢ over θ*


def _setting():
    """A regression with d = 5, an early-stopped θˢ, ∇ℓ there, H and x."""
    problem = regressions()[2]
    X, _, x, target = arrays(problem)
    theta = _STOPPED * np.asarray(problem.fit(1.0))
    return problem, theta, -x * (target - x @ theta), X.T @ X, x


def _linearisation(H, x, slope) -> np.ndarray:
    """P_δ/(1 − P_δ) (H + δ)⁻¹∇ℓ."""
    curved = H + DAMPING * np.eye(len(x))
    P = x @ np.linalg.solve(curved, x)
    return P / (1 - P) * np.linalg.solve(curved, slope)


def formulas():
    """Gaps 2 to 5 in a direction of θ, and their formulas; the solver takes one step."""
    problem, theta, slope, H, x = _setting()
    direction = np.cos(np.arange(len(x)))
    found = gaps(
        problem,
        theta,
        points=[1],
        measurement=lambda at: at @ direction,
        cold_starts=np.zeros(len(x)),
        damping=DAMPING,
        solver=ConjugateGradient(max_steps=1),
        tolerance=1e-10,
    )
    without = np.linalg.inv(H - np.outer(x, x) + DAMPING * np.eye(len(x)))
    curved = H + DAMPING * np.eye(len(x))
    one_step = (slope @ slope) / (slope @ curved @ slope) * slope
    full, deleted = (np.asarray(problem.fit(epsilon)) for epsilon in (1.0, 0.0))
    formula = [
        -DAMPING * without @ (theta - deleted),
        -without @ H @ (theta - full),
        _linearisation(H, x, slope),
        np.linalg.solve(curved, slope) - one_step,
    ]
    pairs = zip(np.asarray(found.gaps)[0, 0, 1:], np.array(formula) @ direction, strict=True)
    return [*pairs, (found.total, (deleted - theta - one_step) @ direction)]


def mirrored():
    """θ*₋ of a perceptron from a start with one neuron's weights negated, and θ*₋ so changed."""
    signs = np.array([-1.0, -1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0])
    return [(perceptron().fit(0.0, signs * refit()), signs * refit(0.0))]


def nearer():
    """d/dδ ½‖θ − θ*‖² of proximal refits of a perceptron, and −cᵀ(∇²R₋ + δ)⁻¹c."""
    full, step = refit(), 1e-4
    c = proximal_refit(0.0) - full
    ends = [proximal_refit(0.0, DAMPING + move) - full for move in (step, -step)]
    found = (ends[0] @ ends[0] - ends[1] @ ends[1]) / (4 * step)
    matrix = curvature(full + c, 0.0) + DAMPING * np.eye(c.size)
    return [(found, -c @ np.linalg.solve(matrix, c))]


def linearisation():
    """PBRF less its linearisation, and P_δ/(1 − P_δ) I†."""
    problem, theta, slope, H, x = _setting()
    response, influence = (
        predict(problem, one(DAMPING), theta, points=1).delta
        for one in (ProximalBregman, GaussNewton)
    )
    return [(response - influence, _linearisation(H, x, slope))]


def at_the_fit():
    """θ*₋ − θ* less I = H⁻¹∇ℓ, and P/(1 − P) I."""

    def compare(problem):
        X, _, x, target = arrays(problem)
        full, P = np.asarray(problem.fit(1.0)), leverage(problem)[1]
        influence = np.linalg.solve(X.T @ X, -x * (target - x @ full))
        return problem.fit(0.0) - full - influence, P / (1 - P) * influence

    return each(compare)
