"""Derivatives of flows, step by step, against closed forms and against diffrax's own."""

from itertools import pairwise

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm
from homotopy.flows import _diffrax, backward, step_adjoint
from homotopy.flows.explicit_steps import ExplicitSteps

SWITCHES, TIMES = np.array([0.3, 0.9, 1.1]), np.array([0.0, 0.5, 0.9, 1.7])


def closed_form(problem, theta0, switches, times, counted=1.0):
    """Σ sin(i) θᵢ over all outputs, each piece by the exponential of its matrix, in NumPy."""
    X, y = np.asarray(problem.X), np.asarray(problem.y)
    edges = np.r_[0.0, switches, np.inf]

    def at(time):
        theta = theta0
        for index, (opening, closing) in enumerate(pairwise(edges)):
            length = min(closing, time) - opening
            if length <= 0.0:
                break
            weights = np.ones(len(y))
            weights[[2, 4]] = float(index % 2 == 0)
            matrix = X.T @ (weights[:, None] * X)
            rates, basis = np.linalg.eigh(matrix)
            fit = np.linalg.solve(matrix, X.T @ (weights * y))
            theta = fit + basis @ (np.exp(-rates * length) * (basis.T @ (theta - fit)))
        return theta

    states = np.stack([at(time) for time in times]) * np.reshape(counted, (-1, 1))
    return float(np.sum(np.sin(np.arange(1, states.size + 1)).reshape(states.shape) * states))


def measured(states):
    return jnp.sum(jnp.sin(jnp.arange(1.0, states.size + 1)).reshape(states.shape) * states)


def central(function, at, step=1e-5):
    moves = step * np.eye(at.size)
    return np.array([(function(at + m) - function(at - m)) / (2.0 * step) for m in moves])


def by_steps(problem):
    method = hm.Adaptive(1e-12, 1e-14)

    def value(theta0, switches, times, counted=1.0):
        states = method.states(problem, hm.BangBang(switches, 1), theta0, times)[0]
        return measured(states * jnp.reshape(counted, (-1, 1)))

    return value


@pytest.fixture(scope="module")
def slopes(linear):
    """In θ₀, switches and times, of those outputs that count: one program for each number."""
    return jax.jit(jax.grad(by_steps(linear[0]), argnums=(0, 1, 2)))


@pytest.mark.parametrize("times", [TIMES, TIMES[-1:]], ids=["outputs", "end"])
def test_against_a_closed_form_in_switches_start_and_times(linear, slopes, times):
    problem, theta0 = linear
    found = slopes(theta0, SWITCHES, times, np.ones(times.size))
    # An output at a switch, or at time zero, has a derivative to one side.
    smooth = np.isin(times, [0.0, 0.9], invert=True)
    in_times = central(lambda at: closed_form(problem, theta0, SWITCHES, at), times)
    np.testing.assert_allclose(np.asarray(found[2])[smooth], in_times[smooth], rtol=1e-7)
    apart = smooth.astype(float)  # for the others move with a switch
    both = slopes(theta0, SWITCHES, times, apart)[:2]
    expected = (
        central(lambda at: closed_form(problem, at, SWITCHES, times, apart), theta0),
        central(lambda at: closed_form(problem, theta0, at, times, apart), SWITCHES),
    )
    for ours, differences in zip(both, expected, strict=True):
        np.testing.assert_allclose(ours, differences, rtol=1e-7, atol=1e-9)


# Rows and stages as by default are those of the other tests.
@pytest.mark.parametrize(
    "rows, told, few",
    [(4, 512, 4096), (4096, 5, 4096), (4096, 0, 0)],
    ids=["many windows", "stages of some steps", "stages of none, one after the other"],
)
def test_agrees_with_diffrax_in_every_leaf(perceptron, rows, told, few, reference, monkeypatch):
    monkeypatch.setattr(step_adjoint, "_FEW", few)
    monkeypatch.setattr(backward, "_FEWEST", rows)
    monkeypatch.setattr(backward, "_MOST", rows)
    monkeypatch.setattr(backward, "_FEWEST_TOLD", 1)
    monkeypatch.setattr(backward, "_MOST_TOLD", told)
    # As it is differentiated: the step sizes as they are. So it is the same but for rounding.
    for ours, theirs in zip(leaves_in(perceptron), reference, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11 * np.abs(theirs).max())


