"""First guesses of θ(ε) between the points of traced branches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from homotopy.responses.branch import Branch, Event


def guesses(
    branches: Sequence[Branch], events: Sequence[Event], epsilons: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """θ (m, d) near the local minimum at each ε, and the distance (m,) within which it must be.

    NaN where no branch reaches. On a branch, the cubic in arclength through both neighbours and
    their tangents, which also serves next to a fold, where θ is not smooth in ε.
    """
    theta = np.full((epsilons.size, branches[0].theta.shape[1]), np.nan)
    radius = np.zeros(epsilons.size)
    for index, epsilon in enumerate(epsilons):
        for number, branch in enumerate(branches):
            along = np.asarray(branch.epsilons)[: branch.minima]
            if epsilon > along[0]:
                # Between an event and the landing just below it: on the tangent at the landing.
                first, event = np.asarray(branch.theta)[0], np.asarray(events[number - 1].theta)
                slope = np.asarray(branch.theta_tangent)[0] / np.asarray(branch.epsilon_tangent)[0]
                theta[index] = first + (epsilon - along[0]) * slope
                radius[index] = np.linalg.norm(first - event) + 1e-6 * branch.scale
                break
            if epsilon >= along[-1]:
                theta[index], radius[index] = _between(branch, along, epsilon)
                break
    return theta, radius


def _between(branch: Branch, along: np.ndarray, epsilon: float) -> tuple[np.ndarray, float]:
    if along.size == 1:
        return np.asarray(branch.theta)[0], 1e-6 * branch.scale
    right = int(np.clip(np.searchsorted(-along, -epsilon), 1, along.size - 1))
    ends = slice(right - 1, right + 1)
    theta, theta_slope = (np.asarray(part)[ends] for part in (branch.theta, branch.theta_tangent))
    epsilon_slope = np.asarray(branch.epsilon_tangent)[ends]
    length = float(np.diff(np.asarray(branch.arclength)[ends])[0])
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if hermite(*along[ends], *(length * epsilon_slope), middle) > epsilon:
            low = middle
        else:
            high = middle
    guess = hermite(*theta, *(length * theta_slope), 0.5 * (low + high))
    return guess, 0.5 * float(np.linalg.norm(theta[1] - theta[0])) + 1e-6 * branch.scale


def hermite(left, right, left_slope, right_slope, s):
    """The cubic with these values and derivatives at s = 0 and s = 1."""
    change = right - left
    inner = (left_slope - change) * (1.0 - s) - (right_slope - change) * s
    return left + s * change + s * (1.0 - s) * inner


def hermite_slope(left, right, left_slope, right_slope, s):
    """The derivative of that cubic in s."""
    change = right - left
    rising, falling = left_slope - change, right_slope - change
    inner = rising * (1.0 - s) - falling * s
    return change + (1.0 - 2.0 * s) * inner - s * (1.0 - s) * (rising + falling)
