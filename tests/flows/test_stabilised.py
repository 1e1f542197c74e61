"""The stabilised solver: its stability and order, and flows against closed forms and scipy."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.special import expit

import homotopy as hm
from homotopy.flows.stabilised import RungeKuttaChebyshev, gradients_of, stages_within
from homotopy.numerics.spectral_radius import jacobian_product, lanczos
from homotopy.numerics.stability_polynomials import tables


def solved(field, start, horizon, rtol=None, steps=None, solver=None, **options):
    """By `steps` steps of one length, or to a tolerance; numbers of a field are its `args`."""
    controller = (
        diffrax.ConstantStepSize() if rtol is None else diffrax.PIDController(rtol=rtol, atol=rtol)
    )
    return diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        RungeKuttaChebyshev() if solver is None else solver,
        # An array, so that another number of steps is no other program.
        0.0, horizon, None if steps is None else jnp.asarray(horizon / steps), jnp.asarray(start),
        stepsize_controller=controller, max_steps=2**14, **options,
    )  # fmt: skip


def stability(row, z):
    """R(z) of a row of the table, by running its stages on y' = zy, h = 1, in float64."""
    table = tables()
    degree, finish = int(table["degree"][row]), table["finish"][row]
    last, current = np.zeros_like(z), np.ones_like(z)
    for w, b in zip(table["weight"][row], table["step"][row], strict=True):
        last, current = current, (w + b * z) * current + (1.0 - w) * last if b else current
        degree -= b > 0
    assert degree == 4
    slopes = []
    for column in range(3):
        point = current + sum(finish[i, column - 1] * k for i, k in enumerate(slopes))
        slopes.append(z * point)
    slopes.append(z * (current + sum(finish[i, 2] * k for i, k in enumerate(slopes))))
    return current + sum(b * k for b, k in zip(finish[:, 3], slopes, strict=False))


def test_stability_polynomials_reach_as_far_as_can_be():
    # Chebyshev's alternation: degree s, order four, and s − 3 extrema of one height leave no
    # polynomial that reaches farther. The stages lose ℓ⁴/100 units in the last place.
    table = tables()
    for row in (0, 1, 7, 20, 35):
        degree, reach = int(table["degree"][row]), table["reach"][row]
        z = -0.5 * reach * (1.0 - np.cos(np.linspace(0.0, np.pi, 200 * degree)))
        height = stability(row, z)
        first = np.argmin(height[z > -4.5])  # R falls from 1 before the extrema begin
        lost = 1e-10 + reach**4 * 1e-17
        heights = np.abs(height[first:])
        assert heights.max() <= 0.95 + lost
        turns = np.flatnonzero((heights[1:-1] > heights[:-2]) & (heights[1:-1] >= heights[2:]))
        tops = heights[1:-1][turns]
        assert np.sum(tops > 0.95 - 1e-3) == degree - 4  # and at −ℓ, the last
        assert abs(height[-1]) == pytest.approx(0.95, abs=1e-6 + lost)
    assert np.all(np.diff(table["reach"]) > 0.0)
    assert table["reach"][-1] > 0.353 * table["degree"][-1] ** 2


def test_a_step_damps_what_it_should():
    rates = np.append(np.linspace(0.0, 400.0, 2001), 0.01)
    found = np.abs(solved(lambda t, y, _: -rates * y, np.ones(2002), 1.0, steps=1).ys[-1])
    assert np.all(found[rates > 6.0] <= 0.95 + 1e-6)
    np.testing.assert_allclose(found[-1], np.exp(-0.01), rtol=0, atol=0.01**5)
    np.testing.assert_allclose(found[rates < 0.3], np.exp(-rates[rates < 0.3]), atol=1e-5)


def coupled(t, y, stiffness, xp=jnp):
    """Not autonomous, and with all trees of order four; beside a mode that may be stiff."""
    a, b, c = y
    return xp.stack([b * xp.cos(t) - a**2, xp.sin(t * a) - a * b - b, -stiffness * c])


