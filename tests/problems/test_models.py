"""Models against plain NumPy evaluation of what they are said to compute."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rounding import assert_same_number

from homotopy._perceptron_layers import are_narrow
from homotopy.models import Model, function_model, linear_model, mlp, module_model


def numpy_mlp(theta, sizes, x, activation):
    """A forward pass written from the documented layout of θ."""
    theta, signal, offset = np.asarray(theta), np.asarray(x), 0
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        weight = theta[offset : offset + fan_in * fan_out].reshape(fan_out, fan_in)
        offset += fan_in * fan_out
        signal = weight @ signal + theta[offset : offset + fan_out]
        offset += fan_out
        if layer < len(sizes) - 2:
            signal = activation(signal)
    assert offset == theta.size
    return signal


class Scaled(eqx.Module):
    """A module with every kind of leaf: parameters, an index array, a number and a function."""

    first: jax.Array
    order: jax.Array
    gain: float
    activation: object
    last: np.ndarray

    def __call__(self, x):
        return self.gain * self.activation(self.first @ x[self.order]) + self.last


def scaled():
    return Scaled(
        first=jnp.arange(6.0).reshape(2, 3) / 8,
        order=jnp.array([2, 0, 1]),
        gain=0.5,
        activation=jnp.tanh,
        last=np.array([0.25, -0.5]),
    )


@pytest.mark.parametrize("sizes", [[1, 3, 1], [2, 2, 3, 2], [3, 1], [9, 12, 1]], ids=str)
@pytest.mark.parametrize("rows", [1, 11, 300])
def test_outputs_at_few_rows_and_at_many(sizes, rows):
    """Narrow layers are sums at few rows, products of matrices at many: of the same numbers."""
    rng = np.random.default_rng(rows)
    model, X = mlp(sizes), jnp.asarray(rng.normal(size=(rows, sizes[0])))
    thetas = rng.normal(size=(3, model.dimension))
    found = jax.jit(jax.vmap(model.outputs, (0, None)))(thetas, X)
    expected = np.array([[numpy_mlp(theta, sizes, x, np.tanh) for x in X] for theta in thetas])
    expected = expected[..., 0] if sizes[-1] == 1 else expected
    # Three layers of at most a dozen terms, in weights of order one.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_derivatives_of_narrow_layers():
    model, X = mlp([2, 3, 1]), jnp.asarray(np.random.default_rng(0).normal(size=(7, 2)))
    assert are_narrow(model.sizes, 7)
    theta = np.random.default_rng(1).normal(size=model.dimension)
    along = np.random.default_rng(2).normal(size=model.dimension)

    def squares(theta):
        return jnp.sum(model.outputs(theta, X) ** 2)

    def by_numpy(theta):
        return sum(float(numpy_mlp(theta, [2, 3, 1], x, np.tanh)[0]) ** 2 for x in X)

    slope, curvature = jax.jit(
        lambda theta: jax.jvp(lambda at: jax.jvp(squares, (at,), (along,))[1], (theta,), (along,))
    )(theta)
    pulled = jax.jit(jax.grad(squares))(theta) @ along
    step = 1e-4  # of order two: to 1e-8 times a third or fourth derivative
    up, middle, down = (by_numpy(theta + move * along) for move in (step, 0.0, -step))
    np.testing.assert_allclose([slope, pulled], (up - down) / (2.0 * step), rtol=1e-6)
    np.testing.assert_allclose(curvature, (up - 2.0 * middle + down) / step**2, rtol=1e-5)


def test_linear_model_is_the_inner_product():
    model = linear_model(3)
    theta, x = jnp.array([1.0, -2.0, 0.5]), jnp.array([4.0, 1.0, 2.0])
    assert model.dimension == 3
    assert model(theta, x).shape == () and float(model(theta, x)) == 3.0
    np.testing.assert_array_equal(model.unravel(theta), theta)
    np.testing.assert_array_equal(model.initial_parameters(jax.random.key(0)), np.zeros(3))


@pytest.mark.parametrize("sizes", [[3, 1], [3, 4, 1], [2, 5, 4, 3], [1, 1, 1]])
@pytest.mark.parametrize("activation", [(jax.nn.tanh, np.tanh), (jnp.sin, np.sin)])
def test_mlp_is_the_documented_forward_pass(sizes, activation):
    model = mlp(sizes, activation=activation[0])
    count = sum(a * b + b for a, b in itertools.pairwise(sizes))
    assert model.dimension == count
    generator = np.random.default_rng(7)
    theta, x = generator.standard_normal(count), generator.standard_normal(sizes[0])
    expected = numpy_mlp(theta, sizes, x, activation[1])
    output = model(jnp.asarray(theta), jnp.asarray(x))
    assert output.shape == (() if sizes[-1] == 1 else (sizes[-1],))
    np.testing.assert_allclose(np.ravel(output), expected, rtol=1e-13, atol=1e-14)
    # unravel gives a network that a user can call
    callable_network = model.unravel(jnp.asarray(theta))(jnp.asarray(x))
    np.testing.assert_allclose(callable_network, output, rtol=1e-13, atol=1e-14)


def test_mlp_starts_with_scaled_weights_and_zero_biases():
    model = mlp([400, 300, 1])
    theta = model.initial_parameters(jax.random.key(3))
    assert theta.shape == (model.dimension,) and theta.dtype == jnp.float64
    weights, biases = theta[: 400 * 300], theta[400 * 300 : 401 * 300]
    # 120 000 draws: the sample's standard deviation is within 5 standard errors of 1/√fan_in.
    assert abs(float(jnp.std(weights)) * 20 - 1) < 5 / np.sqrt(2 * weights.size)
    np.testing.assert_array_equal(biases, 0.0)
    np.testing.assert_array_equal(theta, model.initial_parameters(jax.random.key(3)))
    assert not np.array_equal(theta, model.initial_parameters(jax.random.key(4)))


def test_module_model_takes_floating_arrays_as_parameters_and_nothing_else():
    module = scaled()
    model = module_model(module)
    assert model.dimension == 8
    theta = model.initial_parameters(jax.random.key(0))
    np.testing.assert_array_equal(theta, [*np.arange(6.0) / 8, 0.25, -0.5])
    x = jnp.array([1.0, 2.0, -1.0])
    # Each has its own program; three products in a sum, tanh and gain are under sixteen roundings.
    assert_same_number(model(theta, x), module(x), operations=16, scale=1.0)

    other = model.unravel(jnp.arange(8.0))
    np.testing.assert_array_equal(other.first, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(other.last, [6.0, 7.0])
    np.testing.assert_array_equal(other.order, module.order)
    assert other.gain == 0.5 and other.activation is jnp.tanh
    expected = 0.5 * np.tanh(np.arange(6.0).reshape(2, 3) @ [-1.0, 1.0, 2.0]) + [6.0, 7.0]
    np.testing.assert_allclose(model(jnp.arange(8.0), x), expected, rtol=1e-15)


def test_module_model_of_float32_parameters_is_float64():
    linear = eqx.nn.Linear(2, 1, dtype=jnp.float32, key=jax.random.key(0))
    theta = module_model(linear).initial_parameters(jax.random.key(0))
    assert theta.dtype == jnp.float64


def test_function_model_calls_the_function():
    model = function_model(lambda theta, x: theta[0] * jnp.exp(theta[1] * x), dimension=2)
    output = model(jnp.array([2.0, -1.0]), jnp.array([0.0, 1.0]))
    np.testing.assert_allclose(output, [2.0, 2.0 * np.exp(-1.0)], rtol=1e-15)
    with pytest.raises(ValueError, match=r"give theta0, an array of shape \(2,\)"):
        model.initial_parameters(jax.random.key(0))


MODELS = [
    (linear_model(3), 3),
    (mlp([3, 4, 1]), 3),
    (mlp([3, 4, 2]), 3),
    (module_model(scaled()), 3),
    (function_model(lambda theta, x: jnp.tanh(theta[0] * x[0]) + theta[1], 2), 1),
]


@pytest.mark.parametrize(("model", "p"), MODELS)
def test_models_are_arguments_of_jit_vmap_and_grad(model, p):
    generator = np.random.default_rng(1)
    theta = jnp.asarray(generator.standard_normal(model.dimension))
    X = jnp.asarray(generator.standard_normal((4, p)))

    @jax.jit
    def total(model: Model, theta):
        return jnp.sum(jax.vmap(model, in_axes=(None, 0))(theta, X))

    one_by_one = sum(float(jnp.sum(model(theta, x))) for x in X)
    np.testing.assert_allclose(total(model, theta), one_by_one, rtol=1e-13)

    # The complex step is not available through tanh of a real θ: central differences, O(h²).
    gradient = jax.grad(total, argnums=1)(model, theta)
    direction = jnp.asarray(generator.standard_normal(model.dimension))
    h = 1e-5
    slope = (total(model, theta + h * direction) - total(model, theta - h * direction)) / (2 * h)
    np.testing.assert_allclose(gradient @ direction, slope, rtol=1e-8)


@pytest.mark.parametrize(
    "build", [lambda: linear_model(3), lambda: mlp([3, 4, 2]), lambda: module_model(scaled())]
)
def test_the_same_model_built_twice_compiles_once(build):
    compilations = 0

    @jax.jit
    def evaluate(model, theta):
        nonlocal compilations
        compilations += 1
        return model(theta, jnp.ones(3))

    for _ in range(2):
        model = build()
        evaluate(model, jnp.ones(model.dimension))
    assert compilations == 1


@pytest.mark.parametrize(("model", "p"), MODELS)
@pytest.mark.parametrize("extra", [-1, 1])
def test_theta_of_the_wrong_length_is_refused(model, p, extra):
    theta = jnp.zeros(model.dimension + extra)
    message = rf"theta must have shape \({model.dimension},\).*got \({model.dimension + extra},\)"
    with pytest.raises(ValueError, match=message):
        model(theta, jnp.ones(p))
    with pytest.raises(ValueError, match=message):
        model.unravel(theta)


class Unhashable:
    __hash__ = None

    def __call__(self, theta, x):
        return theta[0]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: linear_model(0), "p: expected an integer >= 1, got 0"),
        (lambda: mlp([3]), r"at least two layers, .*, got \[3\]"),
        (lambda: mlp([3, 0, 1]), r"sizes\[1\]: expected an integer >= 1, got 0"),
        (lambda: mlp([3, -4, 1]), r"sizes\[1\]"),
        (lambda: function_model(jnp.dot, -1), "dimension: expected an integer >= 1, got -1"),
        (lambda: function_model(Unhashable(), 1), "hashable"),
        (lambda: module_model(eqx.nn.Lambda(jnp.tanh)), "at least one floating-point array"),
        (
            lambda: module_model(eqx.nn.Linear(2, 1, dtype=complex, key=jax.random.key(0))),
            "real parameters",
        ),
    ],
)
def test_bad_arguments_are_refused_by_name(build, message):
    with pytest.raises(ValueError, match=message):
        build()
