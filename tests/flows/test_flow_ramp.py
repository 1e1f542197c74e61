"""Ramps and polynomial decays within the tolerance asked for, against 50 digits."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import control, ramp
from regressions import linear_regression, oracle_arguments, rates, relative_error
from scipy.special import erfcx

import homotopy as hm

STIFF = 1e3  # λ_max T: what the oracle does in seconds
TIMES = np.array([0.0, 0.2, 0.45, 0.7, 1.0])  # of T: before, within and after the decay
START, STOP = 0.25, 0.75


def horizon(name, product):
    return product / rates(name)[0]


@pytest.mark.parametrize("tolerance", [1e-5, 1e-8, 1e-11])
@pytest.mark.parametrize(
    ("name", "product", "power"),
    [
        # All of one shape: one compilation for each tolerance.
        ("well conditioned", 3.0, 2.0),
        ("well conditioned", 50.0, 1.0),
        ("well conditioned", 50.0, 0.5),
        ("well conditioned", 50.0, 3.7),
        ("ill conditioned", 50.0, 1.0),
        ("badly scaled", 50.0, 2.0),
        ("duplicated columns", 50.0, 1.0),
        ("well conditioned", STIFF, 1.0),
        ("ill conditioned", STIFF, 2.0),
    ],
)
def test_the_error_is_within_the_tolerance(name, product, power, tolerance):
    T = horizon(name, product)
    schedule = hm.Polynomial(START * T, STOP * T, power)
    theta0 = oracle_arguments(name)[-1]
    trajectory = hm.flow(
        linear_regression(name), schedule, theta0, TIMES * T, method=hm.Exact(tolerance=tolerance)
    )
    expected = oracle_flow(name, product, power)
    assert relative_error(trajectory.theta, expected) <= tolerance
    assert trajectory.status == hm.results.FlowStatus.successful


_CACHE = {}


def oracle_flow(name, product, power, start=START, stop=STOP):
    """θ at `TIMES`; the same for every tolerance."""
    key = (name, product, power, start, stop)
    if key not in _CACHE:
        T = horizon(name, product)
        # The same float64 numbers as the schedule is given.
        _CACHE[key] = ramp.ramp_flow(*oracle_arguments(name), start * T, stop * T, power, TIMES * T)
    return _CACHE[key]


@pytest.mark.parametrize("name", ["group of three", "one parameter", "underdetermined"])
def test_other_shapes(name):
    T = horizon(name, 50.0)
    theta0 = oracle_arguments(name)[-1]
    method = hm.Exact(tolerance=1e-11)
    theta = hm.flow(
        linear_regression(name), hm.Ramp(START * T, STOP * T), theta0, TIMES * T, method=method
    ).theta
    assert relative_error(theta, oracle_flow(name, 50.0, 1.0)) <= 1e-11


@pytest.mark.parametrize("product", [0.1, 3.0, 1e3, 1e6])
def test_one_parameter_has_a_closed_form(product):
    # θ̇ = −(m + kε)θ + c + bε with ε = w/L, w the time left. The exponents are squares of
    # x = √(k/2L) (w + mL/k), and ∫ e^{x(t)² − x²} dx is a difference of scaled error functions.
    name = "one parameter"
    X, y, deleted, _, theta0 = oracle_arguments(name)
    kept = np.setdiff1d(np.arange(len(y)), deleted)
    m, c = np.sum(X[kept] ** 2), X[kept, 0] @ y[kept]
    k, b = np.sum(X[deleted] ** 2), X[deleted, 0] @ y[deleted]
    L = product / (m + k)
    times = TIMES * L

    def x(t):
        return np.sqrt(k / (2 * L)) * (L - t + m * L / k)

    decay = np.exp(-(m * times + k * (times - times**2 / (2 * L))))
    integral = np.sqrt(np.pi * L / (2 * k)) * (erfcx(x(times)) - decay * erfcx(x(0.0)))
    expected = (
        decay * theta0[0]
        - b / k * np.expm1(np.log(decay.clip(1e-300)))
        + (c - b * m / k) * integral
    )
    method = hm.Exact(tolerance=1e-11)
    theta = hm.flow(linear_regression(name), hm.Ramp(0.0, L), theta0, times, method=method).theta
    np.testing.assert_allclose(theta[:, 0], expected, rtol=2e-11)


# -------------------------------------------------------------------- families and limits


INSTANTS = np.array([0.0, 0.05, 0.1, 0.15, 0.2])
METHOD = hm.Exact(tolerance=1e-11)


def run(schedule):
    theta0 = oracle_arguments("well conditioned")[-1]
    return hm.flow(
        linear_regression("well conditioned"), schedule, theta0, INSTANTS, method=METHOD
    ).theta


def test_the_first_power_is_the_ramp():
    polynomial = run(hm.Polynomial(0.03, 0.12, 1.0))
    assert relative_error(run(hm.Ramp(0.03, 0.12)), polynomial) <= 1e-12


@pytest.mark.parametrize("at", [0.0, 0.1, 0.2])
def test_a_ramp_of_no_length_is_the_step(at):
    assert relative_error(run(hm.Ramp(at, at)), run(hm.Step(at))) <= 1e-14


@pytest.mark.parametrize(
    ("start", "stop"), [(0.0, 0.2), (0.0, 5.0), (0.1, 0.3), (0.2, 0.4), (1.0, 2.0)]
)
def test_decays_that_reach_the_horizon_or_beyond(start, stop):
    expected = ramp.ramp_flow(*oracle_arguments("well conditioned"), start, stop, 1.0, INSTANTS)
    assert relative_error(run(hm.Ramp(start, stop)), expected) <= 1e-11


def test_a_short_ramp_tends_to_the_step():
    width = 1e-9
    near, step = run(hm.Ramp(0.12 - width / 2, 0.12 + width / 2)), run(hm.Step(0.12))
    assert relative_error(near, step) <= 1e-11


def test_a_batch_of_ramps_through_vmap():
    stops = jnp.asarray([0.05, 0.12, 0.3])
    together = jax.jit(jax.vmap(lambda stop: run(hm.Ramp(0.03, stop))))(stops)
    for stop, theta in zip(stops, together, strict=True):
        assert relative_error(theta, run(hm.Ramp(0.03, stop))) <= 1e-12


# --------------------------------------------------------------------------- derivatives

GRADIENTS = [
    ("well conditioned", 3.0, 0.1, 0.6, 1.0),
    ("well conditioned", 30.0, 0.25, 0.75, 2.5),
    ("well conditioned", 30.0, 0.25, 0.75, 0.5),
    ("ill conditioned", 30.0, 0.25, 0.75, 1.0),
    ("ill conditioned", 300.0, 0.25, 1.5, 2.0),  # ends past the horizon
]
TARGET = np.array([1.0, -1.0, 0.5, 2.0])


def cost(problem, parameters, theta0, horizon, method):
    schedule = hm.Polynomial(parameters[0], parameters[1], parameters[2])
    final = hm.flow(problem, schedule, theta0, horizon[None], method=method).theta[0]
    return 0.5 * jnp.sum((final - TARGET) ** 2)


@eqx.filter_jit
def reverse_gradient(problem, parameters, theta0, horizon):
    return jax.grad(lambda at: cost(problem, at, theta0, horizon, hm.Exact()))(parameters)


@eqx.filter_jit
def forward_gradient(problem, parameters, theta0, horizon):
    method = hm.Exact(adjoint=diffrax.ForwardMode())
    return jax.jacfwd(lambda at: cost(problem, at, theta0, horizon, method))(parameters)


@pytest.mark.parametrize("gradient", [reverse_gradient, forward_gradient])
@pytest.mark.parametrize(("name", "product", "start", "stop", "power"), GRADIENTS)
def test_gradients_in_start_stop_and_power(gradient, name, product, start, stop, power):
    T = horizon(name, product)
    *data, theta0 = oracle_arguments(name)
    parameters = [start * T, stop * T, power]
    actual = gradient(
        linear_regression(name), *map(jnp.asarray, (parameters, theta0, np.asarray(T)))
    )
    key = ("gradient", name, product, start, stop, power)
    if key not in _CACHE:
        _CACHE[key] = control.ramp_gradient(*data, theta0, *parameters, T, TARGET)
    np.testing.assert_allclose(actual, _CACHE[key], rtol=1e-10)
    assert np.all(_CACHE[key] != 0.0)


@pytest.mark.parametrize("at", [(0.05, 0.2), (0.1, 0.1), (0.2, 0.2), (0.2, 0.3), (0.3, 0.4)])
def test_derivatives_where_an_end_meets_the_horizon_or_the_other_end(at):
    # Central or, at a kink, one-sided differences of nearby well-formed ramps are the reference:
    # an end that is 1e-6 inside has nearly the same derivative.
    problem, T = linear_regression("well conditioned"), jnp.asarray(np.array(0.2))
    theta0 = jnp.asarray(oracle_arguments("well conditioned")[-1])

    def gradient(start, stop):
        return reverse_gradient(problem, jnp.asarray([start, stop, 1.0]), theta0, T)

    start, stop = at
    inside = gradient(start - 1e-6, stop - 1e-6 * (stop <= 0.2) + 1e-7 * (start == stop))
    np.testing.assert_allclose(gradient(start, stop)[:2], inside[:2], rtol=0, atol=1e-3)
    if start > 0.2:
        np.testing.assert_array_equal(gradient(start, stop), 0.0)


# --------------------------------------------------------------------------------- budget


def test_a_spent_budget_is_a_status_and_an_error():
    name, T = "well conditioned", horizon("well conditioned", STIFF)
    problem, theta0 = linear_regression(name), oracle_arguments(name)[-1]
    method = hm.Exact(max_steps=2)
    ended = hm.flow(problem, hm.Ramp(0.0, T), theta0, [T], method=method, throw=False)
    assert ended.status == hm.results.FlowStatus.step_limit
    with pytest.raises(RuntimeError, match="step budget was spent"):
        hm.flow(problem, hm.Ramp(0.0, T), theta0, [T], method=method)


def test_a_stiff_ramp_takes_few_steps():
    # An explicit method would need λT / 3 of them at least.
    name = "well conditioned"
    problem, theta0 = linear_regression(name), oracle_arguments(name)[-1]
    for product in (1e3, 1e6):
        T = horizon("well conditioned", product)
        stats = hm.flow(problem, hm.Ramp(0.0, T), theta0, TIMES * T, method=METHOD).stats
        assert 0 < int(stats["collocation_steps"]) <= 100
