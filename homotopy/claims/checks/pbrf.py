"""Proximal Bregman responses of a perceptron, and its refits."""

from __future__ import annotations

from functools import cache

import numpy as np

from homotopy.claims.checks.perceptron import (
    DAMPING,
    curvature,
    gauss_newton,
    own_loss,
    own_slope,
    perceptron,
    refit,
    stopped,
)
from homotopy.influence import predict
from homotopy.influence.estimators import ProximalBregman


@cache
def _response(part: float) -> np.ndarray:
    """θ − θˢ of PBRF for a part of the deleted point's weight."""
    change = -part * np.eye(perceptron().size)[0]
    return np.asarray(
        predict(perceptron(), ProximalBregman(DAMPING), stopped(), changes=change).delta
    )


def _influence(theta) -> np.ndarray:
    """(G + δ)⁻¹∇ℓ."""
    return np.linalg.solve(gauss_newton(theta, DAMPING), own_slope(theta))


def small_part():
    """PBRF for 1e-6 of the point, over 1e-6, and (G + δ)⁻¹∇ℓ."""
    return [(_response(1e-6) / 1e-6, _influence(stopped()))]


def order():
    """The error of influence for the part 2s, and 4 times that for s."""
    part, influence = 2e-3, _influence(stopped())
    doubled, single = (_response(s) - s * influence for s in (2 * part, part))
    return [(doubled, 4 * single)]


def unlike_retraining():
    """The slope of refits at a minimum less I†, and (∇²R)⁻¹(δ − Σℓᵢ'∇²fᵢ)I†."""
    full, step = refit(), 1e-4
    slope = (refit(1 - step) - refit(1 + step)) / (2 * step)
    influence = _influence(full)
    second_part = curvature(full) - gauss_newton(full)
    excess = DAMPING * influence - second_part @ influence
    return [(slope - influence, np.linalg.solve(curvature(full), excess))]


def self_influence():
    """dℓ/ds at s = 0 along PBRF, and ∇ℓᵀ(G + δ)⁻¹∇ℓ."""
    theta, part = stopped(), 1e-6
    found = (own_loss(theta + _response(part)) - own_loss(theta)) / part
    return [(found, own_slope(theta) @ _influence(theta))]
