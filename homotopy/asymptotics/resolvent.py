"""Spectral integrals ∫ F(s) dm(s) of Σ^½(XᵀX/n)Σ^½, by a contour around the spectrum."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float

from homotopy.asymptotics.fixed_point import fixed_point
from homotopy.asymptotics.population import Population

_HALF_HEIGHT = 1.2  # of the contour in log z, below π/2: e^{−z} does not grow on it
_MARGIN = 0.5  # of the contour in log z, left and right of the spectrum
_COUNTS = (64, 128, 256, 512)
_STEPS = 50  # of Newton's method
_SMALL = 1e-10


class Unresolved(Exception):
    """The contour's nodes did not settle."""


def decay(
    gamma: float, ridge_per_point: float, times: Float[np.ndarray, " t"], rows: Population
) -> Float[np.ndarray, " t"]:
    """∫(s+λ)⁻²e^{−2T(s+λ)}dm / ∫(s+λ)⁻²dm, m the spectral measure of XᵀX/n in the metric Σ.

    1/u(−z) is the transform ∫dm/(s − z), so that an integral of F is −(1/2πi)∮F(z)/u(−z)dz.

    Raises
    ------
    Unresolved
        Where twice the nodes do not give the same.
    """
    lowest = rows.eigenvalues.min() * rows.scales.min() ** 2
    highest = rows.eigenvalues.max() * rows.scales.max() ** 2
    edge = lowest * max(0.0, 1.0 - np.sqrt(gamma)) ** 2 if gamma < 1.0 else 0.0
    ends = np.log([edge + ridge_per_point, highest * (1.0 + np.sqrt(gamma)) ** 2 + ridge_per_point])
    before = None
    for count in _COUNTS:
        now = _on_contour(gamma, ridge_per_point, times, rows, ends, count)
        if before is not None and np.max(np.abs(now - before)) <= _SMALL:
            return now
        before = now
    raise Unresolved


def _on_contour(gamma, ridge_per_point, times, rows, ends, count):
    # An ellipse around the spectrum in w = log(z + λ), nodes in its upper half; the lower half is
    # the mirror image. Its left end comes first, where the transform is real.
    angle = np.pi * (1.0 - (np.arange(count) + 0.5) / count)
    half = (ends[1] - ends[0]) / 2.0 + _MARGIN
    shifted = np.exp(ends.mean() + half * np.cos(angle) + 1j * _HALF_HEIGHT * np.sin(angle))
    slope = shifted * (-half * np.sin(angle) + 1j * _HALF_HEIGHT * np.cos(angle))
    transform = _transform(gamma, shifted - ridge_per_point, rows)
    # In units of the left end, lest the exponentials overflow or vanish.
    shift = np.exp(ends[0])
    exponents = np.exp(-2.0 * times[:, None] * (shifted - shift))
    values = exponents / shifted**2 * (transform * slope)
    total = np.imag(np.sum(values, axis=1))
    whole = np.imag(np.sum(transform * slope / shifted**2))
    return np.exp(-2.0 * times * shift) * total / whole


def _transform(
    gamma: float, z: Complex[np.ndarray, " c"], rows: Population
) -> Complex[np.ndarray, " c"]:
    """1/u at λ = −z, continued along z from the left of the spectrum."""
    far = np.array([max(1.0, float(np.abs(z[0]))) * rows.eigenvalues.max()])
    start = fixed_point(np.array([gamma]), far, rows)
    state = np.array([start.kappa[0], start.u[0]], complex)
    path = -far[0] + np.linspace(0.0, 1.0, 40) ** 0.5 * (z[0] + far[0])
    for point in path:
        state = _newton(gamma, -point, state, rows)
    found = np.empty(z.size, complex)
    for place, point in enumerate(z):
        state = _newton(gamma, -point, state, rows)
        found[place] = 1.0 / state[1]
    return found


def _newton(gamma, ridge_per_point, state, rows):
    """κ and u of a complex λ, from those of a λ nearby."""
    s, squares = rows.eigenvalues, rows.scales**2
    kappa, u = state
    for _ in range(_STEPS):
        share = gamma * (s / (s + kappa)) @ rows.masses
        slope = -gamma * (s / (s + kappa) ** 2) @ rows.masses
        pulls = squares / (u + squares)
        first = pulls @ rows.scale_masses - share
        second = u * kappa * share - ridge_per_point
        a, b = -slope, -(pulls / (u + squares)) @ rows.scale_masses
        c, d = u * (share + kappa * slope), kappa * share
        determinant = a * d - b * c
        move = np.array([d * first - b * second, a * second - c * first]) / determinant
        kappa, u = kappa - move[0], u - move[1]
        if np.abs(move[0]) <= 1e-14 * np.abs(kappa) and np.abs(move[1]) <= 1e-14 * np.abs(u):
            break
    return np.array([kappa, u])
