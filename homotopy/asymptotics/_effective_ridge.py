"""The effective ridge of n rows with a covariance at hand."""

from __future__ import annotations

import numpy as np

from homotopy._checks import ArrayInput, integer, non_negative
from homotopy.asymptotics.fixed_point import fixed_point
from homotopy.asymptotics.population import Population, positive_numbers


def effective_ridge(eigenvalues: ArrayInput, size: int, ridge: float = 0.0) -> float:
    """The κ with n = tr Σ(Σ + κ)⁻¹ + ρ/κ: ridge regression acts as one on Σ itself with ridge κ.

    Of directions of variance s it learns the share s/(s + κ) (theory §12.1). Without a ridge κ = 0
    where p ≤ n, and where p > n interpolation makes a ridge of its own, n = tr Σ(Σ + κ)⁻¹.

    Parameters
    ----------
    eigenvalues : (p,)
        Of Σ, > 0.
    size : int
        n, the number of rows.
    ridge : float
        ρ ≥ 0, of the **sum** risk.

    Returns
    -------
    float
        κ, in units of the eigenvalues.

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> round(hm.asymptotics.effective_ridge([1.0] * 20, 10), 12)
    1.0
    >>> round(hm.asymptotics.effective_ridge([1.0] * 5, 10, ridge=2.0), 6)
    0.321699
    """
    rows = Population(positive_numbers("eigenvalues", eigenvalues))
    n = integer("size", size)
    gamma = np.array([rows.eigenvalues.size / n])
    return float(fixed_point(gamma, np.array([non_negative("ridge", ridge) / n]), rows).kappa[0])
