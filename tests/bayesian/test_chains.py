"""Langevin and Hamiltonian chains: against normal laws, quadrature, and the law of a step."""

import sys
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from normal_posterior import data, law
from scipy import integrate, special

import homotopy as hm
from homotopy.bayesian import SamplingStatus

BETA, GAMMA = 2.0, 3.0


def setting():
    X, y, X_test, y_test = data()
    problem = hm.LinearRegression(X, y, deleted=0)
    asked = problem, np.asarray(problem.full_fit()), hm.TestLoss(X_test, y_test)
    return *asked, hm.LocalPosterior(BETA, GAMMA)


@pytest.mark.parametrize("sampler", [hm.MALA(1500, chains=8), hm.NUTS(500, chains=8)])
def test_adjusted_chains_are_within_their_errors_of_the_closed_form(sampler):
    exact = hm.bayesian_influence(*setting(), sampler=hm.GaussianMoments())
    found = hm.bayesian_influence(*setting(), sampler=sampler)
    z = (np.asarray(found.change) - exact.change) / np.asarray(found.standard_error)
    assert np.max(np.abs(z)) < 3.5 and np.sqrt(np.mean(z**2)) < 1.6
    assert 0.4 < float(found.acceptance) < 0.99
    coefficient = exact.local_learning_coefficient - found.local_learning_coefficient
    assert abs(coefficient) < 4.0 * found.local_learning_coefficient_error
    assert float(np.max(found.r_hat)) < 1.02
    apart = np.asarray(found.between_chains) / np.asarray(found.change)
    assert np.max(np.abs(apart)) < 0.05


def eigenvectors(X, beta, gamma):
    return np.linalg.eigh(beta * X.T @ X + gamma * np.eye(X.shape[1]))


def test_unadjusted_chains_have_the_law_of_their_step_to_a_hundredth():
    """Variances 1/(q(1 − ηq/4)), and the covariance of losses that follows from them."""
    problem, theta, loss, posterior = setting()
    X, y, X_test, y_test = data()
    mean, _ = law(X, y, np.ones(12), BETA, GAMMA, theta)
    q, V = eigenvectors(X, BETA, GAMMA)
    step = 0.3 * 4.0 / q[-1]
    sampler = hm.SGLD(4000, chains=100, burn_in=200, thinning=4, step_size=step)

    def along(at):
        """Squares along the eigenvectors, and the test loss."""
        none = jnp.zeros(1, int), jnp.zeros(1)
        squares = (jnp.asarray(V.T) @ (at - jnp.asarray(mean))) ** 2
        return jnp.append(squares, loss(problem, at, *none))

    found = hm.bayesian_influence(problem, theta, along, posterior, sampler=sampler)
    variances = 1.0 / (q * (1.0 - step * q / 4.0))
    np.testing.assert_allclose(found.expectation[:3], variances, rtol=0.01)
    assert variances[-1] * q[-1] > 1.4  # of the posterior's own law far from one
    covariance = (V * variances) @ V.T
    expected = 0.0
    for row, target in zip(X_test, y_test, strict=True):
        k = X @ covariance @ row
        expected = expected + 0.5 * BETA * ((y - X @ mean) * (target - row @ mean) * k + k**2 / 2)
    np.testing.assert_allclose(found.change[:, -1], expected, rtol=0, atol=0.01 * expected.max())
    z = (np.asarray(found.change[:, -1]) - expected) / np.asarray(found.standard_error[:, -1])
    assert np.max(np.abs(z)) < 3.5
    exact = hm.bayesian_influence(*setting(), sampler=hm.GaussianMoments()).change
    z = (np.asarray(found.change[:, -1]) - exact) / np.asarray(found.standard_error[:, -1])
    assert np.max(np.abs(z)) > 20.0  # the bias is there to be seen
    assert found.kind == "sampled, unadjusted"


def stretched_setting():
    """A regression whose columns have sizes from 1 to 100, and the covariance of its posterior."""
    X, y, _, _ = data()
    X = X * np.array([1.0, 10.0, 100.0])
    problem = hm.LinearRegression(X, y, deleted=0)
    covariance = np.linalg.inv(BETA * X.T @ X + GAMMA * np.eye(3))
    return problem, np.asarray(problem.full_fit()), hm.LocalPosterior(BETA, GAMMA), covariance


def test_with_the_covariance_for_a_mass_all_variances_are_too_large_by_one_factor():
    """1/(1 − η/4) of each direction, for SGLD of all points: in coordinates of variance one."""
    problem, theta, posterior, covariance = stretched_setting()
    X = np.asarray(problem.X)
    mean, _ = law(X, np.asarray(problem.y), np.ones(len(X)), BETA, GAMMA, theta)
    step, factor = 1.2, jnp.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))

    def products(at):
        white = factor @ (at - jnp.asarray(mean))
        return jnp.outer(white, white).ravel()

    sampler = hm.SGLD(
        4000, chains=50, burn_in=100, thinning=4, step_size=step, inverse_mass=covariance
    )
    found = hm.bayesian_influence(problem, theta, products, posterior, sampler=sampler)
    expected = np.eye(3) / (1.0 - step / 4.0)
    # 200,000 draws, nearly independent: errors of a thousandth.
    np.testing.assert_allclose(found.expectation.reshape(3, 3), expected, rtol=0, atol=0.02)


