"""The normal posterior of a weighted least-squares problem, in NumPy alone: the tests' oracle."""

import numpy as np


def data(n=12, d=3, seed=0, noise=0.5):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, d))
    y = X @ generator.normal(size=d) + noise * generator.normal(size=n)
    return X, y, generator.normal(size=(2, d)), generator.normal(size=2)


def law(X, y, weights, beta, localisation, centre, ridge=0.0):
    """Mean and covariance of exp(−β[½Σw(y − xθ)² + (ρ/2)‖θ‖²] − (γ/2)‖θ − centre‖²)."""
    identity = np.eye(X.shape[1])
    precision = beta * ((X.T * weights) @ X + ridge * identity) + localisation * identity
    mean = np.linalg.solve(precision, beta * X.T @ (weights * y) + localisation * centre)
    return mean, np.linalg.inv(precision)


def expected_loss(mean, covariance, X, y):
    """E of the mean of ½(y − xθ)²."""
    spread = np.einsum("id,de,ie->i", X, covariance, X)
    return float(np.mean(0.5 * ((y - X @ mean) ** 2 + spread)))


def without(n, row):
    weights = np.ones(n)
    weights[row] = 0.0
    return weights


def differentiated(function, n, step=1e-5):
    """−∂/∂wⱼ at weights of one, by central differences."""
    found = []
    for row in range(n):
        ahead, behind = np.ones(n), np.ones(n)
        ahead[row] += step
        behind[row] -= step
        found.append(-(function(ahead) - function(behind)) / (2.0 * step))
    return np.array(found)
