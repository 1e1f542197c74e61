"""The proportional limits of ridge regression and of all that this package computes of it."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float
from scipy.optimize import elementwise

from homotopy._checks import ArrayInput, non_negative
from homotopy.asymptotics.fixed_point import at_one, degrees, fixed_point
from homotopy.asymptotics.population import (
    Population,
    a_population,
    non_negative_numbers,
    positive_numbers,
)
from homotopy.asymptotics.ridge_limits import LimitStatus, RidgeLimits

_NEAR = 0.05  # of γ = 1
_GRID = np.geomspace(1e-6, 1e6, 61)  # of λ, in units of the mean eigenvalue


def ridge(
    gamma: ArrayInput | float,
    ridge_per_point: ArrayInput | float = 0.0,
    *,
    noise_variance: float = 1.0,
    signal: float = 1.0,
    population: Population | None = None,
) -> RidgeLimits:
    """What ridge and ridgeless regression, and deleting a row from it, become in high dimension.

    For y = xᵀb + noise of variance σ², ‖b‖² = r², with n rows and p = γn features, n → ∞: risk,
    leave-one-out and its approximation, leverages, what influence functions miss, and how far a
    deletion moves the fit (theory §12). For isotropic rows without a ridge the risk is σ²γ/(1 − γ)
    for γ < 1 and r²(1 − 1/γ) + σ²/(γ − 1) beyond [1]_; all diverges at γ = 1, the deletion as well.

    Parameters
    ----------
    gamma : float or (m,)
        γ = p/n > 0.
    ridge_per_point : float or (m,)
        λ = ρ/n ≥ 0, ρ the ridge of the **sum** risk; 0 is least squares, of least norm for γ > 1.
    noise_variance : float
        σ² ≥ 0.
    signal : float
        r² = ‖b‖² ≥ 0.
    population : Population, optional
        The spectrum of Σ, the direction of b, and the scales of rows; isotropic by default.

    Returns
    -------
    RidgeLimits
        With one entry for each γ and λ, and a status for each. At γ = 1 without a ridge what
        diverges is infinite, and the status says so.

    Raises
    ------
    TypeError
        Naming `population`.
    ValueError
        Naming `gamma`, `ridge_per_point`, `noise_variance` or `signal`.

    References
    ----------
    .. [1] Hastie, Montanari, Rosset, Tibshirani, "Surprises in high-dimensional ridgeless least
       squares interpolation", Annals of Statistics 50 (2022).

    Examples
    --------
    >>> import homotopy as hm
    >>> limits = hm.asymptotics.ridge([0.5, 1.0, 2.0], noise_variance=0.5, signal=2.0)
    >>> limits.risk.round(6).tolist()
    [0.5, inf, 1.5]
    >>> limits.deletion_size.round(6).tolist()
    [1.0, inf, 2.0]
    >>> limits.influence_over_truth[:, 0].tolist()
    [0.5, 0.0, 0.0]
    """
    gamma = positive_numbers("gamma", gamma)
    ridge_per_point = non_negative_numbers("ridge_per_point", ridge_per_point)
    if 1 not in (gamma.size, ridge_per_point.size) and gamma.size != ridge_per_point.size:
        raise ValueError(
            f"ridge_per_point: expected one number, or one for each of {gamma.size} gamma, got "
            f"{ridge_per_point.size}."
        )
    gamma, ridge_per_point = map(np.array, np.broadcast_arrays(gamma, ridge_per_point))
    noise_variance = non_negative("noise_variance", noise_variance)
    signal = non_negative("signal", signal)
    rows = a_population(population)
    parts = _parts(gamma, ridge_per_point, noise_variance, signal, rows)
    best, least = _optimum(gamma, noise_variance, signal, rows)
    near = (ridge_per_point == 0.0) & (np.abs(gamma - 1.0) < _NEAR)
    status = _statuses(at_one(gamma, ridge_per_point), near)
    return RidgeLimits(
        gamma=gamma,
        ridge_per_point=ridge_per_point,
        optimal_ridge_per_point=best,
        optimal_risk=least,
        status=status,
        noise_variance=noise_variance,
        signal=signal,
        population=rows,
        **parts._asdict(),
    )


@jax.jit
@jax.vmap
def _statuses(diverges, near):
    finite = LimitStatus.where(near, LimitStatus.near_one, LimitStatus.successful)
    return LimitStatus.where(diverges, LimitStatus.diverges, finite)


class _Parts(NamedTuple):
    effective_ridge: Float[np.ndarray, " m"]
    leverage: Float[np.ndarray, "m j"]
    bias: Float[np.ndarray, " m"]
    variance: Float[np.ndarray, " m"]
    leave_one_out: Float[np.ndarray, " m"]
    generalised_cross_validation: Float[np.ndarray, " m"]
    training_error: Float[np.ndarray, " m"]
    deletion_size: Float[np.ndarray, " m"]
    cooks_distance: Float[np.ndarray, " m"]


def _parts(gamma, ridge_per_point, noise, signal, rows: Population) -> _Parts:
    kappa, u = fixed_point(gamma, ridge_per_point, rows)
    s, squares, mean = rows.eigenvalues, rows.scales**2, rows.mean_square_scale
    pulls = squares / (u[:, None] + squares)  # the leverages, (m, j)
    weights = rows.scale_masses
    free = 1.0 / (u[:, None] + squares)  # (1 − leverage)/u, which has a limit for u → 0
    first, second = pulls @ weights, pulls**2 @ weights
    # 1 − df₂ n_eff⁻¹, n_eff = n first²/second: what feedback multiplies all second moments by.
    feedback = 1.0 - gamma * degrees(kappa, rows, 2) * second / first**2
    # Subtraction leaves ±1e-16 where it is 0.
    feedback[at_one(gamma, ridge_per_point)] = 0.0
    unlearned = kappa**2 * ((s / (s + kappa[:, None]) ** 2) @ rows.signal_masses)
    noisy = gamma * degrees(kappa, rows, 2) * (free**2 * squares @ weights) / first**2
    unit_bias = signal * _over(unlearned, feedback)
    unit_variance = noise * _over(noisy, feedback) if noise > 0.0 else np.zeros(gamma.size)
    # E of the square residual of the model without the row, of each scale.
    residual = noise + squares * (unit_bias + unit_variance)[:, None]
    change = gamma * ((s / (s + kappa[:, None]) ** 2) @ rows.masses) / first**2
    moved = _over(change, feedback)
    size = _times(moved, (free**2 * squares * residual) @ weights)
    # Of θ(1) − θ(0) in the metric XᵀX of all rows: h + h² − ρ‖(M+ρ)⁻¹x‖² over (1 + h)².
    seen = pulls - _times(ridge_per_point, moved)[:, None] * free**2 * squares
    if noise > 0.0:
        over_noise = residual / noise
    else:
        # Residual and noise vanish together where nothing is unlearned, and no more.
        exact = np.where(unlearned == 0.0, _over(noisy, feedback), np.inf)
        over_noise = 1.0 + squares * exact[:, None]
    return _Parts(
        effective_ridge=kappa,
        leverage=pulls,
        bias=mean * unit_bias,
        variance=mean * unit_variance,
        leave_one_out=residual @ weights,
        generalised_cross_validation=(free**2 * residual) @ weights / (free @ weights) ** 2,
        training_error=_times(u[:, None] ** 2 * free**2, residual) @ weights,
        deletion_size=size,
        cooks_distance=(over_noise * seen) @ weights / gamma,
    )


def _over(part, feedback):
    """part/feedback, 0/0 being 0 and anything else over 0 infinity."""
    infinite = np.where(part > 0.0, np.inf, 0.0)
    return np.where(feedback > 0.0, part / np.where(feedback > 0.0, feedback, 1.0), infinite)


def _times(one, other):
    """The product, with 0·∞ = 0: what is multiplied by 0 is not there."""
    zero = (one == 0.0) | (other == 0.0)
    return np.where(zero, 0.0, np.where(zero, 1.0, one) * np.where(zero, 1.0, other))


def _risk(gamma, ridge_per_point, noise, signal, rows):
    parts = _parts(gamma, ridge_per_point, noise, signal, rows)
    return parts.bias + parts.variance


def _optimum(gamma, noise, signal, rows):
    """The λ ≥ 0 of least risk, and that risk."""
    nothing = signal * rows.mean_square_scale * (rows.signal_masses @ rows.eigenvalues)
    if signal == 0.0:
        return np.full(gamma.size, np.inf), np.zeros(gamma.size)
    if rows.directionless:
        # Then b might have been drawn from 𝒩(0, r²/p), of which this is the posterior mean.
        best = noise * gamma / signal
        return best, _risk(gamma, best, noise, signal, rows)
    scale = rows.mean_square_scale * (rows.masses @ rows.eigenvalues)
    grid = np.concatenate([[0.0], scale * _GRID])
    each = np.repeat(gamma, grid.size), np.tile(grid, gamma.size)
    found = _risk(*each, noise, signal, rows).reshape(gamma.size, grid.size)
    place = np.argmin(found, axis=1)
    inner = (place > 1) & (place < grid.size - 1)
    best, least = grid[place], found[np.arange(gamma.size), place]
    if np.any(inner):
        at = place[inner]
        bracket = tuple(np.log(grid[at + shift]) for shift in (-1, 0, 1))

        def risk(log_ridge, gamma):
            return _risk(gamma, np.exp(log_ridge), noise, signal, rows)

        refined = elementwise.find_minimum(risk, bracket, args=(gamma[inner],))
        best[inner], least[inner] = np.exp(refined.x), refined.f_x
    # Beyond the grid there is a minimum at 0, or none before infinity.
    best = np.where(place <= 1, 0.0, np.where(place == grid.size - 1, np.inf, best))
    least = np.where(np.isinf(best), np.minimum(least, nothing), least)
    return best, np.where(best == 0.0, found[:, 0], least)
