"""Bounds of a risk's curvature, from which contraction and expansion follow."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from homotopy._checks import number
from homotopy._display import DisplayedByFields
from homotopy._saving import Saved
from homotopy.kept_spectra import spectrum_of
from homotopy.linear import LinearRegression
from homotopy.linear_deletions import LinearRegressions
from homotopy.losses import Logistic, SquaredError
from homotopy.losses.base import AbstractLoss
from homotopy.models import LinearModel
from homotopy.problem import Problem
from homotopy.weighted_rows import least_squares_rows

# ∂²ℓ/∂ŷ² of losses of one output, from and to.
_LOSSES = {SquaredError: (1.0, 1.0), Logistic: (0.0, 0.25)}
_ROUNDING = 1e-12  # of an eigenvalue, relative to the largest: what LAPACK leaves, and more


@dataclasses.dataclass(frozen=True, repr=False)
class Curvature(DisplayedByFields, Saved):
    """lower ≤ eigenvalues of ∇²R₋(θ) ≤ upper, wherever training comes, whatever is deleted.

    A negative `lower` is −κ of a risk that is not convex; 0 says convex, and a positive one
    strongly convex. Of linear models with the squared or the logistic loss the package knows both.
    Certificates are as good as these numbers: what was estimated, by Hessians at some points,
    gives estimates, and is to be called so.

    Parameters
    ----------
    lower, upper : float
    estimated : bool
        Whether they are estimates: certificates that use them are then labelled "estimated".

    Raises
    ------
    ValueError
        Naming `lower` or `upper`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.unlearning.Curvature(-0.1, 4.0)
    Curvature(lower=-0.1, upper=4.0)
    """

    lower: float
    upper: float
    estimated: bool = False

    def __post_init__(self):
        lower = number("lower", self.lower)
        upper = number(
            "upper", self.upper, f"a finite number > 0 and >= lower, {lower:g}",
            lambda x: 0.0 < x < np.inf and x >= lower,
        )  # fmt: skip
        if not isinstance(self.estimated, bool | np.bool_):
            raise TypeError(f"estimated: expected True or False, got {self.estimated!r}.")
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)
        object.__setattr__(self, "estimated", bool(self.estimated))


def of_loss(loss: AbstractLoss) -> tuple[float, float] | None:
    """From and to where ∂²ℓ/∂ŷ² goes, of losses of one output where it is bounded."""
    return _LOSSES.get(type(loss))


def point_curvatures(problem: Problem) -> Float[np.ndarray, " n"] | None:
    """The largest curvature of each ℓ_i, w_i max ∂²ℓ/∂ŷ² ‖x_i‖², where that is known."""
    known = of_loss(problem.loss)
    if not isinstance(problem.model, LinearModel) or known is None:
        return None
    X = np.asarray(problem.X, float)
    weights = 1.0 if problem.point_weights is None else np.asarray(problem.point_weights)
    return known[1] * weights * np.sum(X**2, axis=1)


def known_curvature(problem: Problem) -> Curvature | None:
    """Bounds for every deletion from a problem, of linear models whose loss is known to be convex.

    lower is the least ridge, upper max ∂²ℓ/∂ŷ² λ_max(Σ wᵢxᵢxᵢᵀ) and the largest ridge: deleting
    rows lowers both Hessians, and the ridge stays.
    """
    if point_curvatures(problem) is None:
        return None
    if isinstance(problem, LinearRegression):
        largest = float(spectrum_of(problem).values.high[-1])
        return Curvature(float(problem.ridge), largest * (1.0 + _ROUNDING))
    rows = np.asarray(problem.X, float)
    if problem.point_weights is not None:
        rows = rows * np.sqrt(np.asarray(problem.point_weights))[:, None]
    ridge = np.asarray(problem.ridge)
    largest = of_loss(problem.loss)[1] * np.linalg.norm(rows, 2) ** 2
    upper = float(largest * (1.0 + _ROUNDING) + ridge.max())
    return Curvature(float(ridge.min()), max(upper, np.finfo(float).tiny))


def row_lower_bounds(problem: Problem) -> Float[np.ndarray, " n"] | None:
    """λ_min(∇²R₋) for the deletion of each row alone: of linear regressions; None of others."""
    if not isinstance(problem, LinearRegression):
        return None
    deletions = LinearRegressions(problem, np.arange(problem.size), spectrum_of(problem))
    least = deletions.modal_fields["eigenvalues"].min(axis=1)
    return np.maximum(least * (1.0 - _ROUNDING), float(problem.ridge))


def lower_bound(problem: Problem, deleted: np.ndarray, curvature: Curvature | None) -> float | None:
    """The best known lower bound of ∇²R₋ for one set of deleted rows."""
    if isinstance(problem, LinearRegression):
        rows = np.delete(np.asarray(least_squares_rows(problem)[0], float), deleted, axis=0)
        # Weyl: by the singular values, whose rounding is relative to the largest.
        values = np.linalg.svd(rows, compute_uv=False)
        least = values[-1] if len(rows) >= rows.shape[1] else 0.0
        least = max(least - _ROUNDING * values[0], 0.0) ** 2
        return least + float(problem.ridge)
    return None if curvature is None else curvature.lower
