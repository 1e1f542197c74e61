"""Stages of a Runge–Kutta method of order four with a given stability polynomial (theory §15).

R(z) = w(z) P(z), with P of the real zeros and w of the complex ones. P is the last of polynomials
that are orthogonal with respect to its own zeros, and so comes by a recurrence of three terms,
whose stages stay bounded; w by four stages more. Those have ten coefficients, and the eight
conditions of order four determine them but for two, which are as small as can be.
"""

from __future__ import annotations

import numpy as np

# 1/γ of the trees to order four: •; [•]; [••], [[•]]; [•••], [•[•]], [[••]], [[[•]]].
_EXACT = 1.0 / np.array([1.0, 2.0, 3.0, 6.0, 4.0, 8.0, 12.0, 24.0])
# a₂₁, a₃₁, a₃₂, a₄₁, a₄₂, a₄₃, b₁ … b₄ of degree five, from many starts the smallest.
_FIRST = np.array([0.342, -0.365, 0.708, -0.281, 0.429, 0.722, -0.008, 0.485, 0.213, 0.134])


def recurrence(real: np.ndarray, pairs: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """wⱼ and bⱼ of p_{j+1}(z) = (wⱼ + bⱼz) pⱼ + (1 − wⱼ) p_{j−1}, so that the last is P.

    Orthogonal with weights |w|² at the zeros of P; pⱼ(0) = 1.
    """
    points = 1.0 + 2.0 * real / reach
    mass = np.prod(np.abs((real[:, None] - pairs) / reach), 1) ** 4
    mass /= mass.sum()
    last, current = np.zeros(real.size), np.ones(real.size)
    weight, step, norm = [], [], 1.0
    for index in range(real.size):
        last_norm, norm = norm, np.sum(mass * current**2)
        centre = np.sum(mass * points * current**2) / norm
        back = np.sum(mass * points * current * last) / last_norm if index else 0.0
        scale = 1.0 - centre - back
        weight.append((1.0 - centre) / scale)
        step.append(2.0 / (reach * scale))
        last, current = current, ((points - centre) * current - back * last) / scale
    return np.array(weight), np.array(step)


def _of_field(value):
    """B-series of h f at a B-series."""
    first, second, bushy, tall = value[:4]
    return np.array([1.0, first, first**2, second, first**3, first * second, bushy, tall])


def _of_recurrence(weight, step):
    last, current = np.zeros(8), np.zeros(8)
    for w, b in zip(weight, step, strict=True):
        last, current = current, w * current + (1.0 - w) * last + b * _of_field(current)
    return current


def _slopes(start, coefficients):
    a21, a31, a32, a41, a42, a43 = coefficients[:6]
    k1 = _of_field(start)
    k2 = _of_field(start + a21 * k1)
    k3 = _of_field(start + a31 * k1 + a32 * k2)
    return np.array([k1, k2, k3, _of_field(start + a41 * k1 + a42 * k2 + a43 * k3)])


def finishing_stages(
    weight: np.ndarray, step: np.ndarray, near: np.ndarray | None = None
) -> np.ndarray:
    """Rows 1 to 4: what stage i adds, times h f, to the points of the later ones, θ₁ and the error.

    Columns are the points 2, 3, 4, θ₁, and the estimate, (5, 5) with a last row of zeros, at which
    h f(θ₁) is found. The estimate begins as y₀ less the end of the first stages. Among the
    combinations of y₀, that end and the four slopes it is the one that vanishes to order three.
    """
    start = _of_recurrence(weight, step)
    found = _FIRST if near is None else _packed(near)
    for _ in range(100):
        residual = start + found[6:] @ _slopes(start, found) - _EXACT
        if np.max(np.abs(residual)) < 1e-15:
            break
        width = 1e-6 * np.eye(10)
        jacobian = [
            (up[6:] @ _slopes(start, up) - down[6:] @ _slopes(start, down)) / 2e-6
            for up, down in zip(found + width, found - width, strict=True)
        ]
        change = np.linalg.lstsq(np.transpose(jacobian), -residual, rcond=1e-10)[0]
        found = found + change * min(1.0, 0.3 / np.max(np.abs(change)))
    slopes = _slopes(start, found)
    estimate = np.linalg.solve(slopes[:, :4].T, start[:4])
    a21, a31, a32, a41, a42, a43 = found[:6]
    table = np.zeros((5, 5))
    table[0, :3], table[1, 1:3], table[2, 2] = (a21, a31, a41), (a32, a42), a43
    table[:4, 3] = found[6:]
    table[:4, 4] = estimate
    return table


def _packed(table):
    points = table[[0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]]
    return np.concatenate([points, table[:4, 3]])
