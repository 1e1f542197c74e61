"""Stationary points of a smooth risk."""

from collections.abc import Callable

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

    Raises
    ------
    RuntimeError
        Where the gradient does not vanish to rounding (as when the risk has no minimiser).

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> round(float(stationary_point(lambda t: (t[0] - 2.0) ** 2, jnp.zeros(1))[0]), 12)
    2.0
    """
    gradient = jax.grad(risk)
    descent = optx.minimise(
        lambda theta, _: risk(theta),
        optx.BFGS(rtol=1e-9, atol=1e-12),
        theta0,
        max_steps=max_steps,
        throw=False,
    )
    newton = optx.root_find(
        lambda theta, _: gradient(theta),
        optx.Newton(rtol=1e-13, atol=1e-13),
        descent.value,
        max_steps=50,
        throw=False,
    )
    best = jnp.where(
        jnp.linalg.norm(gradient(newton.value)) <= jnp.linalg.norm(gradient(descent.value)),
        newton.value,
        descent.value,
    )
    residual, start = jnp.linalg.norm(gradient(best)), jnp.linalg.norm(gradient(theta0))
    known, scale = concrete(residual), concrete(start)
    if known is not None and scale is not None and not known <= 1e-8 * (1.0 + scale):
        raise RuntimeError(
            f"no stationary point was reached from theta0: the gradient norm is {known:.3g} "
            f"after {max_steps} steps at most; start nearer, or add a ridge."
        )
    return best
