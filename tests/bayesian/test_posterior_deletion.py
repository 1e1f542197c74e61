"""Exact deletion from a posterior: three ways, against the posterior without the point."""

import jax.numpy as jnp
import numpy as np
import pytest
from blackjax import diagnostics
from normal_posterior import data, expected_loss, law, without
from scipy import stats

import homotopy as hm
from homotopy.bayesian import (
    CumulantExpansion,
    DeletionStatus,
    Reweighting,
    ThermodynamicIntegration,
    posterior_deletion,
)
from homotopy.bayesian.pareto import pareto_shape
from homotopy.bayesian.tilted import cumulant_terms

BETA, GAMMA = 2.0, 3.0
X, Y, X_TEST, Y_TEST = data()
THETA = np.array([0.3, -0.2, 1.0])
DELTA = GAMMA / BETA
LEVERAGE = np.einsum("id,de,ie->i", X, np.linalg.inv(X.T @ X + DELTA * np.eye(3)), X)


def whole(theta):
    return theta


def asked(measurement=None):
    problem = hm.LinearRegression(X, Y, deleted=0)
    measurement = hm.TestLoss(X_TEST, Y_TEST) if measurement is None else measurement
    return problem, THETA, measurement, hm.LocalPosterior(BETA, GAMMA)


def truth(weights):
    with_all = expected_loss(*law(X, Y, np.ones(12), BETA, GAMMA, THETA), X_TEST, Y_TEST)
    return expected_loss(*law(X, Y, weights, BETA, GAMMA, THETA), X_TEST, Y_TEST) - with_all


def test_the_integral_is_the_deletion_to_twelve_digits():
    method = ThermodynamicIntegration(hm.GaussianMoments(), nodes=20)
    found = posterior_deletion(*asked(), points=range(12), method=method)
    expected = [truth(without(12, row)) for row in range(12)]
    np.testing.assert_allclose(found.change, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.damped_leverage, LEVERAGE, rtol=1e-12)
    # Of the mean of θ, the influence over 1 − the damped leverage.
    first = hm.bayesian_influence(*asked(whole), sampler=hm.GaussianMoments()).change
    found = posterior_deletion(*asked(whole), points=range(12), method=method)
    np.testing.assert_allclose(found.change, first / (1.0 - LEVERAGE)[:, None], atol=1e-12)
    # A group, and weights that rise.
    weights = np.ones(12)
    weights[[1, 5]] = 0.0
    found = posterior_deletion(*asked(), groups=[1, 5], method=method)
    assert float(found.change) == pytest.approx(truth(weights), abs=1e-12)
    raised = np.linspace(-0.5, 1.0, 12)
    found = posterior_deletion(*asked(), changes=raised, method=method)
    assert float(found.change) == pytest.approx(truth(1.0 + raised), abs=1e-12)


def test_the_error_of_the_quadrature_is_told_and_few_nodes_are_not_enough():
    few = ThermodynamicIntegration(hm.GaussianMoments(), nodes=2)
    found = posterior_deletion(*asked(), points=range(12), method=few, throw=False)
    error = np.abs(found.change - np.array([truth(without(12, row)) for row in range(12)]))
    assert np.all(error <= np.asarray(found.quadrature_error) + 1e-15)
    status = np.asarray(found.status == DeletionStatus.not_resolved)
    assert status[np.argmax(LEVERAGE)]
    with pytest.raises(RuntimeError, match=r"raise nodes"):
        posterior_deletion(*asked(), points=range(12), method=few)


@pytest.mark.parametrize(
    "method",
    [
        ThermodynamicIntegration(hm.GaussianDraws(4000), nodes=6),
        Reweighting(hm.GaussianDraws(25_000)),
        CumulantExpansion(hm.GaussianDraws(25_000), order=4),
    ],
)
def test_three_ways_agree_where_each_applies(method):
    """For a point of small leverage, within their errors of the truth."""
    row = int(np.argmin(np.abs(LEVERAGE - 0.15)))
    found = posterior_deletion(*asked(), points=row, method=method)
    expected = truth(without(12, row))
    error = float(found.standard_error)
    assert abs(float(found.change) - expected) < 3.5 * error + LEVERAGE[row] ** 4 * abs(expected)
    assert error < 0.2 * abs(expected) or error < 0.005
    first = hm.bayesian_influence(*asked(), sampler=hm.GaussianMoments()).change[row]
    if error < 0.05 * abs(expected):  # and not the first order alone
        assert abs(float(found.change) - float(first)) > 3.0 * error


