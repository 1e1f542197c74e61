"""Deletion as a control problem (theory §4): ℰ = ½‖θ(T) − target‖², to fifty digits.

The default target is the deleted fit θ*₋; where H_{−G} is singular it is the limit of the flow
with ε = 0 from ``theta0``. Pass ``target`` to choose another.

Results are relatively accurate to float64 as long as ‖θ(T) − target‖ is above 1e-30 ‖target‖.
"""

from itertools import pairwise

import numpy as np
from mpmath import mp, mpf

from .arithmetic import (
    DIGITS,
    Matrix,
    Vector,
    combine,
    dot,
    number,
    regression,
    to_float64,
    vector,
)
from .flow import Pieces
from .ramp import ramp_flow_digits
from .response import fit_digits

# Central differences at h = 10^(-0.4 digits) keep 60 % of these digits, relative to the
# natural scale of the derivative, and cut off an error of order h².
DIFFERENCE_DIGITS = 70


class _Deletion:
    def __init__(self, X, y, deleted, ridge, theta0, breakpoints, values, horizon, target=None):
        self.pieces = Pieces(regression(X, y, deleted, ridge), breakpoints, values)
        self.force = self.pieces.problem.deleted
        self.theta0, self.horizon = vector(theta0), number(horizon)
        if target is None:
            target = fit_digits.__wrapped__(X, y, deleted, ridge, 0, theta0)
        self.target = vector(target)

    def state(self, time: mpf) -> Vector:
        return self.pieces.forward(self.theta0, mpf(0), time)

    def costate(self, time: mpf) -> Vector:
        final = combine(self.state(self.horizon), -1, self.target)
        return self.pieces.adjoint(final, time, self.horizon)

    def switching(self, time: mpf) -> mpf:
        return dot(self.costate(time), self.force.gradient(self.state(time)))

    def cost(self) -> mpf:
        miss = combine(self.state(self.horizon), -1, self.target)
        return dot(miss, miss) / 2


@mp.workdps(DIGITS)
def cost_digits(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target=None) -> mpf:
    """As :func:`cost`, unrounded."""
    return _Deletion(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target).cost()


def cost(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target=None) -> float:
    """ℰ of a piecewise-constant schedule."""
    return float(cost_digits(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target))


@mp.workdps(DIGITS)
def costs_digits(X, y, deleted, ridge, theta0, schedules, horizon, target=None) -> Vector:
    """As :func:`cost_digits` for many (breakpoints, values), whose spectra are computed once."""
    first, *_ = schedules
    problem = _Deletion(X, y, deleted, ridge, theta0, *first, horizon, target)
    found = []
    for breakpoints, values in schedules:
        problem.pieces.edges, problem.pieces.values = [mpf(0), *vector(breakpoints)], vector(values)
        found.append(problem.cost())
    return found


@mp.workdps(DIGITS)
def costate_digits(
    X, y, deleted, ridge, theta0, breakpoints, values, horizon, times, target=None
) -> Matrix:
    """As :func:`costate`, unrounded."""
    problem = _Deletion(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target)
    return [problem.costate(time) for time in _within(times, problem.horizon)]


def costate(
    X, y, deleted, ridge, theta0, breakpoints, values, horizon, times, target=None
) -> np.ndarray:
    """p(t), with ṗ = H_ε p and p(T) = θ(T) − target: (m, d) for times (m,) in [0, T]."""
    return to_float64(
        costate_digits(X, y, deleted, ridge, theta0, breakpoints, values, horizon, times, target)
    )


@mp.workdps(DIGITS)
def switching_function_digits(
    X, y, deleted, ridge, theta0, breakpoints, values, horizon, times, target=None
) -> Vector:
    """As :func:`switching_function`, unrounded."""
    problem = _Deletion(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target)
    return [problem.switching(time) for time in _within(times, problem.horizon)]


def switching_function(
    X, y, deleted, ridge, theta0, breakpoints, values, horizon, times, target=None
) -> np.ndarray:
    """φ(t) = p · Σ_G ∇ℓ_i(θ), which is σ·v for one point: (m,) for times (m,) in [0, T]."""
    return to_float64(
        switching_function_digits(
            X, y, deleted, ridge, theta0, breakpoints, values, horizon, times, target
        )
    )


def _within(times, horizon):
    times = vector(np.atleast_1d(times))
    if any(not 0 <= time <= horizon for time in times):
        raise ValueError("times must lie in [0, horizon]")
    return times


@mp.workdps(DIGITS)
def breakpoint_gradient_digits(
    X, y, deleted, ridge, theta0, breakpoints, values, horizon, target=None
) -> Vector:
    """As :func:`breakpoint_gradient`, unrounded."""
    problem = _Deletion(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target)
    values = problem.pieces.values
    return [
        -problem.switching(at) * (before - after) if at <= problem.horizon else mpf(0)
        for at, before, after in zip(problem.pieces.edges[1:], values, values[1:], strict=False)
    ]


