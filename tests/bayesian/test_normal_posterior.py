"""Linear regression, where the posterior is normal and all is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from normal_posterior import data, differentiated, expected_loss, law

import homotopy as hm
from homotopy.bayesian import SamplingStatus
from homotopy.bayesian.found import from_chains
from homotopy.bayesian.posterior import target_of

BETA, GAMMA = 2.0, 3.0


def first(theta):
    return theta[0]


def whole(theta):
    return theta


def setting(centre=None, ridge=0.0, weights=None):
    X, y, X_test, y_test = data()
    problem = hm.LinearRegression(X, y, deleted=0, ridge=ridge, weights=weights)
    centre = np.array([0.3, -0.2, 1.0]) if centre is None else centre
    return problem, centre, hm.TestLoss(X_test, y_test), hm.LocalPosterior(BETA, GAMMA)


def oracle(centre, ridge=0.0, sample=None):
    """(w ↦ E of the test loss), in NumPy."""
    X, y, X_test, y_test = data()
    sample = np.ones(len(y)) if sample is None else sample

    def expectation(weights):
        return expected_loss(
            *law(X, y, weights * sample, BETA, GAMMA, centre, ridge), X_test, y_test
        )

    return expectation


@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_the_covariance_is_minus_the_derivative_in_the_weight(ridge):
    """Also far from a stationary point, and with sample weights."""
    sample = np.linspace(0.5, 2.0, 12)
    for weights in (None, sample):
        problem, centre, loss, posterior = setting(ridge=ridge, weights=weights)
        asked = problem, centre, loss, posterior
        found = hm.bayesian_influence(*asked, sampler=hm.GaussianMoments())
        expectation = oracle(centre, ridge, weights)
        np.testing.assert_allclose(found.change, differentiated(expectation, 12), atol=1e-9)
        assert float(found.expectation) == pytest.approx(expectation(np.ones(12)), abs=1e-13)


def test_closed_form_to_twelve_digits():
    """β Cov = eⱼe_tK_jt + K_jt²/(2β), with residuals at the posterior's mean."""
    problem, _, _, posterior = setting()
    X, y, X_test, y_test = data()
    theta = np.linalg.lstsq(X, y)[0]
    inverse = np.linalg.inv(X.T @ X + GAMMA / BETA * np.eye(3))
    expected = 0.0
    for row, target in zip(X_test, y_test, strict=True):
        K = X @ inverse @ row
        expected = expected + 0.5 * (
            (y - X @ theta) * (target - row @ theta) * K + K**2 / (2.0 * BETA)
        )
    asked = problem, theta, hm.TestLoss(X_test, y_test), posterior
    found = hm.bayesian_influence(*asked, sampler=hm.GaussianMoments())
    np.testing.assert_allclose(found.change, expected, rtol=0, atol=1e-12)
    # Of θ itself it is the damped influence function, without a correction.
    asked = problem, theta, whole, posterior
    found = hm.bayesian_influence(*asked, sampler=hm.GaussianMoments())
    damped = (X @ inverse) * (X @ theta - y)[:, None]
    np.testing.assert_allclose(found.change, damped, rtol=0, atol=1e-12)
    assert found.kind == "exact" and found.standard_error is None
    assert np.linalg.norm(found.shift) < 1e-13


def test_all_points_on_the_losses_of_all():
    problem, centre, _, posterior = setting()
    X, y, _, _ = data()
    asked = problem, centre, hm.PointLosses(), posterior
    found = np.asarray(hm.bayesian_influence(*asked, sampler=hm.GaussianMoments()).change)
    for point in (0, 7):
        others = differentiated(
            lambda w, i=point: expected_loss(
                *law(X, y, w, BETA, GAMMA, centre), X[i : i + 1], y[i : i + 1]
            ),
            12,
        )
        np.testing.assert_allclose(found[:, point], others, atol=1e-9)


