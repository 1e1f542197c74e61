"""Problems whose flows are differentiated, with a place to begin."""

import jax
import numpy as np
import pytest

import homotopy as hm


@pytest.fixture(scope="module")
def linear():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(9, 3)) / 2.0
    return hm.LinearRegression(X, rng.normal(size=9), deleted=[2, 4]), rng.normal(size=3)


@pytest.fixture(scope="module")
def perceptron():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(12, 2))
    model = hm.mlp([2, 3, 1])
    problem = hm.Problem(model, hm.SquaredError(), X, np.sin(X[:, 0]), deleted=[0, 5], ridge=0.1)
    return problem, model.initial_parameters(jax.random.key(0))
