"""Minima of many functions of a kind, to rounding, each downhill of its own start."""

from __future__ import annotations

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._threads import interruptible
from homotopy.minima.newton import downhill
from homotopy.minima.objective import AbstractObjective
from homotopy.minima.result import DENSE, NOT_BEGUN, Minimum
from homotopy.minima.trust_region import by_trust_region, downhill_by_products
from homotopy.precision import reachable

_BATCH = 2**23  # numbers in the derivatives of the objectives that are worked on together
_PART = 256  # objectives between two reports, and between two chances to be interrupted


def minimise_each(
    objective: Callable[..., AbstractObjective],
    arguments: tuple,
    starts: Float[Array | np.ndarray, "k d"],
    tolerance: float,
    max_steps: int,
    report: Callable[[int], None] = lambda done: None,
    size: int = 1,
) -> Minimum:
    """The minima of k objectives, `objective(*arguments[i])`.

    First Newton's method for many at once, which stops where the Hessian is not positive definite
    or no step descends; those that it does not bring to rest go one by one to SciPy's trust-region
    methods, and back to Newton's for the last digits. All descend: from a warm start they end in a
    minimum that can be reached downhill. Outside `jax.jit`. `KeyboardInterrupt` ends them: what is
    done then comes back, where anything is.

    Parameters
    ----------
    objective : callable
        A pytree (an `equinox.Partial`), so that another of this shape compiles nothing.
    arguments : tuple of (k, ...)
    starts : (k, d)
    tolerance : float
        Of the residual; not below what the dtype can reach.
    max_steps : int
        Of each method.
    report : callable
        Called with how many are done.
    size : int
        Terms of each objective: how much memory its derivatives take.
    """
    count, dimension = starts.shape
    starts, tolerance = np.asarray(starts), reachable(tolerance, starts.dtype)
    found = _not_begun(starts)
    try:
        if dimension > DENSE:
            _one_by_one(found, objective, arguments, starts, tolerance, max_steps, report)
        else:
            batch = max(1, _BATCH // (dimension * max(dimension, size)))
            _together(
                found, objective, arguments, starts, tolerance, max_steps, report, min(batch, count)
            )
    except KeyboardInterrupt:
        if np.all(found.steps == NOT_BEGUN):
            raise
    return jax.tree.map(jnp.asarray, found)


def _not_begun(starts) -> Minimum:
    """Of descents none of which has begun, to be filled."""
    count = len(starts)
    no = np.zeros(count, bool)
    residual, steps = np.full(count, np.inf, starts.dtype), np.full(count, NOT_BEGUN)
    made = Minimum(*map(jnp.asarray, (starts, residual, no, no, steps)))
    return jax.tree.map(np.array, made)


def _fill(found: Minimum, rows, new: Minimum) -> None:
    for leaf, part in zip(jax.tree.leaves(found), jax.tree.leaves(new), strict=True):
        leaf[rows] = part


def _one_by_one(found, objective, arguments, starts, tolerance, max_steps, report) -> None:
    for index in range(len(starts)):
        one, scale = _posed(objective, arguments, starts, np.asarray(index))
        least = float(tolerance) * float(scale)
        at, steps = by_trust_region(one, starts[index], least, max_steps)
        _fill(found, index, downhill_by_products(one, at, tolerance, np.asarray(steps)))
        report(index + 1)


def _together(found, objective, arguments, starts, tolerance, max_steps, report, batch) -> None:
    count = len(starts)

    def downhill_from(rows, starts, most):
        # As many for every part, so that all share a program.
        padded = np.resize(rows, size)
        some = jax.tree.map(lambda leaf: np.asarray(leaf)[padded], arguments)
        ended = interruptible(
            _downhill_of_each, objective, some, starts[padded], tolerance, most[padded],
            min(batch, size),
        )  # fmt: skip
        return jax.tree.map(lambda leaf: np.array(leaf)[: rows.size], ended)

    size = math.ceil(count / math.ceil(count / _PART))
    parts = np.split(np.arange(count), range(size, count, size))
    for rows in parts:
        _fill(found, rows, downhill_from(rows, starts, np.full(count, max_steps)))
        report(int(np.sum(found.stationary & found.definite)))
    left = np.flatnonzero(~(found.stationary & found.definite))
    if left.size == 0:
        return
    # Where it is interrupted from here on, these are not done.
    at, steps, done = found.theta.copy(), np.zeros(count, int), count - left.size
    _fill(found, left, _not_begun(starts[left]))

    def finish(worked_on):
        """The last digits."""
        for rows in parts:
            some = np.intersect1d(rows, worked_on)
            if some.size:
                last = downhill_from(some, at, np.full(count, max_steps))
                last.steps[:] += steps[some]
                _fill(found, some, last)

    worked_on: list[int] = []
    try:
        for index in left:
            one, scale = _posed(objective, arguments, starts, np.asarray(index))
            least = float(tolerance) * float(scale)
            at[index], steps[index] = by_trust_region(one, starts[index], least, max_steps)
            worked_on.append(index)
            report(int(done + len(worked_on)))
    except KeyboardInterrupt:
        finish(worked_on)
        raise
    finish(worked_on)


@eqx.filter_jit
def _downhill_of_each(objective, arguments, starts, tolerance, max_steps, batch):
    return jax.lax.map(
        lambda each: downhill(objective(*each[0]), each[1], tolerance, each[2]),
        (arguments, starts, max_steps),
        batch_size=batch,
    )


@eqx.filter_jit
def _posed(objective, arguments, starts, index):
    """One of the objectives, and the size of the terms of its gradient at its start."""
    one = objective(*jax.tree.map(lambda leaf: leaf[index], arguments))
    return one, one.gradient_scale(starts[index])
