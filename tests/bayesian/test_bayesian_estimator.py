"""Bayesian influence beside the other estimators of `predict`."""

import numpy as np
import pytest
from normal_posterior import data

import homotopy as hm


def setting(ridge=0.0):
    X, y, _, _ = data()
    return hm.LinearRegression(X, y, deleted=[1, 5], ridge=ridge)


@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_in_linear_regression_it_is_damped_influence(ridge):
    """δ = ridge + localisation/β: of points, groups and any weights, to rounding."""
    problem, posterior = setting(ridge), hm.LocalPosterior(4.0, 6.0)
    X, y, _, _ = data()
    inverse = np.linalg.inv(X.T @ X + (ridge + 1.5) * np.eye(3))
    theta = np.asarray(problem.full_fit())
    each = (X @ inverse) * (X @ theta - y)[:, None]
    estimator = hm.BayesianInfluence(posterior, hm.GaussianMoments())
    found = hm.predict(problem, estimator, points=range(12))
    np.testing.assert_allclose(found.delta, each, rtol=0, atol=1e-13)
    damped = hm.predict(problem, hm.GaussNewton(damping=1.5), points=range(12))
    np.testing.assert_allclose(found.delta, damped.delta, rtol=0, atol=1e-13)
    np.testing.assert_allclose(hm.predict(problem, estimator).delta, each[[1, 5]].sum(axis=0),
                               atol=1e-13)  # fmt: skip
    changes = np.linspace(-1.0, 1.0, 12)
    weighted = hm.predict(problem, estimator, changes=changes)
    np.testing.assert_allclose(weighted.delta, -changes @ each, atol=1e-13)
    assert bool(np.all(found.successful))


def test_sampled_it_lies_about_damped_influence_within_its_errors():
    problem, posterior = setting(), hm.LocalPosterior(4.0, 6.0)
    exact = hm.predict(
        problem, hm.BayesianInfluence(posterior, hm.GaussianMoments()), points=range(12)
    )
    found = hm.predict(
        problem, hm.BayesianInfluence(posterior, hm.GaussianDraws(25_000)), points=range(12)
    )
    size = np.linalg.norm(found.delta, axis=1)
    error = np.asarray(found.residual) * size
    assert np.all(np.linalg.norm(found.delta - exact.delta, axis=1) < 3.0 * error)
    assert bool(np.all(found.successful))


def test_few_draws_are_told_of():
    problem = setting()
    estimator = hm.BayesianInfluence(hm.LocalPosterior(4.0, 6.0), hm.GaussianDraws(20, chains=1))
    with pytest.raises(RuntimeError, match=r"not sampled well enough"):
        hm.predict(problem, estimator)


def test_a_perceptron_at_large_beta_is_its_damped_influence():
    """∇φᵀ(H + δ)⁻¹∇ℓ + O(1/β), where the posterior is narrow: at a minimum with a ridge."""
    X, y, _, _ = data()
    problem = hm.Problem(hm.mlp([3, 2, 1]), hm.SquaredError(), X, y, deleted=0, ridge=1.0)
    generator = np.random.default_rng(1)
    theta = problem.full_fit(0.5 * generator.normal(size=problem.dimension))
    points = range(4)
    damped = hm.predict(problem, hm.Influence(damping=1.0), theta, points=points)
    posterior = hm.LocalPosterior(1e4, 1e4)
    found = hm.predict(
        problem,
        hm.BayesianInfluence(posterior, hm.MALA(2000, chains=8, thinning=20)),
        theta,
        points=points,
    )
    error = np.asarray(found.residual) * np.linalg.norm(found.delta, axis=1)
    away = np.linalg.norm(found.delta - damped.delta, axis=1)
    assert np.all(away < 3.0 * error + 0.05 * np.linalg.norm(damped.delta, axis=1))
    assert np.all(error < 0.2 * np.linalg.norm(damped.delta, axis=1))
