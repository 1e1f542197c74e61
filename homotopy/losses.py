"""Losses ℓ(ŷ, y) of one example, with their derivatives in the output ŷ (theory, §1 and §5).

A loss knows nothing of parameters: `value`, `gradient` and `hessian` are taken in the model's
output, which is what the Gauss–Newton matrix and the Bregman divergence are made of. Each method
takes one example; `jax.vmap` gives all of them.
"""

import abc
import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, Shaped

from homotopy._checks import concrete, instance

__all__ = [
    "AbstractLoss",
    "Logistic",
    "SoftmaxCrossEntropy",
    "SquaredError",
]


class AbstractLoss(eqx.Module):
    """A twice differentiable loss ℓ(ŷ, y) of a prediction ŷ and a target y.

    A new loss needs `value` and `validate`; the derivatives then come from automatic
    differentiation, and the losses here replace them by formulas that keep their digits where the
    prediction is confident.

    Attributes
    ----------
    has_classes : bool
        Whether the loss is the cross-entropy of classes, whose probabilities are a softmax of
        `logits` (of the class). Then a risk may lack a minimum: see `homotopy.minima`.
    """

    has_classes: ClassVar[bool] = False

    @abc.abstractmethod
    def value(self, prediction: Float[Array, "*k"], target: Num[Array, "..."]) -> Float[Array, ""]:
        """The loss ℓ(ŷ, y) ≥ 0 of one example.

        Parameters
        ----------
        prediction
            The model's output ŷ, a scalar or a vector (k,).
        target
            The target y of the example; its shape depends on the loss.
        """

    @abc.abstractmethod
    def validate(
        self,
        y: Shaped[Array | np.ndarray, " n *k"],
        output_shape: tuple[int, ...] | None = None,
    ) -> None:
        """Check the targets of all n examples; traced targets are checked for shape only.

        Parameters
        ----------
        y
            Targets, one row an example.
        output_shape
            Shape of one prediction, () or (k,); None leaves out the checks that need it.

        Raises
        ------
        ValueError
            If a target is outside the loss's range, with its row and value, or if the shapes of
            targets and predictions do not belong together.
        """

    def logits(self, prediction: Float[Array, "*k"]) -> Float[Array, " c"]:
        """The logits of the classes, of losses with `has_classes`: linear in the prediction."""
        raise TypeError(f"loss: expected one of classes (has_classes), got {type(self).__name__}.")

    def probabilities(self, target: Num[Array, "..."], count: int) -> Float[Array, " c"]:
        """The probabilities of the classes that a target gives, of losses with `has_classes`.

        Parameters
        ----------
        target
            The target y.
        count
            The number of classes.
        """
        raise TypeError(f"loss: expected one of classes (has_classes), got {type(self).__name__}.")

    def gradient(
        self, prediction: Float[Array, "*k"], target: Num[Array, "..."]
    ) -> Float[Array, "*k"]:
        """The derivative ∂ℓ/∂ŷ, shaped like the prediction."""
        return jax.grad(self.value)(prediction, target)

    def hessian(
        self, prediction: Float[Array, "*k"], target: Num[Array, "..."]
    ) -> Float[Array, ""] | Float[Array, "k k"]:
        """The second derivative ∂²ℓ/∂ŷ²: a scalar, or (k, k) where the output is a vector."""
        return jax.hessian(self.value)(prediction, target)

    def bregman(
        self,
        prediction: Float[Array, "*k"],
        reference: Float[Array, "*k"],
        target: Num[Array, "..."],
    ) -> Float[Array, ""]:
        """The Bregman divergence D(ŷ, ŷ') = ℓ(ŷ, y) − ℓ(ŷ', y) − ∇ℓ(ŷ', y)·(ŷ − ŷ').

        Parameters
        ----------
        prediction, reference
            The two outputs ŷ and ŷ'; the loss is linearised at the reference ŷ'.
        target
            The target y.
        """
        linear = jnp.sum(self.gradient(reference, target) * (prediction - reference))
        return self.value(prediction, target) - self.value(reference, target) - linear


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
        _check_shapes("SquaredError", y, output_shape, rows=output_shape)
        _check_finite("SquaredError", concrete(y))


