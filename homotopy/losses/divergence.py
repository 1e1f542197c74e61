"""Bregman divergences of exponentials, without the cancellation of their definition."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def softmax_divergence(
    prediction: Float[Array, " k"], reference: Float[Array, " k"]
) -> Float[Array, ""]:
    """Bregman divergence of logsumexp, the same for every target: KL(softmax(ŷ') ‖ softmax(ŷ)).

    With p = softmax(ŷ') and d = ŷ − ŷ' − p·(ŷ − ŷ'), it is log Σ p e^d. As Σ p d = 0 that equals
    log1p(Σ p (e^d − 1 − d)), a sum of positive terms: nearby outputs lose no digits, although the
    definition subtracts numbers that are almost equal.
    """
    log_p = jax.nn.log_softmax(reference)
    p = jnp.exp(log_p)
    change = prediction - reference
    centred = change - jnp.sum(p * change)
    # Again: the rounding of a mean near one would be all there is to a divergence below its square.
    centred = centred - jnp.sum(p * centred)
    # Of an unlikely class p e^d may be next to nothing where e^d alone would overflow.
    moderate = jnp.max(log_p + centred) <= 20.0
    apart = moderate & (centred > 20.0)
    grown = jnp.exp(jnp.where(apart, log_p + centred, 0.0)) - p - p * centred
    close = p * exponential_remainder(jnp.where(moderate & ~apart, centred, 0.0))
    near = jnp.log1p(jnp.sum(jnp.where(apart, grown, close)))
    far = jax.scipy.special.logsumexp(log_p + centred)
    return jnp.where(moderate, near, far)


@jax.custom_jvp
def exponential_remainder(x: Float[Array, "*k"]) -> Float[Array, "*k"]:
    """e^x − 1 − x: the Taylor series where the subtraction would cancel."""
    small = jnp.abs(x) < 0.5
    s = jnp.where(small, x, 0.0)
    coefficients = jnp.asarray([1 / math.factorial(m) for m in range(16, 1, -1)], s.dtype)
    series = jnp.polyval(coefficients, s) * s * s
    return jnp.where(small, series, jnp.expm1(jnp.where(small, 0.0, x)) - x)


@exponential_remainder.defjvp
def _slope_of_remainder(at, along):
    # e^x − 1, which the derivative of the series would be in many more operations.
    (x,), (by,) = at, along
    return exponential_remainder(x), jnp.expm1(x) * by
