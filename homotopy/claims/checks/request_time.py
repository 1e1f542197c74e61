"""θ(T, s) of regressions."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from homotopy.claims.checks.gradient_flow import surface, weighted
from homotopy.claims.checks.instances import arrays, each, starting_point
from homotopy.deletion import Deletion


def end(problem, switches, horizon, theta0=None):
    """θ(T, s) (k, d), for 400 times at most, so that one compilation serves all."""
    switches = np.asarray(switches, float)
    padded = np.concatenate([switches, np.full(400 - len(switches), switches[-1])])
    theta0 = starting_point(problem) if theta0 is None else theta0
    return np.asarray(Deletion(problem, theta0, 0.0, horizon).final_state(padded))[: len(switches)]


def two_parts():
    """ξ(0.1, 0.3, ½; ξ(0, 0.1, ½; θ₀)), and ξ(0, 0.3, ½; θ₀)."""

    def compare(problem):
        state = surface(problem, [0.1])[1, 0]
        return surface(problem, [0.2], theta0=state)[1, 0], surface(problem, [0.3])[1, 0]

    return each(compare)


def late_end():
    """θ(T, 0.1) and θ(T, 0.5), and θ*₋ twice."""

    def compare(problem):
        H, moment = weighted(problem, 0.0)
        horizon = 60 / np.linalg.eigvalsh(H)[0]
        return end(problem, [0.1, 0.5], horizon), [np.linalg.solve(H, moment)] * 2

    return each(compare)


def velocity():
    """Differences of θ(0.4, s) at s = 0.1, and −e^(−0.3M)∇ℓ_j(θ(0.1))."""
    h = 2e-5

    def compare(problem):
        _, _, x, y = arrays(problem)
        early, late = end(problem, [0.1 - h, 0.1 + h], 0.4)
        slope = (x @ surface(problem, [0.1])[2, 0] - y) * x
        return (late - early) / (2 * h), -expm(-0.3 * weighted(problem, 0.0)[0]) @ slope

    return each(compare)


def minima():
    """The number of minima in s of ‖θ(T, s) − θ*₋‖, and d."""

    def compare(problem):
        d = problem.dimension
        M, moment = weighted(problem, 0.0)
        H, full = weighted(problem, 1.0)
        deleted_fit, fit = np.linalg.solve(M, moment), np.linalg.solve(H, full)
        rates, V = np.linalg.eigh(H)
        slow, modes = np.linalg.eigh(M)
        # e^(−λτ)Vᵀ(θ₀ − θ*) such that the slowest coordinate is zero at d times.
        zeros = np.linspace(0.5, d, d) / rates[-1]
        seen = np.exp(-np.outer(zeros, rates)) * (modes[:, 0] @ V)
        amplitudes = np.linalg.solve(seen, np.full(d, -modes[:, 0] @ (fit - deleted_fit)))
        gap = slow[1] - slow[0] if d > 1 else 1.0
        switches = np.linspace(0.0, zeros[-1] + 0.5 / rates[-1], 400)
        ends = end(problem, switches, switches[-1] + 8 / gap, fit + V @ amplitudes)
        miss = np.linalg.norm(ends - deleted_fit, axis=1)
        lower = (miss[1:-1] < miss[:-2]) & (miss[1:-1] < miss[2:])
        return np.sum(lower), d

    return each(compare)
