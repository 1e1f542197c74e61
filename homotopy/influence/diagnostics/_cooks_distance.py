"""Cook's distance by name; `regression_diagnostics` has all diagnostics from one factorisation."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from homotopy.influence.diagnostics.glm import glm_diagnostics
from homotopy.influence.diagnostics.regression import regression_diagnostics
from homotopy.losses import Logistic, Poisson
from homotopy.problem import Problem, a_problem


def cooks_distance(problem: Problem) -> Float[np.ndarray, " n"]:
    """Σⱼ wⱼ(xⱼᵀ(θ* − θ*₋ᵢ))²/(d σ̂²) of every point of a least-squares fit.

    With w the sample weights, if any. Of a logistic or Poisson regression its one-step
    approximation, as of `glm_diagnostics`.

    Parameters
    ----------
    problem : Problem
        A linear model with squared, logistic or Poisson loss and ρ = 0; its deleted set plays no
        part.

    Returns
    -------
    (n,)
        NaN where Pᵢᵢ = 1 to rounding, or the fit is exact: see `RegressionDiagnostics`.

    Raises
    ------
    ValueError
        Naming `problem` or `ridge`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, 5.0], deleted=2)
    >>> cooks_distance(problem).round(4).tolist()
    [0.4286, 0.1071, 0.9643]
    """
    if isinstance(a_problem(problem).loss, Logistic | Poisson):
        return glm_diagnostics(problem).cooks_distance
    return regression_diagnostics(problem).cooks_distance
