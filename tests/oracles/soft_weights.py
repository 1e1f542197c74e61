"""Logistic regression with weights, in NumPy: the fit, four measurements, and hard deletions."""

import numpy as np
from scipy.special import expit


class Weighted:
    """A logistic regression with a ridge, and what is measured of it on other data.

    Two groups that differ in their first feature; the last feature is 1.
    """

    def __init__(self, n=40, validation=60, d=4, seed=3, ridge=1.0):
        rng = np.random.default_rng(seed)
        self.ridge, self.radius = ridge, 0.5
        truth = np.append(np.resize([1.2, -1.0, 0.5], d - 1), 0.2)

        def sample(count):
            group = rng.integers(0, 2, count)
            X = np.column_stack([rng.normal(size=(count, d - 1)), np.ones(count)])
            X[:, 0] += 0.8 * group
            y = (X @ truth + rng.logistic(size=count) > 0).astype(float)
            return X, y, group

        self.X, self.y, self.group = sample(n)
        self.X_other, self.y_other, self.group_other = sample(validation)

    def fit(self, weights):
        theta = np.zeros(self.X.shape[1])
        for _ in range(60):
            p = expit(self.X @ theta)
            gradient = self.X.T @ (weights * (p - self.y)) + self.ridge * theta
            curvature = (self.X.T * (weights * p * (1 - p))) @ self.X
            step = np.linalg.solve(curvature + self.ridge * np.eye(theta.size), gradient)
            theta = theta - step
            if np.linalg.norm(step) < 1e-15 * np.linalg.norm(theta):
                break
        return theta

    def disparity(self, theta):
        p = expit(self.X_other @ theta)
        return p[self.group_other == 1].mean() - p[self.group_other == 0].mean()

    def opportunity(self, theta):
        p, positive = expit(self.X_other @ theta), self.y_other == 1
        return (
            p[positive & (self.group_other == 1)].mean()
            - p[positive & (self.group_other == 0)].mean()
        )

    def loss(self, theta):
        return np.logaddexp(0.0, -(2 * self.y_other - 1) * (self.X_other @ theta)).mean()

    def worst_loss(self, theta):
        margin = (2 * self.y_other - 1) * (self.X_other @ theta)
        return np.logaddexp(0.0, self.radius * np.linalg.norm(theta[:-1]) - margin).mean()

    def slope(self, measure, weights, row, step=1e-3):
        """∂m/∂wᵢ by a difference of fourth order, of refits."""
        unit = np.zeros(self.y.size)
        unit[row] = step

        def at(k):
            return measure(self.fit(weights + k * unit))

        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
