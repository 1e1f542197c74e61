"""The problems of `oracles.problems` as the package sees them, built once in a test run."""

from functools import cache

import numpy as np
from oracles import problems

import homotopy as hm


@cache
def linear_regression(name: str, ridge: float = 0.0) -> hm.LinearRegression:
    data = problems.ALL[name]
    return hm.LinearRegression(data.X, data.y, deleted=data.deleted, ridge=ridge)


@cache
def rates(name: str, ridge: float = 0.0) -> tuple[float, float]:
    """Largest eigenvalue of the full Hessian, and smallest non-zero one of either Hessian."""
    modal = linear_regression(name, ridge).modal
    largest = float(np.max(modal.full.eigenvalues))
    values = np.concatenate([modal.full.eigenvalues, modal.eigenvalues])
    return largest, float(np.min(values[values > 1e-20 * largest]))


def oracle_arguments(name: str, ridge: float = 0.0):
    """(X, y, deleted, ridge, theta0), with which most oracles begin."""
    data = problems.ALL[name]
    return data.X, data.y, data.deleted, ridge, data.theta0


def relative_error(actual, expected) -> float:
    """Largest over the rows: distance in the Euclidean norm over the norm of what is expected."""
    actual, expected = np.atleast_2d(actual), np.atleast_2d(expected)
    assert actual.shape == expected.shape
    assert np.all(np.isfinite(actual))
    size = np.linalg.norm(expected, axis=-1)
    error = np.linalg.norm(actual - expected, axis=-1)
    return float(np.max(np.where(error == 0.0, 0.0, error / np.where(size > 0, size, 1e-300))))
