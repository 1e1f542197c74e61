"""θ(t) under piecewise-constant ε: ∂ₜθ = −∇R_{ε(t)}(θ) (theory §3), to fifty digits.

Through eigenvectors, and independently through the exponential of the augmented matrix.
"""

from itertools import pairwise

import numpy as np
from mpmath import mp, mpf

from .arithmetic import (
    DIGITS,
    Matrix,
    Regression,
    Spectrum,
    Vector,
    decay,
    propagate,
    regression,
    spectrum,
    to_float64,
    vector,
)


class Pieces:
    """A piecewise-constant schedule on a regression, with one spectrum for each distinct value.

    ``breakpoints`` (k,) ascending, ``values`` (k+1,): the last value lasts for ever.
    """

    def __init__(self, problem: Regression, breakpoints, values):
        self.problem = problem
        self.edges = [mpf(0), *vector(breakpoints)]
        self.values = vector(values)
        if len(self.values) != len(self.edges):
            raise ValueError("values must have one entry more than breakpoints")
        if any(b < a for a, b in pairwise(self.edges)):
            raise ValueError("breakpoints must be ascending and non-negative")
        self._spectra: dict[mpf, Spectrum] = {}

    def spectrum(self, value: mpf) -> Spectrum:
        """Spectrum of H_ε at ε = value, computed at the first call."""
        if value not in self._spectra:
            self._spectra[value] = spectrum(self.problem.at(value))
        return self._spectra[value]

    def between(self, start: mpf, stop: mpf) -> list[tuple[mpf, mpf, mpf]]:
        """The non-empty parts (left, right, value) of [start, stop], in order."""
        parts = []
        rights = [*self.edges[1:], mp.inf]
        for left, right, value in zip(self.edges, rights, self.values, strict=True):
            left, right = max(left, start), min(right, stop)
            if left < right:
                parts.append((left, right, value))
        return parts

    def forward(self, theta: Vector, start: mpf, stop: mpf) -> Vector:
        """θ(stop) from θ(start)."""
        for left, right, value in self.between(start, stop):
            theta = propagate(self.spectrum(value), theta, right - left)
        return theta

    def adjoint(self, costate: Vector, start: mpf, stop: mpf) -> Vector:
        """p(start) from p(stop), for ṗ = H_ε p."""
        for left, right, value in reversed(self.between(start, stop)):
            costate = decay(self.spectrum(value), costate, right - left)
        return costate


def in_order(times, start_state, advance):
    """States at ``times`` (any order), marching once through the sorted times."""
    times = vector(np.atleast_1d(times))
    states: list = [None] * len(times)
    now, state = mpf(0), start_state
    for index in sorted(range(len(times)), key=times.__getitem__):
        if times[index] < 0:
            raise ValueError("times must be non-negative")
        state = advance(state, now, times[index])
        now = times[index]
        states[index] = state
    return states


@mp.workdps(DIGITS)
def flow_digits(X, y, deleted, ridge, theta0, breakpoints, values, times) -> Matrix:
    """As :func:`flow`, unrounded."""
    pieces = Pieces(regression(X, y, deleted, ridge), breakpoints, values)
    return in_order(times, vector(theta0), pieces.forward)


def flow(X, y, deleted, ridge, theta0, breakpoints, values, times) -> np.ndarray:
    """θ(t) under piecewise-constant ε: (m, d) for ``times`` (m,) in any order.

    ε is ``values[k]`` between ``breakpoints[k-1]`` and ``breakpoints[k]``. Any λt, any rank.
    """
    return to_float64(flow_digits(X, y, deleted, ridge, theta0, breakpoints, values, times))


@mp.workdps(DIGITS)
def flow_by_exponential_digits(X, y, deleted, ridge, theta0, breakpoints, values, times) -> Matrix:
    """As :func:`flow_digits`, through exp of [[−H, c], [0, 0]] · Δt by mpmath's scaling-squaring.

    No eigenvectors and no case for the kernel. Sensible up to λt of about 1e4.
    """
    problem = regression(X, y, deleted, ridge)
    pieces = Pieces(problem, breakpoints, values)
    d = problem.dimension

    def advance(theta, start, stop):
        for left, right, value in pieces.between(start, stop):
            equations = problem.at(value)
            augmented = mp.zeros(d + 1)
            for i in range(d):
                augmented[i, d] = equations.moment[i] * (right - left)
                for j in range(d):
                    augmented[i, j] = -equations.gram[i][j] * (right - left)
            moved = mp.expm(augmented) * mp.matrix([*theta, 1])
            theta = [moved[i] for i in range(d)]
        return theta

    return in_order(times, vector(theta0), advance)