@pytest.mark.parametrize("stiffness", [0.0, 400.0])
def test_the_order_is_four(stiffness):
    start, steps = [1.0, 0.5, 0.0], np.array([6, 12, 24])
    exact = solve_ivp(
        coupled, (0.0, 1.0), start, "DOP853", args=(stiffness, np), rtol=1e-13, atol=1e-14
    ).y[:, -1]
    ends = [solved(coupled, start, 1.0, steps=n, args=jnp.asarray(stiffness)).ys for n in steps]
    errors = [np.linalg.norm(np.asarray(end)[-1] - exact) for end in ends]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(-4.0, abs=0.2)


def falling(t, y, matrix):
    return -matrix @ y


def test_errors_follow_the_tolerance_and_gradients_the_root_of_the_stiffness():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    gradients = []
    for stiffness in (1e2, 1e3, 1e4):
        matrix = (basis * np.geomspace(1.0, stiffness, 20)) @ basis.T
        exact = expm(-matrix) @ basis.sum(1)
        found = solved(
            falling, basis.sum(1), 1.0, 1e-4, args=jnp.asarray(matrix),
            saveat=diffrax.SaveAt(t1=True, solver_state=True),
        )  # fmt: skip
        assert np.max(np.abs(found.ys[-1] - exact)) < 1e-3
        gradients.append(int(gradients_of(found.solver_state)))
    # An explicit method of fixed stages takes ten times as many where the stiffness is ten times.
    growth = np.diff(np.log10(gradients))
    assert np.all(growth < 0.65), gradients


def test_a_long_step_goes_in_parts():
    rates = np.array([0.5, 300.0])
    found = solved(
        lambda t, y, _: -rates * y, np.ones(2), 1.0, steps=1, solver=RungeKuttaChebyshev(7)
    )
    assert abs(found.ys[-1, 0] - np.exp(-0.5)) < 1e-8  # 23 parts
    assert abs(found.ys[-1, 1]) <= 1.0


def test_rounding_stays_below_the_tolerance():
    # At rest along 50 stiff modes, whose rounding the last stages multiply.
    rates, rtol = np.append(np.linspace(1e3, 1e4, 50), 1.0), 1e-6
    solver = RungeKuttaChebyshev(stages_within(rtol, np.float64))
    found = solved(
        lambda t, y, _: -rates * (y - 1.0), np.append(np.ones(50), 2.0), 1.0, rtol, solver=solver
    )
    assert np.max(np.abs(found.ys[-1, :50] - 1.0)) < rtol


def test_dense_output_is_hermites_cubic():
    found = solved(lambda t, y, _: -y, np.ones(1), 1.0, steps=5, saveat=diffrax.SaveAt(dense=True))
    times = np.linspace(0.0, 1.0, 41)
    values = jax.vmap(found.evaluate)(times)[:, 0]
    # max |y⁗| h⁴/384 of the cubic.
    assert np.max(np.abs(values - np.exp(-times))) < 1.1 * 0.2**4 / 384 + 1e-5


@jax.jit
def extreme(matrix):
    size = len(matrix)
    return lanczos(jacobian_product(lambda y: -matrix @ y, jnp.zeros(size)), size, float)


def test_spectral_radius_against_eigvalsh():
    rng = np.random.default_rng(1)
    for size in (1, 3, 40):
        matrix = rng.normal(size=(size, size))
        matrix = matrix @ matrix.T
        largest = np.linalg.eigvalsh(matrix)[-1]
        rate, vector = extreme(jnp.asarray(matrix))
        assert 0.99 * largest <= rate <= 1.3 * largest
        assert np.linalg.norm(matrix @ vector) > 0.9 * largest


@pytest.fixture(scope="module")
def perceptron():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(12, 3))
    model = hm.mlp([3, 3, 1])
    problem = hm.Problem(model, hm.SquaredError(), X, np.tanh(X[:, 0]), deleted=1, ridge=1e-2)
    return problem, model.initial_parameters(jax.random.key(0))


