"""What the diagnostics take: concrete problems, linear ones told from others."""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import Float

from homotopy._checks import concrete
from homotopy._display import span
from homotopy._numbers import as_numbers
from homotopy.losses import SquaredError
from homotopy.models import LinearModel
from homotopy.problem import Problem, a_problem
from homotopy.weighted_rows import least_squares_rows


def is_linear_regression(problem: Problem) -> bool:
    """Whether the outputs are Xθ and the loss is squared."""
    a_problem(problem, rows=False)
    return isinstance(problem.model, LinearModel) and isinstance(problem.loss, SquaredError)


def require_known(problem: Problem) -> None:
    """A `TypeError` for a problem that is being traced, or none."""
    a_problem(problem)
    if any(concrete(leaf) is None for leaf in (problem.X, problem.y, problem.ridge)):
        raise TypeError(
            "problem: diagnostics are computed from concrete arrays, outside jax.jit, jax.vmap "
            "and jax.grad."
        )


Ridge = float | Float[np.ndarray, " d"]


def known_ridge(problem: Problem) -> Ridge:
    """ρ, or one for each parameter where they differ; as `require_known`."""
    require_known(problem)
    ridge = np.asarray(problem.ridge, np.float64)
    if ridge.ndim and np.any(ridge != ridge[0]):
        return ridge
    return float(ridge.flat[0])


def ridge_in_words(ridge: Ridge) -> str:
    """The number, or from where to where they go."""
    return f"{ridge:g}" if np.ndim(ridge) == 0 else span(ridge)


def regression_data(
    problem: Problem, purpose: str
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"], Ridge]:
    """X, y and ρ of a linear regression; `ValueError` for any other problem.

    With sample weights the rows √wᵢ (xᵢ, yᵢ), whose least squares are the weighted ones.
    """
    if not is_linear_regression(problem):
        raise ValueError(
            f"problem: {purpose} needs a linear model with squared loss, got "
            f"{type(problem.model).__name__} with {type(problem.loss).__name__}."
        )
    ridge = known_ridge(problem)
    X, y = (np.asarray(part, np.float64) for part in least_squares_rows(problem))
    return X, y, ridge


def root_weights(problem: Problem) -> Float[np.ndarray, " n"]:
    """√wᵢ of the sample weights; ones without."""
    if problem.point_weights is None:
        return np.ones(problem.size)
    return np.sqrt(np.asarray(problem.point_weights, np.float64))


def known_parameters(problem: Problem, theta) -> Float[np.ndarray, " d"]:
    """θ, checked and in float64."""
    if isinstance(theta, jax.core.Tracer):
        raise TypeError("theta: expected a concrete array, got a traced one.")
    known = as_numbers("theta", theta)
    if known.shape != (problem.dimension,):
        raise ValueError(
            f"theta: expected a vector of length {problem.dimension}, got shape {known.shape}."
        )
    return known.astype(np.float64)