@pytest.fixture(scope="module")
def reference(perceptron):
    # The same steps: those of other sizes, though by rounding alone, differ by the tolerance.
    steps = WithOutputs(diffrax.Dopri8())
    return leaves_in(perceptron, solver=steps, adjoint=diffrax.RecursiveCheckpointAdjoint())


class WithOutputs(ExplicitSteps):
    """Differentiable in the times of the outputs, by the slopes at the ends of a step."""

    @property
    def interpolation_cls(self):
        return diffrax.ThirdOrderHermitePolynomialInterpolation

    def step(self, terms, t0, t1, y0, args, state, made_jump):
        y1, error, ends, following, result = super().step(terms, t0, t1, y0, args, state, made_jump)
        ends |= {"k0": (t1 - t0) * state[0], "k1": (t1 - t0) * following[0]}
        return y1, error, ends, following, result


def leaves_in(perceptron, **parts):
    """A value and its derivatives along a ramp, outputs at both of its ends among others."""
    problem, theta0 = perceptron
    method = hm.Adaptive(**parts)

    # A new function for each: which rows there are is read when it is traced.
    def value(theta0, ends, times, X, ridge):
        given = eqx.tree_at(lambda p: (p.X, p.ridge), problem, (X, ridge))
        schedule = hm.Ramp(ends[0], ends[1])
        return measured(method.states(given, schedule, theta0, times)[0])

    program = jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2, 3, 4)))
    arguments = theta0, np.array([0.1, 0.4]), np.array([0.0, 0.1, 0.2, 0.4, 1.2])
    return jax.tree.leaves(program(*arguments, problem.X, problem.ridge))


def test_of_many_at_once(linear, slopes, monkeypatch):
    # Lanes end at different steps: one must not move, or write down, what is another's. Nor where
    # steps were written over.
    monkeypatch.setattr(backward, "_FEWEST", 8)
    monkeypatch.setattr(backward, "_MOST", 8)
    problem, theta0 = linear
    gradient = jax.grad(by_steps(problem), argnums=1)
    lanes = np.stack([SWITCHES, [0.05, 0.06, 1.6], [0.2, 0.2, 0.2001]])
    given = TIMES, np.array([0.0, 1.0, 0.0, 1.0])  # one of the others is at a switch
    together = jax.jit(jax.vmap(gradient, (None, 0, None, None)))(theta0, lanes, *given)
    expected = [
        central(lambda at: closed_form(problem, theta0, at, *given), lane) for lane in lanes[:2]
    ]
    np.testing.assert_allclose(together[:2], expected, rtol=1e-7, atol=1e-9)
    # Alone, and with as many windows as there are by default, by a program that there is.
    alone = slopes(theta0, lanes[2], *given)[1]
    np.testing.assert_allclose(together[2], alone, rtol=1e-10, atol=1e-12)


def test_which_flows_it_serves():
    assert backward.applies(diffrax.Tsit5(), 10)
    assert not backward.applies(diffrax.Kvaerno5(), 10)
    assert not backward.applies(hm.flows.RungeKuttaChebyshev(), 10)
    assert not backward.applies(diffrax.Dopri8(), 10**6)

    class OfItsOwn(diffrax.Tsit5):
        def step(self, *arguments):
            return super().step(*arguments)

    assert not backward.applies(OfItsOwn(), 10)


def test_another_release_of_diffrax_has_its_own_adjoint(monkeypatch, linear, slopes):
    """Where its loop does not tell what is written down: derivatives are the same."""
    problem, theta0 = linear
    times = TIMES[-1:]
    found = slopes(theta0, SWITCHES, times, np.ones(1))[0]
    monkeypatch.setattr(diffrax._integrate, "loop", lambda **options: None)
    assert _diffrax.TELLS_STEPS and not _diffrax._tells_steps()
    monkeypatch.undo()
    monkeypatch.setattr(backward, "TELLS_STEPS", False)
    assert not backward.applies(diffrax.Dopri8(), 10)
    other = jax.jit(jax.grad(by_steps(problem)))(theta0, SWITCHES, times)
    np.testing.assert_allclose(other, found, rtol=1e-10, atol=1e-12)


