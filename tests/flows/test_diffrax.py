"""What of diffrax is put in a shorter way: to the last bit what it was."""

import diffrax
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm
from homotopy.flows import _diffrax


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_units_in_the_last_place_are_counted_as_numpy_does(dtype):
    rng = np.random.default_rng(0)
    tried = np.concatenate([10.0 ** rng.uniform(-8, 8, 40), [1.0, 2.0, np.inf]]).astype(dtype)
    for number in np.concatenate([tried, -tried[:-1], [0.0]]).astype(dtype):
        known, short = number, jnp.asarray(number)
        for _ in range(100):
            down = np.nextafter(known, dtype(-np.inf))
            known = -np.finfo(dtype).tiny if known == 0 else down
            short = _diffrax._before(short)
        assert np.asarray(jnp.asarray(short.__jax_array__())) == known


def test_diffrax_compares_with_it():
    """Else its programs are long again; a release that does otherwise is to be looked at."""
    from diffrax import _integrate

    assert _integrate.eqxi.prevbefore is _diffrax._before
    assert _integrate.eqxi.while_loop is eqxi.while_loop


def test_a_flow_is_a_short_program():
    def flow(start):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: -y), diffrax.Tsit5(), 0.0, 1.0, None, start,
            stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-9),
        ).ys  # fmt: skip

    assert str(jax.make_jaxpr(flow)(jnp.ones(2))).count("nextafter") == 0
    np.testing.assert_allclose(flow(jnp.ones(2))[0], np.exp(-1.0), rtol=1e-5)


PROBLEM = hm.LinearRegression([[1.0, 0.0], [1.0, 1.0], [0.5, 2.0]], [0.0, 1.0, 2.0], deleted=1)


@pytest.mark.parametrize("method", [hm.Adaptive(1e-6), hm.Exact()], ids=lambda m: type(m).__name__)
def test_a_flow_calls_no_python(method):
    """Else its program would not be kept on disk, and be compiled again in each process."""

    def end(schedule):
        return method.states(PROBLEM, schedule, jnp.ones(2), jnp.array([0.1, 0.5]))[0].sum()

    schedule = hm.Ramp(0.2, 0.4)
    for program in end, jax.grad(end):
        assert "callback" not in jax.jit(program).lower(schedule).as_text()


def test_diffrax_checks_what_others_give_it():
    """Also after a flow of the package."""
    hm.flow(PROBLEM, hm.Step(0.2), [1.0, 1.0], [0.1, 0.5], method=hm.Adaptive(1e-3))

    def others(times):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: -y), diffrax.Euler(), 0.0, 1.0, 0.5, jnp.ones(2),
            saveat=diffrax.SaveAt(ts=times),
        ).ys  # fmt: skip

    with pytest.raises(RuntimeError, match="increasing or decreasing"):
        jax.block_until_ready(jax.jit(others)(jnp.array([0.5, 0.1])))


@pytest.mark.parametrize("method", [hm.Adaptive(1e-3), hm.Exact()], ids=lambda m: type(m).__name__)
def test_traced_times_that_descend_are_refused(method):
    """By the verb, at run time: diffrax is not asked."""

    @jax.jit
    def states(times):
        return hm.flow(PROBLEM, hm.Step(0.2), [1.0, 1.0], times, method=method).theta

    with pytest.raises(RuntimeError, match="times: expected ascending times"):
        jax.block_until_ready(states(jnp.array([0.5, 0.1])))
    assert np.all(np.isfinite(states(jnp.array([0.1, 0.5]))))
