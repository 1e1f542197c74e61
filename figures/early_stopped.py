"""Models trained on real data and stopped early: what Figures 1 and 16 to 19 start from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import numpy as np
import optax

import homotopy as hm
from homotopy.datasets import Dataset, breast_cancer, concrete, diabetes, digits, standardise


@dataclasses.dataclass(frozen=True)
class Setting:
    """A data set, a model, and how it is trained.

    Attributes
    ----------
    title : str
    problem : Problem
        Of the training rows; its deleted set plays no part.
    X, y
        The other rows, for validation.
    start : callable
        From a seed to θ₀.
    rate : float
        Of Adam, on the mean risk.
    damping : float
        δ on the sum risk.
    """

    title: str
    problem: hm.Problem
    X: np.ndarray
    y: np.ndarray
    start: Callable[[int], jax.Array]
    rate: float
    damping: float

    def train(self, seed: int) -> hm.results.EarlyStopping:
        """Adam on minibatches of 32 until the validation loss has not fallen for 10 epochs."""
        return hm.influence.early_stopping(
            self.problem,
            self.start(seed),
            self.X,
            self.y,
            optimiser=optax.adam(self.rate),
            max_epochs=300,
            patience=10,
            seed=seed,
        )


def diabetes_linear() -> Setting:
    """Linear regression on the diabetes data."""
    dataset, _ = standardise(diabetes())
    model = hm.linear_model(10)
    return _setting(
        "linear regression, diabetes", dataset, model, hm.SquaredError(), 342, rate=3e-3,
        start=lambda seed: 0.3 * jax.random.normal(jax.random.key(seed), (10,)),
    )  # fmt: skip


def breast_cancer_logistic() -> Setting:
    """Logistic regression on the breast cancer data, with an intercept."""
    dataset = _features_scaled(breast_cancer())
    X = np.column_stack([dataset.X, np.ones(len(dataset.y))])
    names = (*dataset.feature_names, "intercept")
    dataset = dataclasses.replace(dataset, X=X, feature_names=names)
    return _setting(
        "logistic regression, breast cancer", dataset, hm.linear_model(31), hm.Logistic(), 400,
        rate=1e-2, start=lambda seed: 0.3 * jax.random.normal(jax.random.key(seed), (31,)),
    )  # fmt: skip


def concrete_perceptron(size: int = 800) -> Setting:
    """A perceptron of 8 hidden neurons (d = 81) on the concrete data."""
    dataset, _ = standardise(concrete())
    return _setting(
        "perceptron, UCI concrete", dataset, hm.mlp([8, 8, 1]), hm.SquaredError(), size, rate=5e-3
    )


def digits_perceptron(size: int = 300) -> Setting:
    """A perceptron of 4 hidden neurons (d = 310) with a softmax on images of digits."""
    dataset = digits()
    dataset = dataclasses.replace(dataset, X=dataset.X / 16.0)
    return _setting(
        "perceptron, digits", dataset, hm.mlp([64, 4, 10]), hm.SoftmaxCrossEntropy(), size,
        rate=1e-2,
    )  # fmt: skip


def _setting(title, dataset, model, loss, size, rate, start=None) -> Setting:
    order = np.random.default_rng(0).permutation(len(dataset.y))
    train, other = order[:size], order[size:]
    # A mean-risk ridge and damping of 1e-3 and 1e-2, on the scale of the sum.
    problem = hm.Problem(
        model, loss, dataset.X[train], dataset.y[train], deleted=0, ridge=1e-3 * size
    )
    if start is None:
        start = lambda seed: model.initial_parameters(jax.random.key(seed))  # noqa: E731
    return Setting(
        title, problem, dataset.X[other], dataset.y[other], start, rate, damping=1e-2 * size
    )


def _features_scaled(dataset: Dataset) -> Dataset:
    """Features standardised, the labels left as they are."""
    X = (dataset.X - dataset.X.mean(axis=0)) / dataset.X.std(axis=0)
    return dataclasses.replace(dataset, X=X)
