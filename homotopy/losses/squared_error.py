"""The squared error."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, Shaped

from homotopy._checks import concrete
from homotopy.losses.base import AbstractLoss
from homotopy.losses.targets import check_finite, check_shapes


class SquaredError(AbstractLoss):
    """The squared error ½‖ŷ − y‖², for scalar or vector outputs.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> float(SquaredError().value(jnp.asarray(3.0), jnp.asarray(1.0)))
    2.0
    """

    def value(self, prediction: Float[Array, "*k"], target: Num[Array, "*k"]) -> Float[Array, ""]:
        return 0.5 * jnp.sum((prediction - target) ** 2)

    def gradient(
        self, prediction: Float[Array, "*k"], target: Num[Array, "*k"]
    ) -> Float[Array, "*k"]:
        return prediction - target

    def hessian(
        self, prediction: Float[Array, "*k"], target: Num[Array, "*k"]
    ) -> Float[Array, ""] | Float[Array, "k k"]:
        if prediction.ndim == 0:
            return jnp.ones_like(prediction)
        return jnp.eye(prediction.shape[0], dtype=prediction.dtype)

    def bregman(
        self,
        prediction: Float[Array, "*k"],
        reference: Float[Array, "*k"],
        target: Num[Array, "*k"],
    ) -> Float[Array, ""]:
        return 0.5 * jnp.sum((prediction - reference) ** 2)

    def validate(
        self,
        y: Shaped[Array | np.ndarray, " n *k"],
        output_shape: tuple[int, ...] | None = None,
    ) -> None:
        check_shapes("SquaredError", y, output_shape, rows=output_shape)
        check_finite("SquaredError", concrete(y))
