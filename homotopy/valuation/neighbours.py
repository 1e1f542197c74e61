"""Shapley values of nearest neighbours, exactly, in one sort a test point."""

from __future__ import annotations

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from homotopy._checks import ArrayInput, integer, matrix
from homotopy._numbers import as_numbers
from homotopy.valuation.values import DataValues, ValueStatus

_NUMBERS = 2**22  # differences of coordinates worked on together


def knn_shapley(
    X: ArrayInput,
    y: ArrayInput,
    X_test: ArrayInput,
    y_test: ArrayInput,
    neighbours: int,
) -> DataValues:
    """What each point is worth to a classifier by nearest neighbours: exact Shapley values.

    Of the mean over test points of the share of wrong votes, 1 − (1/K) Σ 1[y_i = y_test] over the
    K nearest of a coalition: a point that votes right has a positive value, as of any data value
    here. Fewer than K points are divided by K all the same, and K may exceed n. Points at the same
    distance are in the order of their rows. O(n log n) a test point (theory §8.6).

    Parameters
    ----------
    X : (n, p), y : (n,)
        Training points and their classes, integers.
    X_test : (m, p), y_test : (m,)
    neighbours : int
        K ≥ 1.

    Returns
    -------
    DataValues
        Averages over the test points, each valued on its own.

    Raises
    ------
    ValueError
        Naming the argument.

    References
    ----------
    .. [1] Jia et al., "Efficient task-specific data valuation for nearest neighbor algorithms",
       2019.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> values = hm.knn_shapley([[1.0], [2.0], [3.0]], [1, 0, 1], [[0.0]], [1], neighbours=1)
    >>> [round(value, 6) for value in values.values.tolist()]
    [0.833333, -0.166667, 0.333333]
    """
    X, y, X_test, y_test = _data(X, y, X_test, y_test, _classes)
    K, n = integer("neighbours", neighbours, 1), len(X)
    place = np.arange(1, n + 1)
    share = np.minimum(K, place) / (K * place)
    values, total = np.zeros(n), 0.0
    for test, order in _sorted(X, X_test):
        hits = (y[order] == y_test[test][:, None]).astype(float)
        steps = (hits[:, :-1] - hits[:, 1:]) * share[:-1]
        # s_n = a_n min(K, n)/(nK), and s_i = s_{i+1} + (a_i − a_{i+1}) min(K, i)/(iK).
        last = hits[:, -1:] * share[-1]
        found = np.concatenate([steps, last], axis=1)[:, ::-1].cumsum(axis=1)[:, ::-1]
        np.add.at(values, order, found)
        total += np.sum(hits[:, :K]) / K
    return _values(values, total, len(X_test))


def knn_regression_shapley(
    X: ArrayInput,
    y: ArrayInput,
    X_test: ArrayInput,
    y_test: ArrayInput,
    neighbours: int,
) -> DataValues:
    """What each point is worth to a regression by nearest neighbours: exact Shapley values.

    Of the mean squared error (y_test − (1/K) Σ y_i)² over the K nearest of a coalition, 0 for
    those that are missing; otherwise as `knn_shapley` (theory §8.6).

    Parameters
    ----------
    X : (n, p), y : (n,)
    X_test : (m, p), y_test : (m,)
    neighbours : int
        K ≥ 1.

    Returns
    -------
    DataValues

    Raises
    ------
    ValueError
        Naming the argument.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> values = hm.valuation.knn_regression_shapley([[1.0], [2.0]], [1.0, 3.0], [[0.0]], [1.0], 1)
    >>> values.values.round(6).tolist()  # alone they are worth 1 and −3
    [2.5, -1.5]
    """
    X, y, X_test, y_test = _data(X, y, X_test, y_test, _targets)
    K, n = integer("neighbours", neighbours, 1), len(X)
    near, pairs, far = _chances(n, K)
    values, total = np.zeros(n), 0.0
    place = np.arange(1, n)
    for test, order in _sorted(X, X_test):
        own, target = y[order], y_test[test][:, None]
        nearer = np.cumsum(own, axis=1) - own
        beyond = (own * far)[:, ::-1].cumsum(axis=1)[:, ::-1]
        farther = np.concatenate([beyond[:, 2:], np.zeros((len(own), 1))], axis=1)
        first, second = own[:, :-1], own[:, 1:]
        others = pairs * nearer[:, :-1] + farther
        steps = near * (2.0 * target - (first + second) / K) - 2.0 / K * others
        steps *= (first - second) / K
        # The values sum to U(N) − U(∅), which settles the last.
        change = target[:, 0] ** 2 - (target[:, 0] - own[:, :K].sum(axis=1) / K) ** 2
        last = (change - steps @ place) / n
        found = np.concatenate([steps, last[:, None]], axis=1)[:, ::-1].cumsum(axis=1)[:, ::-1]
        np.add.at(values, order, found)
        total += np.sum(change)
    return _values(values, total, len(X_test))


def _chances(n: int, K: int):
    """By Shapley's law of the others, with the points i and i + 1 left out, i = 1 … n − 1.

    That i would be among the nearest K; that one nearer is in while it would; and that the one at
    place l is among the nearest K after i, l = 1 … n.
    """
    i, place = np.arange(1, n), np.arange(1, n + 1)
    c = np.minimum(K - 1, i - 1)
    pairs = c * (c + 1) / (2.0 * np.maximum(i - 1, 1) * i)
    c = np.minimum(K - 1, np.maximum(place - 2, 0))
    far = c * (c + 1) / (2.0 * np.maximum(place - 2, 1) * np.maximum(place - 1, 1))
    return np.minimum(K, i) / i, pairs, far


def _sorted(X, X_test) -> Iterator[tuple[slice, Int[np.ndarray, "b n"]]]:
    """Rows of X by their distance from each test point, in blocks; of equals the first row."""
    block = max(1, _NUMBERS // X.size)
    for first in range(0, len(X_test), block):
        test = slice(first, first + block)
        away = X[None] - X_test[test, None]
        yield test, np.argsort(np.einsum("bnp,bnp->bn", away, away), axis=1, kind="stable")


def _data(X, y, X_test, y_test, checked):
    inputs = matrix("X", X).astype(float)
    tests = matrix("X_test", X_test, inputs.shape[1]).astype(float)
    return inputs, checked("y", y, len(inputs)), tests, checked("y_test", y_test, len(tests))


def _targets(name: str, value, size: int) -> Float[np.ndarray, " n"]:
    known = as_numbers(name, value, data=True)
    if known.shape != (size,):
        raise ValueError(f"{name}: expected {size} targets, one a row, got shape {known.shape}.")
    return known.astype(float)


def _classes(name: str, value, size: int) -> np.ndarray:
    known = _targets(name, value, size)
    odd = np.flatnonzero(known != np.round(known))
    if odd.size:
        raise ValueError(
            f"{name}: expected classes as integers, got {known[odd[0]]:g} in row {odd[0]}; "
            "valuation.knn_regression_shapley takes numbers."
        )
    return known


def _values(values, total, tests: int) -> DataValues:
    values, total = values / tests, total / tests
    return DataValues(
        values=jnp.asarray(values),
        standard_error=None,
        total=jnp.asarray(total),
        efficiency_gap=jnp.asarray(np.sum(values) - total),
        quadrature_error=None,
        work=jnp.asarray(tests),
        status=ValueStatus.successful,
        unit="sorts",
        kind="exact",
    )
