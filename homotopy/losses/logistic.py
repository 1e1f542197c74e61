"""The cross-entropy of two classes."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, Shaped

from homotopy._checks import concrete
from homotopy.losses.base import AbstractLoss
from homotopy.losses.divergence import softmax_divergence
from homotopy.losses.targets import check_scalars, reject


class Logistic(AbstractLoss):
    """The logistic loss log(1 + e^ŷ) − yŷ of a logit ŷ and a label y in {0, 1}.

    It is evaluated as softplus(sŷ) with s = 1 − 2y, which keeps all its digits for confident
    predictions, right or wrong.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> loss = Logistic()
    >>> print(f"{loss.value(jnp.asarray(0.0), jnp.asarray(1)):.4f}")
    0.6931
    >>> print(f"{loss.gradient(jnp.asarray(0.0), jnp.asarray(1)):.1f}")
    -0.5
    """

    has_classes: ClassVar[bool] = True
    may_recede: ClassVar[bool] = True

    def value(self, prediction: Float[Array, ""], target: Num[Array, ""]) -> Float[Array, ""]:
        return jax.nn.softplus(_away(prediction, target) * prediction)

    def logits(self, prediction: Float[Array, ""]) -> Float[Array, " c"]:
        return jnp.stack([jnp.zeros_like(prediction), prediction])

    def probabilities(self, target: Num[Array, ""], count: int) -> Float[Array, " c"]:
        y = target.astype(float)
        return jnp.stack([1.0 - y, y])

    def gradient(self, prediction: Float[Array, ""], target: Num[Array, ""]) -> Float[Array, ""]:
        # σ(ŷ) − y, without the cancellation at y = 1.
        sign = _away(prediction, target)
        return sign * jax.nn.sigmoid(sign * prediction)

    def hessian(self, prediction: Float[Array, ""], target: Num[Array, ""]) -> Float[Array, ""]:
        return jax.nn.sigmoid(prediction) * jax.nn.sigmoid(-prediction)

    def bregman(
        self,
        prediction: Float[Array, ""],
        reference: Float[Array, ""],
        target: Num[Array, ""],
    ) -> Float[Array, ""]:
        # A logit is a softmax over the classes 0 and 1 with logits 0 and ŷ.
        return softmax_divergence(self.logits(prediction), self.logits(reference))

    def validate(
        self,
        y: Shaped[Array | np.ndarray, " n *k"],
        output_shape: tuple[int, ...] | None = None,
    ) -> None:
        otherwise = "; SoftmaxCrossEntropy takes one logit a class"
        check_scalars("Logistic", y, output_shape, "the logit", otherwise)
        values = concrete(y)
        if values is not None:
            reject("Logistic", values, (values != 0) & (values != 1), "labels 0 or 1")


def _away(prediction, target):
    """1 − 2y: the sign of a logit that is wrong."""
    return 1 - 2 * target.astype(prediction.dtype)
