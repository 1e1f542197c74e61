"""Where the path of minima θ(ε·1) ends in a fold, as ε falls, and goes on from another minimum."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy.problem import Problem

_RETURNS = 1e-5  # of 1 + ‖θ‖: how near to where it came from a path is that has no fold
_BRACKET = 1e-3  # relative width of a fold's bracket, inside which Newton's method finds it
_NEWTON_STEPS = 20
_STILL = 1e-13  # relative size of the last of them


@dataclasses.dataclass(frozen=True)
class Fold:
    """A minimum ends at ε = `at`, as ε falls.

    Attributes
    ----------
    at : float
    theta_above : (d,)
        The minimum that ends there: the limit from above.
    theta_below : (d,)
        What the risk leads down to from there.
    """

    at: float
    theta_above: Float[np.ndarray, " d"]
    theta_below: Float[np.ndarray, " d"]


def folds(
    problem: Problem,
    minimum: Callable[[float, np.ndarray], np.ndarray],
    theta: Float[np.ndarray, " d"],
    grid: Float[np.ndarray, " g"],
) -> list[Fold]:
    """The folds of the minima that are met on the way down the grid, from its largest number.

    Between two numbers of the grid there is one where the way back leads elsewhere. A branch that
    is left and met again within a step of the grid is not seen.

    Parameters
    ----------
    problem : Problem
    minimum : function
        Of ε and a start: the minimum downhill of it.
    theta : (d,)
        The minimum at grid[0].
    grid : (g,)
        Falling.
    """
    found = []
    for upper, lower in itertools.pairwise(grid.tolist()):
        below = minimum(lower, theta)
        while not _near(minimum(upper, below), theta):
            fold = _located(problem, minimum, (upper, theta), (lower, below))
            found.append(fold)
            # The branch fallen to is followed from the fold on: it may have one of its own.
            upper, theta = fold.at, fold.theta_below
            below = minimum(lower, theta)
        theta = below
    return found


def _near(theta, other) -> bool:
    return bool(np.linalg.norm(theta - other) <= _RETURNS * (1.0 + np.linalg.norm(other)))


def _located(problem, minimum, above, beneath) -> Fold:
    """Bisection to a bracket, then Newton's method for ∇R = 0, λ_min(∇²R) = 0 in (θ, ε)."""
    (upper, theta), (lower, below) = above, beneath
    while upper - lower > _BRACKET * upper:
        middle = 0.5 * (upper + lower)
        there = minimum(middle, theta)
        if _near(minimum(upper, there), theta):
            upper, theta = middle, there
        else:
            lower, below = middle, there
    at, ends = upper, theta
    for _ in range(_NEWTON_STEPS):
        step = np.asarray(_newton_step(problem, ends, np.asarray(at)))
        ends, at = ends + step[:-1], at + float(step[-1])
        if np.linalg.norm(step) <= _STILL * (1.0 + np.linalg.norm(ends)):
            break
    width = upper - lower
    if not lower - width <= at <= upper or not np.all(np.isfinite(ends)):
        at, ends = upper, theta  # no fold of one eigenvalue: as near as the bracket tells
    return Fold(at, ends, minimum(at, below))


@eqx.filter_jit
def _newton_step(problem, theta: Float[Array, " d"], at: Float[Array, ""]):
    """Of the d + 1 equations of a fold, in θ and ε."""
    ones = jnp.ones(problem.size)

    def gradient(theta, at):
        return jax.grad(problem.weighted_risk)(theta, at * ones)

    hessian = jax.jacfwd(gradient)(theta, at)
    values, vectors = jnp.linalg.eigh(hessian)
    flat = vectors[:, 0]

    def bend(theta, at):
        """λ_min to first order, by its eigenvector."""
        return flat @ jax.jvp(lambda theta: gradient(theta, at), (theta,), (flat,))[1]

    rows = jnp.concatenate([hessian, jax.grad(bend)(theta, at)[None]])
    column = jnp.append(jax.jacfwd(gradient, 1)(theta, at), jax.grad(bend, 1)(theta, at))
    residual = jnp.append(gradient(theta, at), values[0])
    return -jnp.linalg.solve(jnp.concatenate([rows, column[:, None]], axis=1), residual)
