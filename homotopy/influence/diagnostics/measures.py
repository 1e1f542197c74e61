"""Single diagnostics by name; `regression_diagnostics` has them all from one factorisation."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from homotopy.influence.diagnostics.regression import regression_diagnostics
from homotopy.problem import Problem


def cooks_distance(problem: Problem) -> Float[np.ndarray, " n"]:
    """‖X(θ* − θ*₋ᵢ)‖²/(d σ̂²) of every point of an ordinary least-squares fit.

    Parameters
    ----------
    problem : Problem
        A linear model with squared loss and ρ = 0; its deleted set plays no part.

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
    return regression_diagnostics(problem).cooks_distance


def dffits(problem: Problem) -> Float[np.ndarray, " n"]:
    """xᵢᵀ(θ* − θ*₋ᵢ)/(σ̂₋ᵢ √Pᵢᵢ) of every point of an ordinary least-squares fit.

    Parameters
    ----------
    problem : Problem
        A linear model with squared loss and ρ = 0; its deleted set plays no part.

    Returns
    -------
    (n,)
        NaN where there is no σ̂₋ᵢ: see `RegressionDiagnostics`.

    Raises
    ------
    ValueError
        Naming `problem` or `ridge`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, 5.0], deleted=2)
    >>> dffits(problem).round(4).tolist()
    [-0.6124, -0.2449, 3.6742]
    """
    return regression_diagnostics(problem).dffits


def dfbetas(problem: Problem) -> Float[np.ndarray, "n d"]:
    """(θ* − θ*₋ᵢ)ₐ/(σ̂₋ᵢ √((XᵀX)⁻¹)ₐₐ) of every point and parameter, full minus deleted.

    Parameters
    ----------
    problem : Problem
        A linear model with squared loss and ρ = 0; its deleted set plays no part.

    Returns
    -------
    (n, d)
        NaN where there is no σ̂₋ᵢ: see `RegressionDiagnostics`.

    Raises
    ------
    ValueError
        Naming `problem` or `ridge`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, 5.0], deleted=2)
    >>> dfbetas(problem)[:, 0].round(4).tolist()
    [-0.6124, -0.2449, 3.6742]
    """
    return regression_diagnostics(problem).dfbetas


def leave_one_out_residuals(problem: Problem) -> Float[np.ndarray, " n"]:
    """yᵢ − xᵢᵀθ*₋ᵢ = êᵢ/(1 − Pᵢᵢ) of every point, exact for every ρ ≥ 0.

    Parameters
    ----------
    problem : Problem
        A linear model with squared loss; its deleted set plays no part.

    Returns
    -------
    (n,)
        NaN where Pᵢᵢ = 1 to rounding and the fit without the point is not unique;
        `ridgeless_leave_one_out` takes that of least norm.

    Raises
    ------
    ValueError
        Naming `problem`.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0], [1.0]], [0.0, 1.0, 5.0], deleted=2)
    >>> leave_one_out_residuals(problem).round(12).tolist()
    [-3.0, -1.5, 4.5]
    """
    return regression_diagnostics(problem).leave_one_out_residuals
