"""A stationary point of a smooth function, from far away."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Float

from homotopy._checks import concrete
from homotopy.minima.newton import to_stationary_point
from homotopy.minima.result import SHORT, SINGULAR
from homotopy.precision import reachable


def stationary_point(
    risk: Callable[[Float[Array, " d"]], Float[Array, ""]],
    theta0: Float[Array, " d"],
    max_steps: int = 10_000,
) -> Float[Array, " d"]:
    """Minimise by BFGS from θ₀, then finish by Newton's method on the gradient.

    Parameters
    ----------
    risk : callable
        Compiled once for each function; a pytree that is callable (a method of a module, an
        `equinox.Partial`) once for all of its structure and shapes.
    theta0 : (d,)
    max_steps : int
        Of BFGS.

    Raises
    ------
    RuntimeError
        Where the gradient does not vanish to rounding, neither method comes to rest, or Newton's
        step is long: a risk without a minimiser has a gradient that vanishes at infinity.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> round(float(stationary_point(lambda t: (t[0] - 2.0) ** 2, jnp.zeros(1))[0]), 12)
    2.0
    """
    best, residual, allowed, at_rest = _descend(risk, theta0, max_steps)
    known = concrete(residual)
    if known is not None and not (known <= concrete(allowed) and concrete(at_rest)):
        moving = "" if concrete(at_rest) else " and still moving"
        raise RuntimeError(
            f"no stationary point was reached from theta0: the gradient norm is {known:.3g}"
            f"{moving} after {max_steps} steps at most; start nearer, or add a ridge."
        )
    return best


@eqx.filter_jit
def _descend(risk, theta0, max_steps):
    """The best point found; the gradient's norm, what it may be, and whether an end was reached."""
    gradient = jax.grad(risk)
    dtype = theta0.dtype
    descent = optx.minimise(
        lambda theta, _: risk(theta),
        optx.BFGS(rtol=float(reachable(1e-9, dtype)), atol=float(reachable(1e-12, dtype))),
        theta0,
        max_steps=max_steps,
        throw=False,
    )
    near, resting = to_stationary_point(risk, descent.value, max_steps=50)
    best = jnp.where(
        jnp.linalg.norm(gradient(near)) <= jnp.linalg.norm(gradient(descent.value)),
        near,
        descent.value,
    )
    allowed = reachable(1e-8, dtype) * (1.0 + jnp.linalg.norm(gradient(theta0)))
    at_rest = (descent.result == optx.RESULTS.successful) | resting
    at_rest &= _step_is_short(gradient, best, jnp.linalg.norm(best - theta0))
    return best, jnp.linalg.norm(gradient(best)), allowed, at_rest


def _step_is_short(gradient, theta, moved):
    """Whether Newton's step is, where the risk is curved: the gradient also vanishes at infinity.

    Where it is flat to rounding in all directions, only what has not moved is at rest.
    """
    values, vectors = jnp.linalg.eigh(jax.jacfwd(gradient)(theta))
    largest = jnp.max(jnp.abs(values))
    curved = jnp.abs(values) > SINGULAR * largest
    step = jnp.where(curved, vectors.T @ gradient(theta), 0.0) / jnp.where(curved, values, 1.0)
    size = jnp.maximum(jnp.linalg.norm(theta), moved)
    return (jnp.linalg.norm(step) <= SHORT * (size + SHORT)) & ((largest > 0.0) | (moved == 0.0))
