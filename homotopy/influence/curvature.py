"""The curvature that influence functions invert, as a product with vectors (theory §5).

One meaning of **damping** for all of the package: δ ≥ 0 is added to the diagonal of the curvature
of the **sum** risk, beside the problem's ridge ρ:

    C + (ρ + δ) Id,    C = Σ wᵢ∇²ℓᵢ or C = Σ wᵢ Jᵢᵀ(∂²ℓᵢ/∂ŷ²)Jᵢ.

A damping λ of the mean risk, as in most of the literature, is δ = nλ.
"""

from __future__ import annotations

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._module import Module
from homotopy.influence.layered_products import LayeredProducts, layered_products
from homotopy.problem import Problem

_BATCH = 2**25  # numbers in the intermediate arrays of products that are computed together


class AbstractCurvature(Module):
    """A symmetric operator C + shift · Id on the parameters.

    Attributes
    ----------
    problem : Problem
    theta : (d,)
        Where it is taken.
    weights : (n,)
        Of the data points.
    damping : ()
        δ ≥ 0.
    """

    problem: eqx.AbstractVar[Problem]
    theta: eqx.AbstractVar[Float[Array, " d"]]
    weights: eqx.AbstractVar[Float[Array, " n"]]
    damping: eqx.AbstractVar[Float[Array, ""]]

    @property
    def dimension(self) -> int:
        """d."""
        return self.theta.shape[0]

    @property
    def shift(self) -> Float[Array, ""]:
        """ρ + δ: the least eigenvalue there can be, where C is positive semidefinite.

        δ where there is a ρ for each parameter: those are a part of C.
        """
        return self.damping if self._ridges is not None else self.problem.ridge + self.damping

    @property
    def _ridges(self) -> Array | None:
        """ρ_j, where there is one for each parameter."""
        return self.problem.ridge if self.problem.ridge.ndim == 1 else None

    def _with_ridges(self, products, vectors):
        return products if self._ridges is None else products + self._ridges[None, :] * vectors

    @abc.abstractmethod
    def _products(
        self, X: Array, y: Array, weights: Float[Array, " s"], vectors: Float[Array, "m d"]
    ) -> Float[Array, "m d"]:
        """Of the data points given, with their weights."""

    @abc.abstractmethod
    def data_matrix(self) -> Float[Array, "d d"]:
        """C."""

    def data_products(self, vectors: Float[Array, "m d"]) -> Float[Array, "m d"]:
        """C v for each row v, without the matrix; of large data and models in chunks of points."""
        data = self.problem.X, self.problem.targets, self.weights
        count = math.ceil(_intermediates(self.problem.size, self.dimension) / _BATCH)
        if count == 1:
            return self._with_ridges(self._products(*data, vectors), vectors)
        size = math.ceil(self.problem.size / count)
        # The last chunk is filled up by points of weight zero.
        rows = jnp.arange(count * size).reshape(count, size)
        known = rows < self.problem.size
        rows = jnp.where(known, rows, 0)

        def one(total, chunk):
            some, is_known = chunk
            X, y, weights = (part[some] for part in data)
            return total + self._products(X, y, jnp.where(is_known, weights, 0.0), vectors), None

        total, _ = jax.lax.scan(one, jnp.zeros_like(vectors), (rows, known))
        return self._with_ridges(total, vectors)

    def sample_products(
        self, rows: Array, scale: Float[Array, ""], vectors: Float[Array, "m d"]
    ) -> Float[Array, "m d"]:
        """As `data_products`, of some data points only, times `scale`."""
        weights = scale * self.weights[rows]
        data = self.problem.X[rows], self.problem.targets[rows], weights
        return self._with_ridges(self._products(*data, vectors), vectors)

    def products(self, vectors: Float[Array, "m d"]) -> Float[Array, "m d"]:
        """(C + shift · Id) v for each row v."""
        return self.data_products(vectors) + self.shift * vectors

    def prepared(self) -> AbstractCurvature | LayeredProducts:
        """What has the same `products`, at less cost where there are many of them."""
        return self

    def matrix(self) -> Float[Array, "d d"]:
        """C + shift · Id."""
        return self.data_matrix() + self.shift * jnp.eye(self.dimension, dtype=self.theta.dtype)


