"""Downhill over any curvature: SciPy's trust-region methods on compiled functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jaxtyping import Array, Float, Int

from homotopy.minima.objective import AbstractObjective
from homotopy.minima.result import Minimum, ended
from homotopy.numerics.conjugate_gradient import conjugate_gradient, from_zero

_EXACT = 50  # dimension up to which Hessians are factorised at every step: past it Krylov spaces
_TINY = float(np.finfo(float).tiny)
_DIGITS, _PRODUCTS = 1e-3, 500  # of a Newton step by conjugate gradients


def by_trust_region(
    objective: Callable[[Float[Array, " d"]], Float[Array, ""]],
    start: Float[Array | np.ndarray, " d"],
    least: float,
    max_steps: int,
) -> tuple[Float[np.ndarray, " d"], int]:
    """Downhill of the start, over whatever curvature lies on the way: where it ended, and steps.

    Outside `jax.jit`. It ends where the gradient's norm is at most `least`; before that after
    `max_steps`, where a Hessian on the way is not finite, and where SciPy finds no step. Whether
    it is a minimum is for the caller to see.

    Parameters
    ----------
    objective : callable
        A pytree, so that another of its structure compiles nothing.
    start : (d,)
    least : float
    max_steps : int

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> at, _ = by_trust_region(lambda t: jnp.cos(t[0]), jnp.array([0.1]), 1e-9, 100)
    >>> round(float(at[0]), 6)
    3.141593
    """
    theta, steps, compiled = np.asarray(start), 0, _Compiled(objective)

    def remember(intermediate_result):
        nonlocal theta, steps
        theta, steps = intermediate_result.x, steps + 1

    def own(vector):
        return np.asarray(vector, start.dtype)  # SciPy computes in float64

    def value(at):
        if not np.all(np.isfinite(at)):
            raise _NoStep
        return compiled.value_and_gradient(own(at))

    def descend(method, **curvature):
        scipy.optimize.minimize(
            value,
            theta,
            jac=True,
            method=method,
            # Not zero, as it is where all terms are: at a gradient of zero there is no step.
            options={"gtol": max(least, _TINY), "maxiter": max_steps - steps},
            callback=remember,
            **curvature,
        )

    def by_factors() -> bool:
        """Whether SciPy came to an end of its own."""
        try:
            descend("trust-exact", hess=lambda at: compiled.hessian(own(at)))
        except (UnboundLocalError, ValueError):
            # What it raises where no shift of the Hessian that it tries gives it a step: beside a
            # saddle whose gradient is rounding next to its curvature, where a radius underflows.
            return False
        return True

    # SciPy's Krylov solver makes NaNs and overflows of its own on the way.
    with np.errstate(invalid="ignore", over="ignore"):
        try:
            if start.size > _EXACT or not by_factors():
                descend("trust-krylov", hessp=lambda at, v: compiled.product(own(at), own(v)))
        except (_NotFinite, _NoStep):
            pass
    known = np.all(np.isfinite(theta))
    return np.asarray(theta if known else start, start.dtype), steps


class _NotFinite(Exception):
    """A Hessian has entries that are no numbers, of which SciPy makes errors of many kinds."""


class _NoStep(Exception):
    """SciPy's Krylov solver has made NaNs of a step, often at the last digits of a minimum.

    Its trust region stays as it is then, and all further steps are the same.
    """


@eqx.filter_jit
def downhill_by_products(
    objective: AbstractObjective,
    theta: Float[Array | np.ndarray, " d"],
    tolerance: Float[Array | np.ndarray, ""],
    steps: Int[Array | np.ndarray, ""],
) -> Minimum:
    """The last digits of a minimum near θ, without the matrix; `steps` were taken before.

    Newton's steps by conjugate gradients, for as long as the gradient halves.
    """
    gradient = jax.grad(objective)

    def improve(state):
        theta, slope, _, _, steps = state
        right = from_zero(slope[None])
        found = conjugate_gradient(
            lambda rows: _hessian_product(objective, theta, rows[0])[None],
            right,
            _DIGITS * right.norm,
            _PRODUCTS,
        )
        step, convex = found.solution[0], ~found.indefinite[0]
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
    theta, slope, definite, _, more = jax.lax.while_loop(
        lambda state: ~state[3] & (state[4] < 20), improve, start
    )
    return ended(objective, theta, slope, definite, steps + more, tolerance)


def _hessian_product(objective, theta, vector):
    return jax.jvp(jax.grad(objective), (theta,), (vector,))[1]


class _Compiled:
    """An objective with derivatives as NumPy's, by programs that its structure alone decides.

    They are JAX's own, of arrays in a list: what `filter_jit` does at every call takes longer than
    a product with the Hessian of some hundred points.
    """

    def __init__(self, objective):
        dynamic, static = eqx.partition(objective, eqx.is_array)
        self._arrays, structure = jax.tree.flatten(dynamic)
        kept, outline = jax.tree.flatten(static)
        kinds = tuple(map(type, kept))  # 1 and True are equal
        self._programs = _programs(structure, outline, tuple(kept), kinds)

    def value_and_gradient(self, theta):
        value, gradient = self._programs[0](self._arrays, theta)
        value, gradient = float(value), np.asarray(gradient)
        if np.isfinite(value) and np.all(np.isfinite(gradient)):
            return value, gradient
        # Not a NaN, after which the radius would stay as it is: the step was too long.
        return np.inf, np.zeros_like(gradient)

    def hessian(self, theta):
        hessian = np.asarray(self._programs[1](self._arrays, theta))
        if not np.all(np.isfinite(hessian)):
            raise _NotFinite
        return hessian

    def product(self, theta, vector):
        product = np.asarray(self._programs[2](self._arrays, theta, vector))
        if not np.all(np.isfinite(product)) and np.all(np.isfinite(vector)):
            raise _NotFinite
        return product


@lru_cache(maxsize=64)
def _programs(structure, outline, kept, kinds):
    """The value with its gradient, the Hessian, and a product with it."""
    static = jax.tree.unflatten(outline, kept)

    def of(function):
        def whole(arrays, *given):
            objective = eqx.combine(jax.tree.unflatten(structure, arrays), static)
            return function(objective, *given)

        return jax.jit(whole)

    return (
        of(lambda objective, theta: jax.value_and_grad(objective)(theta)),
        of(lambda objective, theta: jax.hessian(objective)(theta)),
        of(_hessian_product),
    )
