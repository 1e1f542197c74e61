"""Functions of decaying exponentials against mpmath, where rates meet, vanish and are large."""

import jax
import jax.numpy as jnp
import numpy as np
from mpmath import mp, mpf

from homotopy.numerics.exponentials import decay_integral, divided_difference, divided_differences

RATES = np.array([0.0, 1e-300, 1e-12, 1e-8, 0.999e-8, 1.001e-8, 3e-5, 0.5, 1.0, 37.0, 1e4, 1e12])
TIMES = np.array([0.0, 1e-9, 1.0, 2.5, 1e4])


@mp.workdps(80)
def exact_decay_integral(rate, time):
    rate, time = mpf(float(rate)), mpf(float(time))
    return time if rate == 0 else -mp.expm1(-rate * time) / rate


@mp.workdps(400)
def exact_divided_difference(first, second, time):
    a, b, t = mpf(float(first)), mpf(float(second)), mpf(float(time))
    return t * mp.exp(-a * t) if a == b else (mp.exp(-b * t) - mp.exp(-a * t)) / (a - b)


def grid(*axes):
    return [part.ravel() for part in np.meshgrid(*axes, indexing="ij")]


def exact(function, *arguments):
    return np.array([float(function(*point)) for point in zip(*arguments, strict=True)])


def assert_exponential(actual, expected, *exponents):
    """Relative accuracy: e^{−x} may lose what rounding x by one unit does, x·2^-53."""
    rtol = 1e-15 * (4.0 + np.minimum(np.max(exponents, axis=0), 745.0))
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert np.all(np.abs(actual - expected) <= rtol * np.abs(expected) + 1e-300)


def test_decay_integral():
    rates, times = grid(RATES, TIMES)
    expected = exact(exact_decay_integral, rates, times)
    for kind in (np.asarray, jnp.asarray):  # in NumPy and in JAX
        actual = decay_integral(kind(rates), kind(times))
        np.testing.assert_allclose(actual, expected, rtol=1e-15, atol=0)


def test_decay_integral_derivatives():
    rates, times = grid(RATES, TIMES)
    in_rate, in_time = jax.vmap(jax.grad(decay_integral, argnums=(0, 1)))(
        jnp.asarray(rates), jnp.asarray(times)
    )

    @mp.workdps(400)
    def exact_in_rate(rate, time):
        a, t = mpf(float(rate)), mpf(float(time))
        if a == 0:
            return -(t**2) / 2
        return (t * mp.exp(-a * t) + mp.expm1(-a * t) / a) / a

    expected = exact(lambda a, t: mp.exp(-mpf(float(a)) * mpf(float(t))), rates, times)
    np.testing.assert_allclose(in_time, expected, rtol=0, atol=1e-15)
    # In the rate the two terms of the derivative cancel to (λt)²/2: absolute accuracy only,
    # relative to the largest, t²/λt.
    product = np.maximum(rates * times, 1e-8)
    allowed = 4e-16 * times**2 / product + 1e-8 * times**2
    assert np.all(np.abs(np.asarray(in_rate) - exact(exact_in_rate, rates, times)) <= allowed)


def test_divided_difference():
    first, second, times = grid(RATES, RATES, TIMES)
    actual = divided_difference(*map(jnp.asarray, (first, second, times)))
    expected = exact(exact_divided_difference, first, second, times)
    assert_exponential(actual, expected, np.minimum(first, second) * times)


def test_divided_difference_of_close_rates():
    # Where the quotient as written loses all its digits.
    first, gaps, times = grid([1e-6, 1.0, 37.0], [1e-15, 1e-12, 1e-9, 1e-7, 1e-4], [0.1, 3.0])
    second = first * (1.0 + gaps)
    actual = divided_difference(*map(jnp.asarray, (first, second, times)))
    expected = exact(exact_divided_difference, first, second, times)
    assert_exponential(actual, expected, first * times)


def test_divided_difference_is_symmetric():
    first, second, times = map(jnp.asarray, grid(RATES, RATES, TIMES))
    np.testing.assert_array_equal(
        divided_difference(first, second, times), divided_difference(second, first, times)
    )


def test_divided_differences_of_pairs_at_once():
    first, second, _ = grid(RATES, RATES, [0.0])
    close = np.array([1e-6, 1.0, 37.0])
    first = np.r_[first, close, close]
    second = np.r_[second, close * (1.0 + 1e-15), close * (1.0 + 1e-7)]
    found = divided_differences(np.minimum(first, second), np.abs(first - second), TIMES)
    points = [np.tile(part, TIMES.size) for part in (first, second)] + [TIMES.repeat(first.size)]
    expected = exact(exact_divided_difference, *points)
    assert_exponential(found.ravel(), expected, np.minimum(*points[:2]) * points[2])


def test_what_is_no_number_stays_none():
    """Of NumPy's arrays, where products that vanish are set apart."""
    rates, times = np.array([np.nan, 1.0, 0.0, 1e-200]), np.array([1.0, np.nan, 2.0, 1e-200])
    with np.errstate(all="ignore"):
        found = decay_integral(rates, times)
    np.testing.assert_array_equal(np.isnan(found), [True, True, False, False])
    np.testing.assert_array_equal(found[2:], [2.0, 1e-200])
