"""Leverage: how much of a point's own target returns in its fitted value."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from homotopy._checks import ArrayInput
from homotopy.influence.diagnostics.inputs import (
    is_linear_regression,
    known_parameters,
    known_ridge,
    regression_data,
)
from homotopy.influence.diagnostics.orthogonal import orthogonal_factor
from homotopy.influence.diagnostics.output_jacobian import weighted_jacobian
from homotopy.problem import Problem, a_problem


def leverage(problem: Problem, theta: ArrayInput | None = None) -> Float[np.ndarray, " n"]:
    """Pᵢᵢ of every point.

    Of a linear model with squared loss: the diagonal of X(XᵀX + ρ Id)⁻¹Xᵀ. Of any other problem
    the **generalised** (tangent-plane) leverage at θ,

        Pᵢ = trace of Wᵢ^½ Jᵢ (Σ JᵢᵀWᵢJᵢ + ρ Id)⁻¹ Jᵢᵀ Wᵢ^½,    Wᵢ = ∂²ℓᵢ/∂ŷ²,

    with J the Jacobian of the output: for the logistic loss Pregibon's leverage, for k outputs a
    number in [0, k], for the softmax in [0, k − 1]. For ρ = 0 the leverages sum to the rank; where
    the matrix is singular, as with more parameters than points, the pseudo-inverse stands for the
    inverse, and P is still a projection. Computed from a QR decomposition of the columns brought
    to one length.

    Parameters
    ----------
    problem : Problem
        Its deleted set plays no part.
    theta : (d,)
        Where the Jacobian is taken; needed for, and only used by, problems other than a linear
        model with squared loss.

    Returns
    -------
    (n,)
        A NumPy array in float64.

    Raises
    ------
    ValueError
        Naming `theta`, or where the loss is not convex in the output.

    References
    ----------
    Pregibon, "Logistic regression diagnostics", Annals of Statistics 9 (1981).
    St. Laurent, Cook, "Leverage and superleverage in nonlinear regression", JASA 87 (1992).

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [2.0]], [0.0, 1.0, 5.0], deleted=2)
    >>> leverage(problem).round(12).tolist()
    [0.166666666667, 0.166666666667, 0.666666666667]
    """
    if is_linear_regression(a_problem(problem)):
        if theta is not None:
            known_parameters(problem, theta)
        X, _, ridge = regression_data(problem, "leverage")
        return orthogonal_factor(X, ridge).leverage
    ridge = known_ridge(problem)
    if theta is None:
        raise ValueError(
            "theta: leverage depends on the parameters unless the model is linear and the loss "
            "squared; give them, as problem.full_fit()."
        )
    factor = weighted_jacobian(problem, known_parameters(problem, theta))
    rows = orthogonal_factor(factor.reshape(-1, factor.shape[2]), ridge).leverage
    return rows.reshape(factor.shape[:2]).sum(axis=1)
