"""Errors of covariances from dependent draws: against known autocorrelations, and blackjax."""

import jax.numpy as jnp
import numpy as np
from blackjax import diagnostics

from homotopy.bayesian.estimates import covariances, mean_error, split_r_hat


def autoregressive(chains, draws, rate, seed=0, columns=1):
    """(chains, draws, columns) of unit variance, correlated as rate^lag."""
    noise = np.random.default_rng(seed).normal(size=(draws, chains, columns))
    series = np.empty_like(noise)
    series[0] = noise[0]
    for time in range(1, draws):
        series[time] = rate * series[time - 1] + np.sqrt(1.0 - rate**2) * noise[time]
    return np.swapaxes(series, 0, 1)


def test_errors_and_sizes_of_a_covariance_of_dependent_draws():
    """Cov(x, x) = 1 of x with correlations ρ^k: x² has ρ^2k, so N(1 − ρ²)/(1 + ρ²) draws count."""
    rate, chains, draws = 0.8, 40, 4000
    x = autoregressive(chains, draws, rate)
    found = covariances(x, x)
    count = chains * draws * (1.0 - rate**2) / (1.0 + rate**2)
    np.testing.assert_allclose(found.effective_sample_size, count, rtol=0.1)
    np.testing.assert_allclose(found.standard_error, np.sqrt(2.0 / count), rtol=0.1)
    assert abs(found.within[0, 0] - 1.0) < 4.0 * np.sqrt(2.0 / count)
    error = mean_error(x[:, :, 0])
    assert abs(error / np.sqrt((1 + rate) / (1 - rate) / (chains * draws)) - 1.0) < 0.1


def test_errors_of_dependent_draws_hold_what_they_say():
    """200 runs of 4 chains: two errors of Student's law hold 95 in a hundred, ± 3."""
    from scipy import stats

    x = autoregressive(800, 1000, 0.8, seed=2, columns=2)
    held = []
    for run in range(200):
        part = x[4 * run : 4 * run + 4]
        found = covariances(part, part[:, :, :1])
        half = stats.t.isf(0.025, found.batches - 1) * found.standard_error
        held.append(np.abs(found.within - np.array([[1.0], [0.0]])) <= half)
    assert 0.92 <= np.mean(held) <= 0.98


def test_sizes_are_those_of_geyers_sequence_as_blackjax_has_it():
    x = autoregressive(4, 1000, 0.6, seed=1, columns=3)
    found = covariances(x, x[:, :, :1]).effective_sample_size[:, 0]
    away = x - x.mean(axis=1, keepdims=True)
    for column in range(3):
        series = away[:, :, column] * away[:, :, 0]
        known = float(diagnostics.effective_sample_size(jnp.asarray(series)))
        assert abs(found[column] / known - 1.0) < 0.05


def test_r_hat_is_that_of_halves():
    x = autoregressive(4, 500, 0.5, columns=2)
    x[0, :, 1] += 1.0
    halves = np.concatenate([x[:, :250], x[:, 250:]])
    known = np.asarray(diagnostics.potential_scale_reduction(jnp.asarray(halves)))
    np.testing.assert_allclose(split_r_hat(x), known, rtol=1e-12)
    assert split_r_hat(x)[1] > 1.05 > split_r_hat(x)[0]
    still = np.ones((2, 100, 1))
    assert split_r_hat(still) < 1.05  # a loss that is the same everywhere
    still[1] = 2.0
    assert np.isinf(split_r_hat(still))


def test_between_and_within_are_what_stacked_draws_have_together():
    x = autoregressive(3, 400, 0.5, columns=2)
    x += np.array([0.0, 1.0, -2.0])[:, None, None]
    found = covariances(x, x[:, :, :1])
    stacked = x.reshape(-1, 2)
    away = stacked - stacked.mean(axis=0)
    together = away.T @ away[:, :1] / len(stacked)
    np.testing.assert_allclose(found.within * (399.0 / 400.0) + found.between, together, rtol=1e-12)
    assert found.between[0, 0] > 1.0
