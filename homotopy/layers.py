"""The affine layers of a perceptron: what goes into them, and how the output depends on them.

Of z = Wā, ā the input of a layer (with a one, where there is a bias), ∂f/∂W = D ⊗ ā with
D = ∂f/∂z: the Jacobian of a point is known by its ā and D, of n(p + 1) and nk·out numbers a layer,
where J itself has nkd. Products with J and Jᵀ of many vectors at once are products of matrices.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._module import Module
from homotopy.models import LinearModel, Model, MultilayerPerceptron


class AffineLayers(Module):
    """f(θ; x) = W_L φ(… φ(W₁ā₁) …) for one θ.

    Attributes
    ----------
    weights : tuple of (out, in) or (out, in + 1)
        With the biases as last columns, where there are any.
    biased : bool
    activation : callable, optional
        φ, elementwise; None is the identity.
    """

    weights: tuple[Float[Array, "_ _"], ...]
    biased: bool = eqx.field(static=True)
    activation: Callable | None = eqx.field(static=True)

    def _with_ones(self, x):
        if not self.biased:
            return x
        return jnp.concatenate([x, jnp.ones_like(x[:, :1])], axis=1)

    def factors(self, X: Float[Array, "n p"]) -> LayerFactors:
        """ā and D of every layer, at every row of X."""
        inputs, slopes, x = [self._with_ones(X)], [], X
        for weights in self.weights[:-1]:
            z = inputs[-1] @ weights.T
            x, slope = z, jnp.ones_like(z)
            if self.activation is not None:
                x, slope = jax.jvp(self.activation, (z,), (jnp.ones_like(z),))
            slopes.append(slope)
            inputs.append(self._with_ones(x))
        last = self.weights[-1]
        outputs = inputs[-1] @ last.T
        k = last.shape[0]
        jacobian = jnp.broadcast_to(jnp.eye(k, dtype=X.dtype), (X.shape[0], k, k))
        jacobians = [jacobian]
        for weights, slope in zip(self.weights[:0:-1], slopes[::-1], strict=True):
            linear = weights[:, : slope.shape[1]]
            jacobian = (jacobian @ linear) * slope[:, None, :]
            jacobians.append(jacobian)
        return LayerFactors(outputs, tuple(inputs), tuple(jacobians[::-1]), self.biased)


class LayerFactors(Module):
    """ā, D and f of n points, layer by layer.

    Attributes
    ----------
    outputs : (n, k)
    inputs : tuple of (n, in) or (n, in + 1)
        ā.
    jacobians : tuple of (n, k, out)
        D = ∂f/∂z.
    biased : bool
    """

    outputs: Float[Array, "n k"]
    inputs: tuple[Float[Array, "n _"], ...]
    jacobians: tuple[Float[Array, "n k _"], ...]
    biased: bool = eqx.field(static=True)

    def products(self, vectors: list[Float[Array, "_ _ m"]]) -> Float[Array, "n k m"]:
        """Jᵢv of each v, given by its layers, as `by_layers` makes them."""
        total = 0.0
        for inputs, jacobian, vector in zip(self.inputs, self.jacobians, vectors, strict=True):
            fan_in, fan_out, count = vector.shape
            moved = inputs @ vector.reshape(fan_in, fan_out * count)
            total = total + jacobian @ moved.reshape(-1, fan_out, count)
        return total

    def transposed(self, vectors: Float[Array, "n k m"]) -> list[Float[Array, "_ _ m"]]:
        """Σᵢ Jᵢᵀuᵢ of each u, by layers."""
        sums = []
        for inputs, jacobian in zip(self.inputs, self.jacobians, strict=True):
            pulled = jnp.swapaxes(jacobian, 1, 2) @ vectors
            n, fan_out, count = pulled.shape
            flat = inputs.T @ pulled.reshape(n, fan_out * count)
            sums.append(flat.reshape(-1, fan_out, count))
        return sums

    def jacobian_norms(self) -> Float[Array, " n"]:
        """‖Jᵢ‖, Frobenius."""
        squares = [
            jnp.sum(inputs**2, axis=1) * jnp.sum(jacobian**2, axis=(1, 2))
            for inputs, jacobian in zip(self.inputs, self.jacobians, strict=True)
        ]
        return jnp.sqrt(sum(squares))

    def gradient_norms(self, slopes: Float[Array, "n k"]) -> Float[Array, " n"]:
        """‖Jᵢᵀgᵢ‖ of a gradient g in the outputs."""
        squares = [
            jnp.sum(inputs**2, axis=1)
            * jnp.sum(jnp.einsum("nko,nk->no", jacobian, slopes) ** 2, axis=1)
            for inputs, jacobian in zip(self.inputs, self.jacobians, strict=True)
        ]
        return jnp.sqrt(sum(squares))


def affine_layers(model: Model, theta: Float[Array, " d"]) -> AffineLayers | None:
    """The layers of a perceptron, a linear network or a linear model; None of other models.

    Examples
    --------
    >>> import homotopy as hm
    >>> layers = affine_layers(hm.mlp([2, 3, 1]), jax.numpy.ones(13))
    >>> [weights.shape for weights in layers.weights]
    [(3, 3), (1, 4)]
    """
    if isinstance(model, LinearModel):
        return AffineLayers((theta[None, :],), False, None)
    if isinstance(model, MultilayerPerceptron):
        linear, activation = [], None
        for layer in model.unravel(theta).layers:
            if isinstance(layer, eqx.nn.Linear):
                bias = jnp.reshape(layer.bias, (-1, 1))
                linear.append(jnp.concatenate([layer.weight, bias], axis=1))
            else:
                activation = layer.fn
        return AffineLayers(tuple(linear), True, activation)
    # A linear network lies in a room above.
    own = getattr(model, "affine_layers", None)
    return None if own is None else own(theta)


def by_layers(vectors: Float[Array, "m d"], layers: AffineLayers) -> list[Float[Array, "_ _ m"]]:
    """Rows of the form of θ as (in, out, m) of every layer."""
    parts, begin = [], 0
    count = vectors.shape[0]
    for weights in layers.weights:
        fan_out, fan_in = weights.shape[0], weights.shape[1] - layers.biased
        end = begin + fan_out * fan_in
        part = vectors[:, begin:end].reshape(count, fan_out, fan_in)
        if layers.biased:
            bias = vectors[:, end : end + fan_out].reshape(count, fan_out, 1)
            part, end = jnp.concatenate([part, bias], axis=2), end + fan_out
        parts.append(jnp.transpose(part, (2, 1, 0)))
        begin = end
    return parts


def from_layers(parts: list[Float[Array, "_ _ m"]], layers: AffineLayers) -> Float[Array, "m d"]:
    """The inverse of `by_layers`."""
    rows = []
    for part in parts:
        whole = jnp.transpose(part, (2, 1, 0))
        count = whole.shape[0]
        if layers.biased:
            rows += [whole[:, :, :-1].reshape(count, -1), whole[:, :, -1]]
        else:
            rows.append(whole.reshape(count, -1))
    return jnp.concatenate(rows, axis=1)
