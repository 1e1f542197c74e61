"""Steps that stay where a solver is stable: how long they are, how often the rate is looked at."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import homotopy as hm
from homotopy.flows import adaptive
from homotopy.flows._diffrax import valid_diffeqsolve
from homotopy.flows.stable_steps import StableSteps, fastest_change, stable_reach

SOLVERS = [diffrax.Dopri8(), diffrax.Tsit5(), hm.flows.DormandPrince853()]


def falling(t, y, args):
    """A slow mode, which the state has, and one that it does not have, ever faster."""
    first, growth = args
    return -jnp.stack([1.0, first * jnp.exp(growth * t)]) * y


def products(solver, firsts, growth, horizon, longest):
    """Of all steps h ρ, with the rate ρ at their starts, and the reach."""
    start, reach = jnp.array([1.0, 0.0]), stable_reach(solver)
    inner = diffrax.PIDController(rtol=1e-3, atol=1e-3, dtmax=longest)

    @jax.jit
    def solved(first):
        args = first, growth
        change = fastest_change(lambda y: falling(0.0, y, args), start)
        return diffrax.diffeqsolve(
            diffrax.ODETerm(falling), solver, 0.0, horizon, None, start, args,
            stepsize_controller=StableSteps(inner, falling, reach, change),
            saveat=diffrax.SaveAt(t0=True, steps=True), max_steps=2048,
        ).ts  # fmt: skip

    found = []
    for first in firsts:
        times = np.asarray(solved(first))
        times = times[np.isfinite(times)]
        found.append(np.diff(times) * first * np.exp(growth * times[:-1]))
    return np.concatenate(found), reach


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)
def test_steps_stay_stable_while_the_rate_grows(solver):
    sizes, reach = products(solver, [200.0], growth=1.0, horizon=2.0, longest=None)
    # Within the interval of stability, of which a tenth is left for what grows from step to step;
    # and no shorter than need be.
    assert np.max(sizes) <= reach / 0.9
    assert np.median(sizes) > 0.9 * reach


@pytest.mark.parametrize("solver", SOLVERS[1:], ids=lambda solver: type(solver).__name__)
def test_a_rate_that_grows_is_looked_at_before_it_matters(solver):
    # Steps of 0.05, in each of which the rate grows by 1.5: seen only at every fourth, it would be
    # past the reach by more. What was last seen is of the step before.
    firsts = 4.0 * 1.5 ** np.arange(4.0)  # so that looks fall elsewhere
    sizes, reach = products(solver, firsts, np.log(1.5) / 0.05, horizon=0.9, longest=0.05)
    assert np.max(sizes) <= 1.5 * reach * (1.0 + 1e-6)
    assert np.max(sizes) > 0.9 * reach  # it came there


def test_the_rate_is_looked_at_seldom_where_steps_are_short():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 3))
    model = hm.mlp([3, 3, 1])
    problem = hm.Problem(model, hm.SquaredError(), X, np.tanh(X[:, 0]), deleted=1, ridge=1e-2)
    theta0 = model.initial_parameters(jax.random.key(0))
    rate = np.max(np.abs(np.linalg.eigvalsh(problem.hessian(theta0, 1.0))))

    def stats(tolerance, horizon):
        method = hm.Adaptive(tolerance, tolerance)
        found = hm.flow(problem, hm.Constant(1.0), theta0, [horizon], method=method).stats
        return {name: int(count) for name, count in found.items()}

    # Where accuracy bounds the steps to far less than stability does: one look in four.
    short = stats(1e-12, 4.0 / rate)
    assert short["steps"] > 3 * 4.0 / stable_reach(diffrax.Dopri8())
    assert short["looks"] <= 4 + short["steps"] / 4
    # And each step where stability bounds them.
    long = stats(1e-3, 400.0 / rate)
    assert long["looks"] >= long["steps"]


@pytest.mark.parametrize("solver", [diffrax.Dopri8(), None, diffrax.Kvaerno5()])
def test_the_loop_over_the_pieces_is_traced_once(solver, monkeypatch):
    """Where a count changed its type on the way, JAX traced it, with the solver, again."""
    traced = []

    def counted(*arguments, **options):
        traced.append(arguments)
        return valid_diffeqsolve(*arguments, **options)

    def flow(times):
        return hm.Adaptive(solver=solver).integrate(falling_alone, hm.Step(0.3), times, times)[0]

    monkeypatch.setattr(adaptive, "valid_diffeqsolve", counted)
    jax.eval_shape(flow, jax.ShapeDtypeStruct((2,), float))
    assert len(traced) == 1


def falling_alone(y, epsilon):
    return -epsilon * y
