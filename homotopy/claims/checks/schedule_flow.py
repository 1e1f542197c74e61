"""Flows of linear regressions under schedules, and the cost ℰ."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.linalg import expm

from homotopy.claims.checks.gradient_flow import solution, weighted
from homotopy.claims.checks.instances import arrays, each, regressions, starting_point
from homotopy.deletion import Deletion
from homotopy.flows import flow
from homotopy.schedules import PiecewiseConstant, Step


def _two_stages(problem, switch, horizon):
    """θ(s) and θ(T) − θ*₋ under 1_[0,s], by the notes' formulas."""
    M, moment = weighted(problem, 0.0)
    state = solution(*weighted(problem, 1.0), starting_point(problem), switch)
    return state, expm(-(horizon - switch) * M) @ (state - np.linalg.solve(M, moment))


def _cost(problem, switch, horizon):
    return float(Deletion(problem, starting_point(problem), 0.0, horizon).cost(Step(switch)))


def slope_in_horizon():
    """Differences of ℰ(1_[0,0.1]) in T at 0.2, and −uᵀMu."""
    h = 1e-5

    def compare(problem):
        found = (_cost(problem, 0.1, 0.2 + h) - _cost(problem, 0.1, 0.2 - h)) / (2 * h)
        _, u = _two_stages(problem, 0.1, 0.2)
        return found, -u @ weighted(problem, 0.0)[0] @ u

    return each(compare)


def slope_in_switch():
    """Differences of ℰ(1_[0,τ]) in τ at 0.1, T = 0.2, and −pᵀ∇ℓ_j."""
    h = 1e-5

    def compare(problem):
        _, _, x, y = arrays(problem)
        found = (_cost(problem, 0.1 + h, 0.2) - _cost(problem, 0.1 - h, 0.2)) / (2 * h)
        state, u = _two_stages(problem, 0.1, 0.2)
        costate = expm(-0.1 * weighted(problem, 0.0)[0]) @ u
        return found, -(costate @ x) * (x @ state - y)

    return each(compare)


def step_cost():
    """ℰ(1_[0,0.1]) for T = 0.4, and the formula."""

    def compare(problem):
        _, u = _two_stages(problem, 0.1, 0.4)
        return _cost(problem, 0.1, 0.4), 0.5 * u @ u

    return each(compare)


def second_start():
    """θ(0.3) under 1_[0,0.1], and the flow with ε = 0 from e^(−0.1H)θ₀ + …"""

    def compare(problem):
        found = flow(problem, Step(0.1), starting_point(problem), [0.3]).theta[0]
        state, _ = _two_stages(problem, 0.1, 0.3)
        return found, solution(*weighted(problem, 0.0), state, 0.2)

    return each(compare)


def _varying():
    """The regression with one parameter, under the weights 1, 0.3 and 0 until 0.1, 0.2 and on."""
    problem = regressions()[0]
    schedule = PiecewiseConstant([0.1, 0.2], [1.0, 0.3, 0.0])
    return problem, lambda times: np.asarray(flow(problem, schedule, [1.0], times).theta[:, 0])


def affine():
    """Differences of θ(t) where ε = 0.3, and aθ + b."""
    problem, path = _varying()
    h = 1e-5
    before, here, after = path([0.15 - h, 0.15, 0.15 + h])
    H, moment = weighted(problem, 0.3)
    return [((after - before) / (2 * h), moment - H[0] * here)]


def closed_form():
    """θ − θ*₋ at three times, and e^(−A)(u₀ + ∫ εxr e^A) by quadrature."""
    problem, path = _varying()
    _, _, (x,), y = arrays(problem)
    M, moment = weighted(problem, 0.0)
    m, fit = M[0, 0], moment[0] / M[0, 0]
    times = [0.05, 0.15, 0.25]

    def total(t):
        return min(t, 0.1) + 0.3 * np.clip(t - 0.1, 0.0, 0.1)

    def weight(t):
        return 1.0 if t <= 0.1 else 0.3 if t <= 0.2 else 0.0

    def said(end):
        def exponent(t):
            return m * t + x**2 * total(t)

        gathered = quad(
            lambda t: weight(t) * x * (y - x * fit) * np.exp(exponent(t)),
            0.0,
            end,
            points=[0.1, 0.2],
            epsabs=1e-13,
        )[0]
        return np.exp(-exponent(end)) * (1.0 - fit + gathered)

    return [(path(times) - fit, [said(end) for end in times])]


def step_flow():
    """θ(0.3) under 1_[0,0.1], and Φ(θ₀ + ∫Φ⁻¹b), by Gauss and Legendre's rule."""
    nodes, shares = np.polynomial.legendre.leggauss(20)

    def compare(problem):
        found = flow(problem, Step(0.1), starting_point(problem), [0.3]).theta[0]
        (M, kept), (H, moment) = weighted(problem, 0.0), weighted(problem, 1.0)
        # Φ(0.3)Φ(t)⁻¹ in decaying exponentials, before and after the step.
        late, early = expm(-0.2 * M), [expm(-0.05 * (1 - node) * H) for node in nodes]
        gathered = late @ sum(0.05 * w * E for w, E in zip(shares, early, strict=True)) @ moment
        rest = [expm(-0.1 * (1 - node) * M) for node in nodes]
        gathered += sum(0.1 * w * E for w, E in zip(shares, rest, strict=True)) @ kept
        return found, late @ expm(-0.1 * H) @ starting_point(problem) + gathered

    return each(compare)
