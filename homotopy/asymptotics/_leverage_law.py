"""The law of a leverage, for every n and p."""

from __future__ import annotations

from scipy import stats

from homotopy._checks import integer


def leverage_law(size: int, dimension: int):
    """The exact law of a leverage xᵀ(XᵀX)⁻¹x of Gaussian rows: Beta(p/2, (n − p)/2).

    Whatever their covariance. Its mean is p/n, and its variance 2p(n − p)/(n²(n + 2)) vanishes as n
    grows: all leverages become p/n (theory §12.3).

    Parameters
    ----------
    size : int
        n, the number of rows.
    dimension : int
        p < n, without an intercept.

    Returns
    -------
    scipy.stats distribution
        With `.cdf`, `.mean`, `.ppf` and the like.

    Raises
    ------
    ValueError
        Naming `size` or `dimension`.

    Examples
    --------
    >>> import homotopy as hm
    >>> law = hm.asymptotics.leverage_law(12, 4)
    >>> round(float(law.mean()), 12), round(float(law.sf(0.5)), 6)
    (0.333333333333, 0.1875)
    """
    n = integer("size", size, 2)
    p = integer("dimension", dimension, 1, n - 1)
    return stats.beta(p / 2.0, (n - p) / 2.0)
