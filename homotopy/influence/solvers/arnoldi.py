"""Inverse-Hessian products from the dominant eigenvectors of a Krylov space."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from homotopy._checks import fraction, integer
from homotopy.influence.solvers.base import (
    AbstractSolver,
    InverseProduct,
    graded,
    relative_residual,
)


class Arnoldi(AbstractSolver):
    """The curvature on its dominant eigenvectors (Schioppa, Zablotskaia, Vilar, Sokolov 2022).

    Lanczos with full reorthogonalisation builds the Krylov space of the data part C from a random
    start; of its Ritz pairs the `rank` with the largest |λ| are kept, C ≈ VΛVᵀ. With the shift
    ρ + δ > 0,

        x = V(Λ + shift)⁻¹Vᵀb + (b − VVᵀb)/shift:

    C is taken as zero on the complement of V. Without a shift the complement is dropped, as in the
    paper: x lies in the span of V. Ritz values that are zero to rounding belong to the complement.

    The status is `indefinite` where a kept Ritz value plus the shift is not positive; eigenvalues
    that were not kept, or not found, say nothing.

    Parameters
    ----------
    rank : int
        Ritz pairs to keep, from 1 to d.
    steps : int, optional
        Dimension of the Krylov space, which is the number of products with C: at least `rank`, and
        d where it is more than that. Default: 2 rank, or rank + 20 where that is more. Its basis
        takes O(d steps) memory and O(d steps²) work.
    seed : int
        Of the random start.
    tolerance : float
        Largest relative residual that counts as solved.

    Raises
    ------
    ValueError
        Naming the argument; `rank` > d is known when `solve` is called.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.predict(problem, hm.Influence(solver=hm.Arnoldi(rank=1))).delta.round(12).tolist()
    [-0.25]
    """

    rank: int = eqx.field(static=True)
    steps: int | None = eqx.field(default=None, static=True)
    seed: int = 0
    tolerance: float = 1e-2

    def __check_init__(self):
        integer("rank", self.rank)
        integer("seed", self.seed, 0)
        if self.steps is not None:
            integer("steps", self.steps, self.rank)
        fraction("tolerance", self.tolerance)

    def of_dimension(self, dimension):
        return dataclasses.replace(self, rank=min(self.rank, dimension))

    def _solve(self, curvature, vectors):
        d, dtype = curvature.dimension, curvature.theta.dtype
        if self.rank > d:
            raise ValueError(
                f"rank: expected at most the {d} parameters there are, got {self.rank}."
            )
        steps = min(d, self.steps or max(2 * self.rank, self.rank + 20))
        matrix, basis, _ = lanczos(
            lambda vector: curvature.data_products(vector[None, :])[0],
            jax.random.key(self.seed),
            jnp.zeros(d, dtype),
            steps,
        )
        values, rotation = jnp.linalg.eigh(matrix)
        kept = jnp.argsort(-jnp.abs(values))[: self.rank]
        values, ritz = values[kept], rotation[:, kept].T @ basis

        # Ritz values that are zero to rounding: there, as on the complement, C is zero.
        rounding = d * jnp.finfo(dtype).eps * jnp.max(jnp.abs(values))
        present = jnp.abs(values) > rounding
        shift = curvature.shift
        shifted = values + shift
        inverse = jnp.where(present & (shifted != 0.0), 1.0 / _nonzero(shifted), 0.0)
        outside = jnp.where(shift > 0.0, 1.0 / _nonzero(shift), 0.0)

        along = jnp.where(present[None, :], vectors @ ritz.T, 0.0)
        complement = vectors - along @ ritz
        # The projection again: what is left of V in it would be divided by a small shift.
        complement = complement - jnp.where(present[None, :], complement @ ritz.T, 0.0) @ ritz
        solution = (along * inverse[None, :]) @ ritz + outside * complement
        residual = relative_residual(curvature, solution, vectors)
        return InverseProduct(
            solution,
            residual,
            graded(residual, self.tolerance, jnp.any(present & (shifted <= 0.0))),
            jnp.full(vectors.shape[0], steps),
        )


def lanczos(
    product: Callable, key: PRNGKeyArray, like: Float[Array, " d"], steps: int
) -> tuple[Float[Array, "s s"], Float[Array, "s d"], Float[Array, ""]]:
    """A symmetric operator on the Krylov space of a random start, fully reorthogonalised.

    Where the space is invariant before it has `steps` dimensions (repeated eigenvalues, a low
    rank), it goes on from another random vector orthogonal to it, so that `steps` = d always
    spans everything.

    Parameters
    ----------
    product
        The operator applied to one vector (d,).
    key
        Of the random starts.
    like
        An array of the vectors' shape and dtype.
    steps
        s ≤ d.

    Returns
    -------
    matrix : (s, s)
        The operator in the basis, tridiagonal.
    basis : (s, d)
        Orthonormal rows.
    rest : ()
        The norm of the part of the last product that is outside the space: a Ritz value with the
        eigenvector y of `matrix` is within rest · |y_s| of an eigenvalue.
    """
    d, dtype = like.shape[0], like.dtype
    eps = jnp.finfo(dtype).eps

    def orthogonal(vector, basis):
        # Twice is enough: the second projection removes what rounding left of the first.
        for _ in range(2):
            vector = vector - (basis @ vector) @ basis
        return vector

    def random_direction(j, basis):
        draw = jax.random.normal(jax.random.fold_in(key, j), (d,), dtype)
        vector = orthogonal(draw, basis)
        # In the last few dimensions little is left of a draw, and its direction is rounding.
        vector = orthogonal(vector / _nonzero(jnp.linalg.norm(vector)), basis)
        return vector / _nonzero(jnp.linalg.norm(vector))

    def step(j, state):
        basis, diagonal, off_diagonal, size, rest = state
        norm = jnp.linalg.norm(rest)
        # So at first, where there is nothing yet.
        invariant = ~(norm > d * eps * size)
        direction = jax.lax.cond(invariant, lambda: random_direction(j, basis), lambda: rest / norm)
        # The entry beside the first row is not there, and not set.
        before = jnp.where(j > 0, j - 1, steps)
        off_diagonal = off_diagonal.at[before].set(jnp.where(invariant, 0.0, norm), mode="drop")
        image = product(direction)
        diagonal = diagonal.at[j].set(jnp.dot(direction, image))
        basis = basis.at[j].set(direction)
        size = jnp.maximum(size, jnp.linalg.norm(image))
        return basis, diagonal, off_diagonal, size, orthogonal(image, basis)

    state = (
        jnp.zeros((steps, d), dtype),
        jnp.zeros(steps, dtype),
        jnp.zeros(steps, dtype),  # with an entry that stays empty, lest there be none
        jnp.zeros((), dtype),
        jnp.zeros(d, dtype),
    )
    basis, diagonal, off_diagonal, size, rest = jax.lax.fori_loop(0, steps, step, state)
    beside, norm = off_diagonal[:-1], jnp.linalg.norm(rest)
    matrix = jnp.diag(diagonal) + jnp.diag(beside, 1) + jnp.diag(beside, -1)
    return matrix, basis, jnp.where(norm > d * eps * size, norm, 0.0)


def _nonzero(number):
    """Itself, or one where it is zero: a denominator where the quotient is not used."""
    return jnp.where(number == 0.0, 1.0, number)
