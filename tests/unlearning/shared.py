"""Problems of few shapes, so that little is compiled, and plain descents of them."""

import functools

import jax
import numpy as np
from oracles.unlearning import descent, logistic_gradients, squared_gradients

import homotopy as hm
from homotopy.losses import AbstractLoss

SIZE, DIMENSION = 24, 3


class SigmoidLoss(AbstractLoss):
    """σ(−(2y − 1)ŷ), not convex: its curvature is within ±1/(6√3)."""

    def value(self, prediction, target):
        return jax.nn.sigmoid(-(2.0 * target - 1.0) * prediction)

    def validate(self, y, output_shape=None):
        pass


CURVED = 1.0 / (6.0 * np.sqrt(3.0))


def data(seed=0):
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(SIZE, DIMENSION))
    return X, X @ draw.normal(size=DIMENSION) + draw.normal(size=SIZE), draw.normal(size=DIMENSION)


def regression(seed=0, ridge=0.0):
    X, y, _ = data(seed)
    return hm.LinearRegression(X, y, deleted=0, ridge=ridge)


def classification(seed=0, ridge=0.5, loss=None):
    X, y, _ = data(seed)
    loss = hm.Logistic() if loss is None else loss
    model = hm.linear_model(DIMENSION)
    return hm.Problem(model, loss, X, (y > 0).astype(float), deleted=0, ridge=ridge)


def gradients(problem):
    """∇ℓ_i(θ), in NumPy."""
    X, y = np.asarray(problem.X), np.asarray(problem.y)
    of = squared_gradients if isinstance(problem, hm.LinearRegression) else logistic_gradients
    return lambda theta: of(X, y, theta)


def by_loop(problem, theta0, sizes, deleted=(), rewound=0, batches=None, radius=np.inf):
    """Parameters after every step of which the last `rewound` are without the deleted rows."""
    weights = np.ones(problem.size)
    kept = weights.copy()
    kept[list(deleted)] = 0.0
    split = len(sizes) - rewound
    options = {"radius": radius}
    parts = (None, None) if batches is None else (batches[:split], batches[split:])
    ridge, each = float(problem.ridge), gradients(problem)
    path = descent(each, theta0, sizes[:split], weights, ridge, parts[0], **options)
    after = descent(each, path[-1], sizes[split:], kept, ridge, parts[1], **options)
    return np.concatenate([path, after[1:]])


@functools.cache
def diabetes():
    """442 × 10, columns and target of unit variance, and 1/λ_max."""
    from sklearn.datasets import load_diabetes

    found = load_diabetes(scaled=True)
    X = found.data / found.data.std(axis=0)
    y = (found.target - found.target.mean()) / found.target.std()
    return X, y, 1.0 / np.linalg.eigvalsh(X.T @ X)[-1]


@functools.cache
def diabetes_run(steps=2000, rewound=(100, 500, 1000, 1500, 1900)):
    X, y, size = diabetes()
    problem = hm.LinearRegression(X, y, deleted=0)
    places = [steps - count for count in rewound]
    return hm.training_run(
        problem, np.zeros(10), steps, hm.GradientDescent(size), checkpoints=places
    )
