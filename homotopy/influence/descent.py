"""Minima of the objectives of retraining, to rounding, from where a model stands.

First Newton's method for many at once, which stops where the Hessian is not positive definite or
no step descends; those that it does not bring to rest go one by one to SciPy's trust-region
methods, and back to Newton's for the last digits. All descend: from a warm start they end in a
minimum that can be reached downhill.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Bool, Float, Int

from homotopy.influence._arguments import reachable
from homotopy.influence.objectives import AbstractObjective
from homotopy.numerics.threads import interruptible

_DENSE = 600  # dimension up to which Hessians are factorised
_EXACT = 50  # and up to which at every step of a trust region: past it Krylov spaces are faster
_SHORT = 1e-4  # of the size of θ: Newton's step at a minimum, by rounding
_BATCH = 2**23  # numbers in the derivatives of the changes that are worked on together


class Minimum(eqx.Module):
    """Where a descent ended.

    Attributes
    ----------
    theta : (d,)
    residual : ()
        ‖∇‖ over the sum of its terms' norms.
    stationary : ()
        Whether that is within the tolerance, or ‖∇‖ within its own rounding.
    definite : ()
        Whether the Hessian is positive definite there, and Newton's step short against θ: it is
        not where the objective falls on for ever, though its gradient vanishes too. Past dimension
        600, whether no conjugate gradient met a direction of negative curvature.
    steps : ()
    """

    theta: Float[Array, "*k d"]
    residual: Float[Array, "*k"]
    stationary: Bool[Array, "*k"]
    definite: Bool[Array, "*k"]
    steps: Int[Array, "*k"]

    @property
    def reached(self) -> Bool[Array, "*k"]:
        """Whether it is a minimum, to the tolerance."""
        return self.stationary & self.definite


def minima(
    objective: Callable[..., AbstractObjective],
    arguments: tuple,
    starts: Float[Array, "k d"],
    tolerance: float,
    max_steps: int,
    report: Callable[[int], None] = lambda done: None,
    size: int = 1,
) -> Minimum:
    """The minima of k objectives, `objective(*arguments[i])`.

    Parameters
    ----------
    objective : callable
        A pytree (an `equinox.Partial`), so that another problem of this shape compiles nothing.
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
    tolerance = reachable(tolerance, starts.dtype)
    if dimension > _DENSE:
        done = []
        for index in range(count):
            one = objective(*jax.tree.map(lambda leaf, i=index: leaf[i], arguments))
            done.append(_by_trust_region(one, starts[index], tolerance, max_steps))
            report(index + 1)
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *done)
    batch = max(1, _BATCH // (dimension * max(dimension, size)))
    found = interruptible(
        _newton_of_each, objective, arguments, starts, tolerance, max_steps, batch
    )
    resting = np.asarray(found.reached)
    report(int(resting.sum()))
    for number, index in enumerate(np.flatnonzero(~resting)):
        one = objective(*jax.tree.map(lambda leaf, i=index: leaf[i], arguments))
        better = _by_trust_region(one, starts[index], tolerance, max_steps)
        found = jax.tree.map(lambda all, new, i=index: all.at[i].set(new), found, better)
        report(int(resting.sum()) + number + 1)
    return found


@eqx.filter_jit
def _newton_of_each(objective, arguments, starts, tolerance, max_steps, batch):
    return jax.lax.map(
        lambda each: _newton(objective(*each[0]), each[1], tolerance, max_steps),
        (arguments, starts),
        batch_size=min(batch, starts.shape[0]),
    )


_newton_jit = eqx.filter_jit(lambda *arguments: _newton(*arguments))


def _newton(objective, start, tolerance, max_steps) -> Minimum:
    """Newton's method with halved steps, while the Hessian is positive definite and they descend.

    It goes on past the tolerance for as long as the gradient halves: to rounding.
    """
    unit = jnp.finfo(start.dtype).eps

    def state_at(theta):
        value, gradient = jax.value_and_grad(objective)(theta)
        return value, gradient

    def improve(state):
        theta, value, gradient, _, _, _, steps = state
        hessian = jax.hessian(objective)(theta)
        lower = jnp.linalg.cholesky(hessian)
        definite = jnp.all(jnp.isfinite(lower))
        safe = jnp.where(definite, lower, jnp.eye(theta.size, dtype=theta.dtype))
        step = -cho_solve((safe, True), gradient)
        slope = jnp.dot(gradient, step)
        flat = 64 * unit * objective.value_scale(theta)

        def shorter(trial):
            length, _, _, accepted, halvings = trial
            length = jnp.where(halvings == 0, 1.0, 0.5 * length)
            there, gradient_there = state_at(theta + length * step)
            descends = there <= value + 1e-4 * length * slope
            # Where values differ by rounding only, the gradient tells.
            flatter = jnp.linalg.norm(gradient_there) <= 0.5 * jnp.linalg.norm(gradient)
            level = jnp.abs(there - value) <= flat
            accepted = jnp.where(level, flatter, descends)
            return length, there, gradient_there, accepted, halvings + 1

        trial = (jnp.ones_like(value), value, gradient, ~definite, jnp.zeros((), int))
        length, there, gradient_there, accepted, _ = jax.lax.while_loop(
            lambda trial: ~trial[3] & (trial[4] < 30), shorter, trial
        )
        moved = definite & accepted
        return (
            jnp.where(moved, theta + length * step, theta),
            jnp.where(moved, there, value),
            jnp.where(moved, gradient_there, gradient),
            definite,
            jnp.linalg.norm(step),
            ~moved,
            steps + 1,
        )

    value, gradient = state_at(start)
    no = jnp.asarray(False)
    state = (start, value, gradient, no, jnp.zeros_like(value), no, jnp.zeros((), int))
    theta, _, gradient, definite, length, _, steps = jax.lax.while_loop(
        lambda state: ~state[5] & (state[6] < max_steps), improve, state
    )
    size = jnp.maximum(jnp.linalg.norm(theta), jnp.linalg.norm(theta - start))
    definite &= length <= _SHORT * size
    return _ended(objective, theta, gradient, definite, steps, tolerance)


def _ended(objective, theta, gradient, definite, steps, tolerance) -> Minimum:
    scale, norm = objective.gradient_scale(theta), jnp.linalg.norm(gradient)
    residual = jnp.where(norm > 0.0, norm / jnp.where(scale > 0.0, scale, 1.0), 0.0)
    stationary = (residual <= tolerance) | (norm <= objective.rounding(theta))
    return Minimum(theta, residual, stationary, definite, steps)


def _by_trust_region(objective, start, tolerance, max_steps) -> Minimum:
    """SciPy's trust-region method for the dimension, and Newton steps for the last digits."""
    scale = float(_scale(objective, start))
    exact = start.size <= _EXACT
    curvature = (
        {"hess": lambda theta: np.asarray(_hessian(objective, theta))}
        if exact
        else {"hessp": lambda theta, v: np.asarray(_product(objective, theta, v))}
    )
    # SciPy's Krylov solver makes NaNs of its own on the way; where it ends is looked at below.
    with np.errstate(invalid="ignore"):
        found = scipy.optimize.minimize(
            lambda theta: _value(objective, theta),
            np.asarray(start),
            jac=True,
            method="trust-exact" if exact else "trust-krylov",
            options={"gtol": tolerance * scale, "maxiter": max_steps},
            **curvature,
        )
    theta = jnp.asarray(found.x, start.dtype)
    theta = jnp.where(jnp.all(jnp.isfinite(theta)), theta, start)
    if start.size <= _DENSE:
        polished = _newton_jit(objective, theta, tolerance, jnp.asarray(max_steps))
    else:
        polished = _newton_krylov(objective, theta, tolerance)
    return eqx.tree_at(lambda m: m.steps, polished, polished.steps + found.nit)


@eqx.filter_jit
def _newton_krylov(objective, theta, tolerance) -> Minimum:
    """Newton steps by conjugate gradients, for as long as the gradient halves."""
    gradient = jax.grad(objective)

    def improve(state):
        theta, slope, _, _, steps = state
        step, convex = _conjugate_gradient(objective, theta, slope)
        there = gradient(theta - step)
        flatter = jnp.linalg.norm(there) <= 0.5 * jnp.linalg.norm(slope)
        return (
            jnp.where(flatter, theta - step, theta),
            jnp.where(flatter, there, slope),
            convex,
            ~flatter | ~convex,
            steps + 1,
        )

    start = (theta, gradient(theta), jnp.asarray(True), jnp.asarray(False), jnp.zeros((), int))
    theta, slope, definite, _, steps = jax.lax.while_loop(
        lambda state: ~state[3] & (state[4] < 20), improve, start
    )
    return _ended(objective, theta, slope, definite, steps, tolerance)


def _conjugate_gradient(objective, theta, right, rtol=1e-3, max_steps=500):
    """H⁻¹b to a few digits, and whether all curvature met was positive."""

    def advance(state):
        x, r, p, squared, _, steps = state
        product = _hessian_product(objective, theta, p)
        curvature = jnp.dot(p, product)
        convex = curvature > 0.0
        length = jnp.where(convex, squared / jnp.where(convex, curvature, 1.0), 0.0)
        x, r = x + length * p, r - length * product
        now = jnp.dot(r, r)
        return x, r, r + (now / squared) * p, now, convex, steps + 1

    squared = jnp.dot(right, right)
    start = (jnp.zeros_like(right), right, right, squared, squared >= 0.0, jnp.zeros((), int))
    x, _, _, _, convex, _ = jax.lax.while_loop(
        lambda s: (s[3] > rtol**2 * squared) & s[4] & (s[5] < max_steps), advance, start
    )
    return x, convex


def _hessian_product(objective, theta, vector):
    return jax.jvp(jax.grad(objective), (theta,), (vector,))[1]


@eqx.filter_jit
def _value_and_gradient(objective, theta):
    return jax.value_and_grad(objective)(theta)


def _value(objective, theta):
    value, gradient = _value_and_gradient(objective, theta)
    return float(value), np.asarray(gradient)


@eqx.filter_jit
def _scale(objective, theta):
    return objective.gradient_scale(theta)


@eqx.filter_jit
def _hessian(objective, theta):
    return jax.hessian(objective)(theta)


@eqx.filter_jit
def _product(objective, theta, vector):
    return _hessian_product(objective, theta, vector)
