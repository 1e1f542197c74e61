"""By how much cubics miss the equations of the ellipsoids that no control leaves.

With z = Y⁻¹(u − c) and q = (u − c)·z, along every admissible u (docs/certificate.md, Theorem 5)

    q̇ ≤ −γq + ½|v_c|² + zᵀRz + 2z·s,
    R = γY − ΛY − YΛ + ½(1 − Y)G(1 − Y) − Ẏ,  s = −(Λc + ċ + ½(1 − Y)Bᵀv_c),

and R and s vanish for the ones that solve the equations. For cubics they are polynomials of
degree six in time; with V such that VYVᵀ is near 1, zᵀRz ≤ |VRVᵀ| |V⁻ᵀz|².
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from homotopy.control.certificate.cubics import coefficients, products, sizes_of, slopes
from homotopy.control.certificate.rounding import OUTWARD, gamma
from homotopy.control.certificate.system import ResidualSystem

ROUNDED = 1.0 + gamma(64)


class Cubics(NamedTuple):
    """Values and slopes at n + 1 times.

    Attributes
    ----------
    centres, centre_slopes : (n+1, d)
        c, ċ.
    shapes, shape_slopes : (n+1, d, d)
        Y, Ẏ.
    """

    centres: np.ndarray
    centre_slopes: np.ndarray
    shapes: np.ndarray
    shape_slopes: np.ndarray


class Defects(NamedTuple):
    """By how much the cubics miss the equations, step by step, and what drives ϱ.

    Attributes
    ----------
    growth : (n,)
        Bound of the rate at which q = (u − c)ᵀY⁻¹(u − c) grows by the defect of Y.
    shift : (n,)
        With the defect of c, q̇ is larger by at most 2 shift √q.
    driven, kept : (n,)
        ∫½|v_c|² over the step, and with the weight e^{−γ(end − t)}.
    """

    growth: np.ndarray
    shift: np.ndarray
    driven: np.ndarray
    kept: np.ndarray


def defects_of(
    system: ResidualSystem,
    found: Cubics,
    steps: np.ndarray,
    forgetting: float,
    inflation: np.ndarray,
) -> Defects:
    """Norms of polynomials on [−1, 1] are at most the sums of those of their coefficients."""
    errors, reach, count = system.errors, system.reach, steps.size
    relative = gamma(8 * system.rates.size + 8 * len(system.rows) + 80)
    shapes = coefficients(found.shapes, found.shape_slopes, steps)
    centres = coefficients(found.centres, found.centre_slopes, steps)
    whitening = np.full(shapes.shape[1:], np.nan)
    for j in range(count):
        try:
            whitening[j] = np.linalg.inv(np.linalg.cholesky(shapes[0, j]))
        except np.linalg.LinAlgError:
            break
    # The same sums with absolute values throughout bound what rounding makes of them.
    values = _terms(
        system.rates, system.rows, system.residual, whitening, (shapes, centres),
        steps, forgetting, inflation, -1.0,
    )  # fmt: skip
    sizes = _terms(
        system.rates, np.abs(system.rows), np.abs(system.residual), np.abs(whitening),
        (sizes_of(found.shapes, found.shape_slopes, steps),
         sizes_of(found.centres, found.centre_slopes, steps)),
        steps, forgetting, inflation, 1.0,
    )  # fmt: skip
    away = values.whitened.copy()
    away[0] -= np.eye(system.rates.size)
    away, shape_defect, shift = (
        _norms(part) + relative * _norms(size)
        for part, size in (
            (away, sizes.whitened),
            (values.shape, sizes.shape),
            (values.centre, sizes.centre),
        )
    )
    # z'Yz ≥ (1 − away)|V⁻ᵀz|².
    away = np.where(away < 0.9, 1.0 - OUTWARD * away, np.nan)
    forced = OUTWARD * (reach.drive + reach.largest @ errors.rows)
    shift = shift + np.linalg.norm(np.abs(whitening) @ forced, axis=1)
    # ∫x^i over [−1, 1], of even i, and ∫x^{i+1}, of odd i. e^{−γ(end − t)} lies below its chord.
    powers, odd = np.arange(7), np.arange(7) % 2
    plain, slanted = 2.0 * (1 - odd) / (powers + 1), 2.0 * odd / (powers + 2)
    held, quarter = np.exp(-forgetting * steps), 0.25 * ROUNDED * steps
    whole, tilt = plain @ values.square, slanted @ values.square
    slack = relative * (plain + slanted) @ sizes.square
    return Defects(
        growth=OUTWARD * shape_defect / away,
        shift=OUTWARD * shift / np.sqrt(away),
        driven=quarter * (whole + slack),
        kept=quarter * (0.5 * (1.0 + held) * whole + 0.5 * (1.0 - held) * tilt + slack),
    )


class _Terms(NamedTuple):
    """Coefficients of VYVᵀ (4, n, d, d), of the defects, in V as well, and of |v_c|² (7, n)."""

    whitened: np.ndarray
    shape: np.ndarray
    centre: np.ndarray
    square: np.ndarray


def _terms(rates, rows, residual, whitening, cubics, steps, forgetting, inflation, sign) -> _Terms:
    shapes, centres = cubics
    transposed = whitening.transpose(0, 2, 1)
    whitened = whitening @ shapes @ transposed
    left = sign * shapes @ rows.T
    left[0] += rows.T
    left = whitening @ left  # (4, n, d, g)
    seen = centres @ rows.T
    seen[0] += sign * residual
    # γY − ΛY − YΛ + E + ½(1 − Y)G(1 − Y) − Ẏ.
    damped = whitening @ (rates[:, None] * shapes) @ transposed
    shape = np.zeros((7, *whitened.shape[1:]))
    shape[:4] = forgetting * whitened + sign * (damped + damped.transpose(0, 1, 3, 2))
    shape[0] += (whitening * inflation) @ transposed
    shape[:3] += sign * slopes(whitened, steps)
    shape += 0.5 * products(left, left.transpose(0, 1, 3, 2))
    # −(Λc + ċ + ½(1 − Y)Bᵀv_c), but for its sign.
    centre = np.zeros((7, *seen.shape[1:2], rates.size))
    centre[:4] = (whitening @ (rates * centres)[..., None])[..., 0]
    centre[:3] += (whitening @ slopes(centres, steps)[..., None])[..., 0]
    centre += 0.5 * products(left, seen[..., None])[..., 0]
    square = products(seen[..., None, :], seen[..., None])[..., 0, 0]
    return _Terms(whitened, shape, centre, square)


def _norms(coefficients: np.ndarray) -> np.ndarray:
    """(p, n, ...) to (n,)."""
    flat = coefficients.reshape(*coefficients.shape[:2], -1)
    return np.linalg.norm(flat, axis=2).sum(axis=0)
