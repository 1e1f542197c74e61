"""Least horizons, against closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from homotopy.control import ArcKind, ControlAffine, LeastHorizonStatus, least_horizon


def cart_drift(x):
    return jnp.stack([x[1], 0.0 * x[0]])


def cart_field(x):
    return jnp.array([0.0, 1.0])


def half_square(x):
    return 0.5 * jnp.sum(x**2)


def cart(horizon):
    return ControlAffine(cart_drift, cart_field, half_square, [-1.0, 0.0], horizon, lower=-1.0)


def test_double_integrator_in_least_time():
    least = least_horizon(cart(5.0), target=[0.0, 0.0], cells=16)
    assert least.status == LeastHorizonStatus.successful
    assert least.horizon == pytest.approx(2.0, rel=1e-9)
    np.testing.assert_allclose(least.junctions, [1.0], atol=1e-9)
    assert [arc.kind for arc in least.arcs] == [ArcKind.upper, ArcKind.lower]
    assert least.error < 1e-12
    assert least.pmp_residual <= 1e-12
    # p is the derivative of the least time, −x₂ + 2 √(x₂²/2 − x₁) on this side of the switching
    # curve: at (−1, 0) it is −1 in x₁ and −1 in x₂. And H₁ = p₂ changes sign at the switch.
    np.testing.assert_allclose(least.trajectory.costate(0.0), [-1.0, -1.0], atol=1e-9)
    switching = least.trajectory.switching_function([0.0, 1.0, 2.0])
    np.testing.assert_allclose(switching, [-1.0, 0.0, 1.0], atol=1e-9)


def test_least_horizon_for_a_cost():
    wanted = 0.01

    def cost(switch, horizon):
        rest = horizon - switch
        position = -1 + switch**2 / 2 + switch * rest - rest**2 / 2
        return 0.5 * (position**2 + (switch - rest) ** 2)

    def best(horizon):
        found = minimize_scalar(
            cost, bounds=(0, horizon), args=(horizon,), method="bounded", options={"xatol": 1e-12}
        )
        return found.fun

    expected = brentq(lambda horizon: best(horizon) - wanted, 1.0, 2.0, xtol=1e-13)
    least = least_horizon(cart(5.0), wanted, cells=16)
    assert least.status == LeastHorizonStatus.successful
    assert least.horizon == pytest.approx(expected, rel=1e-9)
    assert least.error < 1e-12
    assert least.pmp_residual <= 1e-12
    assert least.solution.cost == pytest.approx(wanted, rel=1e-9)


def test_out_of_reach_and_nothing_to_do():
    least = least_horizon(cart(1.5), target=[0.0, 0.0], cells=16)
    assert least.status == LeastHorizonStatus.out_of_reach
    assert least.horizon == np.inf
    assert np.isnan(least.pmp_residual)
    least = least_horizon(cart(1.5), target=[-1.0, 0.0], cells=16)
    assert least.status == LeastHorizonStatus.at_start
    assert least.horizon == 0.0
    assert least_horizon(cart(1.5), 0.6).status == LeastHorizonStatus.at_start


def test_little_time():
    system = ControlAffine(lambda x: -x, lambda x: jnp.ones(1), lambda x: x[0], [3.0], 5.0)
    least = least_horizon(system, target=[1.0], cells=8, time_limit=1e-6)
    assert least.status == LeastHorizonStatus.time_limit
    # No sooner than log 3, the least there is.
    assert least.horizon >= np.log(3.0) - 1e-9
    with pytest.raises(ValueError, match="time_limit: expected"):
        least_horizon(system, target=[1.0], time_limit=-1.0)


def test_bad_input(without_shape_checks):
    with pytest.raises(ValueError, match="exactly one"):
        least_horizon(cart(5.0))
    with pytest.raises(ValueError, match="target: expected a vector of length 2"):
        least_horizon(cart(5.0), target=[0.0])
    with pytest.raises(ValueError, match="cost: expected a finite"):
        least_horizon(cart(5.0), np.nan)
