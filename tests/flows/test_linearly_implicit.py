"""The linearly implicit method against closed forms and SciPy: order, stiffness, arrival."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from homotopy.flows.linearly_implicit import _Place, _stages, follow_gradient_flow

TURN = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]


def risk(z):
    """Coupled, and not convex everywhere."""
    a, b, c = TURN @ z
    return (
        jnp.cosh(a) + 0.5 * jnp.sin(a * b) + 0.7 * b**2 + 0.1 * b**4 + 2.0 * (c - jnp.cos(b)) ** 2
    )


gradient, hessian = jax.grad(risk), jax.hessian(risk)
START = jnp.asarray([0.9, -1.1, 0.4])


def _truth(end, function=gradient, start=START):
    compiled = jax.jit(function)
    found = solve_ivp(
        lambda _, z: -np.asarray(compiled(z)), (0.0, end), start, "DOP853", rtol=1e-13, atol=1e-14
    )
    return found.y[:, -1]


def test_the_order_of_a_step_and_of_its_estimate():
    """Errors over a fixed time fall as h⁴, and those of the third-order solution as h³."""

    @jax.jit
    def followed(step, count):
        def once(_, thetas):
            theta, _ = thetas
            here = _Place(theta, gradient(theta), *jnp.linalg.eigh(hessian(theta)))
            new, error = _stages(gradient, here, step)
            return new, new - error

        return jax.lax.fori_loop(0, count, once, (START, START))

    truth = _truth(0.8)
    counts = np.array([16, 32, 64, 128])
    errors = [np.linalg.norm(followed(0.8 / count, count)[0] - truth) for count in counts]
    slopes = -np.diff(np.log2(errors))
    assert slopes[-1] == pytest.approx(4.0, abs=0.2)
    # One step from the true place: the embedded solution has the local order 4, the step 5.
    local = [np.linalg.norm(followed(h, 1)[1] - _truth(h)) for h in (0.04, 0.02)]
    assert np.log2(local[0] / local[1]) == pytest.approx(4.0, abs=0.3)


@pytest.mark.parametrize("stiffness", [1.0, 1e8])
def test_stiff_modes_cost_no_steps(stiffness):
    """L-stable: a fast mode is gone at once, and a slow one decides the steps."""
    rates = jnp.asarray([1.0, stiffness])
    end = jax.jit(
        lambda start: follow_gradient_flow(
            lambda z: rates * z,
            lambda z: jnp.diag(rates),
            start,
            lambda z, gradient, eigenvalues: jnp.linalg.norm(z) < 1e-4,
            max_steps=400,
        )
    )(jnp.ones(2))
    assert bool(end.arrived)  # an explicit method would take 10⁸ steps of the 400
    # Errors of 1e-6 a step, of a number that decays.
    assert float(end.theta[0]) == pytest.approx(np.exp(-float(end.time)), rel=1e-4)


def test_a_valley_that_bends():
    """The curved valley of Rosenbrock's function, as Radau follows it."""

    def valley(z):
        return 100.0 * (z[1] - z[0] ** 2) ** 2 + (1.0 - z[0]) ** 2

    end = jax.jit(
        lambda start: follow_gradient_flow(
            jax.grad(valley),
            jax.hessian(valley),
            start,
            lambda z, gradient, eigenvalues: jnp.linalg.norm(gradient) < 1e-3,
            max_steps=1000,
        )
    )(jnp.asarray([-1.2, 1.0]))
    assert bool(end.arrived)
    found = solve_ivp(
        lambda _, z: [
            400.0 * z[0] * (z[1] - z[0] ** 2) + 2.0 * (1.0 - z[0]),
            -200.0 * (z[1] - z[0] ** 2),
        ],
        (0.0, float(end.time)),
        [-1.2, 1.0],
        "Radau",
        rtol=1e-8,
        atol=1e-10,
    )
    np.testing.assert_allclose(end.theta, found.y[:, -1], atol=1e-4)


def test_it_stops_at_the_budget_and_where_numbers_end():
    def follow(function, start, steps):
        return follow_gradient_flow(
            jax.grad(function),
            jax.hessian(function),
            start,
            lambda z, gradient, eigenvalues: ~jnp.isfinite(jnp.sum(z)) | (z[0] > 1e3),
            max_steps=steps,
        )

    assert int(follow(lambda z: 0.5 * z @ z, jnp.ones(2), 7).steps) == 7
    assert not bool(follow(lambda z: 0.5 * z @ z, jnp.ones(2), 7).arrived)
    # θ' = θ² reaches infinity at t = 1: steps shorten towards it, and none is taken over it.
    end = follow(lambda z: -(z[0] ** 3) / 3.0, jnp.ones(1), 300)
    assert bool(end.arrived) and float(end.time) < 1.0 + 1e-4