def test_draws_are_within_three_errors_of_the_closed_forms():
    """10⁵ draws, of the test loss, of θ and of all losses together."""
    problem, centre, loss, posterior = setting()
    for measurement in (loss, whole, hm.PointLosses()):
        asked = problem, centre, measurement, posterior
        exact = hm.bayesian_influence(*asked, sampler=hm.GaussianMoments())
        found = hm.bayesian_influence(*asked, sampler=hm.GaussianDraws(25_000, seed=3))
        z = (np.asarray(found.change) - exact.change) / np.asarray(found.standard_error)
        assert np.sqrt(np.mean(z**2)) < 1.5
        assert np.max(np.abs(z)) < (3.0 if z.size < 50 else 4.0)  # 144 of them in the last
        if z.ndim == 1:
            X, y, X_test, y_test = data()
            mean, covariance = law(X, y, np.ones(12), BETA, GAMMA, centre)
            draws = np.random.default_rng(1).multivariate_normal(mean, covariance, 100_000)
            a = 0.5 * (y[:, None] - X @ draws.T) ** 2
            b = 0.5 * np.mean((y_test[:, None] - X_test @ draws.T) ** 2, axis=0)
            products = (a - a.mean(axis=1, keepdims=True)) * (b - b.mean())
            error = BETA * products.std(axis=1) / np.sqrt(1e5)
            # An error from 4 × 29 batches is within 1/√230 of the true one, one time in three.
            np.testing.assert_allclose(found.standard_error, error, rtol=4 / np.sqrt(230))
            assert np.min(np.asarray(found.effective_sample_size)) > 8e4
            assert abs(found.local_learning_coefficient - exact.local_learning_coefficient) < (
                4.0 * found.local_learning_coefficient_error
            )
            np.testing.assert_allclose(found.relative_shift, exact.relative_shift, rtol=0.02)


def of_each_chain(chains):
    recorded = chains.losses, chains.measured, chains.risks
    return [*recorded, chains.positions, chains.mean, chains.spread]


def test_errors_hold_what_they_say():
    """200 repetitions: intervals of 95 % hold the truth in 92 to 98 of a hundred.

    Each of four chains, which are streams of their own: 800 of one call.
    """
    problem, centre, loss, posterior = setting()
    asked = problem, centre, loss, posterior
    exact = np.asarray(hm.bayesian_influence(*asked, sampler=hm.GaussianMoments()).change)
    sampler = hm.GaussianDraws(200, chains=800)
    whole = jax.tree.map(np.asarray, hm.bayesian_influence(*asked, sampler=sampler).chains)
    target, held = target_of(problem, jnp.asarray(centre), posterior), []
    for first in range(0, 800, 4):
        rows = [part[first : first + 4] for part in of_each_chain(whole)]
        some = eqx.tree_at(of_each_chain, whole, rows)
        low, high = from_chains(some, target, sampler, (), False).interval(0.95)
        held.append((low <= exact) & (exact <= high))
    assert 0.92 <= np.mean(held) <= 0.98


def test_learning_coefficient_of_a_wide_regular_posterior_is_half_of_the_dimension():
    problem, _, loss, _ = setting()
    theta = problem.full_fit()
    asked = problem, theta, loss, hm.LocalPosterior(1e3, 1e-6)
    found = hm.bayesian_influence(*asked, sampler=hm.GaussianMoments())
    assert float(found.local_learning_coefficient) == pytest.approx(1.5, abs=1e-6)


def test_the_shift_is_that_of_a_damped_step():
    """E θ − θ_ref = −(βH + γ)⁻¹ β∇R(θ_ref), and its length in deviations."""
    problem, centre, loss, posterior = setting()
    X, y, _, _ = data()
    asked = problem, centre, loss, posterior
    found = hm.bayesian_influence(*asked, sampler=hm.GaussianMoments())
    precision = BETA * X.T @ X + GAMMA * np.eye(3)
    expected = -np.linalg.solve(precision, BETA * X.T @ (X @ centre - y))
    np.testing.assert_allclose(found.shift, expected, atol=1e-13)
    size = np.linalg.norm(expected) / np.sqrt(np.trace(np.linalg.inv(precision)))
    assert float(found.relative_shift) == pytest.approx(size, rel=1e-12)


