"""Functions of decaying exponentials that lose no digits as their arguments meet or vanish."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def decay_integral(rate: Float[Array, "*#s"], time: Float[Array, "*#s"]) -> Float[Array, "*#s"]:
    """∫₀ᵗ e^{−λs} ds = (1 − e^{−λt})/λ, for λ ≥ 0; t where λ = 0.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> float(decay_integral(jnp.asarray(0.0), jnp.asarray(3.0)))
    3.0
    """
    product = rate * time
    small = product < 1e-8
    safe = jnp.where(small, 1.0, product)
    # t(1 − λt/2) is exact to rounding there, and keeps the derivative in t.
    return jnp.where(small, time * (1.0 - 0.5 * product), -jnp.expm1(-safe) * (time / safe))


def divided_difference(
    first: Float[Array, "*#s"], second: Float[Array, "*#s"], time: Float[Array, "*#s"]
) -> Float[Array, "*#s"]:
    """∫₀ᵗ e^{−a(t−s)} e^{−bs} ds = (e^{−bt} − e^{−at})/(a − b), for a, b ≥ 0; t e^{−at} at a = b.

    Minus the divided difference of λ ↦ e^{−λt} at a and b (theory §3).
    """
    slower = jnp.minimum(first, second)
    return jnp.exp(-slower * time) * decay_integral(jnp.abs(first - second), time)