def breakpoint_gradient(
    X, y, deleted, ridge, theta0, breakpoints, values, horizon, target=None
) -> np.ndarray:
    """∂ℰ/∂breakpoint: (k,). From δℰ/δε = −φ, it is −φ(b)(value before − value after).

    Zero beyond the horizon; at the horizon itself it is the derivative from the left.
    """
    return to_float64(
        breakpoint_gradient_digits(
            X, y, deleted, ridge, theta0, breakpoints, values, horizon, target
        )
    )


@mp.workdps(DIFFERENCE_DIGITS)
def breakpoint_gradient_by_difference_digits(
    X, y, deleted, ridge, theta0, breakpoints, values, horizon, target=None
) -> Vector:
    """As :func:`breakpoint_gradient_digits`, by central differences: no costate involved.

    Only for distinct breakpoints, none of them at 0 or at the horizon; mild stiffness.
    """
    problem = _Deletion(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target)
    step = mpf(10) ** (-0.4 * mp.dps)

    def at(index, shift):
        edges = problem.pieces.edges
        problem.pieces.edges = [e + shift * (k == index) for k, e in enumerate(edges)]
        result = problem.cost()
        problem.pieces.edges = edges
        return result

    count = len(problem.pieces.edges)
    return [(at(k, step) - at(k, -step)) / (2 * step) for k in range(1, count)]


@mp.workdps(DIFFERENCE_DIGITS)
def value_gradient_digits(
    X, y, deleted, ridge, theta0, breakpoints, values, horizon, target=None
) -> Vector:
    """As :func:`value_gradient`, unrounded."""
    problem = _Deletion(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target)
    gram = problem.force.gram
    stiffness = sum(gram[k][k] for k in range(len(gram))) * problem.horizon
    step = mpf(10) ** (-0.4 * mp.dps) / max(1, stiffness)
    original = problem.pieces.values

    def at(index, shift):
        problem.pieces.values = [v + shift * (k == index) for k, v in enumerate(original)]
        return problem.cost()

    gradient = []
    for k, left in enumerate(problem.pieces.edges):
        empty = left >= problem.horizon or left == (*problem.pieces.edges, None)[k + 1]
        slope = mpf(0) if empty else (at(k, step) - at(k, -step)) / (2 * step)
        gradient.append(slope)
    return gradient


def value_gradient(
    X, y, deleted, ridge, theta0, breakpoints, values, horizon, target=None
) -> np.ndarray:
    """∂ℰ/∂value: (k+1,), by central differences of ℰ: neither costate nor eigen-derivatives."""
    return to_float64(
        value_gradient_digits(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target)
    )


@mp.workdps(DIGITS)
def value_gradient_by_quadrature_digits(
    X, y, deleted, ridge, theta0, breakpoints, values, horizon, target=None
) -> Vector:
    """As :func:`value_gradient_digits`, from −∫φ dt over each cell. Slow; λT below about 20."""
    problem = _Deletion(X, y, deleted, ridge, theta0, breakpoints, values, horizon, target)
    edges = [min(edge, problem.horizon) for edge in (*problem.pieces.edges, problem.horizon)]
    return [
        -mp.quad(problem.switching, [left, right], method="gauss-legendre", maxdegree=5)
        if left < right
        else mpf(0)
        for left, right in pairwise(edges)
    ]


# ---------------------------------------------------------------------------------------------
# Ramps


@mp.workdps(DIGITS)
def ramp_cost_digits(X, y, deleted, ridge, theta0, start, stop, power, horizon, target=None) -> mpf:
    """As :func:`ramp_cost`, unrounded."""
    if target is None:
        target = fit_digits(X, y, deleted, ridge, 0, theta0)
    final = ramp_flow_digits(X, y, deleted, ridge, theta0, start, stop, power, [horizon])[0]
    miss = combine(final, -1, vector(target))
    return dot(miss, miss) / 2


def ramp_cost(X, y, deleted, ridge, theta0, start, stop, power, horizon, target=None) -> float:
    """ℰ of a polynomial ramp; the limits of ``ramp.ramp_flow`` apply."""
    return float(
        ramp_cost_digits(X, y, deleted, ridge, theta0, start, stop, power, horizon, target)
    )


def ramp_gradient(
    X, y, deleted, ridge, theta0, start, stop, power, horizon, target=None
) -> np.ndarray:
    """(∂ℰ/∂start, ∂ℰ/∂stop, ∂ℰ/∂power) of a ramp: (3,), by central differences.

    With start > 0, start < stop, and stop off the horizon.
    """
    with mp.workdps(DIGITS):
        if target is None:
            target = fit_digits(X, y, deleted, ridge, 0, theta0)
        step = mpf(10) ** (-0.4 * mp.dps)
        parameters = vector([start, stop, power])

        def at(index, shift):
            moved = [p + shift * (k == index) for k, p in enumerate(parameters)]
            return ramp_cost_digits(X, y, deleted, ridge, theta0, *moved, horizon, target)

        return to_float64([(at(k, step) - at(k, -step)) / (2 * step) for k in range(3)])
