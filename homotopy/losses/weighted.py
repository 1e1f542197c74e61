"""A loss whose targets carry a weight, so that weighted points are points like others."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, Shaped

from homotopy.losses.base import AbstractLoss


class WeightedLoss(AbstractLoss):
    """w ℓ(ŷ, y) of targets (y, w), the weight w their last entry.

    What sums losses of points then knows nothing of weights: gradients, Hessians and divergences
    are the weighted ones.

    Attributes
    ----------
    loss : AbstractLoss
        ℓ.
    scalar_targets : bool
        Whether y is a number, not a vector.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from homotopy.losses import SquaredError
    >>> loss = WeightedLoss(SquaredError(), scalar_targets=True)
    >>> float(loss.value(jnp.asarray(3.0), jnp.array([1.0, 0.5])))
    1.0
    """

    loss: AbstractLoss
    scalar_targets: bool = eqx.field(static=True)

    def _parts(self, target):
        y, weight = target[:-1], target[-1]
        return (y[0] if self.scalar_targets else y), weight

    def value(self, prediction: Float[Array, "*k"], target: Num[Array, "..."]) -> Float[Array, ""]:
        y, weight = self._parts(target)
        return weight * self.loss.value(prediction, y)

    def gradient(
        self, prediction: Float[Array, "*k"], target: Num[Array, "..."]
    ) -> Float[Array, "*k"]:
        y, weight = self._parts(target)
        return weight * self.loss.gradient(prediction, y)

    def hessian(
        self, prediction: Float[Array, "*k"], target: Num[Array, "..."]
    ) -> Float[Array, ""] | Float[Array, "k k"]:
        y, weight = self._parts(target)
        return weight * self.loss.hessian(prediction, y)

    def bregman(
        self,
        prediction: Float[Array, "*k"],
        reference: Float[Array, "*k"],
        target: Num[Array, "..."],
    ) -> Float[Array, ""]:
        y, weight = self._parts(target)
        return weight * self.loss.bregman(prediction, reference, y)

    def validate(
        self,
        y: Shaped[Array | np.ndarray, " n *k"],
        output_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.loss.validate(y[:, 0] if self.scalar_targets else y[:, :-1], output_shape)


def with_weights(y: Shaped[Array, " n *k"], weights: Float[Array, " n"]) -> Float[Array, "n m"]:
    """The targets of a `WeightedLoss`: those of its loss, and the weights as a further column."""
    columns = y.reshape(y.shape[0], -1).astype(weights.dtype)
    return jnp.concatenate([columns, weights[:, None]], axis=1)
