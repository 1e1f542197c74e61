"""Minima of many functions of a kind, to rounding, each downhill of its own start."""

from __future__ import annotations

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import dynamic_slice_in_dim, dynamic_update_slice_in_dim
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float

from homotopy._threads import interruptible
from homotopy.minima.chord import minimise_by_chords
from homotopy.minima.newton import downhill
from homotopy.minima.objective import AbstractObjective
from homotopy.minima.result import DENSE, NOT_BEGUN, Minimum
from homotopy.minima.trust_region import by_trust_region, downhill_by_products
from homotopy.precision import reachable

_BATCH = (
    2**15
)  # numbers in the derivatives of the objectives that are worked on together: of a cache
_MANY = 32  # objectives that are alike: from here on chords are worth their compilation
_PART = 256  # objectives between two reports, and between two chances to be interrupted
# How many a program is compiled for, whatever the number of them up to that: those that are not
# there cost nothing. The fewest go one by one, of which the program is the smallest.
_SIZES, _FEWEST = (4, 16, 64), 4


def minimise_each(
    objective: Callable[..., AbstractObjective],
    arguments: tuple,
    starts: Float[Array | np.ndarray, "k d"],
    tolerance: float,
    max_steps: int,
    report: Callable[[int], None] = lambda done: None,
    size: int = 1,
    alike: bool = False,
) -> Minimum:
    """The minima of k objectives, `objective(*arguments[i])`.

    First Newton's method for many at once, which stops where the Hessian is not positive definite
    or no step descends; those that it does not bring to rest go one by one to SciPy's trust-region
    methods, and back to Newton's for the last digits. All descend: from a warm start they end in a
    minimum that can be reached downhill. Many that are alike go by chords before: one Hessian of
    each, at the end, is enough then. Outside `jax.jit`. `KeyboardInterrupt` ends them: what is
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
    alike : bool
        Whether they differ by little and start at one place, as refits without a point each do.
    """
    count, dimension = starts.shape
    starts, tolerance = np.asarray(starts), reachable(tolerance, starts.dtype)
    found = _not_begun(starts)
    try:
        if dimension > DENSE:
            _one_by_one(found, objective, arguments, starts, tolerance, max_steps, report)
        else:
            batch = max(1, _BATCH // (dimension * max(dimension, size)))
            by_chords = alike and count >= _MANY
            options = tolerance, max_steps, report, batch, by_chords
            _together(found, objective, arguments, starts, *options)
    except KeyboardInterrupt:
        if np.all(found.steps == NOT_BEGUN):
            raise
    return jax.device_put(found)


def _not_begun(starts) -> Minimum:
    """Of descents none of which has begun, to be filled."""
    count = len(starts)
    no = np.zeros((2, count), bool)
    residual, steps = np.full(count, np.inf, starts.dtype), np.full(count, NOT_BEGUN)
    return Minimum(np.array(starts), residual, *no, steps)


def _fill(found: Minimum, rows, new: Minimum) -> None:
    for leaf, part in zip(jax.tree.leaves(found), jax.tree.leaves(new), strict=True):
        leaf[rows] = part


def _one_by_one(found, objective, arguments, starts, tolerance, max_steps, report) -> None:
    for index in range(len(starts)):
        one, scale = _one_of(objective, arguments, starts, index)
        least = float(tolerance) * float(scale)
        at, steps = by_trust_region(one, starts[index], least, max_steps)
        _fill(found, index, downhill_by_products(one, at, tolerance, np.asarray(steps)))
        report(index + 1)


def _together(
    found, objective, arguments, starts, tolerance, max_steps, report, batch, by_chords
) -> None:
    count = len(starts)
    size = min(next((most for most in _SIZES if count <= most), _PART), _PART)
    batch = 1 if size <= _FEWEST else 2 ** int(math.log2(min(batch, size)))

    def downhill_from(rows, starts, most):
        # As many for every part, so that all share a program; those that fill it up do not move.
        padded = np.resize(rows, size)
        some = jax.tree.map(lambda leaf: np.asarray(leaf)[padded], arguments)
        steps = np.where(np.arange(size) < rows.size, most[padded], 0)
        given = objective, some, starts[padded], tolerance, steps, _not_begun(starts[padded])
        filled = np.asarray(math.ceil(rows.size / batch))
        ended = interruptible(_downhill_of_each, *given, filled, batch)
        return jax.tree.map(lambda leaf: np.array(leaf)[: rows.size], ended)

    def parts_of(some):
        return np.split(some, range(size, some.size, size))

    def descend(rows, starts, most):
        for part in parts_of(rows):
            _fill(found, part, downhill_from(part, starts, most))
            report(int(np.sum(found.stationary & found.definite)))
        return np.flatnonzero(~(found.stationary & found.definite))

    left = np.arange(count)
    if by_chords:
        near = _by_chords(objective, arguments, starts, tolerance, max_steps)
        # One step takes them to rounding, and its Hessian says whether they are minima.
        left = descend(np.flatnonzero(near.stationary), near.theta, np.ones(count, int))
        found.steps[found.steps != NOT_BEGUN] += near.steps[found.steps != NOT_BEGUN]
    left = descend(left, starts, np.full(count, max_steps)) if left.size else left
    if left.size == 0:
        return
    # Where it is interrupted from here on, these are not done.
    at, steps, done = found.theta.copy(), np.zeros(count, int), count - left.size
    _fill(found, left, _not_begun(starts[left]))

    def finish(worked_on):
        """The last digits."""
        for some in parts_of(np.array(worked_on, int)):
            if some.size:
                last = downhill_from(some, at, np.full(count, max_steps))
                last.steps[:] += steps[some]
                _fill(found, some, last)

    worked_on: list[int] = []
    try:
        for index in left:
            one, scale = _one_of(objective, arguments, starts, index)
            least = float(tolerance) * float(scale)
            at[index], steps[index] = by_trust_region(one, starts[index], least, max_steps)
            worked_on.append(index)
            report(int(done + len(worked_on)))
    except KeyboardInterrupt:
        finish(worked_on)
        raise
    finish(worked_on)


def _by_chords(objective, arguments, starts, tolerance, max_steps) -> Minimum:
    """Where chords end, by the Hessian of the first where they start; nowhere if it is not > 0."""
    lower = np.asarray(_factor(objective, arguments, starts))
    if not np.all(np.isfinite(lower)):
        return _not_begun(starts)
    solve = eqx.Partial(_solved, lower)
    found = minimise_by_chords(objective, arguments, starts, solve, float(tolerance), max_steps)
    return jax.tree.map(np.asarray, found)


@eqx.filter_jit
def _factor(objective, arguments, starts):
    one = objective(*jax.tree.map(lambda leaf: leaf[0], arguments))
    return jnp.linalg.cholesky(jax.hessian(one)(starts[0]))


def _solved(lower, rows):
    return cho_solve((lower, True), rows.T).T


@eqx.filter_jit
def _downhill_of_each(objective, arguments, starts, tolerance, max_steps, found, filled, batch):
    """Of the batches that are filled, one after the other; `found` is what the others are."""
    given = arguments, starts, max_steps

    def descend(arguments, start, most):
        return downhill(objective(*arguments), start, tolerance, most)

    def next_batch(place, found):
        if batch == 1:
            ended = descend(*jax.tree.map(lambda leaf: leaf[place], given))
            return jax.tree.map(lambda whole, one: whole.at[place].set(one), found, ended)
        first = place * batch
        some = jax.tree.map(lambda leaf: dynamic_slice_in_dim(leaf, first, batch), given)
        ended = jax.vmap(descend)(*some)
        return jax.tree.map(
            lambda whole, part: dynamic_update_slice_in_dim(whole, part, first, 0), found, ended
        )

    return jax.lax.fori_loop(0, filled, next_batch, found)


def _one_of(objective, arguments, starts, index):
    """One of the objectives, and the size of the terms of its gradient at its start."""
    some = jax.tree.map(lambda leaf: np.asarray(leaf[index]), arguments)
    return _posed(objective, some, starts[index])


@eqx.filter_jit
def _posed(objective, arguments, start):
    one = objective(*arguments)
    return one, one.gradient_scale(start)
