"""The adaptive flow against the exact one, scipy, and the silent zero gradient it must not have."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import homotopy as hm

HORIZON = 3.0


@pytest.fixture(scope="module")
def regression():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 4))
    return hm.LinearRegression(X, rng.normal(size=20), deleted=3), 3 * rng.normal(size=4)


def test_error_falls_with_the_tolerance_at_the_expected_order(regression):
    # A 5(4) pair advances the fifth-order solution and controls h⁵, so that error ∝ tolerance;
    # a step over the switch would spoil that.
    problem, theta0 = regression
    schedule, times = hm.Step(0.37), [HORIZON / 10]
    exact = hm.flow(problem, schedule, theta0, times).theta
    tolerances = 10.0 ** -np.arange(5, 12, 2)  # each is a compilation
    errors = [
        np.linalg.norm(
            hm.flow(
                problem,
                schedule,
                theta0,
                times,
                method=hm.Adaptive(rtol=tolerance, atol=tolerance, solver=diffrax.Tsit5()),
            ).theta
            - np.asarray(exact)
        )
        for tolerance in tolerances
    ]
    slope = np.polyfit(np.log10(tolerances), np.log10(errors), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize(
    "schedule",
    [hm.Step(0.2), hm.Ramp(0.1, 0.4), hm.BangBang([0.1, 0.2, 0.3], 1), hm.Constant(0.5)],
    ids=lambda schedule: type(schedule).__name__,
)
def test_agrees_with_the_exact_flow(regression, schedule):
    problem, theta0 = regression
    times = np.linspace(0.0, 0.5, 7)
    exact = hm.flow(problem, schedule, theta0, times).theta
    adaptive = hm.flow(
        problem, schedule, theta0, times, method=hm.Adaptive(rtol=1e-11, atol=1e-13)
    ).theta
    np.testing.assert_allclose(adaptive, exact, rtol=0, atol=1e-9)


def test_gradient_in_a_switch_time_is_not_silently_zero(regression):
    problem, theta0 = regression

    def final(method):
        def value(switch):
            return hm.flow(problem, hm.Step(switch), theta0, [0.5], method=method).theta[0, 0]

        return value

    def naive(switch):
        """What a user would write: the step inside the vector field."""
        return diffrax.diffeqsolve(
            diffrax.ODETerm(
                lambda t, theta, _: -problem.gradient(theta, jnp.where(t <= switch, 1.0, 0.0))
            ),
            diffrax.Tsit5(),
            t0=0.0,
            t1=0.5,
            dt0=0.01,
            y0=jnp.asarray(theta0),
        ).ys[0, 0]

    expected = jax.jit(jax.grad(final(hm.Exact())))(0.2)
    assert jax.jit(jax.grad(naive))(0.2) == 0.0
    assert abs(expected) > 1e-3
    ours = jax.jit(jax.grad(final(hm.Adaptive(rtol=1e-11, atol=1e-13))))(0.2)
    assert ours == pytest.approx(float(expected), rel=1e-8)


def test_program_does_not_grow_with_the_number_of_segments(regression):
    problem, theta0 = regression

    def size(count):
        def final(switches):
            return hm.flow(
                problem, hm.BangBang(switches, 1), theta0, jnp.ones(1), method=hm.Adaptive()
            ).theta

        return len(str(jax.make_jaxpr(final)(jnp.linspace(0.1, 0.9, count))))

    assert size(40) < 1.05 * size(4)


def test_step_budget_is_a_status_and_an_error(regression):
    problem, theta0 = regression
    method = hm.Adaptive(max_steps=2)
    path = hm.flow(problem, hm.Step(0.2), theta0, [1.0], method=method, throw=False)
    assert path.status == hm.results.FlowStatus.step_limit
    with pytest.raises(RuntimeError, match="max_steps"):
        hm.flow(problem, hm.Step(0.2), theta0, [1.0], method=method)


@pytest.mark.parametrize("kind", ["logistic", "mlp"])
def test_other_models_against_scipy(kind):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(12, 2))
    if kind == "logistic":
        y, model, loss = (X[:, 0] > 0).astype(float), hm.linear_model(2), hm.Logistic()
        theta0 = np.zeros(2)
    else:
        y, model, loss = np.sin(X[:, 0]), hm.mlp([2, 3, 1]), hm.SquaredError()
        theta0 = np.asarray(model.initial_parameters(jax.random.key(0)))
    problem = hm.Problem(model, loss, X, y, deleted=[0, 5], ridge=0.1)
    ours = hm.flow(problem, hm.Step(0.3), theta0, [0.3, 1.0]).theta

    def velocity(epsilon):
        gradient = jax.jit(jax.grad(lambda theta: risk(theta, epsilon)))
        return lambda t, theta: -np.asarray(gradient(jnp.asarray(theta)))

    def risk(theta, epsilon):
        weights = np.array([epsilon if i in (0, 5) else 1.0 for i in range(12)])
        if kind == "logistic":
            margins = jnp.asarray(X) @ theta
            losses = jnp.log1p(jnp.exp(margins)) - y * margins
        else:
            first, second = theta[:9], theta[9:]
            weight, bias = first[:6].reshape(3, 2), first[6:]
            hidden = jnp.tanh(jnp.asarray(X) @ weight.T + bias[None, :])
            losses = 0.5 * (hidden @ second[:3] + second[3] - y) ** 2
        return jnp.sum(weights * losses) + 0.05 * jnp.sum(theta**2)

    state, expected = theta0, []
    for epsilon, opening, closing in ((1.0, 0.0, 0.3), (0.0, 0.3, 1.0)):
        solution = solve_ivp(
            velocity(epsilon), (opening, closing), state, method="DOP853", rtol=1e-12, atol=1e-13
        )
        state = solution.y[:, -1]
        expected.append(state)
    np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"rtol": -1.0}, "rtol"),
        ({"atol": 2.0}, "atol"),
        ({"rtol": 0.0, "atol": 0.0}, "rtol, atol"),
        ({"max_steps": 0}, "max_steps"),
    ],
)
def test_bad_options_are_named(options, name):
    with pytest.raises(ValueError, match=name):
        hm.Adaptive(**options)
