"""What NumPy does with numbers that are known, and a program where they are traced, is the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm
from homotopy._status import is_one_of
from homotopy.control import ControlAffine, bang_bang
from homotopy.influence.change import ChangeStatus
from homotopy.numerics.namespace import all_finite
from homotopy.schedules.reversed import Reversed


def twice(function, *arguments):
    """Of known numbers, where nothing is traced, and traced."""
    with jax.no_tracing():
        known = function(*arguments)
    return known, jax.jit(function)(*arguments)


def test_a_status_among_others():
    kinds = ChangeStatus.successful, ChangeStatus.interrupted, ChangeStatus.not_converged
    each = jax.vmap(lambda i: ChangeStatus.where(i == 0, kinds[0], ChangeStatus.where(
        i == 1, kinds[1], kinds[2])))(jnp.arange(3))  # fmt: skip
    for found in twice(lambda status: is_one_of(status, *kinds[:2]), each):
        np.testing.assert_array_equal(found, [True, True, False])
    for found in twice(lambda status: is_one_of(status, kinds[2]), each):
        np.testing.assert_array_equal(found, [False, False, True])


@pytest.mark.parametrize("bad", [None, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_a_number_that_is_not_finite(bad, place):
    given = [np.ones((2, 3)), np.ones(4)]
    if bad is not None:
        given[place].flat[2] = bad
    for found in twice(all_finite, *map(jnp.asarray, given)):
        assert bool(found) == (bad is None)


def test_breakpoints_run_backwards():
    """t ↦ T − t, in ascending order; those after T fall together at zero."""
    schedule = hm.PiecewiseConstant([0.25, 1.0, 1.5, 7.0], [0.0, 1.0, 0.0, 1.0, 0.5])
    for found in twice(lambda one, horizon: Reversed(one, horizon).breakpoints, schedule, 1.5):
        np.testing.assert_array_equal(found, [0.0, 0.0, 0.5, 1.25])


def test_values_of_a_control_between_two_bounds():
    system = ControlAffine(
        drift=lambda x: 0.0 * x, control_field=lambda x: jnp.ones_like(x), cost=lambda x: x[0],
        initial=[0.0], horizon=2.0, lower=-3.0,
    )  # fmt: skip
    for first, expected in ((1.0, [1.0, 1.0, -3.0, 1.0]), (-3.0, [-3.0, -3.0, 1.0, -3.0])):
        control = bang_bang(system, [0.5, 1.0], first=first)
        times = jnp.array([0.0, 0.5, 1.0, 1.25])
        control(times)
        for found in twice(lambda one, times: one(times), control, times):
            np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match=r"first: expected a bound, -3.0 or 1.0, got 0.0"):
        bang_bang(system, [0.5], first=0.0)
