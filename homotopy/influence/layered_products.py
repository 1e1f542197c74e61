"""Products with the Gauss–Newton matrix of a perceptron, of many vectors at once (theory §13).

Jᵢ = (Dᵢ ⊗ āᵢ) layer by layer, so that Jv and Jᵀu of all points and m vectors are products of
matrices: about 4nmd operations where automatic differentiation takes 8nmd in smaller pieces. Points
go in chunks, whose arrays are all that is kept beside the vectors; no (n, d) or (d, d) array.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._module import Module
from homotopy.layers import AffineLayers, LayerFactors, affine_layers, by_layers, from_layers
from homotopy.point_gradients import output_slopes
from homotopy.problem import Problem

_KEPT = 2**27  # numbers in the factors of all points; above they are made anew for every product
_CHUNK = 2**17  # points of a chunk times the widest layer


class LayeredProducts(Module):
    """(Σ wᵢ Jᵢᵀ(∂²ℓᵢ/∂ŷ²)Jᵢ + shift · Id) v of many v, for a model of affine layers.

    Attributes
    ----------
    problem : Problem
    theta : (d,)
    shift : () or (d,)
        Added to the diagonal.
    layers : AffineLayers
    points : tuple
        X, targets and weights in chunks, the last filled up by points of weight zero.
    kept : tuple, optional
        Factors and curvatures of all chunks, where they are few enough to be kept.
    """

    problem: Problem
    theta: Float[Array, " d"]
    shift: Array
    layers: AffineLayers
    points: tuple[Array, Array, Array]
    kept: tuple[LayerFactors, Array] | None

    def __init__(self, problem, theta, weights, shift, layers):
        self.problem, self.theta, self.shift, self.layers = problem, theta, shift, layers
        widths = [block.shape[0] for block in layers.weights]
        size = max(16, _CHUNK // max(widths))
        count = math.ceil(problem.size / size)
        size = math.ceil(problem.size / count)
        spare = count * size - problem.size

        def chunked(array):
            filled = jnp.concatenate(
                [array, jnp.broadcast_to(array[:1], (spare, *array.shape[1:]))]
            )
            return filled.reshape(count, size, *array.shape[1:])

        weights = jnp.pad(weights, (0, spare)).reshape(count, size)
        self.points = chunked(problem.X), chunked(problem.targets), weights
        self.kept = None
        if count * size * widths[-1] * sum(widths) <= _KEPT:
            self.kept = jax.lax.map(lambda part: self._parts(*part), self.points)

    def _parts(self, X, y, weights) -> tuple[LayerFactors, Float[Array, "s k k"]]:
        factors = self.layers.factors(X)
        return factors, weighted_hessians(self.problem, factors.outputs, y, weights)

    def products(self, vectors: Float[Array, "m d"]) -> Float[Array, "m d"]:
        """The product with each row."""
        parts = by_layers(vectors, self.layers)

        def one(sums, chunk):
            factors, hessians = self._parts(*chunk) if self.kept is None else chunk
            added = factors.transposed(hessians @ factors.products(parts))
            return [a + b for a, b in zip(sums, added, strict=True)], None

        chunks = self.points if self.kept is None else self.kept
        sums, _ = jax.lax.scan(one, [jnp.zeros_like(part) for part in parts], chunks)
        shift = self.shift if self.shift.ndim == 0 else self.shift[None, :]
        return from_layers(sums, self.layers) + shift * vectors

    def loss_changes(self, vectors: Float[Array, "m d"]) -> Float[Array, "m n"]:
        """∇ℓᵢ·v of each point and each row, without the weights."""
        parts = by_layers(vectors, self.layers)
        loss = self.problem.point_loss

        def one(chunk):
            X, y, _ = chunk
            factors = self.layers.factors(X)
            slopes = output_slopes(loss, factors.outputs, y)
            return jnp.einsum("nk,nkm->nm", slopes, factors.products(parts))

        changes = jax.lax.map(one, self.points)
        return changes.reshape(-1, vectors.shape[0])[: self.problem.size].T


def layered_products(
    problem: Problem, theta: Float[Array, " d"], weights: Float[Array, " n"], shift: Array
) -> LayeredProducts | None:
    """Of a perceptron, a linear network or a linear model; None of other models."""
    layers = affine_layers(problem.model, theta)
    if layers is None or problem.X.ndim != 2:
        return None
    return LayeredProducts(problem, theta, weights, shift, layers)


def weighted_hessians(
    problem: Problem, outputs: Float[Array, "n k"], y: Array, weights: Float[Array, " n"]
) -> Float[Array, "n k k"]:
    """wᵢ ∂²ℓᵢ/∂ŷ² of each point."""
    if outputs.shape[1] == 1:
        hessians = jax.vmap(problem.point_loss.hessian)(outputs[:, 0], y)[:, None, None]
    else:
        hessians = jax.vmap(problem.point_loss.hessian)(outputs, y)
    return weights[:, None, None] * hessians