def moment(a, residual, variance):
    """E exp(a r²/2) of r normal."""
    return np.exp(a * residual**2 / (2.0 * (1.0 - a * variance))) / np.sqrt(1.0 - a * variance)


def test_effective_draws_and_tails_of_weights_are_those_of_the_normal_law():
    """ESS/N = μ(β)²/μ(2β), finite for leverages below ½; the tail's shape is the leverage."""
    mean, covariance = law(X, Y, np.ones(12), BETA, GAMMA, THETA)
    found = posterior_deletion(
        *asked(), points=range(12), method=Reweighting(hm.GaussianDraws(25_000)), throw=False
    )
    residual = Y - X @ mean
    variance = np.einsum("id,de,ie->i", X, covariance, X)
    heavy = LEVERAGE >= 0.5
    assert heavy.any() and not heavy.all()
    low = LEVERAGE < 0.3
    residual, variance = residual[low], variance[low]
    share = moment(BETA, residual, variance) ** 2 / moment(2.0 * BETA, residual, variance)
    sizes = np.asarray(found.effective_sample_size)[low] / 100_000
    np.testing.assert_allclose(sizes, share, atol=0.02)
    told = np.asarray(found.status == DeletionStatus.heavy_tails)
    np.testing.assert_array_equal(told, heavy)
    # The shape is reached slowly: beside the power x^(−1/P) there is exp(c√log x).
    shapes = np.asarray(found.pareto_shape)
    assert np.corrcoef(shapes, LEVERAGE)[0, 1] > 0.9
    assert np.max(np.abs(shapes - LEVERAGE)) < 0.25


def test_terms_of_the_series_in_the_weight():
    """Of E θ a geometric series with the ratio P_δ: exact moments give exact terms."""
    row = int(np.argmin(LEVERAGE))
    found = posterior_deletion(
        *asked(whole), points=row, method=CumulantExpansion(hm.GaussianDraws(25_000), order=3)
    )
    mean, _ = law(X, Y, np.ones(12), BETA, GAMMA, THETA)
    inverse = np.linalg.inv(X.T @ X + DELTA * np.eye(3))
    first = inverse @ X[row] * (X[row] @ mean - Y[row])
    size = np.linalg.norm(first)
    for order in range(2):
        expected = first * LEVERAGE[row] ** order
        assert np.linalg.norm(found.terms[order] - expected) < 0.05 * size
    np.testing.assert_allclose(found.terms.sum(axis=0), found.change, rtol=1e-12)


def test_a_quotient_of_series():
    """E[φe^{sx}]/E[e^{sx}] of φ = x has the cumulants of x: of an exponential law k!."""
    moments = np.array([1.0, 1.0, 2.0, 6.0, 24.0, 120.0])  # E xᵏ
    terms = cumulant_terms(moments[:5], moments[1:, None])
    np.testing.assert_allclose(terms[:, 0], np.ones(5), atol=1e-12)  # κ_{k+1}/k! = 1


def test_the_shape_of_a_tail_against_known_laws_and_blackjax():
    generator = np.random.default_rng(0)
    for shape in (0.2, 0.5, 0.9):
        draws = stats.genpareto.rvs(shape, size=40_000, random_state=generator)
        assert abs(pareto_shape(draws) - shape) < 0.12  # 3√N of them: √(1 + k)²/600 one deviation
        size = int(np.ceil(3.0 * np.sqrt(draws.size)))
        known = diagnostics.pareto_khat(jnp.asarray(draws), "upper", size / draws.size)
        assert abs(pareto_shape(draws) - float(known)) < 0.03
    assert pareto_shape(np.ones(1000)) == -np.inf
    assert pareto_shape(generator.random(10_000)) < -0.3  # a tail that ends


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"^sampler: expected one that draws for Reweighting"):
        Reweighting(hm.GaussianMoments())
    with pytest.raises(ValueError, match=r"^order: "):
        CumulantExpansion(order=9)
    with pytest.raises(ValueError, match=r"^nodes: "):
        ThermodynamicIntegration(nodes=1)
    with pytest.raises(RuntimeError, match=r"no finite variance"):
        posterior_deletion(
            *asked(), points=int(np.argmax(LEVERAGE)), method=Reweighting(hm.GaussianDraws(500))
        )
