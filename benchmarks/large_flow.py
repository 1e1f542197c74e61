"""The gradient flow of a network of 85,002 parameters: gradients, errors and seconds by solver.

Seconds of the processor, which others' work does not change, stand beside those of the clock.
"""

import contextlib
import time
from unittest import mock

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

import homotopy as hm
from benchmarks.scorecard import Mark, Scorecard
from homotopy.flows import stable_steps

HORIZON, RTOL, ATOL = 0.01, 1e-9, 1e-12
FINEST = 1e-12, 1e-15
LOOK = 3  # gradients that a look at |∇²R| costs: a product with the Hessian
HEADINGS = (
    *("", "gradients", "looks", "rejected steps", "error"),
    *("s", "processor, s", "of the limit"),
)
_STAGES = {diffrax.Tsit5: 6, diffrax.Dopri8: 13, hm.flows.DormandPrince853: 12}


def run() -> list:
    problem, theta0 = _digits()
    gradient = jax.jit(lambda theta: problem.gradient(theta, 1.0))
    jax.block_until_ready(gradient(theta0))
    before = time.process_time()
    for _ in range(20):
        jax.block_until_ready(gradient(theta0))
    one = (time.process_time() - before) / 20
    reference = _flow(problem, theta0, hm.flows.DormandPrince853(), *FINEST)["theta"]
    rows, found = [], {}
    for name, (solver, rtol, often) in _solvers().items():
        # As when the target was set: one look each step, however short.
        always = mock.patch.object(stable_steps, "_SELDOM", 0)
        with always if often else contextlib.nullcontext():
            found[name] = by = _flow(problem, theta0, solver, rtol, rtol * ATOL / RTOL)
        error = np.max(np.abs(by["theta"] - reference))
        rows.append(_row(name, by, error, one))
    rows.append(_by_diffrax(problem, theta0, reference, one))
    as_filed, now = (
        found[name]["processor"] for name in ("Tsit5, a look each step", "DormandPrince853")
    )
    ratio = Mark(
        "times less of the processor than Tsit5 with a look each step", as_filed / now, 5.0
    )
    return [
        Scorecard(
            f"flow of {problem.size} digits to t = {HORIZON}, d = {problem.dimension:,}, rtol "
            f"{RTOL:g}, atol {ATOL:g}",
            HEADINGS, tuple(rows), (ratio,),
            (
                f"Error: the largest of θ, from DormandPrince853 at {FINEST[0]:g}.",
                f"A look at |∇²R| costs some {LOOK} gradients.",
                f"Limit: the gradients alone, {1e3 * one:.3g} ms of the processor each.",
            ),
        )
    ]  # fmt: skip


def _solvers() -> dict:
    ours = hm.flows.DormandPrince853()
    return {
        "Tsit5, a look each step": (diffrax.Tsit5(), RTOL, True),
        "Dopri8, the default": (diffrax.Dopri8(), RTOL, False),
        "DormandPrince853": (ours, RTOL, False),
        "DormandPrince853, rtol 1e-8": (ours, 10.0 * RTOL, False),
        "DormandPrince853, rtol 1e-7": (ours, 100.0 * RTOL, False),
    }


def _flow(problem, theta0, solver, rtol, atol) -> dict:
    method = hm.Adaptive(rtol, atol, solver)
    times = jnp.array([HORIZON])

    def states(theta0):
        return method.states(problem, hm.Constant(1.0), theta0, times)

    seconds, processor, (theta, _, stats) = _once(jax.jit(states), theta0)
    return {
        "theta": np.asarray(theta[0]), "seconds": seconds, "processor": processor,
        "gradients": _STAGES[type(solver)] * int(stats["steps"]),
        "looks": int(stats["looks"]), "rejected": int(stats["rejected_steps"]),
    }  # fmt: skip


def _by_diffrax(problem, theta0, reference, one) -> tuple:
    """Tsit5 as diffrax has it: no step is kept from growing past the stable ones."""

    def end(theta0):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, theta, _: -problem.gradient(theta, 1.0)), diffrax.Tsit5(),
            0.0, HORIZON, None, theta0,
            stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL),
        )  # fmt: skip

    seconds, processor, found = _once(jax.jit(end), theta0)
    by = {
        "seconds": seconds, "processor": processor, "looks": 0,
        "gradients": _STAGES[diffrax.Tsit5] * int(found.stats["num_steps"]),
        "rejected": int(found.stats["num_rejected_steps"]),
    }  # fmt: skip
    return _row("Tsit5 by diffrax", by, np.max(np.abs(found.ys[-1] - reference)), one)


def _once(program, theta0):
    """One call, compiled before: seconds, those of the processor, and what it found."""
    compiled = program.lower(theta0).compile()
    wall, processor = time.perf_counter(), time.process_time()
    found = jax.block_until_ready(compiled(theta0))
    return time.perf_counter() - wall, time.process_time() - processor, found


def _row(name, by, error, one) -> tuple:
    return (
        name, str(by["gradients"]), str(by["looks"]), str(by["rejected"]), f"{error:.1e}",
        f"{by['seconds']:.3g}", f"{by['processor']:.3g}",
        f"{by['gradients'] * one / by['processor']:.0%}",
    )  # fmt: skip


def _digits():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order] / 16.0, y[order]
    model = hm.mlp([64, 256, 256, 10])
    problem = hm.Problem(model, hm.SoftmaxCrossEntropy(), X[:1500], y[:1500], deleted=0)
    return problem, model.initial_parameters(jax.random.key(0))