@pytest.fixture(scope="module")
def switched():
    """‖θ(T)‖² as a function of a switch time and the size of θ₀, and its differences by SciPy."""
    X, y, ridge = np.array([[1.0, 0.2], [0.3, 9.0], [-1.0, 4.0], [0.5, -6.0]]), [0, 1, 0, 1], 0.1
    model = hm.linear_model(2)
    problem = hm.Problem(model, hm.Logistic(), X, np.array(y, float), deleted=1, ridge=ridge)

    def value(method, arguments):
        switch, size = arguments
        start = jnp.array([1.0, -0.5]) * size
        path = hm.flow(problem, hm.Step(switch), start, [1.5], method=method, throw=False)
        return jnp.sum(path.theta[0] ** 2)

    def reference(arguments):
        switch, size = arguments
        theta = np.array([1.0, -0.5]) * size
        for length, weight in ((switch, 1.0), (1.5 - switch, 0.0)):
            weights = np.array([1.0, weight, 1.0, 1.0])

            def falling(t, theta, weights=weights):
                return -X.T @ (weights * (expit(X @ theta) - y)) - ridge * theta

            theta = solve_ivp(falling, (0, length), theta, "DOP853", rtol=1e-12, atol=1e-13).y[
                :, -1
            ]
        return theta @ theta

    at, steps = jnp.array([0.4, 1.0]), 1e-4 * np.eye(2)
    return value, at, [(reference(at + h) - reference(at - h)) / 2e-4 for h in steps]


@pytest.mark.parametrize(
    "adjoint",
    [diffrax.RecursiveCheckpointAdjoint(), diffrax.DirectAdjoint(), diffrax.ForwardMode()],
    ids=lambda adjoint: type(adjoint).__name__,
)
def test_derivatives_against_differences(switched, adjoint):
    value, at, expected = switched
    method = hm.Adaptive(1e-8, 1e-10, RungeKuttaChebyshev(), 256, adjoint)
    differentiate = jax.jacfwd if isinstance(adjoint, diffrax.ForwardMode) else jax.grad
    found = jax.jit(differentiate(lambda at: value(method, at)))(at)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_solver_is_chosen_by_stiffness_and_says_so(perceptron):
    problem, theta0 = perceptron
    kinds = []
    for horizon in (0.1, 200.0):
        path = hm.flow(
            problem,
            hm.Constant(1.0),
            theta0,
            [horizon],
            method=hm.Adaptive(1e-4, 1e-6, solver=None),
        )
        largest = np.linalg.eigvalsh(problem.hessian(theta0, 1.0))
        stiffness = np.max(np.abs(largest)) * horizon
        assert 0.99 * stiffness <= path.stats["stiffness"] <= 1.3 * stiffness
        kinds.append((path.stats["solver"], path.method.solver))
    assert kinds[0][0] == hm.flows.SolverKind.explicit
    assert kinds[1][0] == hm.flows.SolverKind.stabilised
    assert isinstance(kinds[1][1], RungeKuttaChebyshev)


def test_what_is_expected_of_each_kind():
    from homotopy.flows.solver_choice import expected_gradients

    def least(*arguments):
        cost = expected_gradients(*arguments)
        return min(cost, key=cost.get)

    assert least(10.0, 10, 1e-6) == "explicit"
    assert least(1e4, 10**5, 1e-6) == "stabilised"
    assert least(1e9, 10, 1e-6) == "implicit"
    # Whose matrices a machine has no room for.
    assert least(1e9, 10**6, 1e-6) == "stabilised" and least(1e15, 10**6, 1e-12) != "implicit"
    # Where rounding leaves few stages, gradients grow with the stiffness itself.
    far, near = (expected_gradients(size, 100, 1e-9)["stabilised"] for size in (1e10, 1e9))
    assert far == pytest.approx(10.0 * near)


def test_bad_arguments():
    with pytest.raises(ValueError, match="max_stages"):
        RungeKuttaChebyshev(3)
    with pytest.raises(ValueError, match="adjoint"):
        hm.Adaptive(solver=RungeKuttaChebyshev(), adjoint=diffrax.BacksolveAdjoint())


def test_the_file_is_what_its_module_computes():
    from homotopy.numerics.stability_polynomials import optimal_zeros, reach

    zeros = optimal_zeros(np.array([-5.67, -0.222, 2.856, -2.011, 1.087]))
    assert reach(zeros) == pytest.approx(tables()["reach"][0], rel=1e-9)
    sums = [np.sum(1.0 / np.append(zeros[0], _pairs(zeros)) ** k).real for k in range(1, 5)]
    np.testing.assert_allclose(sums, [-1.0, 0.0, 0.0, 0.0], atol=1e-9)


def _pairs(zeros):
    pairs = zeros[[1, 3]] + 1j * zeros[[2, 4]]
    return np.concatenate([pairs, pairs.conj()])
