"""A perceptron's deletion: what a gradient costs in forward solves, and a homotopy in one call."""

import jax
import jax.numpy as jnp
import numpy as np

import homotopy as hm
from benchmarks.comparison import Comparison, Contender, Limit
from benchmarks.scorecard import Mark, Scorecard
from benchmarks.timing import relative_difference, timed
from homotopy._threads import CORES
from homotopy.teacher import teacher_example

CELLS, WEIGHTS = 64, 64
_STAGES = 13  # gradients in a step of Dopri8, which `Adaptive` takes


def run() -> list:
    return [_gradient(), _homotopy()]


def _gradient() -> Scorecard:
    example = teacher_example(0)
    problem = example.problem(4)
    deletion = hm.Deletion(problem, example.theta0, start=1.0, horizon=6.0)
    family = hm.Cells(CELLS)
    schedule = family.schedule(jnp.full(CELLS, 0.5), deletion.start, deletion.horizon)
    forward, _ = timed(lambda: deletion.cost(schedule, outside="allow"), 30)
    both, _ = timed(lambda: deletion.value_and_gradient(schedule)[0], 30)
    ratio = both.best / forward.best
    limits, how = _gradients_and_derivatives(problem, example.theta0, schedule, deletion.horizon)
    timings = ("forward solve", forward), ("with the gradient", both)
    return Scorecard(
        f"ℰ of a perceptron (d = {problem.dimension}) under {CELLS} cells, Adaptive()",
        ("", "ms", "first call, ms", "of the limit"),
        tuple(
            (
                name, f"{1e3 * timing.best:.3g}", f"{1e3 * timing.first:.3g}",
                f"{limit / timing.best:.1%}",
            )
            for (name, timing), limit in zip(timings, limits, strict=True)
        ),
        (Mark("gradient, in forward solves", ratio, 3.0, at_least=False),),
        (how,),
    )  # fmt: skip


def _gradients_and_derivatives(problem, theta0, schedule, horizon) -> tuple:
    """What the gradients of the flow alone take, and those of going back; and how it was found."""
    stats = hm.flow(problem, schedule, theta0, [horizon]).stats
    steps = int(stats["steps"])
    kept = steps - int(stats["rejected_steps"])
    start = jnp.asarray(theta0)

    @jax.jit
    def forwards(theta):
        def step(_, theta):
            return theta - 1e-3 * problem.gradient(theta, 0.5)

        return jax.lax.fori_loop(0, _STAGES * steps, step, theta)

    @jax.jit
    def backwards(theta):
        def step(_, state):
            theta, costate = state
            gradient, pull = jax.vjp(lambda at: problem.gradient(at, 0.5), theta)
            return theta - 1e-3 * gradient, costate - 1e-3 * pull(costate)[0]

        return jax.lax.fori_loop(0, _STAGES * kept, step, (theta, theta))

    forth, back = (timed(lambda f=f: f(start), 30)[0].best for f in (forwards, backwards))
    how = (
        f"limit: {_STAGES * steps} gradients in a loop, {1e3 * forth:.3g} ms; with the gradient "
        f"{_STAGES * kept} more, each with a product of its derivative, {1e3 * back:.3g} ms"
    )
    return (forth, forth + back), how


def _homotopy() -> Comparison:
    example = teacher_example(0)
    problem = example.problem(4)
    times = np.array([1.0, 4.0])
    epsilons = np.linspace(0.0, 1.0, WEIGHTS)
    together, surface = timed(
        lambda: hm.homotopy(problem, example.theta0, times, epsilons).theta, 10
    )

    def one_by_one():
        runs = [hm.homotopy(problem, example.theta0, times, [weight]) for weight in epsilons]
        return jnp.concatenate([run.theta for run in runs])

    apart, same = timed(one_by_one, 3)
    return Comparison(
        f"θ(t, ε) of a perceptron at {WEIGHTS} weights",
        (
            Contender("one vectorised call", together, 0.0),
            Contender(f"{WEIGHTS} calls", apart, relative_difference(same, surface)),
        ),
        {f"{WEIGHTS} calls": 10.0},
        _gradients(problem, example.theta0, times, epsilons),
    )


def _gradients(problem, theta0, times, epsilons) -> Limit:
    """What the flow's gradients alone take, each of all weights at once."""
    stats = hm.flow(problem, hm.Constant(1.0), theta0, times).stats
    gradients = _STAGES * int(stats["steps"])
    states = jnp.tile(jnp.asarray(theta0), (WEIGHTS, 1))

    @jax.jit
    def repeated(states, weights):
        def step(_, states):
            return states - 1e-3 * jax.vmap(problem.gradient)(states, weights)

        return jax.lax.fori_loop(0, gradients, step, states)

    whole, _ = timed(lambda: repeated(states, jnp.asarray(epsilons)), 5)
    threads = min(CORES, WEIGHTS // 8)
    how = (
        f"the {gradients} gradients of a flow, each of {WEIGHTS} weights at once, in a loop on one "
        f"core, over {threads} cores"
    )
    return Limit(whole.best / threads, how)
