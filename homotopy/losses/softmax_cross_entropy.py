"""The cross-entropy of several classes."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, Shaped

from homotopy._checks import concrete
from homotopy.losses.base import AbstractLoss
from homotopy.losses.divergence import softmax_divergence
from homotopy.losses.targets import check_finite, check_shapes, reject


class SoftmaxCrossEntropy(AbstractLoss):
    """The cross-entropy −Σ_c y_c log softmax(ŷ)_c of logits ŷ (k,), k ≥ 2.

    The target is the number of the class, 0 … k − 1 (an integer, or a float that holds one), or a
    vector (k,) of class probabilities that sum to 1, of which one-hot is a case.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> loss = SoftmaxCrossEntropy()
    >>> logits = jnp.array([1.0, 1.0, 1.0, 1.0])
    >>> print(f"{loss.value(logits, jnp.asarray(2)):.4f}")
    1.3863
    >>> one_hot = jnp.array([0.0, 0.0, 1.0, 0.0])
    >>> bool(loss.value(logits, one_hot) == loss.value(logits, jnp.asarray(2)))
    True
    """

    has_classes: ClassVar[bool] = True
    may_recede: ClassVar[bool] = True

    def value(self, prediction: Float[Array, " k"], target: Num[Array, "..."]) -> Float[Array, ""]:
        # −log softmax(ŷ)_c = softplus(−margin): no cancellation where class c dominates.
        y = _class_probabilities(prediction, target)
        return jnp.sum(y * jax.nn.softplus(-_margins(prediction)))

    def logits(self, prediction: Float[Array, " k"]) -> Float[Array, " k"]:
        return prediction

    def probabilities(self, target: Num[Array, "..."], count: int) -> Float[Array, " c"]:
        return _class_probabilities(jnp.zeros(count), target)

    def gradient(
        self, prediction: Float[Array, " k"], target: Num[Array, "..."]
    ) -> Float[Array, " k"]:
        # softmax(ŷ) − y, without the cancellation where both are near 1.
        y = _class_probabilities(prediction, target)
        margins = _margins(prediction)
        return (1 - y) * jax.nn.sigmoid(margins) - y * jax.nn.sigmoid(-margins)

    def hessian(
        self, prediction: Float[Array, " k"], target: Num[Array, "..."]
    ) -> Float[Array, "k k"]:
        # diag(p) − ppᵀ, whose diagonal is p(1 − p).
        margins = _margins(prediction)
        p, rest = jax.nn.sigmoid(margins), jax.nn.sigmoid(-margins)
        off_diagonal = ~jnp.eye(p.shape[0], dtype=bool)
        return jnp.diag(p * rest) - jnp.where(off_diagonal, jnp.outer(p, p), 0.0)

    def bregman(
        self,
        prediction: Float[Array, " k"],
        reference: Float[Array, " k"],
        target: Num[Array, "..."],
    ) -> Float[Array, ""]:
        return softmax_divergence(prediction, reference)

    def validate(
        self,
        y: Shaped[Array | np.ndarray, " n *k"],
        output_shape: tuple[int, ...] | None = None,
    ) -> None:
        name = "SoftmaxCrossEntropy"
        if output_shape is not None and (len(output_shape) != 1 or output_shape[0] < 2):
            raise ValueError(
                f"{name}: needs a model with one logit a class, output shape (k,) with k ≥ 2, "
                f"got {output_shape}; Logistic takes a single logit."
            )
        if y.ndim != 1:
            check_shapes(name, y, output_shape, rows=output_shape)
            if y.ndim != 2 or y.shape[1] < 2:
                raise ValueError(
                    f"{name}: y must be class numbers (n,) or probabilities (n, k) with k ≥ 2, "
                    f"got shape {y.shape}."
                )
        values = concrete(y)
        if values is None:
            return
        check_finite(name, values)
        if values.ndim == 1:
            classes = math.inf if output_shape is None else output_shape[0]
            bad = (values != np.floor(values)) | (values < 0) | (values >= classes)
            top = "" if output_shape is None else f" below {classes}"
            reject(name, values, bad, f"whole class numbers from 0{top}")
        else:
            # A sum of k rounded probabilities; float32 data is allowed its own rounding.
            rounding = 1e-6 if values.dtype.itemsize < 8 else 1e-9
            bad = (values < 0).any(axis=1) | (abs(values.sum(axis=1) - 1) > rounding)
            reject(name, values, bad, "probabilities ≥ 0 that sum to 1 in each row")


def _margins(logits: Float[Array, " k"]) -> Float[Array, " k"]:
    """Log-odds of each class against all others: softmax = σ(margin), 1 − softmax = σ(−margin)."""
    likeliest = jnp.arange(logits.shape[0]) == jnp.argmax(logits)
    # The others of any class but the likeliest have that one among them, so that its own part can
    # be taken from the sum of all; the others of the likeliest may be nothing next to it.
    largest = jax.lax.stop_gradient(jnp.max(logits))
    parts = jnp.exp(logits - largest)
    others = largest + jnp.log(jnp.where(likeliest, 1.0, jnp.sum(parts) - parts))
    rest = jax.scipy.special.logsumexp(jnp.where(likeliest, -jnp.inf, logits))
    return logits - jnp.where(likeliest, rest, others)


def _class_probabilities(
    logits: Float[Array, " k"], target: Num[Array, "..."]
) -> Float[Array, " k"]:
    if target.ndim == 0:
        return (jnp.arange(logits.shape[0]) == target).astype(logits.dtype)
    if target.shape != logits.shape:
        raise ValueError(
            f"SoftmaxCrossEntropy: target must be a class number or have the logits' shape "
            f"{logits.shape}, got {target.shape}."
        )
    return target.astype(logits.dtype)
