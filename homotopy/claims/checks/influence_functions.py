"""Influence functions against refits with a smaller weight."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from homotopy.claims.checks.instances import arrays, each
from homotopy.claims.checks.perceptron import curvature, own_loss, own_slope, refit, slope
from homotopy.influence.diagnostics import leverage

_STEP = 1e-4


def _fit(problem, s) -> np.ndarray:
    """θ(1 − s) of a regression, by refitting."""
    return np.asarray(problem.fit(1.0 - s))


def _own_slope(problem, theta) -> np.ndarray:
    """∇ℓ of the deleted row."""
    _, _, x, y = arrays(problem)
    return -x * (y - x @ theta)


def _own_loss(problem, theta) -> float:
    """½(y − xᵀθ)²."""
    _, _, x, y = arrays(problem)
    return 0.5 * (y - x @ theta) ** 2


def _risk(problem, theta, s) -> float:
    """R − sℓ."""
    X, y, _, _ = arrays(problem)
    return 0.5 * np.sum((X @ theta - y) ** 2) - s * _own_loss(problem, theta)


def _hessian(problem, s) -> np.ndarray:
    """XᵀX less s times the deleted row's part."""
    X, _, x, _ = arrays(problem)
    return X.T @ X - s * np.outer(x, x)


def _influence(problem, theta, s) -> np.ndarray:
    """(∇²R₋ + (1 − s)∇²ℓ)⁻¹∇ℓ."""
    return np.linalg.solve(_hessian(problem, s), _own_slope(problem, theta))


def _backward(values):
    """The derivative at the last of three values that are one step apart."""
    far, near, here = values
    return (far - 4 * near + 3 * here) / (2 * _STEP)


def deleted():
    """θ(0) of the toolkit, and least squares of the other rows."""

    def compare(problem):
        X, y, _, _ = arrays(problem)
        others = np.arange(len(y)) != 1
        return problem.fit(0.0), np.linalg.lstsq(X[others], y[others], rcond=None)[0]

    return each(compare)


def second_order():
    """d²θ/ds² at s = 0 of a perceptron, and H⁻¹(2∇²ℓ v − D³R[v, v])."""
    full, step = refit(), 1e-3
    H = curvature(full)
    v = np.linalg.solve(H, own_slope(full))
    unit = v / np.linalg.norm(v)
    bend = slope(full + step * unit) + slope(full - step * unit) - 2 * slope(full)
    third = bend / step**2 * (v @ v)
    curved = 2 * (H - curvature(full, 0.0)) @ v - third
    differences = refit(1 + step) + refit(1 - step) - 2 * full
    return [(differences / step**2, np.linalg.solve(H, curved))]


def own_loss_rate():
    """dℓ/ds at s = 1, and ∇ℓᵀ(∇²R₋)⁻¹∇ℓ at θ*₋."""

    def compare(problem):
        fits = [_fit(problem, 1 - part * _STEP) for part in (2, 1, 0)]
        found = _backward([_own_loss(problem, fit) for fit in fits])
        return found, _own_slope(problem, fits[2]) @ _influence(problem, fits[2], 1)

    return each(compare)


def objective():
    """d/ds of the least value of R − sℓ at s = ½, and −ℓ."""

    def compare(problem):
        values = [_risk(problem, _fit(problem, s), s) for s in (0.5 - _STEP, 0.5 + _STEP)]
        return np.diff(values) / (2 * _STEP), -_own_loss(problem, _fit(problem, 0.5))

    return each(compare)


def training_error():
    """R(θ*₋) − R(θ*), and ½𝒬/(1 − P)²."""

    def compare(problem):
        full, without = _fit(problem, 0), _fit(problem, 1)
        found = _risk(problem, without, 0) - _risk(problem, full, 0)
        own_change = _own_slope(problem, full) @ _influence(problem, full, 0)
        return found, own_change / (1 - leverage(problem)[1]) ** 2 / 2

    return each(compare)


def velocity_without():
    """dθ/ds at s = 1, and (∇²R₋)⁻¹∇ℓ at θ*₋."""

    def compare(problem):
        fits = [_fit(problem, 1 - part * _STEP) for part in (2, 1, 0)]
        return _backward(fits), _influence(problem, fits[2], 1)

    return each(compare)


def way():
    """θ(1 − s) − θ* at s = 0.3 and 1, and s/(1 − sP) H⁻¹∇ℓ."""

    def compare(problem):
        full, P = _fit(problem, 0), leverage(problem)[1]
        parts = np.array([0.3, 1.0])
        found = [_fit(problem, s) - full for s in parts]
        return found, np.outer(parts / (1 - parts * P), _influence(problem, full, 0))

    return each(compare)


def slopes_with():
    """dθ/ds and dℓ/ds at s = 0 of a perceptron, and H⁻¹∇ℓ and ∇ℓᵀH⁻¹∇ℓ."""
    full = refit()
    ahead, behind = refit(1 - _STEP), refit(1 + _STEP)
    influence = np.linalg.solve(curvature(full), own_slope(full))
    return [
        ((ahead - behind) / (2 * _STEP), influence),
        ((own_loss(ahead) - own_loss(behind)) / (2 * _STEP), own_slope(full) @ influence),
    ]


def determinant():
    """det ∇²R₋, and (1 − P) det ∇²R."""

    def compare(problem):
        origin = jnp.zeros(problem.dimension)
        without, full = (np.linalg.det(problem.hessian(origin, epsilon)) for epsilon in (0, 1))
        return without, (1 - leverage(problem)[1]) * full

    return each(compare)
