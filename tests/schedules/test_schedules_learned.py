"""Splines and networks as schedules, against SciPy and plain NumPy."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.special import expit

import homotopy as hm
from homotopy.schedules.reversed import Reversed

KNOTS, LOGITS = np.array([0.5, 1.0, 1.75, 2.5, 3.0]), np.array([2.0, -1.0, 3.0, 0.5, -4.0])


def spline():
    return hm.Spline(KNOTS, LOGITS)


def multilayer_perceptron(seed=0):
    return eqx.nn.MLP("scalar", "scalar", 5, 2, jnp.tanh, key=jax.random.key(seed))


def network():
    return hm.Network(multilayer_perceptron(), 0.5, 3.0)


def spline_reference(t):
    inner = expit(CubicSpline(KNOTS, LOGITS, bc_type="natural")(t))
    return np.where(t <= 0.5, 1.0, np.where(t > 3.0, 0.0, inner))


def network_reference(t):
    x = ((2.0 * np.atleast_1d(t) - 3.5) / 2.5)[:, None]
    layers = multilayer_perceptron().layers
    for layer in layers[:-1]:
        x = np.tanh(x @ np.asarray(layer.weight).T + np.asarray(layer.bias))
    x = x @ np.asarray(layers[-1].weight).T + np.asarray(layers[-1].bias)
    inner = expit(x[:, 0]).reshape(np.shape(t))
    return np.where(t <= 0.5, 1.0, np.where(t > 3.0, 0.0, inner))


value_at = jax.jit(lambda schedule, t: schedule(t))
piece_at = jax.jit(lambda schedule, index, t: schedule.piece(index, t))
integral = jax.jit(lambda schedule, a, b: schedule.integral(a, b))

CASES = [(spline, spline_reference), (network, network_reference)]
each = pytest.mark.parametrize(("build", "reference"), CASES, ids=["spline", "network"])


@each
def test_values_and_contract(build, reference):
    schedule = build()
    times = np.concatenate([np.linspace(0.0, 4.0, 97), KNOTS])
    np.testing.assert_allclose(value_at(schedule, times), reference(times), rtol=1e-12)
    np.testing.assert_array_equal(schedule.breakpoints, [0.5, 3.0])
    assert schedule.constant_pieces == (True, False, True)
    assert schedule.graded_pieces == (False,) * 3
    ends = [float(piece_at(schedule, index, left)) for index, left in enumerate((0.0, 0.5, 3.0))]
    np.testing.assert_allclose(schedule.piece_values, ends, rtol=1e-12)
    # Left-continuous; one-sided limits on the closed pieces.
    assert float(schedule(0.5)) == 1.0 and float(piece_at(schedule, 2, 3.0)) == 0.0
    assert float(schedule(3.0)) == float(piece_at(schedule, 1, 3.0)) > 0.0


@each
def test_integrals_and_their_derivatives(build, reference):
    schedule = build()
    for a, b in ((0.0, 4.0), (0.7, 2.9), (2.2, 0.1), (3.5, 3.9)):
        low, high = min(a, b), max(a, b)
        cuts = [low, *(k for k in KNOTS if low < k < high), high]
        expected = sum(
            quad(reference, left, right, epsabs=1e-13)[0]
            for left, right in itertools.pairwise(cuts)
        )
        assert float(integral(schedule, a, b)) == pytest.approx(
            expected if a <= b else -expected, abs=1e-11
        )
    slope = jax.jit(jax.grad(integral, argnums=2))(schedule, 0.0, 1.3)
    assert float(slope) == pytest.approx(float(reference(1.3)), rel=1e-10)


@each
def test_derivatives_in_every_parameter(build, reference):
    schedule = build()

    def area(schedule):
        return integral(schedule, 0.2, 2.6)

    gradient = jax.jit(jax.grad(area))(schedule)
    direction = jax.tree.map(lambda leaf: 0.1 + 0.01 * np.asarray(leaf) ** 2, schedule)
    step = 1e-5
    plus, minus = (
        area(jax.tree.map(lambda leaf, d, h=h: np.asarray(leaf) + h * d, schedule, direction))
        for h in (step, -step)
    )
    exact = sum(jax.tree.leaves(jax.tree.map(lambda g, d: np.sum(g * d), gradient, direction)))
    assert float(exact) == pytest.approx(float((plus - minus) / (2 * step)), rel=1e-7)


def test_a_spline_is_twice_continuously_differentiable_at_its_knots():
    schedule = spline()
    second = jax.jit(jax.vmap(jax.grad(jax.grad(lambda t: schedule.piece(1, t)))))
    before, after = second(KNOTS[1:-1] - 1e-9), second(KNOTS[1:-1] + 1e-9)
    np.testing.assert_allclose(before, after, rtol=1e-6, atol=1e-6)


def test_two_knots_make_a_sigmoid():
    schedule = hm.Spline([1.0, 2.0], [3.0, -1.0])
    times = np.linspace(1.01, 2.0, 7)
    np.testing.assert_allclose(schedule(times), expit(3.0 - 4.0 * (times - 1.0)), rtol=1e-13)


@each
def test_pytrees_membership_reversal_and_plots(build, reference):
    schedule = build()
    here = float(value_at(schedule, 1.2))
    assert here == pytest.approx(float(reference(1.2)), rel=1e-12)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), schedule)
    both = jax.jit(jax.vmap(lambda s: s(1.2)))(stacked)
    np.testing.assert_allclose(both, here, rtol=1e-14)
    assert schedule.membership(0.5, 3.0) and schedule.membership(0.1, 5.0)
    assert "1 on [0, 0.8]" in schedule.membership(0.8, 3.0).reason
    assert "0 after 2.5" in schedule.membership(0.5, 2.5).reason
    turned = Reversed(schedule, jnp.asarray(4.0))
    assert float(value_at(turned, 1.6)) == pytest.approx(float(reference(2.4)), rel=1e-12)
    mirrored = float(integral(schedule, 2.0, 4.0))
    assert float(integral(turned, 0.0, 2.0)) == pytest.approx(mirrored, rel=1e-12)
    lines = schedule.plot(horizon=4.0).get_lines()
    assert max(line.get_ydata().max() for line in lines) == 1.0


def test_representations():
    assert repr(hm.Spline([1.0, 2.0], [3.0, -1.0])) == "Spline(knots=[1, 2], logits=[3, -1])"
    assert repr(network()) == "Network(46 weights, start=0.5, stop=3)"


def test_the_network_comes_back_as_given():
    given = multilayer_perceptron(3)
    assert eqx.tree_equal(hm.Network(given, 0.0, 1.0).network, given)


def test_bad_arguments_are_named(without_shape_checks):
    with pytest.raises(ValueError, match="knots must be at least two, got 1"):
        hm.Spline([1.0], [0.0])
    with pytest.raises(ValueError, match="knots must strictly ascend"):
        hm.Spline([1.0, 1.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="knots must be finite and non-negative"):
        hm.Spline([-1.0, 1.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="logits must be one for each knot, got 3 logits and 2"):
        hm.Spline([0.0, 1.0], [0.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="logits must be finite, got"):
        hm.Spline([0.0, 1.0], [0.0, np.inf])
    with pytest.raises(TypeError, match="network: expected a callable module, got 3"):
        hm.Network(3, 0.0, 1.0)
    with pytest.raises(ValueError, match="stop must come after start"):
        hm.Network(multilayer_perceptron(), 1.0, 1.0)
    vector = eqx.nn.MLP(1, 1, 4, 1, key=jax.random.key(0))
    with pytest.raises(TypeError, match="network: it does not take a number"):
        hm.Network(vector, 0.0, 1.0)
    wide = eqx.nn.MLP("scalar", 2, 4, 1, key=jax.random.key(0))
    with pytest.raises(TypeError, match="network: expected one number for a number"):
        hm.Network(wide, 0.0, 1.0)
