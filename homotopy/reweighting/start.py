"""Where the training of a problem begins that is to be re-weighted."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from homotopy._checks import ArrayInput
from homotopy.minima.result import DENSE
from homotopy.models import LinearModel
from homotopy.problem import Problem


def training_start(
    problem: Problem, theta: ArrayInput | None, name: str = "theta"
) -> Float[np.ndarray, " d"]:
    """The given θ, or zeros for a linear model; a `ValueError` for others and for large ones."""
    if problem.dimension > DENSE:
        raise ValueError(
            f"problem: expected at most {DENSE} parameters, whose Hessian is factorised at every "
            f"step, got {problem.dimension}."
        )
    if theta is not None:
        return np.asarray(problem.parameters(theta, name))
    if not isinstance(problem.model, LinearModel):
        raise ValueError(
            f"{name}: expected the trained parameters, or where to train from: this model may have "
            "many minima."
        )
    return np.zeros(problem.dimension)