class Logistic(AbstractLoss):
    """The logistic loss log(1 + e^ŷ) − yŷ of a logit ŷ and a label y in {0, 1}.

    It is evaluated as y·softplus(−ŷ) + (1 − y)·softplus(ŷ), which keeps all its digits for
    confident predictions, right or wrong.

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

    def value(self, prediction: Float[Array, ""], target: Num[Array, ""]) -> Float[Array, ""]:
        y = target.astype(prediction.dtype)
        return y * jax.nn.softplus(-prediction) + (1 - y) * jax.nn.softplus(prediction)

    def logits(self, prediction: Float[Array, ""]) -> Float[Array, " c"]:
        return jnp.stack([jnp.zeros_like(prediction), prediction])

    def probabilities(self, target: Num[Array, ""], count: int) -> Float[Array, " c"]:
        y = target.astype(float)
        return jnp.stack([1.0 - y, y])

    def gradient(self, prediction: Float[Array, ""], target: Num[Array, ""]) -> Float[Array, ""]:
        # σ(ŷ) − y, without the cancellation at y = 1.
        y = target.astype(prediction.dtype)
        return (1 - y) * jax.nn.sigmoid(prediction) - y * jax.nn.sigmoid(-prediction)

    def hessian(self, prediction: Float[Array, ""], target: Num[Array, ""]) -> Float[Array, ""]:
        return jax.nn.sigmoid(prediction) * jax.nn.sigmoid(-prediction)

    def bregman(
        self,
        prediction: Float[Array, ""],
        reference: Float[Array, ""],
        target: Num[Array, ""],
    ) -> Float[Array, ""]:
        # A logit is a softmax over the classes 0 and 1 with logits 0 and ŷ.
        return _softmax_divergence(self.logits(prediction), self.logits(reference))

    def validate(
        self,
        y: Shaped[Array | np.ndarray, " n *k"],
        output_shape: tuple[int, ...] | None = None,
    ) -> None:
        _check_shapes("Logistic", y, output_shape, rows=())
        if output_shape not in (None, ()):
            raise ValueError(
                f"Logistic: needs a model with a scalar output (the logit), got output shape "
                f"{output_shape}; SoftmaxCrossEntropy takes one logit a class."
            )
        values = concrete(y)
        if values is not None:
            _reject("Logistic", values, (values != 0) & (values != 1), "labels 0 or 1")


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
        return _softmax_divergence(prediction, reference)

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
            _check_shapes(name, y, output_shape, rows=output_shape)
            if y.ndim != 2 or y.shape[1] < 2:
                raise ValueError(
                    f"{name}: y must be class numbers (n,) or probabilities (n, k) with k ≥ 2, "
                    f"got shape {y.shape}."
                )
        values = concrete(y)
        if values is None:
            return
        _check_finite(name, values)
        if values.ndim == 1:
            classes = math.inf if output_shape is None else output_shape[0]
            bad = (values != np.floor(values)) | (values < 0) | (values >= classes)
            top = "" if output_shape is None else f" below {classes}"
            _reject(name, values, bad, f"whole class numbers from 0{top}")
        else:
            # A sum of k rounded probabilities; float32 data is allowed its own rounding.
            rounding = 1e-6 if values.dtype.itemsize < 8 else 1e-9
            bad = (values < 0).any(axis=1) | (abs(values.sum(axis=1) - 1) > rounding)
            _reject(name, values, bad, "probabilities ≥ 0 that sum to 1 in each row")


def _margins(logits: Float[Array, " k"]) -> Float[Array, " k"]:
    """Log-odds of each class against all others: softmax = σ(margin), 1 − softmax = σ(−margin)."""
    own = jnp.eye(logits.shape[0], dtype=bool)
    others = jnp.where(own, -jnp.inf, logits[None, :])
    return logits - jax.scipy.special.logsumexp(others, axis=1)


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


def _softmax_divergence(
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
    moderate = jnp.max(centred) <= 30.0  # beyond, the exponentials may overflow
    safe = jnp.where(moderate, centred, 0.0)
    near = jnp.log1p(jnp.sum(p * _exponential_remainder(safe)))
    far = jax.scipy.special.logsumexp(log_p + centred)
    return jnp.where(moderate, near, far)


def _exponential_remainder(x: Float[Array, " k"]) -> Float[Array, " k"]:
    """e^x − 1 − x: the Taylor series where the subtraction would cancel."""
    small = jnp.abs(x) < 0.5
    s = jnp.where(small, x, 0.0)
    coefficients = jnp.asarray([1 / math.factorial(m) for m in range(16, 1, -1)], s.dtype)
    series = jnp.polyval(coefficients, s) * s * s
    return jnp.where(small, series, jnp.expm1(jnp.where(small, 0.0, x)) - x)


def a_loss(value, name: str = "loss") -> AbstractLoss:
    """The value if it is a loss; a `TypeError` otherwise."""
    return instance(
        name, value, AbstractLoss, "SquaredError(), Logistic() or another loss, made by calling it"
    )


def _check_shapes(
    name: str,
    y: Shaped[Array | np.ndarray, "..."],
    output_shape: tuple[int, ...] | None,
    rows: tuple[int, ...] | None,
) -> None:
    if rows is not None and y.shape[1:] != rows:
        belongs = "" if output_shape is None else f" for a model with output shape {output_shape}"
        raise ValueError(
            f"{name}: y must have shape {('n', *rows)}{belongs}, got {y.shape}.".replace("'", "")
        )


def _check_finite(name: str, values: np.ndarray | None) -> None:
    if values is not None:
        _reject(name, values, ~np.isfinite(values), "finite numbers")


def _reject(name: str, values: np.ndarray, bad: np.ndarray, expected: str) -> None:
    """Raise for the first row of targets that is marked bad."""
    if bad.any():
        row = int(np.argwhere(bad)[0, 0])
        raise ValueError(f"{name}: y must hold {expected}, got {values[row]} in row {row}.")
