"""∫₀ᵗ e^{−λ(t−τ)} w(τ) dτ for w a polynomial in the Legendre basis, for every rate λ ≥ 0.

With w(τ) = Σ a_m P_m(2τ/t − 1) the integral is t Σ a_m e^{−x} i_m(x), x = λt/2, where i_m is the
modified spherical Bessel function: positive, decreasing in m, no cancellation for any λt.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from homotopy.numerics.gauss_legendre import quadrature, to_coefficients
from homotopy.numerics.namespace import AnyArray, namespace, scan

_START = 90  # of the downward recurrence
_LARGE = 100.0  # beyond which the upward recurrence is stable for the degrees in use


class CollocationRule(NamedTuple):
    """Polynomials through the Gauss nodes of a step, and their parts up to each node and its end.

    Attributes
    ----------
    nodes, weights : (n,)
        Of Gauss and Legendre, on [0, 1].
    to_coefficients : (n, n)
        From values at the nodes to Legendre coefficients.
    ends : (n + 1,)
        The nodes, and 1.
    restrictions : (n + 1, n, n)
        From values at the nodes to the coefficients of the same polynomial on [0, end].
    """

    nodes: np.ndarray
    weights: np.ndarray
    to_coefficients: np.ndarray
    ends: np.ndarray
    restrictions: np.ndarray


def collocation_rule(count: int) -> CollocationRule:
    """Of so many nodes."""
    nodes, weights = quadrature(count)
    interpolated = to_coefficients(count)
    ends = np.append(nodes, 1.0)
    parts = [np.polynomial.legendre.legvander(2 * end * nodes - 1, count - 1) for end in ends]
    restrictions = np.stack([interpolated @ part @ interpolated for part in parts])
    return CollocationRule(nodes, weights, interpolated, ends, restrictions)


def legendre_values(position: Float[AnyArray, "*s"], count: int) -> Float[AnyArray, "*s count"]:
    """P_0 … P_{count−1} at 2·position − 1."""
    xp = namespace(position)
    x = 2.0 * position - 1.0
    values = [xp.ones_like(x), x]
    for degree in range(1, count - 1):
        values.append(((2 * degree + 1) * x * values[-1] - degree * values[-2]) / (degree + 1))
    return xp.stack(values[:count], axis=-1)


def scaled_spherical_bessel(x: Float[AnyArray, "*s"], count: int) -> Float[AnyArray, "*s count"]:
    """e^{−x} i_m(x), m = 0 … count−1, for x ≥ 0.

    Downward recurrence of the ratios i_m/i_{m−1} for x up to 100; upward recurrence beyond, where
    i_m falls slowly with m.
    """
    return _bessel(x, count) if namespace(x) is np else _differentiable_bessel(x, count)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _differentiable_bessel(x, count):
    return _bessel(x, count)


def _bessel(x, count):
    xp = namespace(x)
    tiny = x < 1e-30
    safe = xp.where(tiny, 1.0, x)
    first = xp.where(tiny, 1.0, -xp.expm1(-2.0 * safe) / (2.0 * safe))

    moderate = xp.minimum(safe, _LARGE)

    _, ratios = scan(
        # Not a function by name: checks of shapes, where they are on, would cost ten times as much.
        lambda ratio, degree: (moderate / (2.0 * degree[0] + 1.0 + moderate * ratio),) * 2,
        xp.zeros_like(x),
        (np.arange(_START, 0, -1),),
    )
    ratios = xp.where(tiny[None], 0.0, ratios[::-1][: count - 1])
    downward = xp.concatenate([first[None], first[None] * xp.cumprod(ratios, axis=0)])

    large = xp.maximum(safe, _LARGE)
    # i_1 = cosh(x)/x − sinh(x)/x²
    upward = [first, (1.0 + xp.exp(-2.0 * large)) / (2.0 * large) - first / large]
    for degree in range(1, count - 1):
        upward.append(upward[-2] - (2 * degree + 1) / large * upward[-1])
    values = xp.where((safe > _LARGE)[None], xp.stack(upward[:count]), downward)
    return xp.moveaxis(values, 0, -1)


@_differentiable_bessel.defjvp
def _scaled_spherical_bessel_jvp(count, primals, tangents):
    """By i_m' = (m i_{m−1} + (m+1) i_{m+1}) / (2m+1), which needs one order more."""
    (x,), (dx,) = primals, tangents
    values = _differentiable_bessel(x, count + 1)
    degree = np.arange(count).reshape((1,) * x.ndim + (count,))
    below = jnp.roll(values, 1, axis=-1)[..., :count]
    neighbours = (degree * below + (degree + 1) * values[..., 1:]) / (2 * degree + 1)
    return values[..., :count], (neighbours - values[..., :count]) * dx[..., None]


def legendre_history(
    rates: Float[AnyArray, " d"],
    duration: Float[AnyArray, "*m"],
    coefficients: Float[AnyArray, "*m count g"],
) -> Float[AnyArray, "*m d g"]:
    """∫₀ᵗ e^{−λ(t−τ)} w(τ) dτ for each rate, with w given by its Legendre coefficients on [0, t].

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> constant = jnp.array([[2.0], [0.0]])
    >>> legendre_history(jnp.zeros(1), jnp.asarray(3.0), constant).tolist()
    [[6.0]]
    """
    kernel = scaled_spherical_bessel(0.5 * duration[..., None] * rates, coefficients.shape[-2])
    return duration[..., None, None] * (kernel @ coefficients)
