"""Functions of decaying exponentials that lose no digits as their arguments meet or vanish."""

import numpy as np
from jaxtyping import Float

from homotopy.numerics.namespace import AnyArray, namespace

_VANISHING = 1e-290  # what a product of rate and time is relatively exact above
_ROUNDING = 1e-17  # (1 − e^{−x})/x is 1 to rounding for smaller x


def decay_integral(
    rate: Float[AnyArray, "*#s"], time: Float[AnyArray, "*#s"]
) -> Float[AnyArray, "*#s"]:
    """∫₀ᵗ e^{−λs} ds = (1 − e^{−λt})/λ, for λ ≥ 0; t where λ = 0.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> float(decay_integral(jnp.asarray(0.0), jnp.asarray(3.0)))
    3.0
    """
    xp, product = namespace(rate, time), rate * time
    if xp is np:
        # Accurate for all but products that vanish: in half the operations of what JAX can
        # differentiate.
        integral = np.expm1(-product) / np.where(rate == 0.0, -1.0, -rate)
        return np.where(product <= _VANISHING, time, integral)
    small = product < 1e-8
    safe = xp.where(small, 1.0, product)
    # t(1 − λt/2) is exact to rounding there, and keeps the derivative in t.
    return xp.where(small, time * (1.0 - 0.5 * product), -xp.expm1(-safe) * (time / safe))


def divided_difference(
    first: Float[AnyArray, "*#s"], second: Float[AnyArray, "*#s"], time: Float[AnyArray, "*#s"]
) -> Float[AnyArray, "*#s"]:
    """∫₀ᵗ e^{−a(t−s)} e^{−bs} ds = (e^{−bt} − e^{−at})/(a − b), for a, b ≥ 0; t e^{−at} at a = b.

    Minus the divided difference of λ ↦ e^{−λt} at a and b (theory §3).
    """
    xp = namespace(first, second, time)
    slower = xp.minimum(first, second)
    return xp.exp(-slower * time) * decay_integral(xp.abs(first - second), time)


def divided_differences(
    slower: Float[np.ndarray, " q"], apart: Float[np.ndarray, " q"], times: Float[np.ndarray, " m"]
) -> Float[np.ndarray, "m q"]:
    """`divided_difference` of many pairs at ascending times, by NumPy in place.

    Parameters
    ----------
    slower, apart : (q,)
        min(a, b) and |a − b| of each pair.
    times : (m,)

    Examples
    --------
    >>> one = np.ones(1)
    >>> bool(divided_differences(one, 0.0 * one, one)[0, 0] == np.exp(-1.0))
    True
    """
    values = np.multiply.outer(times, -apart)
    np.expm1(values, out=values)
    # Two rates as close as that have a difference of t e^{−bt}, to rounding. Where a product of
    # others could vanish in spite of it, times are from 10⁻²⁷⁰ to 1.
    same = apart * times[-1] <= _ROUNDING
    values /= np.where(same, 1.0, -apart)
    values[:, same] = times[:, None]
    decay = np.multiply.outer(times, -slower)
    values *= np.exp(decay, out=decay)
    return values