class HessianCurvature(AbstractCurvature):
    """C = Σ wᵢ ∇²ℓᵢ(θ), which need not be positive semidefinite.

    Examples
    --------
    >>> import homotopy as hm, jax.numpy as jnp
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [2.0]], [0.0, 1.0], deleted=1)
    >>> curvature = HessianCurvature(problem, jnp.zeros(1), jnp.ones(2), jnp.asarray(0.5))
    >>> curvature.products(jnp.ones((1, 1))).tolist()
    [[5.5]]
    """

    problem: Problem
    theta: Float[Array, " d"]
    weights: Float[Array, " n"]
    damping: Float[Array, ""]

    def _products(self, X, y, weights, vectors):
        _, product = jax.linearize(
            lambda at: _loss_gradient(self.problem, X, y, weights, at), self.theta
        )
        return _by_rows(product, vectors, X.shape[0])

    def data_matrix(self):
        identity = jnp.eye(self.dimension, dtype=self.theta.dtype)
        matrix = self.data_products(identity)
        return 0.5 * (matrix + matrix.T)


class GaussNewtonCurvature(AbstractCurvature):
    """C = Σ wᵢ Jᵢᵀ (∂²ℓᵢ/∂ŷ²) Jᵢ at θ, J the Jacobian of the model's output (theory §5).

    Positive semidefinite for weights ≥ 0 and a convex loss.

    Examples
    --------
    >>> import homotopy as hm, jax.numpy as jnp
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [2.0]], [0.0, 1.0], deleted=1)
    >>> curvature = GaussNewtonCurvature(problem, jnp.zeros(1), jnp.ones(2), jnp.asarray(0.5))
    >>> curvature.matrix().tolist()
    [[5.5]]
    """

    problem: Problem
    theta: Float[Array, " d"]
    weights: Float[Array, " n"]
    damping: Float[Array, ""]

    def _products(self, X, y, weights, vectors):
        outputs, forward = jax.linearize(lambda at: self.problem.predict(at, X), self.theta)
        backward = jax.linear_transpose(forward, self.theta)

        def product(vector):
            _, curved = jax.jvp(
                lambda at: _output_gradient(self.problem, at, y, weights),
                (outputs,),
                (forward(vector),),
            )
            return backward(curved)[0]

        return _by_rows(product, vectors, X.shape[0])

    def prepared(self):
        shift = self.shift if self._ridges is None else self.shift + self._ridges
        layered = layered_products(self.problem, self.theta, self.weights, shift)
        return self if layered is None else layered

    def data_matrix(self):
        factor = self.factor()
        return factor.T @ factor

    def factor(self) -> Float[Array, "m d"]:
        """A with C = AᵀA, one row for each output of each data point: √(w ∂²ℓ/∂ŷ²) J.

        And one for each parameter with a ρ of its own.
        """
        problem = self.problem

        # Of each point on its own: its cost is that of k backward passes, whatever n.
        def point(x, y, weight):
            output = problem.model(self.theta, x)
            jacobian = jax.jacrev(lambda at: problem.model(at, x))(self.theta)
            hessian = weight * problem.point_loss.hessian(output, y)
            if output.ndim == 0:
                return jnp.sqrt(jnp.maximum(hessian, 0.0)) * jacobian[None, :]
            values, vectors = jnp.linalg.eigh(hessian)
            root = jnp.sqrt(jnp.maximum(values, 0.0))[:, None] * vectors.T
            return root @ jacobian

        rows = jax.vmap(point)(problem.X, problem.targets, self.weights)
        rows = rows.reshape(-1, self.dimension)
        if self._ridges is None:
            return rows
        return jnp.concatenate([rows, jnp.diag(jnp.sqrt(self._ridges))])


def _loss_gradient(problem, X, y, weights, theta):
    """Σ wᵢ∇ℓᵢ over the rows of X and y."""

    def risk(at):
        outputs = problem.predict(at, X)
        return jnp.sum(weights * jax.vmap(problem.point_loss.value)(outputs, y))

    return jax.grad(risk)(theta)


def _output_gradient(problem, outputs, y, weights):
    """wᵢ ∂ℓᵢ/∂ŷ, at each output."""
    gradients = jax.vmap(problem.point_loss.gradient)(outputs, y)
    return weights.reshape(-1, *([1] * (gradients.ndim - 1))) * gradients


def _intermediates(size: int, dimension: int) -> int:
    """About as many numbers as a product with one vector has on its way, of n points."""
    return size * max(1, dimension // 16)


def _by_rows(product, vectors, size):
    """A linear map of each row, as many at once as memory is meant for."""
    batch = max(1, _BATCH // _intermediates(size, vectors.shape[1]))
    if batch >= vectors.shape[0]:
        return jax.vmap(product)(vectors)
    return jax.lax.map(product, vectors, batch_size=batch)