def test_derivatives_of_a_gradient_forwards(perceptron):
    """Against differences of gradients, and diffrax's forward mode twice."""
    problem, theta0 = perceptron
    rng = np.random.default_rng(5)
    given = theta0, jnp.array([0.3, 0.9]), jnp.array([0.5, 0.9, 1.7])
    along, across = (
        tuple(jnp.asarray(rng.normal(size=part.shape)) for part in given) for _ in range(2)
    )

    def value(method):
        def of(theta0, switches, times):
            # An output at a switch moves with it: derivatives to one side are none.
            times = times.at[1].set(switches[1] + 0.1 * times[1])
            return measured(method.states(problem, hm.BangBang(switches, 1), theta0, times)[0])

        return of

    gradient = jax.grad(value(hm.Adaptive(1e-12, 1e-14)), argnums=(0, 1, 2))
    both = jax.jit(lambda given, along: jax.jvp(gradient, given, along))  # and the gradient itself
    _, found = both(given, along)

    def moved(by):
        at = tuple(part + by * own for part, own in zip(given, along, strict=True))
        return both(at, along)[0]

    def central(step):
        return jax.tree.map(lambda up, down: (up - down) / (2.0 * step), moved(step), moved(-step))

    # Of order four, and rounded by 1e-12 / 1e-4.
    differences = jax.tree.map(
        lambda fine, coarse: (4.0 * fine - coarse) / 3.0, central(2e-4), central(4e-4)
    )
    for ours, expected in zip(found, differences, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())

    by_diffrax = value(hm.Adaptive(1e-12, 1e-14, adjoint=diffrax.ForwardMode()))
    twice = jax.jit(
        lambda *given: jax.jvp(lambda *given: jax.jvp(by_diffrax, given, across)[1], given, along)[
            1
        ]
    )(*given)
    ours = sum(float(own @ part) for own, part in zip(across, found, strict=True))
    # Which has those in times from its interpolant: of an order less with each derivative.
    assert np.isclose(ours, float(twice), rtol=1e-6)


def test_a_gradient_is_not_gone_back_over_again(perceptron):
    problem, theta0 = perceptron
    gradient = jax.grad(by_steps(problem))
    with pytest.raises(RuntimeError, match="jacfwd"):
        jax.make_jaxpr(jax.jacrev(gradient))(theta0, SWITCHES, TIMES[-1:])


def test_single_precision(linear):
    problem, theta0 = linear
    single = hm.LinearRegression(problem.X, problem.y, deleted=[2, 4], dtype=jnp.float32)
    method = hm.Adaptive(1e-5, 1e-6)
    times = TIMES[[1, 3]]

    def value(switches):
        schedule = hm.BangBang(switches, 1)
        start = jnp.asarray(theta0, jnp.float32)
        states, _, _ = method.states(single, schedule, start, jnp.asarray(times, jnp.float32))
        return measured(states)

    found = jax.jit(jax.grad(value))(jnp.asarray(SWITCHES, jnp.float32))
    expected = central(lambda at: closed_form(problem, theta0, at, times), SWITCHES)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_a_gradient_of_a_flow_that_fails_is_none(linear):
    """Where it is asked for alone, too: the value, which was looked at, is not computed then."""
    problem, theta0 = linear
    method, schedule = hm.Adaptive(max_steps=2), hm.BangBang(SWITCHES, 1)

    def reached(theta0, throw):
        path = hm.flow(problem, schedule, theta0, TIMES[-1:], method=method, throw=throw)
        return jnp.sum(path.theta), path.status

    gradient = jax.grad(lambda at: reached(at, True)[0])
    with pytest.raises(RuntimeError, match="raise max_steps"):
        jax.block_until_ready(jax.jit(gradient)(theta0))
    deletion = hm.Deletion(problem, theta0, start=0.1, horizon=1.7, method=method)
    with pytest.raises(RuntimeError, match="raise max_steps"):
        deletion.value_and_gradient(hm.Step(0.5))
    told = jax.jit(jax.value_and_grad(lambda at: reached(at, False), has_aux=True))
    (_, status), _ = told(theta0)
    assert bool(status == hm.flows.FlowStatus.step_limit)
