"""Costs, costates and gradients of control-affine systems, against exponentials and differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp
from oracles import control_affine
from oracles.control_affine import JACKSON_FAST, JACKSON_SLOW
from scipy.integrate import quad, solve_ivp

from homotopy.control import (
    AbstractControl,
    ControlAffine,
    Mesh,
    PiecewiseConstantControl,
    PiecewisePolynomialControl,
    bang_bang,
    cells,
    choose_mesh,
    cost,
    follow,
    lie_bracket,
    pontryagin_residual,
    singular_control,
    switching_derivatives,
    value_and_gradient,
)
from homotopy.control.side_by_side import TOGETHER, points_of_each, sweep_each, together
from homotopy.control.trajectory import sweep
from homotopy.schedules import Ramp

HORIZON = 2.0
BREAKPOINTS, VALUES = [0.3, 0.9, 1.6], [1.0, 0.2, 0.7, 0.0]
# One mesh for all controls of four pieces, so that they share compilations.
MESH = Mesh.uniform(4, 16)


def jackson_drift(x):
    return jnp.asarray(JACKSON_SLOW) @ x


def jackson_field(x):
    return jnp.asarray(JACKSON_FAST - JACKSON_SLOW) @ x


def curved_cost(x):
    return x[0] + 0.3 * x[1] ** 2


def oscillator_drift(x):
    return jnp.stack([x[1], -x[0] + x[1] * (1 - x[0] ** 2)])


def oscillator_field(x):
    return jnp.stack([0.2 * jnp.sin(x[1]), 1 + 0.5 * x[0]])


@pytest.fixture(scope="module")
def bilinear():
    return ControlAffine(jackson_drift, jackson_field, curved_cost, [1.0, 0.5], HORIZON)


@pytest.fixture(scope="module")
def oscillator():
    return ControlAffine(
        oscillator_drift, oscillator_field, curved_cost, [0.5, 1.0], HORIZON, lower=-1.0
    )


@pytest.fixture(scope="module")
def exact():
    return control_affine.bilinear_gradients(
        JACKSON_SLOW,
        JACKSON_FAST - JACKSON_SLOW,
        [1.0, 0.5],
        BREAKPOINTS,
        VALUES,
        HORIZON,
        lambda x: x[0] + mp.mpf(0.3) * x[1] ** 2,
    )


def test_gradient_in_values_and_switch_times_is_exact(bilinear, exact):
    value, in_breakpoints, in_values, _ = exact
    found, gradient = value_and_gradient(
        bilinear, PiecewiseConstantControl(BREAKPOINTS, VALUES), MESH
    )
    assert float(found) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(gradient.breakpoints, in_breakpoints, rtol=1e-10)
    np.testing.assert_allclose(gradient.values, in_values, rtol=1e-10)
    # A switch time inside a step of an adaptive solver has a gradient that is silently zero.
    assert np.all(np.abs(gradient.breakpoints) > 1e-3)


def test_switching_function_gives_both_gradients(bilinear, exact):
    _, in_breakpoints, in_values, _ = exact
    trajectory = follow(bilinear, PiecewiseConstantControl(BREAKPOINTS, VALUES), MESH)
    at_switches = np.asarray(trajectory.switching_function(BREAKPOINTS))
    jumps = np.array(VALUES[:-1]) - np.array(VALUES[1:])
    np.testing.assert_allclose(jumps * at_switches, in_breakpoints, rtol=1e-10)

    edges = [0.0, *BREAKPOINTS, HORIZON]
    nodes, weights = np.polynomial.legendre.leggauss(30)
    for left, right, slope in zip(edges[:-1], edges[1:], in_values, strict=True):
        times = left + (nodes + 1) / 2 * (right - left)
        integral = (right - left) / 2 * weights @ np.asarray(trajectory.switching_function(times))
        assert integral == pytest.approx(slope, rel=1e-10)


def test_gradients_of_several_controls_at_a_time(bilinear, exact):
    value, in_breakpoints, in_values, _ = exact
    generator, own = np.random.default_rng(0), PiecewiseConstantControl(BREAKPOINTS, VALUES)
    others = [
        PiecewiseConstantControl(
            np.sort(generator.uniform(0, HORIZON, 3)), generator.uniform(size=4)
        )
        for _ in range(TOGETHER + 1)
    ]
    # The last but one of those that are left over, where the stack is filled up.
    *_, (controls, count) = together([*others[:-1], own, others[-1]])
    assert count == 2
    states, costates, costs, gradients = sweep_each(bilinear, controls, MESH)
    assert costs[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(gradients.breakpoints[0], in_breakpoints, rtol=1e-10)
    np.testing.assert_allclose(gradients.values[0], in_values, rtol=1e-10)
    points = points_of_each(
        bilinear, controls, MESH, states, costates, np.asarray(controls.breakpoints)
    )
    at_switches = np.sum(points.costate * points.field, axis=-1)
    jumps = np.array(VALUES[:-1]) - np.array(VALUES[1:])
    np.testing.assert_allclose(jumps * at_switches[0], in_breakpoints, rtol=1e-10)


def test_costate_is_the_derivative_in_the_state_and_the_horizon(bilinear, exact):
    control = PiecewiseConstantControl(BREAKPOINTS, VALUES)
    trajectory = follow(bilinear, control, MESH)
    slopes = eqx.filter_grad(lambda system: cost(system, control, MESH))(bilinear)
    np.testing.assert_allclose(trajectory.costate(0.0), slopes.initial, rtol=1e-12)
    assert float(slopes.horizon) == pytest.approx(exact[3], rel=1e-10)
    # ⟨p, ẋ⟩ at the horizon, the envelope of a least-time problem.
    final = bilinear.velocity(trajectory.states[-1], VALUES[-1])
    assert float(trajectory.costates[-1] @ final) == pytest.approx(exact[3], rel=1e-10)
    # Between the nodes it still is the derivative of what follows.
    late = ControlAffine(
        jackson_drift, jackson_field, curved_cost, trajectory.state(1.3), HORIZON, start=1.3
    )
    rest = follow(late, control, MESH).costates[0]
    np.testing.assert_allclose(trajectory.costate(1.3), rest, rtol=1e-10)


def oscillator_cost(breakpoints, values):
    """By another integrator in another language, piece by piece."""
    x = np.array([0.5, 1.0])
    edges = [0.0, *breakpoints, HORIZON]
    for left, right, u in zip(edges[:-1], edges[1:], values, strict=True):

        def velocity(_, x, u=u):
            drift = [x[1], -x[0] + x[1] * (1 - x[0] ** 2)]
            return np.array(drift) + u * np.array([0.2 * np.sin(x[1]), 1 + 0.5 * x[0]])

        x = solve_ivp(velocity, (left, right), x, "DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
    return x[0] + 0.3 * x[1] ** 2


def test_gradients_of_a_nonlinear_system_against_central_differences(oscillator):
    values = [1.0, -0.3, 0.8, -1.0]
    found, gradient = value_and_gradient(
        oscillator, PiecewiseConstantControl(BREAKPOINTS, values), MESH
    )
    assert float(found) == pytest.approx(oscillator_cost(BREAKPOINTS, values), rel=1e-10)
    step = 1e-4

    def difference(function):
        # Of fourth order.
        near, far = function(step) - function(-step), function(2 * step) - function(-2 * step)
        return (8 * near - far) / (12 * step)

    for k in range(4):
        unit = np.eye(4)[k]
        slope = difference(lambda h, unit=unit: oscillator_cost(BREAKPOINTS, values + h * unit))
        assert float(gradient.values[k]) == pytest.approx(slope, abs=1e-7)
    for k in range(3):
        unit = np.eye(3)[k]
        slope = difference(lambda h, unit=unit: oscillator_cost(BREAKPOINTS + h * unit, values))
        assert float(gradient.breakpoints[k]) == pytest.approx(slope, abs=1e-7)


class Perturbed(AbstractControl):
    """u(t) = ½ + amount · sin 3t."""

    amount: jax.Array
    breakpoints: jax.Array = eqx.field(default_factory=lambda: jnp.zeros(0))

    def piece(self, index, t):
        return 0.5 + self.amount * jnp.sin(3 * t)


def test_function_space_gradient(oscillator):
    mesh = Mesh.uniform(1, 32)
    _, gradient = value_and_gradient(oscillator, Perturbed(jnp.asarray(0.1)), mesh)
    trajectory = follow(oscillator, Perturbed(jnp.asarray(0.1)), mesh)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    times = (nodes + 1) / 2 * HORIZON
    effect = np.asarray(trajectory.switching_function(times)) * np.sin(3 * times)
    assert float(gradient.amount) == pytest.approx(HORIZON / 2 * weights @ effect, rel=1e-10)

    # And the derivative that it is.
    def value(amount):
        return float(follow(oscillator, Perturbed(jnp.asarray(amount)), mesh).cost)

    difference = (value(0.1 + 1e-4) - value(0.1 - 1e-4)) / 2e-4
    assert float(gradient.amount) == pytest.approx(difference, abs=1e-7)


def test_a_schedule_is_a_control():
    # ẋ = u − x under the ramp 1 → 0 on [½, 1½]: x(2) = ∫ e^{s−2} u(s) ds.
    system = ControlAffine(lambda x: -x, lambda x: jnp.ones(1), lambda x: x[0], [0.0], 2.0)
    value, gradient = value_and_gradient(system, Ramp(0.5, 1.5))
    after = quad(lambda s: np.exp(s - 2) * (1.5 - s), 0.5, 1.5, epsabs=1e-14)[0]
    assert float(value) == pytest.approx(np.exp(-1.5) - np.exp(-2) + after, rel=1e-12)
    in_stop = quad(lambda s: np.exp(s - 2) * (s - 0.5), 0.5, 1.5, epsabs=1e-14)[0]
    assert float(gradient.stop) == pytest.approx(in_stop, rel=1e-12)


def test_polynomial_pieces(bilinear):
    coefficients = np.array([[0.4, 0.1, -0.05, 0.02], [0.5, -0.2, 0.1, 0.01]])
    control = PiecewisePolynomialControl([0.0, 0.8, HORIZON], coefficients)
    times = np.array([0.1, 0.5, 1.0, 1.9])
    expected = [
        np.polynomial.legendre.legval(t / 0.4 - 1, coefficients[0])
        if t <= 0.8
        else np.polynomial.legendre.legval((t - 0.8) / 0.6 - 1, coefficients[1])
        for t in times
    ]
    np.testing.assert_allclose(control(times), expected, rtol=1e-13)
    mesh = Mesh.uniform(2, 24)
    _, gradient = value_and_gradient(bilinear, control, mesh)
    step = 1e-5

    def moved(amount):
        edges = control.edges.at[1].add(amount)
        moved = PiecewisePolynomialControl(edges, coefficients)
        return float(value_and_gradient(bilinear, moved, mesh)[0])

    assert float(gradient.edges[1]) == pytest.approx(
        (moved(step) - moved(-step)) / (2 * step), abs=1e-8
    )


def test_order_of_convergence():
    system = ControlAffine(
        lambda x: jnp.stack([x[1], -x[0]]),
        lambda x: jnp.stack([0.0 * x[0], 0.3 * x[0]]),
        lambda x: x[0] ** 2 + 0.5 * x[1],
        [1.0, 0.0],
        HORIZON,
    )
    control = PiecewiseConstantControl([], [0.5])
    coarse, fine, exact = (follow(system, control, Mesh.uniform(1, steps)) for steps in (3, 6, 48))
    for name in ("states", "costates"):
        index = -1 if name == "states" else 0
        errors = [
            np.linalg.norm(getattr(one, name)[index] - getattr(exact, name)[index])
            for one in (coarse, fine)
        ]
        # Of order eight; its error constant is so small for linear systems that nine shows first.
        assert np.log2(errors[0] / errors[1]) > 7.8


def test_lie_brackets_are_time_derivatives_of_the_switching_function(oscillator):
    trajectory = follow(oscillator, PiecewiseConstantControl(BREAKPOINTS, [0.4] * 4), MESH)
    times, step = np.array([0.6, 1.1, 1.7]), 1e-3
    offsets = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) * step
    values = np.asarray(trajectory.switching_function(times[:, None] + offsets[None, :]))
    first = values @ np.array([1, -8, 0, 8, -1]) / (12 * step)
    second = values @ np.array([-1, 16, -30, 16, -1]) / (12 * step**2)
    points = trajectory.at(times)
    for k in range(times.size):
        found = switching_derivatives(oscillator, points.state[k], points.costate[k])
        assert float(found.value) == pytest.approx(values[k, 2], rel=1e-12)
        assert float(found.slope) == pytest.approx(first[k], rel=1e-8)
        assert float(found.drift + 0.4 * found.control) == pytest.approx(second[k], rel=1e-6)
        u = float(singular_control(oscillator, points.state[k], points.costate[k]))
        assert float(found.drift + u * found.control) == pytest.approx(
            0, abs=1e-12 * abs(float(found.drift))
        )


def test_bracket_of_linear_fields_is_the_commutator():
    bracket = lie_bracket(jackson_drift, jackson_field)
    x, A, B = jnp.array([0.3, -0.7]), JACKSON_SLOW, JACKSON_FAST - JACKSON_SLOW
    np.testing.assert_allclose(bracket(x), (B @ A - A @ B) @ np.asarray(x), rtol=1e-14)


def test_pontryagin_residual_against_its_integral():
    # H₁ = e^{t−2} > 0: the least is u = 0, and u = 1 on [0, 1] misses it by ∫₀¹ H₁.
    system = ControlAffine(lambda x: -x, lambda x: jnp.ones(1), lambda x: x[0], [0.0], 2.0)
    mesh = Mesh.uniform(2, 8)

    def residual_of(values):
        return pontryagin_residual(follow(system, PiecewiseConstantControl([1.0], values), mesh))

    residual = residual_of([1.0, 0.0])
    assert float(residual.gap) == pytest.approx(np.exp(-1) - np.exp(-2), rel=1e-12)
    assert float(residual.scale) == pytest.approx(1 - np.exp(-2), rel=1e-12)
    assert float(residual.relative) == pytest.approx(float(residual.gap / residual.scale))
    best = residual_of([0.0, 0.0])
    assert float(best.relative) == float(best.gap) == float(best.outside) == 0.0
    assert float(residual_of([0.0, -0.5]).outside) == pytest.approx(0.5)


def test_transformations(bilinear):
    initials = jnp.array([[1.0, 0.5], [0.2, 0.9], [1.0, 0.0]])

    def at(initial):
        system = eqx.tree_at(lambda s: s.initial, bilinear, initial)
        value, gradient = value_and_gradient(
            system, PiecewiseConstantControl(jnp.asarray(BREAKPOINTS), jnp.asarray(VALUES)), MESH
        )
        return value, gradient.breakpoints

    together = jax.jit(jax.vmap(at))(initials)
    single = at(initials[0])
    np.testing.assert_allclose(together[0][0], single[0], rtol=1e-13)
    np.testing.assert_allclose(together[1][0], single[1], rtol=1e-12)


@pytest.mark.parametrize(("steps", "size"), [(3, 128), (40, 160), (40, 384)])
def test_steps_in_parts_are_those_of_one_loop(bilinear, steps, size):
    """Over all of them, those of no length included, as JAX has it where values are traced."""
    control = PiecewiseConstantControl(jnp.asarray(BREAKPOINTS), jnp.asarray(VALUES))
    mesh = Mesh.of_counts([steps] * 4, size)
    assert (mesh.used, mesh.piece.size) == (4 * steps, size)
    together = eqx.filter_jit(lambda system: sweep(system, control, mesh))(bilinear)
    parts = sweep(bilinear, control, mesh)
    for ours, theirs in zip(*map(jax.tree.leaves, (parts, together)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def test_breakpoints_outside_of_the_interval_change_nothing(bilinear):
    short = PiecewiseConstantControl([0.9, 1.2, 1.4], [0.3, 0.6, 0.6, 0.6])
    long = PiecewiseConstantControl([0.9, 2.5, 3.0], [0.3, 0.6, 1.0, 0.0])
    value, gradient = value_and_gradient(bilinear, long, MESH)
    expected, _ = value_and_gradient(bilinear, short, MESH)
    assert float(value) == pytest.approx(float(expected), rel=1e-12)
    assert np.all(np.asarray(gradient.breakpoints[1:]) == 0)
    assert np.all(np.asarray(gradient.values[2:]) == 0)


def test_cells_and_bang_bang(bilinear):
    control = cells(bilinear, [0.0, 0.5, 1.0, 0.25])
    np.testing.assert_allclose(control.breakpoints, [0.5, 1.0, 1.5])
    switched = bang_bang(bilinear, [0.5, 1.0], first=1.0)
    assert switched.values.tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(ValueError, match="first: expected a bound"):
        bang_bang(bilinear, [0.5], first=0.3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"initial": [[1.0]]}, "initial: expected a non-empty vector"),
        ({"initial": [np.nan, 0.0]}, "initial: expected finite"),
        ({"horizon": 0.0}, "horizon: expected more than start"),
        ({"horizon": np.inf}, "horizon: expected a finite number"),
        ({"lower": 1.0}, "upper: expected more than lower"),
        ({"drift": lambda x: x[0]}, "drift: expected a result of shape"),
        ({"control_field": 3.0}, "control_field: expected a function"),
        ({"cost": lambda x: x}, "cost: expected a result of shape"),
    ],
)
def test_bad_systems(change, message, without_shape_checks):
    given = {
        "drift": jackson_drift,
        "control_field": jackson_field,
        "cost": curved_cost,
        "initial": [1.0, 0.0],
        "horizon": 1.0,
    } | change
    with pytest.raises(ValueError, match=message):
        ControlAffine(**given)


def test_bad_controls_and_times(bilinear, without_shape_checks):
    with pytest.raises(ValueError, match="breakpoints: expected ascending"):
        PiecewiseConstantControl([1.0, 0.5], [0.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="values: expected 2"):
        PiecewiseConstantControl([1.0], [0.0])
    with pytest.raises(ValueError, match="coefficients: expected 1 rows"):
        PiecewisePolynomialControl([0.0, 1.0], [[0.0], [1.0]])
    with pytest.raises(ValueError, match="counts: expected positive"):
        Mesh.of_counts([2, 0])
    trajectory = follow(bilinear, PiecewiseConstantControl([], [0.0]), Mesh.uniform(1, 8))
    with pytest.raises(ValueError, match="t: expected times in"):
        trajectory.state(2.5)
    with pytest.raises(ValueError, match="mesh: needed"):
        jax.jit(lambda u: cost(bilinear, PiecewiseConstantControl([], u[None])))(0.5)


def test_growth_beyond_the_finite_numbers_is_an_error():
    system = ControlAffine(lambda x: x**2, lambda x: jnp.ones(1), lambda x: x[0], [1.0], 2.0)
    with pytest.raises(RuntimeError, match="no mesh of at most"):
        choose_mesh(system, PiecewiseConstantControl([], [0.0]), greatest=500)


def test_a_mesh_begins_with_that_of_a_control_that_is_close(bilinear):
    near, far, other = (
        PiecewiseConstantControl(times, [1.0, 0.0, 1.0][: len(times) + 1])
        for times in ([0.9], [0.05], [0.5, 1.0])
    )
    mesh, _ = choose_mesh(bilinear, near)
    again, error = choose_mesh(bilinear, PiecewiseConstantControl([0.9001], [1.0, 0.0]), begin=mesh)
    assert again is mesh and error < 1e-13 * mesh.piece.size
    # Where it is too coarse, or of another number of pieces, it is not what comes out.
    exact = cost(bilinear, far)
    coarse, _ = choose_mesh(bilinear, far, begin=Mesh.uniform(2, 1))
    np.testing.assert_allclose(cost(bilinear, far, coarse), exact, rtol=1e-11)
    fitting, _ = choose_mesh(bilinear, other, begin=mesh)
    assert int(fitting.piece[-1]) == 2
