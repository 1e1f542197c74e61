"""Steps 1_[0,τ] of regressions near H = H₋ = Id, and the example X = Id."""

from __future__ import annotations

import numpy as np

from homotopy.claims.checks.instances import DIMENSIONS, with_gram_matrix
from homotopy.deletion import Deletion, best_step
from homotopy.flows import flow
from homotopy.linear import LinearRegression
from homotopy.precision import enable_x64
from homotopy.schedules import Step

# Length of the deleted row; H differs from Id by its square.
_SHORT = 1e-5


def near_identity(full, without) -> LinearRegression:
    """H₋ = Id, and a short row with the target that takes θ*₋ to θ*."""
    change = np.asarray(full) - np.asarray(without)
    length = np.linalg.norm(change)
    x, r = _SHORT * change / length, length * (1 + _SHORT**2) / _SHORT
    return with_gram_matrix(np.eye(len(x)), without, x, r)


def _instances():
    """(θ₀, θ*, θ*₋) with ⟨θ* − θ₀, Δ⟩ between e^0.5 and e^1.5 of ‖Δ‖², d = 2 and 5."""
    generator = np.random.default_rng(4)
    for dimension in DIMENSIONS:
        full, change, aside = generator.standard_normal((3, dimension))
        aside -= change * (aside @ change) / (change @ change)
        yield full - np.exp(generator.uniform(0.5, 1.5)) * change + aside, full, full - change


def _deletions():
    for start, full, without in _instances():
        yield Deletion(near_identity(full, without), start, start=0.1, horizon=2.0), full, without


def _w(tau, deletion, full, without):
    return np.exp(-tau) * np.asarray(deletion.theta0) + (1 - np.exp(-tau)) * full - without


def final_state():
    """Central differences of θ(T) under 1_[0,τ] at τ = 0.7, and e^(−(T−τ))Δ."""
    for deletion, full, without in _deletions():
        ends = [
            np.asarray(flow(deletion.problem, Step(tau), deletion.theta0, [2.0]).theta[0])
            for tau in (0.699, 0.701)
        ]
        yield (ends[1] - ends[0]) / 0.002, np.exp(-1.3) * (full - without)


def slope():
    """dℰ/dτ by the toolkit at τ = 0.7, and e^(−2(T−τ))⟨w, Δ⟩."""
    for deletion, full, without in _deletions():
        found = deletion.value_and_gradient(Step(0.7))[1].switch
        yield found, np.exp(-2.6) * _w(0.7, deletion, full, without) @ (full - without)


def slope_from_full_fit():
    """The same from θ₀ = θ*."""
    for _, full, without in _instances():
        deletion = Deletion(near_identity(full, without), full, start=0.1, horizon=2.0)
        found = deletion.value_and_gradient(Step(0.7))[1].switch
        yield found, np.exp(-2.6) * np.sum((full - without) ** 2)


def best():
    """The best step by search, and τ*."""
    for deletion, full, without in _deletions():
        change, way = full - without, full - np.asarray(deletion.theta0)
        yield best_step(deletion).schedule.switch, np.log(way @ change / (change @ change))


def earliest_is_best():
    """The best step from the other side of θ*, and s."""
    for start, full, without in _instances():
        problem = near_identity(full, without)
        deletion = Deletion(problem, 2 * full - start, start=0.1, horizon=2.0)
        yield best_step(deletion).schedule.switch, 0.1


def _example() -> LinearRegression:
    """X = Id, y = 1, d = 3, the last row deleted."""
    enable_x64()
    return LinearRegression(np.eye(3), np.ones(3), deleted=2)


def frozen_coordinate():
    """θ long after 1_[0,½] from 0, and (1, 1, 1 − e^(−½))."""
    return [(flow(_example(), Step(0.5), np.zeros(3), [40.0]).theta[0], [1, 1, 1 - np.exp(-0.5)])]


def example_cost():
    """ℰ of 1_[0,τ] on the horizon 2, and e^(−2T) + ½(1 − e^(−τ))²."""
    deletion = Deletion(_example(), np.zeros(3), start=0.1, horizon=2.0)
    for tau in (0.1, 0.7, 1.9):
        yield deletion.cost(Step(tau)), np.exp(-4.0) + 0.5 * (1 - np.exp(-tau)) ** 2
