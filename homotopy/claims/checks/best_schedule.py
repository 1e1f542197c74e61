"""Best steps against other schedules, where the latter end exactly at θ*₋."""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import minimize_scalar

from homotopy.claims.checks.instances import DIMENSIONS, with_gram_matrix
from homotopy.claims.checks.steps import near_identity
from homotopy.deletion import Deletion, best_step
from homotopy.flows import flow
from homotopy.schedules import BangBang, Ramp, Step

_HORIZON = 2.0
_FIT = np.array([1.0, -1.0])  # θ*₋


def _near_identity():
    """(deletion, ‖Δ‖², e^τ*), d = 2 and 5; e^τ* between 2 and 4."""
    generator = np.random.default_rng(6)
    for dimension in DIMENSIONS:
        full, change, aside = generator.standard_normal((3, dimension))
        square = change @ change
        aside -= change * (aside @ change) / square
        best = generator.uniform(2.0, 4.0)
        problem = near_identity(full, full - change)
        deletion = Deletion(problem, full - best * change + aside, start=0.1, horizon=_HORIZON)
        yield deletion, square, best


def _least_over_steps(M, x, r, u, horizon):
    """min over τ of ½‖u(T)‖² of steps, by matrix exponentials on a grid, and then Brent."""
    H = M + np.outer(x, x)
    change = np.linalg.solve(H, x * r)

    def cost(tau):
        end = expm(-M * (horizon - tau)) @ (change + expm(-H * tau) @ (u - change))
        return 0.5 * end @ end

    grid = np.linspace(0.0, horizon, 201)
    near = grid[np.argmin([cost(tau) for tau in grid])]
    ends = max(near - horizon / 200, 0.0), min(near + horizon / 200, horizon)
    found = minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": 1e-10})
    return min(found.fun, cost(0.0), cost(horizon))


def _ramp_cost(deletion, start, stop):
    """ℰ of a ramp, from the flow."""
    times = deletion.horizon * np.array([0.4, 0.8, 1.0])
    end = flow(deletion.problem, Ramp(start, stop), deletion.theta0, times).theta[-1]
    return 0.5 * float(np.sum((np.asarray(end) - np.asarray(deletion.target)) ** 2))


def best_step_misses():
    """ℰ of the best step, plus |ℰ(0 → 1)|, where 0 → 1 ends at θ*₋; and the former by search."""
    M, x, r = np.diag([2.5, 1.0]), np.ones(2), 1.0
    without, horizon = 2 * np.log(1.5), 4 * np.log(1.5)
    H = M + np.outer(x, x)
    change = np.linalg.solve(H, x * r)
    u = expm(M * without) @ (change - expm(H * (horizon - without)) @ change)
    deletion = Deletion(with_gram_matrix(M, _FIT, x, r), u + _FIT, start=0.0, horizon=horizon)
    arrives = deletion.cost(BangBang([without, horizon], initial=0))
    return [(best_step(deletion).cost + arrives, _least_over_steps(M, x, r, u, horizon))]


def ramp_beats_steps():
    """ℰ of the best step, plus that of a ramp that ends at θ*₋; and the former by search."""
    M, x, r = np.diag([1.0, 2.0]), np.ones(2), 1.0

    def backwards(time, u):
        return M @ u + (1 - (1.0 - time)) * (x @ u - r) * x

    u = solve_ivp(backwards, (0.0, 1.0), np.zeros(2), rtol=1e-12, atol=1e-14).y[:, -1]
    deletion = Deletion(with_gram_matrix(M, _FIT, x, r), u + _FIT, start=0.0, horizon=1.0)
    arrives = _ramp_cost(deletion, 0.0, 1.0)
    return [(best_step(deletion).cost + arrives, _least_over_steps(M, x, r, u, 1.0))]


def ramp_against_step():
    """ℰ(Ramp(0.1, 1.5)) − ℰ(1_[0,0.1]), d = 2, and the formula in K."""
    deletion, square, best = next(_near_identity())
    total = np.exp(0.1) + (np.exp(1.5) - np.exp(0.1)) / 1.4 - np.exp(0.1)
    found = _ramp_cost(deletion, 0.1, 1.5) - float(deletion.cost(Step(0.1)))
    product = (total - np.exp(0.1)) * (total + np.exp(0.1) - 2 * best)
    return [(found, 0.5 * np.exp(-2 * _HORIZON) * square * product)]


def two_steps():
    """ℰ(1_[0,1.3]) − ℰ(1_[0,0.4]), and the formula."""
    for deletion, square, best in _near_identity():
        found = deletion.cost(Step(1.3)) - deletion.cost(Step(0.4))
        product = (np.exp(1.3) - np.exp(0.4)) * (np.exp(1.3) + np.exp(0.4) - 2 * best)
        yield found, 0.5 * np.exp(-2 * _HORIZON) * square * product


def excess_of_the_first_step():
    """ℰ(1_[0,s]) − ℰ of the best step, and ½e^(−2T)‖Δ‖²(e^s − e^τ*)²."""
    for deletion, square, best in _near_identity():
        found = deletion.cost(Step(0.1)) - best_step(deletion).cost
        yield found, 0.5 * np.exp(-2 * _HORIZON) * square * (np.exp(0.1) - best) ** 2
