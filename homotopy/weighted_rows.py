"""The rows that least squares of weighted points are those of: √wᵢ (xᵢ, yᵢ)."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from homotopy._checks import concrete
from homotopy.problem import Problem


def least_squares_rows(
    problem: Problem,
) -> tuple[Float[Array | np.ndarray, "n p"], Float[Array | np.ndarray, " n"]]:
    """√wᵢ xᵢ and √wᵢ yᵢ of every point, rounded: X and y themselves without sample weights.

    Σ wᵢ (xᵢᵀθ − yᵢ)² is the sum of squares of these rows, so that spectra, leverages and closed
    forms of weighted points are theirs. In NumPy where nothing is being traced.
    """
    weights = problem.point_weights
    if weights is None:
        return problem.X, problem.y
    parts = [concrete(part) for part in (problem.X, problem.y, weights)]
    if any(part is None for part in parts):
        root = jnp.sqrt(weights)
        return root[:, None] * problem.X, root * problem.y
    X, y, weights = parts
    return scaled_rows(X, y, weights)


def scaled_rows(
    X: Num[np.ndarray, "n p"], y: Num[np.ndarray, " n"], weights: Float[np.ndarray, " n"] | None
) -> tuple[Num[np.ndarray, "n p"], Num[np.ndarray, " n"]]:
    """As `least_squares_rows`, of arrays."""
    if weights is None:
        return X, y
    root = np.sqrt(weights)
    return root[:, None] * X, root * y
