"""Steps of projected descent, and of the scalars that certify deletions, in one compiled loop."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from homotopy.models import LinearModel
from homotopy.point_gradients import point_gradients
from homotopy.problem import Problem
from homotopy.unlearning.training_methods import AbstractDescent, ProjectedSGD

_PART = 1024  # steps of one call


class Bounds(NamedTuple):
    """Of the Hessian without the deleted rows.

    Attributes
    ----------
    lower : (k, n)
        Its eigenvalues are not below: without each row alone, and, the last, whatever is deleted.
    upper : float
        And not above.
    points : (n,), optional
        With batches: the curvature of each row. Above (n/b) times the sum of a batch's, and
        `upper`, which is then that of the ridge, its eigenvalues are not.
    """

    lower: Float[np.ndarray, "k n"]
    upper: float
    points: Float[np.ndarray, " n"] | None = None


def row_scales(problem: Problem) -> Float[np.ndarray, " n"]:
    """What the scalars are in: ‖x_i‖ of linear models, so that a step need not multiply by it."""
    if not isinstance(problem.model, LinearModel):
        return np.ones(problem.size)
    return np.linalg.norm(np.asarray(problem.X, float), axis=1)


def advance(
    problem: Problem,
    method: AbstractDescent,
    theta: Float[Array, " d"],
    scalars: Float[Array, "j n"] | None,
    bounds: Bounds | None,
    first: int,
    last: int,
    weights: Float[np.ndarray, " n"],
) -> tuple[Float[Array, " d"], Float[Array, "j n"] | None]:
    """Steps first ≤ t < last from θ, on Σ weights ∇ℓ_i; the same however they are divided.

    The scalars are, in units of `row_scales`, the rows s ← q s + η‖∇ℓ_i‖, one for each of
    `bounds.lower`, and below them max ‖∇ℓ_i‖. Without `bounds` there are no sums, without `scalars`
    nothing is kept.
    """
    lower = np.zeros((0, problem.size)) if bounds is None else bounds.lower
    upper = 0.0 if bounds is None else bounds.upper
    points = None if bounds is None or bounds.points is None else jnp.asarray(bounds.points)
    numbers = [jnp.asarray(part, theta.dtype) for part in (lower, upper, method.radius)]
    weights = jnp.asarray(weights, theta.dtype)
    for begin in range(first, last, _PART):
        end = min(begin + _PART, last)
        sizes = np.zeros(_PART)
        sizes[: end - begin] = method.sizes(begin, end)
        batches, count = None, jnp.asarray(end - begin)
        if isinstance(method, ProjectedSGD):
            rows = np.zeros((_PART, method.batch_size), int)
            rows[: end - begin] = batches_of(method, problem.size, begin, end)
            batches = jnp.asarray(rows)
        sizes = jnp.asarray(sizes, theta.dtype)
        theta, scalars = _advance(
            problem, theta, scalars, *numbers, points, sizes, batches, count, weights,
            method.constant,
        )  # fmt: skip
    return theta, scalars


def batches_of(method: ProjectedSGD, size: int, first: int, last: int) -> Int[np.ndarray, "m b"]:
    """The rows of the batches of steps first ≤ t < last."""
    return method.sampling.batches(method.seed, size, method.batch_size, first, last)


@eqx.filter_jit
def _advance(
    problem, theta, scalars, lower, upper, radius, points, sizes, batches, count, weights,
    constant,
):  # fmt: skip
    linear = isinstance(problem.model, LinearModel)
    scale = 1.0 if batches is None else problem.size / batches.shape[1]
    # Of constant steps the factors are the same in all, and computed once.
    fixed = _factors(sizes[0], lower, upper)

    def step(t, state):
        theta, kept = state
        rows = None if batches is None else batches[t]
        here = weights if rows is None else weights[rows]
        gradient, lengths = _gradients(problem, theta, rows, here, linear)
        if kept is not None:
            if rows is None:
                factors = fixed if constant else _factors(sizes[t], lower, upper)
                kept = _kept(kept, factors, sizes[t], lengths)
            else:
                above = upper if points is None else upper + scale * jnp.sum(points[rows])
                met = jnp.zeros_like(weights).at[rows].max(lengths)
                sums = jnp.zeros_like(weights).at[rows].add(scale * lengths)
                factors = _factors(sizes[t], lower, above)
                kept = _kept(kept, factors, sizes[t], met, sums)
        theta = theta - sizes[t] * (scale * gradient + problem.ridge * theta)
        size = jnp.linalg.norm(theta)
        return jnp.where(size > radius, radius / size, 1.0) * theta, kept

    return jax.lax.fori_loop(0, count, step, (theta, scalars))


def _factors(eta, lower, upper):
    """sup |1 − ηh|, lower ≤ h ≤ upper; and a row for what does not contract."""
    factors = jnp.maximum(jnp.abs(1.0 - eta * lower), jnp.abs(1.0 - eta * upper))
    return jnp.concatenate([factors, jnp.zeros_like(factors, shape=(1, lower.shape[1]))])


def _kept(kept, factors, eta, lengths, sums=None):
    """The scalars after a step: one loop over all of them, the last row a maximum."""
    last = jnp.arange(kept.shape[0])[:, None] == kept.shape[0] - 1
    added = eta * (lengths if sums is None else sums)
    return jnp.where(last, jnp.maximum(kept, lengths[None]), factors * kept + added[None])


def _gradients(problem, theta, rows, weights, linear):
    """Σ weights ∇ℓ_i over the rows, and ‖∇ℓ_i‖ of each, of linear models without ‖x_i‖."""
    if not linear:
        each = point_gradients(problem, theta, rows)
        return weights @ each, jnp.linalg.norm(each, axis=1)
    X, targets = problem.X, problem.targets
    if rows is not None:
        X, targets = X[rows], targets[rows]
    slopes = jax.vmap(problem.point_loss.gradient)(X @ theta, targets)
    return (weights * slopes) @ X, jnp.abs(slopes)


def weighted_gradient(problem, theta, rows, weights, linear: bool) -> Float[Array, " d"]:
    """Σ weights ∇ℓ_i over rows, or over all where they are None; differentiable in all of it."""
    return _gradients(problem, theta, rows, weights, linear)[0]


def contraction(
    method, first: int, last: int, lower: float, upper: float, points=None, size: int = 0
) -> Float[np.ndarray, " m"]:
    """The logarithms of q_t = sup |1 − ηh|, lower ≤ h ≤ upper, of steps first ≤ t < last.

    Of batches, with `points`, (n/b)Σ of the batch's curvatures are added to `upper`.
    """
    sizes = method.sizes(first, last)
    if points is not None and isinstance(method, ProjectedSGD):
        rows = batches_of(method, size, first, last)
        upper = upper + size / method.batch_size * points[rows].sum(axis=1)
    return log_factor(sizes, lower, upper)


def log_factor(sizes, lower, upper):
    """log max(|1 − η lower|, |1 − η upper|), to its own digits where it is near 0."""
    near, far = sizes * lower, sizes * upper
    with np.errstate(divide="ignore"):
        by_lower = np.where(
            near < 1.0, np.log1p(-np.minimum(near, 1.0)), np.log(np.abs(1.0 - near))
        )
        by_upper = np.where(far < 1.0, np.log1p(-np.minimum(far, 1.0)), np.log(np.abs(1.0 - far)))
    return np.maximum(by_lower, by_upper)