def test_more_draws_are_those_of_one_longer_run(tmp_path):
    problem, centre, loss, posterior = setting()
    asked = problem, centre, loss, posterior
    at_once = hm.bayesian_influence(*asked, sampler=hm.GaussianDraws(500))
    part = hm.bayesian_influence(*asked, sampler=hm.GaussianDraws(250))
    part.save(tmp_path / "part")
    later = hm.load(tmp_path / "part.npz")
    whole_run = hm.bayesian_influence(*asked, sampler=hm.GaussianDraws(250), resume=later)
    np.testing.assert_array_equal(whole_run.chains.losses, at_once.chains.losses)
    np.testing.assert_allclose(whole_run.shift, at_once.shift, rtol=1e-12)
    # By way of a file that is kept meanwhile: gone on with up to `draws`.
    file = tmp_path / "chains.npz"
    hm.bayesian_influence(*asked, sampler=hm.GaussianDraws(250), checkpoint=file)
    again = hm.bayesian_influence(*asked, sampler=hm.GaussianDraws(500), checkpoint=file)
    np.testing.assert_array_equal(again.chains.losses, at_once.chains.losses)
    kept = hm.bayesian_influence(*asked, sampler=hm.GaussianDraws(500), checkpoint=file)
    np.testing.assert_array_equal(kept.change, again.change)
    other = hm.LocalPosterior(BETA, 2.0 * GAMMA)
    with pytest.raises(ValueError, match=r"^checkpoint: expected chains of this posterior"):
        hm.bayesian_influence(
            problem, centre, loss, other, sampler=hm.GaussianDraws(500), checkpoint=file
        )
    for another in (first, hm.PointLosses()):
        with pytest.raises(ValueError, match=r"^checkpoint: expected chains with this measurement"):
            hm.bayesian_influence(
                problem, centre, another, posterior, sampler=hm.GaussianDraws(500), checkpoint=file
            )
    for sampler, word in ((hm.MALA(250), "of MALA"), (hm.GaussianDraws(250, seed=1), "of seed 1")):
        with pytest.raises(ValueError, match=rf"^resume: expected .*{word}"):
            hm.bayesian_influence(*asked, sampler=sampler, resume=part)
    moved = hm.LinearRegression(problem.X, problem.y + 1.0, deleted=0)
    with pytest.raises(ValueError, match=r"^resume: expected chains of this posterior"):
        hm.bayesian_influence(
            moved, centre, loss, posterior, sampler=hm.GaussianDraws(250), resume=part
        )


def test_an_interruption_keeps_the_draws_done():
    problem, centre, loss, posterior = setting()

    def stop(progress):
        if progress.done >= 500:
            raise KeyboardInterrupt

    found = hm.bayesian_influence(
        problem, centre, loss, posterior, sampler=hm.GaussianDraws(1000), progress=stop, throw=False
    )
    assert found.chains.draws == 500
    assert found.status == SamplingStatus.interrupted


def test_what_is_refused():
    problem, centre, loss, posterior = setting()
    flat = hm.LinearRegression(np.ones((3, 2)), np.ones(3), deleted=0)
    with pytest.raises(ValueError, match=r"^posterior: expected localisation > 0 or a ridge"):
        hm.bayesian_influence(
            flat, np.zeros(2), first, hm.LocalPosterior(1.0, 0.0), sampler=hm.GaussianMoments()
        )
    with pytest.raises(ValueError, match=r"^measurement: expected a quadratic function"):
        hm.bayesian_influence(
            problem, centre, lambda t: jnp.exp(t[0]), posterior, sampler=hm.GaussianMoments()
        )
    with pytest.raises(ValueError, match=r"^measurement: .*PointLosses"):
        hm.bayesian_influence(problem, centre, hm.OwnLoss(), posterior)
    perceptron = hm.Problem(hm.mlp([3, 2, 1]), hm.SquaredError(), problem.X, problem.y, deleted=0)
    theta = np.zeros(perceptron.dimension)
    with pytest.raises(ValueError, match=r"^sampler: GaussianDraws"):
        hm.bayesian_influence(perceptron, theta, first, sampler=hm.GaussianDraws())
    with pytest.warns(UserWarning, match=r"^localisation: without one"), pytest.raises(ValueError):
        hm.bayesian_influence(
            perceptron, theta, first, hm.LocalPosterior(1.0, 0.0), sampler=hm.GaussianDraws()
        )
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match=r"^beta: "):
            hm.LocalPosterior(wrong)
    with pytest.raises(ValueError, match=r"^localisation: "):
        hm.LocalPosterior(1.0, -1.0)
    with pytest.raises(ValueError, match=r"^draws: expected an integer >= 16"):
        hm.NUTS(10)
    found = hm.bayesian_influence(
        problem, centre, loss, posterior, sampler=hm.GaussianDraws(20, chains=1), throw=False
    )
    assert found.status in (SamplingStatus.too_few, SamplingStatus.not_mixed)
    with pytest.raises(RuntimeError, match=r"effective draws|disagree"):
        hm.bayesian_influence(
            problem, centre, loss, posterior, sampler=hm.GaussianDraws(20, chains=1)
        )
