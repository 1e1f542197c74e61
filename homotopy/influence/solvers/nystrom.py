"""Inverse-Hessian products from a randomised low-rank approximation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from homotopy._checks import concrete, fraction, integer
from homotopy.influence.curvature import AbstractCurvature
from homotopy.influence.solvers.base import (
    AbstractSolver,
    InverseProduct,
    graded,
    relative_residual,
)


class Nystrom(AbstractSolver):
    """A randomised Nyström approximation of the curvature (Frangella, Tropp, Udell 2023).

    A Gaussian sketch Y = CΩ of the data part gives C ≈ Y(ΩᵀY)⁻¹Yᵀ = UΛ̂Uᵀ, computed with their
    stabilising shift, and

        x = U(Λ̂ + shift)⁻¹Uᵀb + (b − UUᵀb)/shift,    shift = ρ + δ > 0,

    or ≥ 0 where the rank is d.

    It is exact where `rank` reaches the rank of C. Otherwise the relative residual is at most
    ‖C − UΛ̂Uᵀ‖/shift, of the order of the first eigenvalues left out over the shift; as the
    preconditioner of `ConjugateGradient` it need not be that small.

    The approximation is one of positive semidefinite matrices: where the sketch shows that C has a
    negative eigenvalue the status is `indefinite`, whatever the shift.

    Parameters
    ----------
    rank : int
        Of the sketch, from 1 to d; the number of products with C. O(d rank) memory, O(d rank²)
        work.
    seed : int
        Of the sketch.
    tolerance : float
        Largest relative residual that counts as solved.

    Raises
    ------
    ValueError
        Naming the argument; when `solve` is called `rank` > d, and `damping` where ρ + δ = 0 and
        the rank is below d.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> estimator = hm.GaussNewton(damping=2.0, solver=hm.Nystrom(rank=1))
    >>> hm.predict(problem, estimator).delta.round(12).tolist()
    [-0.125]
    """

    rank: int = eqx.field(static=True)
    seed: int = 0
    tolerance: float = 1e-2

    def __check_init__(self):
        integer("rank", self.rank)
        integer("seed", self.seed, 0)
        fraction("tolerance", self.tolerance)

    def of_dimension(self, dimension):
        return dataclasses.replace(self, rank=min(self.rank, dimension))

    def _solve(self, curvature, vectors):
        values, basis, semidefinite = self.approximation(curvature)
        shift = _positive(curvature.shift)
        along, complement = _split(basis, vectors)
        # A shift of zero that is traced is not refused: the complement is dropped, as in Arnoldi.
        outside = jnp.where(curvature.shift > 0.0, 1.0 / shift, 0.0)
        inside = jnp.where(values + curvature.shift > 0.0, 1.0 / (values + shift), 0.0)
        solution = (along * inside[None, :]) @ basis + outside * complement
        residual = relative_residual(curvature, solution, vectors)
        return InverseProduct(
            solution,
            residual,
            graded(residual, self.tolerance, ~semidefinite),
            jnp.full(vectors.shape[0], self.rank),
        )

    def approximation(
        self, curvature: AbstractCurvature
    ) -> tuple[Float[Array, " r"], Float[Array, "r d"], Bool[Array, ""]]:
        """C ≈ UΛ̂Uᵀ.

        Returns
        -------
        values : (rank,)
            Λ̂ ≥ 0, falling.
        basis : (rank, d)
            Uᵀ: orthonormal rows.
        semidefinite : ()
            False where C has a negative eigenvalue for certain.
        """
        d, dtype = curvature.dimension, curvature.theta.dtype
        if self.rank > d:
            raise ValueError(
                f"rank: expected at most the {d} parameters there are, got {self.rank}."
            )
        draw = jax.random.normal(jax.random.key(self.seed), (d, self.rank), dtype)
        test = jnp.linalg.qr(draw)[0].T
        sketch = curvature.data_products(test)
        limits = jnp.finfo(dtype)
        # Above the rounding of the core below, so that it is positive definite if C ≥ 0; and of a
        # root that is no denormal number if C = 0.
        stabiliser = jnp.maximum(d * limits.eps * jnp.linalg.norm(sketch), limits.tiny / limits.eps)
        sketch = sketch + stabiliser * test
        core = sketch @ test.T
        # Their Cholesky factor by eigenvectors, which also exist where C is indefinite.
        eigenvalues, rotation = jnp.linalg.eigh(0.5 * (core + core.T))
        semidefinite = eigenvalues[0] > 0.0
        roots = jnp.sqrt(jnp.maximum(eigenvalues, 0.5 * stabiliser))
        _, singular, basis = jnp.linalg.svd((rotation.T @ sketch) / roots[:, None], False)
        return jnp.maximum(singular**2 - stabiliser, 0.0), basis, semidefinite

    def preconditioner(self, curvature: AbstractCurvature) -> Callable:
        """The inverse (λ̂_r + shift) U(Λ̂ + shift)⁻¹Uᵀ + (Id − UUᵀ), as a function of rows (m, d).

        Symmetric and positive definite: what `ConjugateGradient` takes for the inverse of the
        curvature, up to a factor.
        """
        self.check(curvature)
        values, basis, _ = self.approximation(curvature)
        shift = _positive(curvature.shift)
        factors = (values[-1] + shift) / (values + shift)

        def precondition(vectors):
            along, complement = _split(basis, vectors)
            return (along * factors[None, :]) @ basis + complement

        return precondition

    def check(self, curvature):
        shift = concrete(curvature.shift)
        if self.rank < curvature.dimension and shift is not None and not shift > 0.0:
            raise ValueError(
                f"damping: expected a damping or a ridge > 0 with Nystrom of a rank below "
                f"{curvature.dimension}, whose approximation has an inverse only with them, got "
                f"{float(curvature.damping):g}."
            )


def _split(basis, vectors):
    """Coordinates in the span of the orthonormal rows, and what is orthogonal to it."""
    along = vectors @ basis.T
    complement = vectors - along @ basis
    # Again: what rounding left of the span would be divided by a small shift.
    return along, complement - (complement @ basis.T) @ basis


def _positive(shift):
    # Of a quotient that is not used, or that is finite all the same.
    return jnp.maximum(shift, jnp.finfo(shift.dtype).tiny)
