"""Rewinding without a checkpoint: steps undone, and what rounding makes of them."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import integer
from homotopy.evidence import ROUNDINGS
from homotopy.unlearning._training_run import TrainingRun, a_run
from homotopy.unlearning.training_methods import ProjectedSGD

_SWEEPS = 2000  # of the fixed point, for one step


class SteppedBack(NamedTuple):
    """Parameters before some steps that were undone.

    Attributes
    ----------
    theta : (d,)
    error : float
        What rounding may have made of them: it grows by 1/(1 − ηB) a step.
    step : int
        After which step of training they are.
    """

    theta: Float[Array, " d"]
    error: float
    step: int


def step_back(run: TrainingRun, step: int) -> SteppedBack:
    """θ after `step` steps of a run, from the next checkpoint after it, by undoing steps.

    θ solves θ = θ₊ + η∇R(θ), a contraction where ηB < 1. Each step back multiplies the error by up
    to 1/(1 − ηB), B the upper bound of the curvature: with ηB = 0.1 nothing is left after 400, with
    0.5 after 50. To be used where the error says that it may be; a certificate of rewinding from
    there has to add it.

    Parameters
    ----------
    run : TrainingRun
        By full batches, without projection.
    step : int
        From 0 to the steps made.

    Returns
    -------
    SteppedBack

    Raises
    ------
    TypeError
        Naming `run`.
    ValueError
        Naming `step`; or `run`, where its steps cannot be undone.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> run = hm.training_run(problem, [0.0], 4, hm.GradientDescent(0.25), checkpoints=[])
    >>> back = hm.unlearning.step_back(run, 2)
    >>> back.theta.round(12).tolist(), back.error < 1e-13
    ([0.375], True)
    """
    a_run(run)
    step = integer("step", step, 0, run.steps)
    if isinstance(run.method, ProjectedSGD) or np.isfinite(run.method.radius):
        raise ValueError(
            "run: expected full batches without projection, whose steps can be undone, got "
            f"{run.method!r}; keep checkpoints."
        )
    place = int(np.flatnonzero(run.checkpoints >= step)[0])
    sizes = run.method.sizes(step, int(run.checkpoints[place]))[::-1]
    upper = np.inf if run.curvature is None else run.curvature.upper
    if sizes.size and not sizes.max() * upper < 1.0:
        raise ValueError(
            f"run: expected steps below 1/B = {1.0 / upper:.4g}, which can be undone, got "
            f"{sizes.max():.4g}; keep checkpoints."
        )
    theta, error = _back(
        run.problem,
        jnp.asarray(run.checkpoint_theta[place]),
        jnp.asarray(sizes, run.theta.dtype),
        jnp.asarray(upper if sizes.size else 0.0, run.theta.dtype),
    )
    return SteppedBack(theta, float(error), step)


@eqx.filter_jit
def _back(problem, theta, sizes, upper):
    unit = ROUNDINGS * jnp.finfo(theta.dtype).eps

    def undo(state, eta):
        after, error = state

        def moved(at):
            return after + eta * problem.gradient(at, 1.0)

        def go_on(carry):
            sweeps, at, before = carry
            return (sweeps < _SWEEPS) & (jnp.linalg.norm(at - before) > 0.0)

        def sweep(carry):
            sweeps, at, _ = carry
            return sweeps + 1, moved(at), at

        start = (jnp.zeros((), int), moved(after), after)
        _, at, before = jax.lax.while_loop(go_on, sweep, start)
        terms = jnp.linalg.norm(at) * (1.0 + eta * upper) + jnp.linalg.norm(after)
        left = unit * terms + jnp.linalg.norm(at - before)
        return (at, (error + left) / (1.0 - eta * upper)), None

    return jax.lax.scan(undo, (theta, jnp.zeros((), theta.dtype)), sizes)[0]