def test_a_mass_lets_chains_mix_where_columns_are_of_other_sizes():
    """MALA within its errors of the closed form, with many times the effective draws of a plain
    one; the diagonal as a matrix is the diagonal.
    """
    problem, theta, posterior, covariance = stretched_setting()
    asked = problem, theta, lambda at: at[0], posterior
    exact = hm.bayesian_influence(*asked, sampler=hm.GaussianMoments())
    options = {"draws": 1000, "chains": 4, "thinning": 4}
    found = hm.bayesian_influence(*asked, sampler=hm.MALA(**options, inverse_mass=covariance))
    z = (np.asarray(found.change) - exact.change) / np.asarray(found.standard_error)
    assert np.max(np.abs(z)) < 3.5
    plain = hm.bayesian_influence(*asked, sampler=hm.MALA(**options), throw=False)
    ratio = np.median(found.effective_sample_size) / np.median(plain.effective_sample_size)
    assert ratio > 20.0
    diagonal = np.diag(covariance)
    # As many draws as were recorded by one program above.
    options = {"draws": 250, "chains": 4, "thinning": 4, "step_size": 0.5}
    one, other = (
        hm.bayesian_influence(
            *asked, sampler=hm.MALA(**options, inverse_mass=mass), throw=False
        ).expectation
        for mass in (diagonal, np.diag(diagonal))
    )
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_a_mass_that_is_none_is_refused():
    problem, theta, posterior, covariance = stretched_setting()
    for wrong in (-np.ones(3), np.zeros((2, 3)), covariance - np.eye(3), [[1.0, 0.5], [0.0, 1.0]]):
        with pytest.raises(ValueError, match=r"^inverse_mass: expected"):
            hm.SGLD(inverse_mass=wrong)
    with pytest.raises(ValueError, match=r"^inverse_mass: expected that of 3 parameters"):
        sampler = hm.MALA(inverse_mass=[1.0, 2.0])
        hm.bayesian_influence(problem, theta, lambda at: at[0], posterior, sampler=sampler)


def test_batches_add_the_noise_of_their_gradients():
    """x = 1 in one dimension: variance (1 + ησ²/4)/(q(1 − ηq/4)), σ² = β²n²Var(y)/B."""
    y = np.random.default_rng(0).normal(size=20)
    problem = hm.LinearRegression(np.ones((20, 1)), y, deleted=0)
    posterior, centre = hm.LocalPosterior(1.0, 5.0), np.zeros(1)
    q, mean, step = 25.0, y.sum() / 25.0, 0.02
    sampler = hm.SGLD(4000, chains=50, burn_in=100, thinning=2, step_size=step, batch_size=4)
    found = hm.bayesian_influence(
        problem, centre, lambda at: (at[0] - mean) ** 2, posterior, sampler=sampler
    )
    noise = 400.0 * y.var() / 4.0
    expected = (1.0 + step * noise / 4.0) / (q * (1.0 - step * q / 4.0))
    assert float(found.expectation) == pytest.approx(expected, rel=0.02)
    assert step * noise / 4.0 > 0.3


def test_a_step_that_leaves_the_posterior_is_refused_and_one_that_does_not_move_is_told_of():
    problem, theta, loss, posterior = setting()
    X, _, _, _ = data()
    largest = 4.0 / eigenvectors(X, BETA, GAMMA)[0][-1]
    with pytest.raises(ValueError, match=r"^step_size: expected less than 4/q"):
        hm.bayesian_influence(
            problem, theta, loss, posterior, sampler=hm.SGLD(100, step_size=1.01 * largest)
        )
    found = hm.bayesian_influence(
        problem, theta, loss, posterior, sampler=hm.SGLD(100, step_size=1e-6 * largest), throw=False
    )
    assert found.status in (SamplingStatus.not_mixed, SamplingStatus.too_few)
    found = hm.bayesian_influence(
        problem, theta, loss, posterior, throw=False,
        sampler=hm.MALA(100, step_size=100.0 * largest),
    )  # fmt: skip
    assert found.status == SamplingStatus.seldom_accepted


