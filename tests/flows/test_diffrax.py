"""What of diffrax is put in a shorter way: to the last bit what it was."""

import diffrax
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import numpy as np
import pytest

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
