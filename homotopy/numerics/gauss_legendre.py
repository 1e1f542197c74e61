"""Gauss–Legendre quadrature on [0, 1], and polynomials through its nodes: one table for all."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float


@cache
def quadrature(count: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Nodes and weights on [0, 1]: exact for polynomials to degree 2n − 1. Not to be written to."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return _kept((nodes + 1) / 2), _kept(weights / 2)


@cache
def to_coefficients(count: int) -> Float[np.ndarray, "n n"]:
    """The matrix from values at the nodes to the Legendre coefficients of their interpolant."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    vandermonde = np.polynomial.legendre.legvander(nodes, count - 1)
    return _kept((2 * np.arange(count)[:, None] + 1) * vandermonde.T * weights[None, :] / 2)


def _kept(array):
    array.flags.writeable = False
    return array
