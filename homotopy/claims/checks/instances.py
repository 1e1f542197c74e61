"""Instances that the checks share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from scipy.linalg import sqrtm

from homotopy.linear import LinearRegression
from homotopy.precision import enable_x64

# Of the instances of most checks: what JAX compiles for one dimension takes longer than the check.
DIMENSIONS = (2, 5)


@cache
def regressions() -> tuple[LinearRegression, ...]:
    """Regressions with d = 1, 2 and 5 parameters, n = 4d + 1 points and point 1 deleted."""
    enable_x64()
    generator = np.random.default_rng(0)
    made = []
    for dimension in (1, *DIMENSIONS):
        size = 4 * dimension + 1
        X = generator.standard_normal((size, dimension))
        y = X @ generator.standard_normal(dimension) + generator.standard_normal(size)
        made.append(LinearRegression(X, y, deleted=1))
    return tuple(made)


def with_gram_matrix(M, without, x, r) -> LinearRegression:
    """H₋ = M by n = 4d + 1 rows, θ*₋ = `without`, and row 1 to delete: x, with the residual r."""
    enable_x64()
    X = np.insert(np.tile(sqrtm(M).real / 2, (4, 1)), 1, x, axis=0)
    y = X @ without
    y[1] += r
    return LinearRegression(X, y, deleted=1)


def arrays(problem) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """X and y of all the data, and the deleted point's x and y, as NumPy has them."""
    X, y, row = np.asarray(problem.X), np.asarray(problem.y), int(problem.deleted[0])
    return X, y, X[row], float(y[row])


def each(compare) -> Iterator:
    """compare(problem) for the regressions with more than one parameter."""
    return (compare(problem) for problem in regressions()[1:])


def starting_point(problem):
    """θ₀ = (1, …, d)."""
    return np.arange(1.0, problem.dimension + 1.0)
