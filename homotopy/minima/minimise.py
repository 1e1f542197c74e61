"""Minima of many functions of a kind, to rounding, each downhill of its own start."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy.minima.newton import downhill
from homotopy.minima.objective import AbstractObjective
from homotopy.minima.result import DENSE, Minimum
from homotopy.minima.trust_region import by_trust_region, downhill_by_products
from homotopy.numerics.threads import interruptible
from homotopy.precision import reachable

_BATCH = 2**23  # numbers in the derivatives of the objectives that are worked on together


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
    minimum that can be reached downhill. Outside `jax.jit`.

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
    if dimension > DENSE:
        done = []
        for index in range(count):
            one, scale = _posed(objective, arguments, starts, np.asarray(index))
            least = float(tolerance) * float(scale)
            at, steps = by_trust_region(one, starts[index], least, max_steps)
            done.append(downhill_by_products(one, at, tolerance, np.asarray(steps)))
            report(index + 1)
        return _as_arrays(jax.tree.map(lambda *leaves: np.stack(leaves), *done))
    batch = max(1, _BATCH // (dimension * max(dimension, size)))
    batch = min(batch, count)

    def downhill_from(starts, most):
        found = interruptible(
            _downhill_of_each, objective, arguments, starts, tolerance, most, batch
        )
        return jax.tree.map(np.array, found)

    found = downhill_from(starts, np.full(count, max_steps))
    left = ~(found.stationary & found.definite)
    done = int(count - left.sum())
    report(done)
    if not np.any(left):
        return _as_arrays(found)
    at, steps = found.theta.copy(), np.zeros(count, int)
    for index in np.flatnonzero(left):
        one, scale = _posed(objective, arguments, starts, np.asarray(index))
        least = float(tolerance) * float(scale)
        at[index], steps[index] = by_trust_region(one, starts[index], least, max_steps)
        done += 1
        report(done)
    # The same program, which takes no step from where one came to rest.
    last = downhill_from(at, np.where(left, max_steps, 0))
    last.steps[:] += steps
    for leaf, new in zip(jax.tree.leaves(found), jax.tree.leaves(last), strict=True):
        leaf[left] = new[left]
    return _as_arrays(found)


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


def _as_arrays(found: Minimum) -> Minimum:
    return jax.tree.map(jnp.asarray, found)