def test_a_logistic_posterior_against_quadrature():
    generator = np.random.default_rng(5)
    x, labels = generator.normal(size=15), (generator.random(15) < 0.5).astype(int)
    problem = hm.Problem(hm.linear_model(1), hm.Logistic(), x[:, None], labels, deleted=0)
    centre = np.array([0.2])
    grid = np.linspace(-12.0, 12.0, 40_001)
    losses = np.log1p(np.exp(-(2.0 * labels - 1.0)[:, None] * x[:, None] * grid))
    density = np.exp(-losses.sum(axis=0) - 0.25 * (grid - 0.2) ** 2)
    density /= density.sum()
    away = losses - (losses @ density)[:, None]
    expected = away @ (density * (grid**2 - grid**2 @ density))
    found = hm.bayesian_influence(
        problem, centre, lambda at: at[0] ** 2, hm.LocalPosterior(1.0, 0.5),
        sampler=hm.NUTS(1500, chains=8),
    )  # fmt: skip
    z = (np.asarray(found.change) - expected) / np.asarray(found.standard_error)
    assert np.max(np.abs(z)) < 3.5 and np.sqrt(np.mean(z**2)) < 1.6


def product(theta, x):
    return theta[0] * theta[1] * x[0]


def value(theta):
    return theta[0] * theta[1]


def moment(beta_curvature, localisation):
    """βH Var(p) under the density K₀(γ|p|)exp(−βHp²/2)."""
    scale = localisation / np.sqrt(beta_curvature)

    def density(z):
        return special.k0(scale * z) * np.exp(-0.5 * z**2)

    limits = {"limit": 200, "points": [1e-3]}
    above = integrate.quad(lambda z: z**2 * density(z), 0.0, 40.0, **limits)[0]
    return above / integrate.quad(density, 0.0, 40.0, **limits)[0]


def singular(n=8, seed=0):
    """θ₁θ₂x fitted to targets whose best slope is zero."""
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(2, n))
    y -= x * (x @ y) / (x @ x)
    model = hm.function_model(product, 2)
    return hm.Problem(model, hm.SquaredError(), x[:, None], y, deleted=0), x, y


def test_a_singular_point_where_all_damped_influence_is_zero():
    """β Cov(ℓⱼ, p) = −βxⱼyⱼ Var(p), by the density of p with a Bessel function, to a hundredth."""
    problem, x, y = singular()
    influence = hm.predict(problem, hm.GaussNewton(1.0), np.zeros(2))
    assert float(np.max(np.abs(influence.delta))) == 0.0
    posterior = hm.LocalPosterior(1.0, 1.0)
    # Paths of 32 steps turn; the rare longer one would be waited for by all chains.
    sampler = hm.NUTS(4000, chains=50, burn_in=300, doublings=5)
    found = hm.bayesian_influence(problem, np.zeros(2), value, posterior, sampler=sampler)
    share = moment(x @ x, 1.0)
    p = np.asarray(found.chains.measured)[:, :, 0]
    assert (x @ x) * np.mean(p**2) == pytest.approx(share, rel=0.01)
    coefficient = 0.5 * share
    assert float(found.local_learning_coefficient) == pytest.approx(coefficient, rel=0.01)
    expected = -x * y / (x @ x) * share
    z = (np.asarray(found.change) - expected) / np.asarray(found.standard_error)
    assert np.max(np.abs(z)) < 3.5
    np.testing.assert_allclose(found.change, expected, atol=0.02 * np.abs(expected).max())


def test_chains_that_are_shared_out_are_those_of_one_process(tmp_path):
    """The random numbers of each follow from its own place; gone on with in a file, too."""
    problem = hm.LinearRegression([[1.0], [2.0], [2.0]], [0.0, 1.0, 2.0], deleted=0)
    asked = problem, [0.5], hm.PointLosses()
    options = {"sampler": hm.GaussianDraws(100), "throw": False}
    known = hm.bayesian_influence(*asked, **options)
    half = {**options, "sampler": hm.GaussianDraws(50)}
    for workers in ({"devices": 1}, {"client": ThreadPoolExecutor(2)}):
        shared = hm.bayesian_influence(*asked, **options, **workers)
        np.testing.assert_allclose(shared.chains.losses, known.chains.losses, rtol=1e-12)
        file = tmp_path / f"{next(iter(workers))}.npz"
        hm.bayesian_influence(*asked, **half, **workers, checkpoint=file)
        whole = hm.bayesian_influence(*asked, **options, **workers, checkpoint=file)
        assert np.array_equal(whole.chains.losses, shared.chains.losses)
    with jax.default_prng_impl("rbg"):  # another generator where nothing is said
        shared = hm.bayesian_influence(*asked, **options, client=ThreadPoolExecutor(2))
    np.testing.assert_allclose(shared.chains.losses, known.chains.losses, rtol=1e-12)


def test_without_blackjax_the_error_says_what_to_install(monkeypatch):
    problem, theta, loss, posterior = setting()
    monkeypatch.setitem(sys.modules, "blackjax", None)
    with pytest.raises(ModuleNotFoundError, match=r"^sampler: .*homotopy\[bayesian\]"):
        hm.bayesian_influence(problem, theta, loss, posterior)
    hm.bayesian_influence(problem, theta, loss, posterior, sampler=hm.GaussianMoments())
