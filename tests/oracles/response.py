"""The response path θ(ε) = argmin R_ε and its derivatives (theory §2), to fifty digits."""

from typing import NamedTuple

import numpy as np
from mpmath import mp

from .arithmetic import (
    DIGITS,
    Matrix,
    Vector,
    apply,
    number,
    regression,
    spectrum,
    stationary,
    to_float64,
    vector,
)


class Response(NamedTuple):
    """θ(ε), θ̇(ε), θ̈(ε), each (m, d)."""

    theta: np.ndarray
    velocity: np.ndarray
    acceleration: np.ndarray


@mp.workdps(DIGITS)
def response_digits(X, y, deleted, ridge, epsilons, theta0=None) -> tuple[Matrix, Matrix, Matrix]:
    """As :func:`response`, unrounded."""
    problem = regression(X, y, deleted, ridge)
    theta0 = vector(np.zeros(problem.dimension) if theta0 is None else theta0)
    theta, velocity, acceleration = [], [], []
    for epsilon in np.atleast_1d(epsilons):
        equations = problem.at(number(epsilon))
        basis = spectrum(equations)
        solve = _solver(equations.gram, basis)
        here = _stationary(solve, equations, basis, theta0)
        force = problem.deleted.gradient(here)
        terms = [*apply(problem.deleted.gram, here), *problem.deleted.moment]
        scale = max(abs(term) for term in terms)
        if epsilon == 0 and _leaves_the_range(force, basis, scale):
            rate = [mp.nan] * problem.dimension
        else:
            rate = [-entry for entry in solve(force)]
        bend = [-2 * entry for entry in solve(apply(problem.deleted.gram, rate))]
        theta.append(here)
        velocity.append(rate)
        acceleration.append(bend)
    return theta, velocity, acceleration


def response(X, y, deleted, ridge, epsilons, theta0=None) -> Response:
    """θ, θ̇ and θ̈ at ``epsilons`` (m,), by a direct linear solve.

    With a singular H_ε, θ is the limit of the flow from ``theta0`` (default zero), and the
    derivatives are those with the kernel part held; they are NaN where ∇ℓ_G has a component in
    the kernel (ε = 0 and a deleted point outside the span of the others), where none exists.
    """
    return Response(*map(to_float64, response_digits(X, y, deleted, ridge, epsilons, theta0)))


def full_fit(X, y, deleted, ridge=0.0, theta0=None) -> np.ndarray:
    """θ* = θ(1): (d,)."""
    return to_float64(fit_digits(X, y, deleted, ridge, 1, theta0))


def deleted_fit(X, y, deleted, ridge=0.0, theta0=None) -> np.ndarray:
    """θ*₋ = θ(0): (d,), the limit of the flow from ``theta0`` (default zero)."""
    return to_float64(fit_digits(X, y, deleted, ridge, 0, theta0))


@mp.workdps(DIGITS)
def fit_digits(X, y, deleted, ridge, epsilon, theta0=None) -> Vector:
    """θ(ε), unrounded."""
    problem = regression(X, y, deleted, ridge)
    theta0 = vector(np.zeros(problem.dimension) if theta0 is None else theta0)
    equations = problem.at(epsilon)
    basis = spectrum(equations)
    return _stationary(_solver(equations.gram, basis), equations, basis, theta0)


def _stationary(solve, equations, basis, theta0) -> Vector:
    if all(basis.values):
        return solve(equations.moment)
    return stationary(basis, theta0)


def _solver(gram: Matrix, basis):
    """H⁻¹ by elimination; with a kernel, the inverse on the range (and 0 on the kernel)."""

    def eliminate(right):
        return list(mp.lu_solve(mp.matrix(gram), mp.matrix(right)))

    def invert_on_range(right):
        return basis.assemble(
            [
                part / rate if rate else 0 * part
                for part, rate in zip(basis.coordinates(right), basis.values, strict=True)
            ]
        )

    return eliminate if all(basis.values) else invert_on_range


def _leaves_the_range(force, basis, scale) -> bool:
    outside = [
        abs(part)
        for part, rate in zip(basis.coordinates(force), basis.values, strict=True)
        if rate == 0
    ]
    return any(part > mp.mpf(10) ** (-0.7 * mp.dps) * scale for part in outside)
