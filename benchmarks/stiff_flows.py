"""Stiff flows: gradients and processor time of explicit, stabilised and implicit solvers.

ẏᵢ = −λᵢ(yᵢ + yᵢ³/10), λ from 1 to the stiffness, from one to time 1, to one tolerance. The limit is
what gradients alone cost: a solver's share of it is its gradients times the time of one, over its
time. Times are of the processor, so that others' work does not count.
"""

import time

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.scorecard import Mark, Scorecard
from homotopy.flows import RungeKuttaChebyshev
from homotopy.flows.stabilised import gradients_of, stages_within

TOLERANCE = 1e-4
STIFFNESS = (1.0, 1e2, 1e4, 1e6)
PARAMETERS = (10, 1_000, 100_000, 1_000_000)
WORK = 2e10  # numbers that a contender may touch: beyond, it is not run
DENSE = 100  # parameters up to which the implicit solver is run
STAGES = {"Tsit5": 6, "Dopri8": 13}


def run() -> list:
    rows, ratios = [], []
    for size in PARAMETERS:
        for stiffness in STIFFNESS:
            found = {name: _solved(name, size, stiffness) for name in _solvers()}
            rows += [_row(name, size, stiffness, each) for name, each in found.items()]
            ours, theirs = found["RungeKuttaChebyshev"], found["Tsit5"]
            if stiffness >= 1e4 and ours and theirs:
                ratios.append(theirs["gradients"] / ours["gradients"])
    return [
        Scorecard(
            f"stiff flows to {TOLERANCE:g}",
            ("", "d", "stiffness", "gradients", "processor, s", "share of the limit", "error"),
            tuple(rows),
            (Mark("fewer gradients than Tsit5's, times, from 10⁴ on", min(ratios), 5.0),),
            (
                "Share: gradients times the time of one, over the time.",
                f"Not run: more than {WORK:g} numbers; implicit of more than {DENSE} parameters.",
            ),
        )
    ]


def _solvers():
    return {
        "RungeKuttaChebyshev": RungeKuttaChebyshev(
            stages_within(TOLERANCE, np.float64), reverse=False
        ),
        "Tsit5": diffrax.Tsit5(),
        "Dopri8": diffrax.Dopri8(),
        "Kvaerno5": diffrax.Kvaerno5(),
    }


def _field(t, y, rates):
    return -rates * (y + y**3 / 10.0)


def _solved(name, size, stiffness) -> dict | None:
    stabilised, implicit = name == "RungeKuttaChebyshev", name == "Kvaerno5"
    expected = 200.0 * (1.0 + stiffness**0.5) if stabilised else 100.0 + 3.0 * stiffness
    if (implicit and size > DENSE) or (not implicit and expected * size > WORK):
        return None
    rates = jnp.geomspace(1.0, stiffness, size)

    @eqx.filter_jit
    def solve(rates, rtol):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(_field), _solvers()[name], 0.0, 1.0, None, jnp.ones(size), rates,
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol), max_steps=None,
            adjoint=diffrax.ForwardMode(),
            saveat=diffrax.SaveAt(t1=True, solver_state=stabilised),
        )  # fmt: skip

    _timed(solve, rates, TOLERANCE)  # compiles
    seconds, solution = _timed(solve, rates, TOLERANCE)
    _timed(_hundred_gradients, rates)
    one = min(_timed(_hundred_gradients, rates)[0] for _ in range(3)) / 100
    gradients = None
    if not implicit:
        steps = int(solution.stats["num_steps"])
        gradients = int(gradients_of(solution.solver_state)) if stabilised else steps * STAGES[name]
    return {
        "gradients": gradients, "seconds": seconds,
        "share": None if implicit else min(1.0, gradients * one / seconds),
        "error": float(jnp.max(jnp.abs(solution.ys[-1] - _exact(rates)))),
    }  # fmt: skip


@jax.jit
def _hundred_gradients(rates):
    return jax.lax.fori_loop(
        0, 100, lambda _, y: y + 1e-9 * _field(0.0, y, rates), jnp.ones_like(rates)
    )


def _exact(rates):
    """u = y² is a logistic function: u/(1 + u/10) = c e^{−2λt}, c = 10/11."""
    part = 10.0 / 11.0 * jnp.exp(-2.0 * rates)
    return jnp.sqrt(part / (1.0 - part / 10.0))


def _timed(call, *arguments):
    start = time.process_time()
    value = jax.block_until_ready(call(*arguments))
    return time.process_time() - start, value


def _row(name, size, stiffness, found):
    if found is None:
        return name, f"{size:,}", f"{stiffness:g}", "not run", "", "", ""
    gradients = "" if found["gradients"] is None else f"{found['gradients']:,}"
    share = "" if found["share"] is None else f"{found['share']:.0%}"
    return (
        name, f"{size:,}", f"{stiffness:g}", gradients, f"{found['seconds']:.3g}", share,
        f"{found['error']:.1e}",
    )  # fmt: skip
