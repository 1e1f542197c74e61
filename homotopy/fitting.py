"""Stationary points of a smooth risk."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Float

from homotopy._checks import concrete


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
        Where the gradient does not vanish to rounding, or neither method comes to rest: a risk
        without a minimiser, as the logistic one of separable classes, has a gradient that
        vanishes at infinity.

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
    # What is asked for is within the reach of float64; of other dtypes, what they can reach.
    rounding = 64.0 * float(jnp.finfo(theta0.dtype).eps)
    descent = optx.minimise(
        lambda theta, _: risk(theta),
        optx.BFGS(rtol=max(1e-9, rounding), atol=max(1e-12, rounding)),
        theta0,
        max_steps=max_steps,
        throw=False,
    )
    newton = optx.root_find(
        lambda theta, _: gradient(theta),
        optx.Newton(rtol=max(1e-13, rounding), atol=max(1e-13, rounding)),
        descent.value,
        max_steps=50,
        throw=False,
    )
    best = jnp.where(
        jnp.linalg.norm(gradient(newton.value)) <= jnp.linalg.norm(gradient(descent.value)),
        newton.value,
        descent.value,
    )
    allowed = max(1e-8, rounding) * (1.0 + jnp.linalg.norm(gradient(theta0)))
    successful = optx.RESULTS.successful
    at_rest = (descent.result == successful) | (newton.result == successful)
    return best, jnp.linalg.norm(gradient(best)), allowed, at_rest
