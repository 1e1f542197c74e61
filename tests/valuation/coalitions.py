"""Values by definition: sums over coalitions of actual refits, in NumPy alone."""

import itertools
import math

import numpy as np


def instance(n=9, d=3, m=20, seed=0, noise=0.5):
    """The reference instance of the theory, by its seed."""
    generator = np.random.default_rng(seed)
    X, truth = generator.normal(size=(n, d)), generator.normal(size=d)
    y = X @ truth + noise * generator.normal(size=n)
    X_test = generator.normal(size=(m, d))
    return X, y, X_test, X_test @ truth + noise * generator.normal(size=m)


def ridge_fit(X, y, ridge):
    """argmin, of least norm without a ridge."""
    if ridge == 0.0:
        return np.linalg.pinv(X) @ y if len(X) else np.zeros(X.shape[1])
    return np.linalg.solve(X.T @ X + ridge * np.eye(X.shape[1]), X.T @ y)


def loss(X, y, theta):
    return 0.5 * np.mean((y - X @ theta) ** 2)


def loss_game(X, y, X_test, y_test, ridge):
    return lambda S: loss(X_test, y_test, ridge_fit(X[list(S)], y[list(S)], ridge))


def shapley_weights(n):
    return np.array([1.0 / (n * math.comb(n - 1, k)) for k in range(n)])


def semivalue(game, n, weights):
    """Σ_{S∌j} w_|S| [m(S) − m(S∪j)], each coalition computed once."""
    known = {}
    for size in range(n + 1):
        for S in itertools.combinations(range(n), size):
            known[S] = game(S)
    values = np.zeros(n)
    for S, value in known.items():
        for j in range(n):
            if j not in S:
                values[j] += weights[len(S)] * (value - known[tuple(sorted((*S, j)))])
    return values
