"""Unlearning, written from the theory alone: descents to fifty digits, and loops in NumPy."""

import numpy as np
from mpmath import mp, mpf

from .arithmetic import DIGITS


def log_delta(privacy_epsilon: float, ratio: float):
    """log(Φ(r/2 − ε/r) − e^ε Φ(−r/2 − ε/r)) (theory §6.4), to as many digits as it takes."""
    with mp.workdps(400):
        epsilon, r = mpf(privacy_epsilon), mpf(ratio)
        return mp.log(
            mp.ncdf(r / 2 - epsilon / r) - mp.exp(epsilon) * mp.ncdf(-r / 2 - epsilon / r)
        )


def descended(X, y, weights, ridge, theta, step_size, steps):
    """θ after some steps on ½Σ w(xᵀθ − y)² + (ρ/2)‖θ‖², by powers of the iteration matrix."""
    with mp.workdps(DIGITS):
        dimension = X.shape[1]
        rows, targets = mp.matrix(X.tolist()), mp.matrix(y.tolist())
        weighted = mp.matrix(rows.rows, rows.cols)
        for row in range(rows.rows):
            for column in range(rows.cols):
                weighted[row, column] = mpf(float(weights[row])) * rows[row, column]
        eta, identity = mpf(step_size), mp.eye(dimension)
        step = identity - eta * (weighted.T * rows + mpf(ridge) * identity)
        power, total = identity, mp.zeros(dimension)  # stepᵏ, and the sum of those below
        for digit in bin(steps)[2:] if steps else "":
            total, power = total + power * total, power * power
            if digit == "1":
                total, power = total * step + identity, power * step
        return power * theta + total * (eta * (weighted.T * targets))


def rewinding_distance(X, y, deleted, ridge, theta0, step_size, steps, rewound) -> float:
    """‖θ_U − θ_R‖ of T steps, the last K without the rows, against T without them."""
    with mp.workdps(DIGITS):
        start = mp.matrix([mpf(float(one)) for one in theta0])
        everything, kept = np.ones(len(y)), np.ones(len(y))
        kept[deleted] = 0.0
        arguments = X, y
        before = descended(*arguments, everything, ridge, start, step_size, steps - rewound)
        unlearned = descended(*arguments, kept, ridge, before, step_size, rewound)
        retrained = descended(*arguments, kept, ridge, start, step_size, steps)
        return float(mp.norm(unlearned - retrained))


def sigmoid(x):
    """1/(1 + e^−x)."""
    return 1.0 / (1.0 + np.exp(-x))


def logistic_gradients(X, y, theta):
    """∇ℓ_i (n, d) of the logistic loss."""
    return (sigmoid(X @ theta) - y)[:, None] * X


def squared_gradients(X, y, theta):
    """∇ℓ_i (n, d) of half the squared error."""
    return (X @ theta - y)[:, None] * X


def descent(gradients, theta, sizes, weights, ridge, batches=None, radius=np.inf):
    """Every θ of projected descent on Σ w∇ℓ + ρθ, by a loop: (t + 1, d).

    `gradients(θ)` are those of all points; `batches` (t, b), of which n/b times the sum counts.
    """
    path, size = [np.array(theta, float)], len(weights)
    for step, eta in enumerate(sizes):
        theta = path[-1]
        each = weights[:, None] * gradients(theta)
        total = (
            each.sum(0)
            if batches is None
            else size / len(batches[step]) * each[batches[step]].sum(0)
        )
        theta = theta - eta * (total + ridge * theta)
        length = np.linalg.norm(theta)
        path.append(theta * min(1.0, radius / length) if length > 0 else theta)
    return np.array(path)
