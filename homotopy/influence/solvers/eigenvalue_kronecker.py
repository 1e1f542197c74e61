"""Inverse-curvature products by EK-FAC: eigenvalue-corrected Kronecker factors, layer by layer."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from homotopy._checks import concrete, positive
from homotopy._module import Module
from homotopy.influence.curvature import AbstractCurvature, GaussNewtonCurvature
from homotopy.influence.layered_products import weighted_hessians
from homotopy.influence.solvers.base import (
    AbstractSolver,
    InverseProduct,
    InverseStatus,
    graded,
)
from homotopy.layers import AffineLayers, affine_layers, by_layers, from_layers

_CHUNK = 2**21  # numbers in the outputs' factors of points that are worked on together


class KroneckerBlocks(Module):
    """The eigenbasis of a Kronecker product, and the diagonal of the matrix in it, by layers.

    Attributes
    ----------
    layers : AffineLayers
        Whose shapes count.
    inputs : tuple of (in, in)
        Q_A: eigenvectors of A = Σ wᵢāᵢāᵢᵀ/N, as columns.
    outputs : tuple of (out, out)
        Q_S: of S = Σ wᵢDᵢᵀLᵢDᵢ/N.
    eigenvalues : tuple of (in, out)
        Λ: the diagonal of the layer's block of the sum risk's matrix in the basis Q_S ⊗ Q_A.
    """

    layers: AffineLayers
    inputs: tuple[Float[Array, "_ _"], ...]
    outputs: tuple[Float[Array, "_ _"], ...]
    eigenvalues: tuple[Float[Array, "_ _"], ...]

    def inverse(
        self, shift: Float[Array, "*d"], vectors: Float[Array, "m d"]
    ) -> Float[Array, "m d"]:
        """(Q diag(Λ) Qᵀ + shift · Id)⁻¹v of each row."""
        solved = []
        for part, *block in zip(
            by_layers(vectors, self.layers),
            self.inputs,
            self.outputs,
            self.eigenvalues,
            strict=True,
        ):
            into, out, values = block
            fan_in, fan_out, count = part.shape
            along = (into.T @ part.reshape(fan_in, -1)).reshape(fan_in, fan_out, count)
            along = jnp.einsum("op,iom->ipm", out, along) / (values + shift)[:, :, None]
            along = jnp.einsum("op,ipm->iom", out, along)
            solved.append((into @ along.reshape(fan_in, -1)).reshape(part.shape))
        return from_layers(solved, self.layers)


class EigenvalueKronecker(AbstractSolver):
    """EK-FAC (George et al. 2018; Grosse et al. 2023) of the Gauss–Newton matrix (theory §13).

    The block of a layer W, Σ wᵢ(DᵢᵀLᵢDᵢ) ⊗ āᵢāᵢᵀ, is replaced by its diagonal Λ in the eigenbasis
    of the two Kronecker factors, and what couples layers is left out: x = Q(Λ + δ + ρ)⁻¹Qᵀb, at
    the cost of a pass over the data. Λ is of the sum risk and exact, by the k derivatives of each
    output: nothing is sampled, and the result is the same every time.

    It is exact for one layer of squared loss, and for each layer of a deep linear network on its
    own. Of other networks it answers another question unless the damping is large: the true
    residual ‖b − (G + δ + ρ)x‖/‖b‖ is always computed, and above the tolerance the status is
    `inexact`. As a preconditioner of `ConjugateGradient` or `BlockConjugateGradient` its error does
    not matter, and it is used only where it helps.

    Parameters
    ----------
    tolerance : float
        Largest relative residual that counts as solved; more than 1 accepts whatever there is.

    Raises
    ------
    TypeError
        When it is used: naming `solver`, for a model that is no `mlp`, `linear_network` or
        `linear_model`, and for the Hessian, which need not be positive semidefinite.
    ValueError
        Naming `tolerance`; when it is used, `damping` where δ + ρ = 0.

    References
    ----------
    George, Laurent, Bouthillier, Ballas, Vincent, "Fast approximate natural gradient descent in a
    Kronecker factored eigenbasis", NeurIPS 2018. Grosse et al., "Studying large language model
    generalization with influence functions", 2023.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.Problem(
    ...     hm.mlp([1, 1]), hm.SquaredError(), [[1.0], [2.0], [3.0]], [0.0, 1.0, 1.0], deleted=1
    ... )
    >>> by_layers, exact = (
    ...     hm.predict(problem, hm.GaussNewton(1.0, solver), [0.5, 0.0]).delta
    ...     for solver in (hm.EigenvalueKronecker(), hm.Dense())
    ... )
    >>> bool(abs(by_layers - exact).max() < 1e-12)  # one layer of squared loss
    True
    """

    tolerance: float = 1e-2

    def __check_init__(self):
        positive("tolerance", self.tolerance)

    def _solve(self, curvature, vectors):
        operator = curvature.prepared()
        solution = self.preconditioner(curvature)(vectors)
        left = jnp.linalg.norm(vectors - operator.products(solution), axis=1)
        size = jnp.linalg.norm(vectors, axis=1)
        residual = jnp.where(left == 0.0, 0.0, left / jnp.where(size > 0.0, size, 1.0))
        convex = jnp.all(least_curvatures(curvature) >= 0.0)
        status = graded(residual, self.tolerance, ~convex, InverseStatus.inexact)
        return InverseProduct(solution, residual, status, jnp.ones(vectors.shape[0], int))

    def preconditioner(self, curvature: AbstractCurvature) -> Callable:
        """v ↦ Q(Λ + δ + ρ)⁻¹Qᵀv, of rows (m, d)."""
        self.check(curvature)
        blocks = self.approximation(curvature)
        shift = curvature.shift
        shift = jnp.maximum(shift, jnp.finfo(shift.dtype).tiny)
        return lambda vectors: blocks.inverse(shift, vectors)

    def check(self, curvature):
        known = concrete(curvature.shift)
        if known is not None and not known > 0.0:
            raise ValueError(
                "damping: expected a damping or a ridge > 0 with EigenvalueKronecker, whose Λ has "
                f"zeros where a unit is dead or a loss saturated, got {float(curvature.damping):g}."
            )

    def approximation(self, curvature: AbstractCurvature) -> KroneckerBlocks:
        """Q_A, Q_S and Λ of every layer, of the data alone: no damping or ridge is in them."""
        layers = self._layers(curvature)
        problem, weights = curvature.problem, curvature.weights
        # √(w L) by eigenvectors: of positive semidefinite L, to rounding.
        widths = sum(block.shape[0] for block in layers.weights)
        k = layers.weights[-1].shape[0]
        size = max(1, min(problem.size, _CHUNK // (k * widths)))
        count = -(-problem.size // size)
        spare = count * size - problem.size

        def chunked(array):
            filled = jnp.concatenate(
                [array, jnp.broadcast_to(array[:1], (spare, *array.shape[1:]))]
            )
            return filled.reshape(count, size, *array.shape[1:])

        weights = jnp.pad(weights, (0, spare)).reshape(count, size)
        points = chunked(problem.X), chunked(problem.targets), weights

        def roots(X, y, weights):
            factors = layers.factors(X)
            hessians = weighted_hessians(problem, factors.outputs, y, weights)
            values, vectors = jnp.linalg.eigh(hessians)
            root = jnp.sqrt(jnp.maximum(values, 0.0))[:, None, :] * vectors
            return factors.inputs, [jnp.swapaxes(root, 1, 2) @ d for d in factors.jacobians]

        def moments(sums, chunk):
            inputs, slopes = roots(*chunk)
            weights = chunk[2][:, None]
            into = [s + (weights * a).T @ a for s, a in zip(sums[0], inputs, strict=True)]
            out = [s + _gram(d) for s, d in zip(sums[1], slopes, strict=True)]
            return (into, out), None

        dtype = curvature.theta.dtype
        shapes = [block.shape for block in layers.weights]
        zeros = (
            [jnp.zeros((fan_in, fan_in), dtype) for _, fan_in in shapes],
            [jnp.zeros((fan_out, fan_out), dtype) for fan_out, _ in shapes],
        )
        # N does not change the eigenvectors.
        (into, out), _ = jax.lax.scan(moments, zeros, points)
        bases = [jnp.linalg.eigh(0.5 * (a + a.T))[1] for a in into]
        turns = [jnp.linalg.eigh(0.5 * (s + s.T))[1] for s in out]

        def diagonals(sums, chunk):
            inputs, slopes = roots(*chunk)
            added = [
                ((a @ q) ** 2).T @ jnp.sum((d @ t) ** 2, axis=1)
                for a, d, q, t in zip(inputs, slopes, bases, turns, strict=True)
            ]
            return [a + b for a, b in zip(sums, added, strict=True)], None

        zeros = [jnp.zeros((fan_in, fan_out), dtype) for fan_out, fan_in in shapes]
        values, _ = jax.lax.scan(diagonals, zeros, points)
        return KroneckerBlocks(layers, tuple(bases), tuple(turns), tuple(values))

    def _layers(self, curvature) -> AffineLayers:
        if not isinstance(curvature, GaussNewtonCurvature):
            raise TypeError(
                "solver: expected EigenvalueKronecker() with GaussNewton(damping), whose matrix is "
                f"positive semidefinite, got {type(curvature).__name__}."
            )
        model = curvature.problem.model
        layers = affine_layers(model, curvature.theta)
        if layers is None or curvature.problem.ridge.ndim == 1:
            what = type(model).__name__ if layers is None else "a ridge for each parameter"
            raise TypeError(
                "solver: expected a model of mlp, linear_network or linear_model, with one ridge "
                f"for all of θ, for EigenvalueKronecker, got {what}."
            )
        return layers

    @property
    def needs_layers(self):
        return True


def least_curvatures(curvature: AbstractCurvature) -> Float[Array, " n"]:
    """The least eigenvalue of wᵢ∂²ℓᵢ/∂ŷ² of every point, but for rounding."""
    problem = curvature.problem
    outputs = problem.predict(curvature.theta)
    outputs = outputs.reshape(problem.size, -1)
    hessians = weighted_hessians(problem, outputs, problem.targets, curvature.weights)
    values = jnp.linalg.eigvalsh(hessians)
    rounding = values.shape[1] * jnp.finfo(values.dtype).eps * jnp.max(jnp.abs(values), axis=1)
    return jnp.where(values[:, 0] < -rounding, values[:, 0], 0.0)


def _gram(slopes):
    flat = slopes.reshape(-1, slopes.shape[-1])
    return flat.T @ flat
