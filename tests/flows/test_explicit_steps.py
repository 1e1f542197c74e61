"""Steps of explicit solvers against diffrax's own, of the same sizes."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from homotopy.flows import explicit_steps
from homotopy.flows.dormand_prince import DormandPrince853
from homotopy.flows.explicit_steps import ExplicitSteps

ENDS = np.array([0.1, 0.15, 0.4, 0.7, 0.71, 1.2])
SOLVERS = [
    *(diffrax.Dopri8(), diffrax.Tsit5(), DormandPrince853(1e-6, 1e-9), diffrax.Bosh3()),
    *(diffrax.Heun(), diffrax.Ralston()),
]


def field(t, y, args):
    return jnp.sin(args * y[::-1]) - t * y


def solved(solver, start, save):
    found = diffrax.diffeqsolve(
        diffrax.ODETerm(field), solver, ENDS[0], ENDS[-1], None, start, jnp.asarray(1.7),
        saveat=save, stepsize_controller=diffrax.StepTo(ENDS),
    )  # fmt: skip
    return found.ys


@pytest.mark.parametrize("short", [2**10, 1], ids=["side by side", "one below another"])
@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)
def test_they_are_those_of_diffrax(solver, short, monkeypatch):
    monkeypatch.setattr(explicit_steps, "_SHORT", short)
    save = diffrax.SaveAt(ts=ENDS[[0, 2, 5]])
    starts = np.random.default_rng(0).normal(size=(3, 5))
    ours = jax.vmap(lambda start: solved(ExplicitSteps(solver), start, save))(starts)
    theirs = jax.vmap(lambda start: solved(solver, start, save))(starts)
    np.testing.assert_array_equal(ours[:, 0], starts)
    # Diffrax interpolates outputs from the same sums; five steps of at most fourteen terms.
    np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("solver", SOLVERS[:3], ids=lambda solver: type(solver).__name__)
def test_their_estimates_of_errors_are_those_of_diffrax(solver):
    start, term = jnp.arange(1.0, 6.0), diffrax.ODETerm(field)
    given = term, jnp.asarray(0.0), jnp.asarray(0.3), start, jnp.asarray(1.7)
    errors = [
        each.step(*given, each.init(*given), False)[1] for each in (ExplicitSteps(solver), solver)
    ]
    np.testing.assert_allclose(*errors, rtol=0, atol=1e-15 * np.abs(start).max())
    assert ExplicitSteps(solver).error_order(term) == solver.error_order(term)


def test_derivatives_go_through_them():
    def end(start, solver):
        return jnp.sum(solved(solver, start, diffrax.SaveAt(t1=True)))

    start = jnp.arange(1.0, 4.0)
    ours, theirs = (
        jax.jit(jax.grad(lambda at, solver=solver: end(at, solver)))(start)
        for solver in (ExplicitSteps(diffrax.Dopri8()), diffrax.Dopri8())
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-13)
