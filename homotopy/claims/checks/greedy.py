"""How fast θ comes closer to θ*₋ under a weight ε, and ℰ of steps."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from homotopy.claims.checks.instances import DIMENSIONS, arrays, each, starting_point
from homotopy.claims.checks.steps import near_identity
from homotopy.deletion import Deletion
from homotopy.flows import flow, homotopy
from homotopy.schedules import Step

_SHORT_TIME = 1e-7


def displacement():
    """(θ(δ) − θ₀)/δ under ε = ½, and −H_ε(θ₀ − θ̂(ε))."""

    def compare(problem):
        X, y, x, target = arrays(problem)
        H = X.T @ X - 0.5 * np.outer(x, x)
        fit = np.linalg.solve(H, X.T @ y - 0.5 * x * target)
        start = starting_point(problem)
        ends = homotopy(problem, start, [_SHORT_TIME], [0.5, 1.0]).theta
        return (np.asarray(ends[0, 0]) - start) / _SHORT_TIME, -H @ (start - fit)

    return each(compare)


def _falls(problem, start, target):
    """−d/dt ‖θ − target‖ at time 0 with ε = 0 and 1."""
    ends = np.asarray(homotopy(problem, start, [_SHORT_TIME], [0.0, 1.0]).theta[:, 0])
    before = np.linalg.norm(start - target)
    return (before - np.linalg.norm(ends - target, axis=1)) / _SHORT_TIME


def _near_identity():
    """(problem, θ₀, θ*, θ*₋), d = 2 and 5."""
    generator = np.random.default_rng(5)
    for dimension in DIMENSIONS:
        start, full, without = generator.standard_normal((3, dimension))
        yield near_identity(full, without), start, full, without


def speed_without_the_point():
    """How fast the distance falls with ε = 0, and the distance."""
    for problem, start, _, without in _near_identity():
        yield _falls(problem, start, without)[0], np.linalg.norm(without - start)


def speed_with_the_point():
    """The same with ε = 1, and ‖θ*₋ − θ₀‖ + ⟨θ* − θ*₋, way⟩/‖way‖."""
    for problem, start, full, without in _near_identity():
        way = without - start
        length = np.linalg.norm(way)
        yield _falls(problem, start, without)[1], length + (full - without) @ way / length


def greedy_rate():
    """The change of ½‖u‖² by ε = 1 less that by ε = 0, over a short time, and −(xᵀu)(xᵀu − r)."""

    def compare(problem):
        _, _, x, target = arrays(problem)
        without, start = np.asarray(problem.deleted_fit()), starting_point(problem)
        ends = np.asarray(homotopy(problem, start, [_SHORT_TIME], [0.0, 1.0]).theta[:, 0])
        halves = 0.5 * np.sum((ends - without) ** 2, axis=1)
        product = (x @ (start - without)) * (x @ start - target)
        return (halves[1] - halves[0]) / _SHORT_TIME, -product

    return each(compare)


def worth_at_the_horizon():
    """φ(t) of 1_[0,0.1] on the horizon 0.4, and (xᵀe^(−2M(T−t))u)(xᵀu − r)."""

    def compare(problem):
        X, _, x, target = arrays(problem)
        M, fit = X.T @ X - np.outer(x, x), np.asarray(problem.deleted_fit())
        deletion = Deletion(problem, starting_point(problem), start=0.1, horizon=0.4)
        times = np.array([0.2, 0.3])
        found = deletion.switching_function(Step(0.1))(times)
        states = np.asarray(flow(problem, Step(0.1), starting_point(problem), times).theta)
        said = [
            (x @ expm(-2 * M * (0.4 - time)) @ (state - fit)) * (x @ state - target)
            for time, state in zip(times, states, strict=True)
        ]
        return found, said

    return each(compare)


def two_steps():
    """ℰ(1_[0,1.2]) − ℰ(1_[0,0.3]), and the formula."""
    horizon = 2.0
    for problem, start, full, without in _near_identity():
        deletion = Deletion(problem, start, start=0.1, horizon=horizon)
        change = full - without
        best = (full - start) @ change / (change @ change)
        squares = (np.exp(1.2) - best) ** 2 - (np.exp(0.3) - best) ** 2
        found = deletion.cost(Step(1.2)) - deletion.cost(Step(0.3))
        yield found, 0.5 * np.exp(-2 * horizon) * (change @ change) * squares
