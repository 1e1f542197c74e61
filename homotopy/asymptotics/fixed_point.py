"""The fixed point behind all limits: the effective ridge κ, and u, the inverse of a row's pull."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import elementwise

from homotopy.asymptotics.population import Population

_TIGHT = {"xatol": 0.0, "xrtol": 4e-16, "fatol": 0.0, "frtol": 0.0}
_ONE = 1e-12  # |γ − 1| below which γ is 1


class FixedPoint(NamedTuple):
    """κ and u (theory §12.1).

    Attributes
    ----------
    kappa : (m,)
        The effective ridge: 0 where there is no ridge and p < n.
    u : (m,)
        1/tr Σ(XᵀX + ρ)⁻¹: 0 where there is no ridge and p ≥ n.
    """

    kappa: Float[np.ndarray, " m"]
    u: Float[np.ndarray, " m"]


def fixed_point(
    gamma: Float[np.ndarray, " m"], ridge_per_point: Float[np.ndarray, " m"], rows: Population
) -> FixedPoint:
    """The κ ≥ 0 and u ≥ 0 with E τ²/(u+τ²) = γ∫s/(s+κ)dH and λ = uκγ∫s/(s+κ)dH."""
    kappa, u = np.zeros(gamma.size), np.zeros(gamma.size)
    ridged = ridge_per_point > 0.0
    if np.any(ridged):
        kappa[ridged] = _with_a_ridge(gamma[ridged], ridge_per_point[ridged], rows)
        # Not from the share of κ, of which 1 is subtracted where it is near 1.
        share = gamma[ridged] * degrees(kappa[ridged], rows)
        u[ridged] = ridge_per_point[ridged] / (kappa[ridged] * share)
    few = ~ridged & (gamma < 1.0 - _ONE)
    u[few] = _inverse_pull(gamma[few], rows)
    many = ~ridged & (gamma > 1.0 + _ONE)
    kappa[many] = _without_a_ridge(gamma[many], rows)
    return FixedPoint(kappa, u)


def at_one(gamma, ridge_per_point):
    """Where limits diverge: as many features as rows, and no ridge."""
    return (ridge_per_point == 0.0) & (np.abs(gamma - 1.0) <= _ONE)


def degrees(kappa, rows: Population, power: int = 1):
    """∫ (s/(s+κ))^power dH, of each κ."""
    s = rows.eigenvalues
    return (s / (s + kappa[..., None])) ** power @ rows.masses


def _inverse_pull(share, rows: Population):
    """The u ≥ 0 with E τ²/(u + τ²) = share, a number in (0, 1)."""
    squares = rows.scales**2
    odds = (1.0 - share) / share
    if np.all(squares == squares[0]) or share.size == 0:
        return squares[0] * odds

    def excess(u, share):
        return squares / (u[..., None] + squares) @ rows.scale_masses - share

    # One scale for all rows bounds u on either side; outward, so that the ends have two signs.
    ends = squares.min() * odds * (1.0 - 1e-12), squares.max() * odds * (1.0 + 1e-12)
    return elementwise.find_root(excess, ends, args=(share,), tolerances=_TIGHT).x


def _with_a_ridge(gamma, ridge_per_point, rows: Population):
    """λ(κ) = uκγ∫s/(s+κ)dH increases with κ: bracketed, and solved in log κ."""
    squares = rows.scales**2
    mean = rows.masses @ rows.eigenvalues

    def excess(log_kappa, gamma, ridge_per_point):
        kappa = np.exp(log_kappa)
        share = gamma * degrees(kappa, rows)
        u = np.zeros_like(share)
        u[share < 1.0] = _inverse_pull(share[share < 1.0], rows)
        return u * kappa * share / ridge_per_point - 1.0

    # λ ≤ κ E τ²; and where the share is below a half, λ ≥ κ min τ²/2.
    low = ridge_per_point / rows.mean_square_scale
    high = np.maximum(2.0 * gamma * mean, 2.0 * ridge_per_point / squares.min())
    ends = np.log(low) - 1e-9, np.log(high) + 1e-9
    found = elementwise.find_root(excess, ends, args=(gamma, ridge_per_point), tolerances=_TIGHT)
    return np.exp(found.x)


def _without_a_ridge(gamma, rows: Population):
    """The κ > 0 with γ∫s/(s+κ)dH = 1, for γ > 1."""
    if gamma.size == 0:
        return gamma

    def excess(kappa, gamma):
        return gamma * degrees(kappa, rows) - 1.0

    s = rows.eigenvalues
    if np.all(s == s[0]):
        return s[0] * (gamma - 1.0)
    ends = s.min() * (gamma - 1.0) * (1.0 - 1e-12), s.max() * (gamma - 1.0) * (1.0 + 1e-12)
    return elementwise.find_root(excess, ends, args=(gamma,), tolerances=_TIGHT).x
