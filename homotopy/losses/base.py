"""What a loss is: ℓ(ŷ, y) of one example, with its derivatives in the output ŷ."""

import abc
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, Shaped

from homotopy._checks import instance
from homotopy._module import Module


class AbstractLoss(Module):
    """A twice differentiable loss ℓ(ŷ, y) of a prediction ŷ and a target y.

    A new loss needs `value` and `validate`; the derivatives then come from automatic
    differentiation, and the losses here replace them by formulas that keep their digits where the
    prediction is confident.

    Attributes
    ----------
    has_classes : bool
        Whether the loss is the cross-entropy of classes, whose probabilities are a softmax of
        `logits` (of the class).
    may_recede : bool
        Whether the loss falls for ever along some directions of outputs, so that a risk may lack a
        minimum (of the class): `logits` and `probabilities` say along which, `means` and `falls`
        prove that there is none; see `homotopy.existence`.
    recession : str
        In words, what happens where there is no minimum (of the class).
    """

    has_classes: ClassVar[bool] = False
    may_recede: ClassVar[bool] = False
    recession: ClassVar[str] = "the classes can be separated"

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

    def means(self, prediction: Float[Array, "*k"]) -> Float[Array, " c"]:
        """The positive means whose difference from the target is the gradient: probabilities.

        Of losses with `may_recede`; of classes, the softmax of their logits.
        """
        return jax.nn.softmax(self.logits(prediction))

    def falls(self, prediction: Float[Array, "*k"], by: Float[Array, "*k"]) -> Float[Array, " c"]:
        """What part of itself each of the `means` loses where the output moves, to first order.

        Parameters
        ----------
        prediction
            The output ŷ.
        by
            How it moves.
        """
        moved = jax.jvp(self.logits, (prediction,), (by,))[1]
        return jnp.sum(self.means(prediction) * moved) - moved

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


def a_loss(value, name: str = "loss") -> AbstractLoss:
    """The value if it is a loss; a `TypeError` otherwise."""
    return instance(
        name, value, AbstractLoss, "SquaredError(), Logistic() or another loss, made by calling it"
    )
