"""Counts: the Poisson deviance with logarithmic link."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, Shaped

from homotopy._checks import concrete
from homotopy.losses.base import AbstractLoss
from homotopy.losses.divergence import exponential_remainder
from homotopy.losses.targets import check_finite, check_scalars, reject


class Poisson(AbstractLoss):
    """Half the Poisson deviance, e^ŷ − y − y(ŷ − log y), of the logarithm ŷ of a rate and a y ≥ 0.

    It is −log of the probability of the count y, up to a constant that makes it zero where e^ŷ = y.
    Without a ridge a risk lacks a minimum where the rates of some points with y = 0 can fall to
    zero while no other rate changes.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> loss = Poisson()
    >>> print(f"{loss.value(jnp.asarray(0.0), jnp.asarray(3)):.4f}")
    1.2958
    >>> float(loss.gradient(jnp.asarray(0.0), jnp.asarray(3)))
    -2.0
    """

    may_recede: ClassVar[bool] = True
    recession: ClassVar[str] = "the rates of points with y = 0 can fall to 0, and no other changes"

    def value(self, prediction: Float[Array, ""], target: Num[Array, ""]) -> Float[Array, ""]:
        # y(e^z − 1 − z) with z = ŷ − log y: no cancellation where the rate is near the count.
        counted, known, above = _compared(prediction, target)
        far = jnp.where(counted, jnp.exp(prediction) - known - known * above, jnp.exp(prediction))
        near = counted & (jnp.abs(above) < 0.5)
        return jnp.where(near, known * exponential_remainder(jnp.where(near, above, 0.0)), far)

    def gradient(self, prediction: Float[Array, ""], target: Num[Array, ""]) -> Float[Array, ""]:
        counted, known, above = _compared(prediction, target)
        return jnp.where(counted, known * jnp.expm1(above), jnp.exp(prediction))

    def hessian(self, prediction: Float[Array, ""], target: Num[Array, ""]) -> Float[Array, ""]:
        return jnp.exp(prediction)

    def bregman(
        self,
        prediction: Float[Array, ""],
        reference: Float[Array, ""],
        target: Num[Array, ""],
    ) -> Float[Array, ""]:
        return jnp.exp(reference) * exponential_remainder(prediction - reference)

    def logits(self, prediction: Float[Array, ""]) -> Float[Array, " c"]:
        return jnp.stack([jnp.zeros_like(prediction), prediction])

    def probabilities(self, target: Num[Array, ""], count: int) -> Float[Array, " c"]:
        # Where y > 0 the rate may neither fall nor rise, as where two classes share a label.
        share = 0.5 * (target > 0).astype(float)
        return jnp.stack([1.0 - share, share])

    def means(self, prediction: Float[Array, ""]) -> Float[Array, " c"]:
        return jnp.exp(prediction)[None]

    def falls(self, prediction: Float[Array, ""], by: Float[Array, ""]) -> Float[Array, " c"]:
        return -by[None]

    def validate(
        self,
        y: Shaped[Array | np.ndarray, " n *k"],
        output_shape: tuple[int, ...] | None = None,
    ) -> None:
        check_scalars("Poisson", y, output_shape, "the logarithm of the rate")
        values = concrete(y)
        check_finite("Poisson", values)
        if values is not None:
            reject("Poisson", values, values < 0, "counts >= 0")


def _compared(prediction, target):
    """Whether y > 0, then y (else 1) and how far ŷ is above log y."""
    y = target.astype(prediction.dtype)
    counted = y > 0
    known = jnp.where(counted, y, 1.0)
    return counted, known, prediction - jnp.log(known)
