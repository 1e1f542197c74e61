"""∫₀ᵗ e^{−λ(t−τ)} w(τ) dτ for polynomials w, and what it is made of, against mpmath."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp, mpf

from homotopy.numerics.gauss_legendre import quadrature, to_coefficients
from homotopy.numerics.legendre_history import (
    legendre_history,
    legendre_values,
    scaled_spherical_bessel,
)

COUNT = 16
# Both recurrences, the seam between them, and where i_m underflows to zero.
ARGUMENTS = np.array(
    [0.0, 1e-300, 1e-31, 1e-29, 1e-16, 1e-8, 1e-3, 0.1, 1.0, 3.7, 12.0, 50.0, 90.0, 99.999,
     100.0, 100.001, 150.0, 1e3, 1e5, 1e8, 1e15]
)  # fmt: skip


@mp.workdps(60)
def exact_bessel(x, order):
    """e^{−x} i_m(x), with i_m(x) = √(π/2x) I_{m+½}(x)."""
    x = mpf(float(x))
    if x == 0:
        return mpf(order == 0)
    if x > 500:  # e^{−x} i_m = Σ (−1)^k (m+k)!/(k! (m−k)!) (2x)^{−k} / 2x, up to e^{−2x}
        terms = [
            (-1) ** k * mp.factorial(order + k) / (mp.factorial(k) * mp.factorial(order - k))
            / (2 * x) ** k
            for k in range(order + 1)
        ]  # fmt: skip
        return mp.fsum(terms) / (2 * x)
    return mp.exp(-x) * mp.sqrt(mp.pi / (2 * x)) * mp.besseli(order + mpf(1) / 2, x)


@mp.workdps(60)
def exact_bessel_slope(x, order):
    """Its derivative, by i_m' = i_{m+1} + (m/x) i_m."""
    here, above = exact_bessel(x, order), exact_bessel(x, order + 1)
    if x == 0:
        return mpf(-1 if order == 0 else mpf(1) / 3 if order == 1 else 0)
    return above + order * here / mpf(float(x)) - here


def table(function, arguments, orders):
    return np.array([[float(function(x, order)) for order in range(orders)] for x in arguments])


def test_scaled_spherical_bessel():
    actual = np.asarray(scaled_spherical_bessel(jnp.asarray(ARGUMENTS), COUNT))
    expected = table(exact_bessel, ARGUMENTS, COUNT)
    assert actual.shape == (len(ARGUMENTS), COUNT)
    # Below 1e-30 beside i_0 = 1 nothing is promised: there i_m, m ≥ 1, may be flushed to zero.
    np.testing.assert_allclose(actual, expected, rtol=1e-14, atol=1e-30)


@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_scaled_spherical_bessel_slope(mode):
    slope = jax.vmap(mode(lambda x: scaled_spherical_bessel(x, COUNT)))
    actual = np.asarray(slope(jnp.asarray(ARGUMENTS)))
    expected = table(exact_bessel_slope, ARGUMENTS, COUNT)
    # A difference of neighbouring functions: accurate relative to them.
    size = table(exact_bessel, ARGUMENTS, COUNT + 1)
    size = size[:, :-1] + np.append(np.zeros((len(size), 1)), size[:, :-2], axis=1)
    assert np.all(np.abs(actual - expected) <= 2e-14 * size + 1e-30)


def test_scaled_spherical_bessel_slope_where_it_does_not_cancel():
    points = np.array([1e-3, 0.1, 1.0, 3.7])
    actual = jax.vmap(jax.jacfwd(lambda x: scaled_spherical_bessel(x, 6)))(jnp.asarray(points))
    np.testing.assert_allclose(
        np.asarray(actual)[:, 2:], table(exact_bessel_slope, points, 6)[:, 2:], rtol=1e-13
    )


def test_gauss_legendre_integrates_and_interpolates():
    nodes, weights = quadrature(COUNT)
    for power in range(2 * COUNT):
        assert np.sum(weights * nodes**power) == pytest.approx(1 / (power + 1), rel=1e-14)
    values = np.exp(-nodes) * np.cos(3 * nodes)
    coefficients = to_coefficients(COUNT) @ values
    inside = np.linspace(0.0, 1.0, 23)
    truth = np.exp(-inside) * np.cos(3 * inside)
    found = np.polynomial.legendre.legval(2 * inside - 1, coefficients)
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-13)


def test_legendre_values():
    position = np.array([[0.0, 0.25, 0.5], [0.9, 1.0, 1 / 3]])
    actual = legendre_values(jnp.asarray(position), COUNT)
    expected = np.polynomial.legendre.legvander(2 * position - 1, COUNT - 1)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-15 * COUNT)
    np.testing.assert_array_equal(legendre_values(jnp.asarray(0.3), 1), [1.0])


RATES = np.array([0.0, 1e-9, 0.3, 2.0, 40.0, 1e4])


@mp.workdps(200)
def exact_history(rate, duration, coefficients):
    """∫ e^{−λ(t−τ)} (τ/t)^k dτ by parts, from k − 1: of small λt all but the last digits cancel."""
    rate, duration = mpf(float(rate)), mpf(float(duration))
    powers = [duration if rate == 0 else -mp.expm1(-rate * duration) / rate]
    for k in range(1, len(coefficients)):
        known = 1 - k * powers[-1] / duration
        powers.append(duration / (k + 1) if rate == 0 else known / rate)
    # P_m(2u − 1) = Σ (−1)^{m+k} (m+k)!/(k!² (m−k)!) u^k
    return mp.fsum(
        mpf(float(c)) * (-1) ** (m + k) * math.comb(m, k) * math.comb(m + k, k) * powers[k]
        for m, c in enumerate(coefficients)
        for k in range(m + 1)
    )


@pytest.mark.parametrize("duration", [1.3, 0.01])
def test_history_against_its_closed_form(duration):
    generator = np.random.default_rng(5)
    coefficients = generator.normal(size=(6, 2))
    actual = legendre_history(jnp.asarray(RATES), jnp.asarray(duration), jnp.asarray(coefficients))
    for row, rate in zip(actual, RATES, strict=True):
        for entry, column in zip(row, coefficients.T, strict=True):
            kernel = min(duration, 1 / rate if rate else np.inf)
            error = abs(float(entry) - float(exact_history(rate, duration, column)))
            assert error <= 1e-14 * kernel * np.sum(np.abs(column))


def test_history_of_a_constant_is_the_decay_integral():
    coefficients = np.zeros((COUNT, 1))
    coefficients[0] = 3.0
    expected = [6.0, *(-3.0 * np.expm1(-2.0 * RATES[1:]) / RATES[1:])]
    for kind in (np.asarray, jnp.asarray):  # in NumPy and in JAX
        actual = legendre_history(*map(kind, (RATES, 2.0, coefficients)))
        np.testing.assert_allclose(actual[:, 0], expected, rtol=1e-14)
