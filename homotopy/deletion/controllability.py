"""When an optimal schedule can have no singular arc (theory §4)."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from scipy.optimize import minimize_scalar

from homotopy.deletion.bridges.residual_system import common_rows
from homotopy.deletion.deletion import Deletion

_NEGLIGIBLE = 1e-12


@dataclasses.dataclass(frozen=True)
class Controllability:
    """Whether the theorem "no singular arcs" holds for a deletion problem, and by what margin.

    If r ≠ 0, ℰ > 0, M is positive definite and (M, x) controllable, then σ ≡ 0 or v ≡ 0 on an
    interval is impossible, and every optimal schedule is bang-bang with finitely many switches.

    Attributes
    ----------
    margin : float
        min over λ of the least singular value of [M − λ, x], over the norm of [M, x]: the relative
        distance to a pair (M, x) that is not controllable. Zero where a mode does not see the
        point or where eigenvalues coincide.
    residual : float
        |r|/‖x‖, for the row that has the least; the theorem needs it positive.
    applies : bool
    reason : str
    """

    margin: float
    residual: float
    applies: bool
    reason: str

    def __bool__(self) -> bool:
        return self.applies


def controllability(deletion: Deletion, reached: bool) -> Controllability:
    """Check the conditions of the theorem.

    Parameters
    ----------
    deletion : Deletion
        Of a single point, or of multiples of one, which together are one (`common_schedule`); for
        other points with one schedule the theorem is not claimed.
    reached : bool
        Whether ℰ = 0 at the optimum: the costate vanishes then, and says nothing.
    """
    modal = deletion.problem.modal
    rates = np.asarray(modal.eigenvalues)
    rows, residuals, _ = common_rows(deletion)
    sizes = np.maximum(np.linalg.norm(rows, axis=1), 1e-300)
    residual = float(np.min(np.abs(residuals) / sizes))
    margin = _margin(rates, rows.T)
    if len(rows) > 1:
        return Controllability(
            margin, residual, False, "several points, no multiples of one, are deleted"
        )
    if not margin > _NEGLIGIBLE:
        return Controllability(
            margin, residual, False, "a mode of M does not see the point, or modes coincide"
        )
    if not rates.min() > 0.0:
        return Controllability(margin, residual, False, "M is singular: v = 0 can hold the state")
    scale = np.linalg.norm(np.asarray(deletion.centred_start)) + residual
    if not residual > _NEGLIGIBLE * scale:
        return Controllability(
            margin, residual, False, "r = 0: the deleted fit passes through the point"
        )
    if reached:
        return Controllability(margin, residual, False, "the target is reached: the costate is 0")
    return Controllability(
        margin, residual, True, "r ≠ 0, ℰ > 0 and (M, x) controllable: no singular arcs"
    )


def _margin(rates: np.ndarray, columns: np.ndarray) -> float:
    """Least singular value of [Λ − λ, columns] over real λ (Λ is symmetric), relative."""
    size = np.hypot(np.linalg.norm(rates), np.linalg.norm(columns))
    if size == 0.0:
        return 0.0

    def least(shift: float) -> float:
        matrix = np.column_stack([np.diag(rates - shift), columns])
        return float(np.linalg.svd(matrix, compute_uv=False)[-1])

    order = np.sort(rates)
    values = [least(rate) for rate in order]
    for left, right in itertools.pairwise(order):
        if right - left > 1e-15 * size:
            values.append(minimize_scalar(least, bounds=(left, right), method="bounded").fun)
    return float(min(values) / size)
