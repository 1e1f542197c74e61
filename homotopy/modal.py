"""Linear regression in modal coordinates: the eigenbasis of the deleted Hessian.

In the eigenbasis V of M = H₋ the gradient flow under any weight ε reads (theory §3, §4)

    ż = −Λ(z − α) − ε Bᵀ(B(z − α) − r),    θ = V z,

with M = VΛVᵀ, B = X_G V the deleted rows, α the deleted fit and r = y_G − Bα its deleted
residual. Everything that depends on the data alone is computed here, once, in double-double, and
rounded: Λ, B, α, r, and the modes of the response path. The entries keep their relative accuracy
also where cond(M) is large, and so does all that is built on them.

Directions that no retained point sees (the kernel of M) are exact zeros in Λ and α, not small
numbers: there the flow moves only through a deleted point that sees them, and otherwise stays
where θ₀ put it.
"""

from __future__ import annotations

import equinox as eqx
import equinox.internal as eqxi
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy.numerics.double_double import DoubleDouble, matmul
from homotopy.numerics.gram_spectrum import gram_spectrum
from homotopy.numerics.rank_one import rank_one_spectrum
from homotopy.numerics.symmetric_eigen import symmetric_eigen

_EPSILON = np.finfo(np.float64).eps
_EXTENDED_LIMIT = 300  # dimension up to which Jacobi in double-double takes seconds at most


class Spectrum(eqx.Module):
    """H_ε = W diag(λ) Wᵀ in modal coordinates."""

    eigenvalues: Float[Array, " *k d"]
    rotation: Float[Array, " *k d d"]


class ModalForm(eqx.Module):
    """The gradient flow of a linear regression in the eigenbasis of its deleted Hessian.

    Attributes
    ----------
    basis : (d, d)
        V, orthonormal columns.
    eigenvalues : (d,)
        Λ, ridge included; exactly zero in the kernel of M.
    points : (n, d), residuals : (n,)
        XV, the inputs of all points; and y − Xθ*₋.
    rows : (g, d)
        B, the deleted inputs.
    residual : (g,)
        r = y_G − Bα: the deleted residual of the deleted fit.
    equilibrium : (d,)
        α = Vᵀθ*₋, the deleted fit of least norm.
    kernel : (d,)
        Where Λ is zero.
    active : (d,)
        Modes that a single deleted point reaches (theory §4: the controllable part); come first.
    leverages, mode_residuals : (m,)
        κ and ρ: the eigenvalues of B M⁺ Bᵀ and the deleted residual along its eigenvectors.
    mode_vectors : (g, m), modes : (d, m)
        Those eigenvectors Q, and their effect M⁺BᵀQ on the parameters.
    kernel_offset : (d,)
        The move within the kernel that fits the deleted points there, for every ε > 0.
    full : Spectrum
        That of ε = 1.
    full_limit : (d,)
        θ(1) − θ*₋ in the eigenbasis of H.
    """

    basis: Float[Array, "d d"]
    eigenvalues: Float[Array, " d"]
    points: Float[Array, "n d"]
    residuals: Float[Array, " n"]
    rows: Float[Array, "g d"]
    residual: Float[Array, " g"]
    equilibrium: Float[Array, " d"]
    kernel: Bool[Array, " d"]
    active: Bool[Array, " d"]
    leverages: Float[Array, " m"]
    mode_residuals: Float[Array, " m"]
    mode_vectors: Float[Array, "g m"]
    modes: Float[Array, "d m"]
    kernel_offset: Float[Array, " d"]
    full: Spectrum
    full_limit: Float[Array, " d"]

    def coordinates(self, theta: Float[Array, " d"]) -> Float[Array, " d"]:
        """z = Vᵀθ."""
        return self.basis.T @ theta

    def parameters(self, coordinates: Float[Array, "*m d"]) -> Float[Array, "*m d"]:
        """θ = Vz."""
        return coordinates @ self.basis.T

    def spectrum(self, epsilon: Float[Array, ""]) -> Spectrum:
        """Eigenvalues and eigenvectors of H_ε = Λ + ε BᵀB.

        Not differentiable: derivatives in ε go by divided differences (theory §3).
        """
        epsilon = eqxi.nondifferentiable(epsilon, name="the weight ε of a spectrum")
        if self.rows.shape[0] == 1:
            return Spectrum(
                *rank_one_spectrum(self.eigenvalues, self.rows[0], self.active, epsilon)
            )
        factor = [jnp.diag(jnp.sqrt(self.eigenvalues)), jnp.sqrt(epsilon) * self.rows]
        return Spectrum(*gram_spectrum(jnp.concatenate(factor)))

    def displacement(self, epsilon: Float[Array, ""]) -> Float[Array, " d"]:
        """θ(ε) − θ*₋ along the response path: α + displacement is the equilibrium of the flow.

        Within the kernel of M it is what the flow of every ε > 0 tends to; zero at ε = 0.
        """
        strength = epsilon * self.mode_residuals / (1.0 + epsilon * self.leverages)
        return self.modes @ strength + jnp.where(epsilon > 0.0, self.kernel_offset, 0.0)

    def equilibrium_residual(self, epsilon: Float[Array, ""]) -> Float[Array, " g"]:
        """v = B(z − α) − r at the equilibrium of ε: −Q ρ/(1 + εκ), and −r at ε = 0."""
        fitted = -self.mode_vectors @ (self.mode_residuals / (1.0 + epsilon * self.leverages))
        return jnp.where(epsilon > 0.0, fitted, -self.residual)

    def deleted_residual(self, centred: Float[Array, "*m d"]) -> Float[Array, "*m g"]:
        """v = X_G θ − y_G from z − α."""
        fitted = centred @ self.rows.T
        return fitted - jnp.broadcast_to(self.residual, fitted.shape)


def modal_form(
    X: np.ndarray, y: np.ndarray, deleted: np.ndarray, ridge: float, dtype
) -> ModalForm:
    """Build the modal form of a linear regression from its data, in extended precision.

    Parameters
    ----------
    X : (n, d), y : (n,), deleted : (g,)
        Taken as exact numbers.
    ridge : float
        ρ.
    dtype
        Of the result.

    Notes
    -----
    A direction counts as unseen where the singular value of the retained inputs is below
    max(n, d) units in the last place of the largest (the rule of `numpy.linalg.matrix_rank`), and
    ρ = 0. Past dimension 300 the spectrum is LAPACK's, in float64: eigenvalues then carry an error
    of one rounding of the largest.
    """
    size, dimension = X.shape
    keep = np.setdiff1d(np.arange(size), deleted)
    gram = matmul(X[keep].T, X[keep])
    if dimension <= _EXTENDED_LIMIT:
        values, basis = symmetric_eigen(gram)
    else:
        values, basis = (DoubleDouble.of(part) for part in np.linalg.eigh(gram.high))
    unseen = values.high <= (max(X.shape) * _EPSILON) ** 2 * max(values.high[-1], 0.0)
    kernel = unseen & (ridge == 0.0)
    values.put(unseen, DoubleDouble.of(np.zeros(unseen.sum())))
    values = values + ridge

    points = matmul(X, basis)
    points.put(np.ix_(keep, unseen), DoubleDouble.of(np.zeros((keep.size, unseen.sum()))))
    touched = _separate_kernel(points, basis, kernel, deleted)
    if deleted.size == 1:
        _separate_clusters(points, basis, values, kernel, deleted)
    active = np.any(points.high[deleted] != 0.0, axis=0)
    if deleted.size == 1:
        order = np.argsort(~active, kind="stable")  # active modes first, ascending within
        points, basis = points.at(np.s_[:, order]), basis.at(np.s_[:, order])
        values, kernel, active = values.at(order), kernel[order], active[order]
        touched = touched[order]
    rows = points.at(deleted)

    seen = ~kernel
    moment = matmul(points.at(keep).T, y[keep][:, None]).at(np.s_[:, 0])
    equilibrium = DoubleDouble.of(np.zeros(dimension))
    equilibrium.put(seen, moment.at(seen) / values.at(seen))
    residuals = y - matmul(points, equilibrium.at(np.s_[:, None])).at(np.s_[:, 0])
    residual = residuals.at(deleted)

    # What the kernel can fit of the deleted points it fits, for any ε > 0; the modes see the rest.
    kernel_rows = rows.high[:, touched]
    left, strength, right = np.linalg.svd(kernel_rows, full_matrices=True)
    rank = kernel_rows.shape[1]
    remaining = left[:, rank:]
    pseudo_inverse = right.T @ (left[:, :rank] / strength[None, :]).T
    seen_rows = matmul(remaining.T, rows.at(np.s_[:, seen]))
    inverse = 1.0 / values.at(seen)
    if remaining.shape[1]:
        leverages, vectors = symmetric_eigen(
            _symmetric(matmul(seen_rows * inverse.at(None), seen_rows.T))
        )
        mode_residuals = matmul(
            vectors.T, matmul(remaining.T, residual.at(np.s_[:, None]))
        ).at(np.s_[:, 0])
        seen_modes = matmul((seen_rows * inverse.at(None)).T, vectors).rounded()
        mode_vectors = remaining @ vectors.rounded()
        leverages, mode_residuals = np.maximum(leverages.rounded(), 0.0), mode_residuals.rounded()
    else:
        leverages = mode_residuals = np.zeros(0)
        seen_modes, mode_vectors = np.zeros((seen.sum(), 0)), np.zeros((deleted.size, 0))
    modes = np.zeros((dimension, leverages.size))
    modes[seen] = seen_modes
    modes[touched] = -pseudo_inverse @ (rows.high[:, seen] @ seen_modes)
    kernel_offset = np.zeros(dimension)
    kernel_offset[touched] = pseudo_inverse @ residual.high

    def array(value):
        return jnp.asarray(value.rounded() if isinstance(value, DoubleDouble) else value, dtype)

    form = ModalForm(
        basis=array(basis),
        eigenvalues=array(values),
        points=array(points),
        residuals=array(residuals),
        rows=array(rows),
        residual=array(residual),
        equilibrium=array(equilibrium),
        kernel=jnp.asarray(kernel),
        active=jnp.asarray(active),
        leverages=array(leverages),
        mode_residuals=array(mode_residuals),
        mode_vectors=array(mode_vectors),
        modes=array(modes),
        kernel_offset=array(kernel_offset),
        full=Spectrum(jnp.zeros(dimension, dtype), jnp.zeros((dimension, dimension), dtype)),
        full_limit=jnp.zeros(dimension, dtype),
    )
    return _with_full_spectrum(form, jnp.ones((), dtype))


@eqx.filter_jit
def _with_full_spectrum(form: ModalForm, one: Float[Array, ""]) -> ModalForm:
    full = form.spectrum(one)
    limit = full.rotation.T @ form.displacement(one)
    return eqx.tree_at(lambda m: (m.full, m.full_limit), form, (full, limit))


def _symmetric(matrix: DoubleDouble) -> DoubleDouble:
    return (matrix + matrix.T) * 0.5


def _rotate(points: DoubleDouble, basis: DoubleDouble, index, rotation: np.ndarray) -> None:
    """Turn the basis vectors at `index` among themselves, in place."""
    for matrix in (points, basis):
        matrix.put(np.s_[:, index], matmul(matrix.at(np.s_[:, index]), rotation))


def _separate_kernel(points, basis, kernel, deleted) -> np.ndarray:
    """Turn the kernel's basis so that the deleted points see as few of its vectors as possible.

    Returns the mask of those that they see; the points are exact zeros on the others.
    """
    touched = np.zeros(kernel.size, dtype=bool)
    index = np.flatnonzero(kernel)
    if index.size == 0:
        return touched
    _, strength, right = np.linalg.svd(points.high[np.ix_(deleted, index)], full_matrices=True)
    largest = np.max(np.abs(points.high[deleted]), initial=0.0)
    rank = int(np.sum(strength > max(points.shape) * _EPSILON * largest))
    _rotate(points, basis, index, right.T)
    unseen = index[rank:]
    points.put(np.s_[:, unseen], DoubleDouble.of(np.zeros((points.shape[0], unseen.size))))
    touched[index[:rank]] = True
    return touched


def _separate_clusters(points, basis, values, kernel, deleted) -> None:
    """Within each repeated eigenvalue, turn the basis so that one vector alone sees the point.

    Eigenvalues that agree to a few units in the last place are made equal: a relative change of
    that size is a rounding of the data.
    """
    start = 0
    close = np.diff(values.high) <= 8 * _EPSILON * values.high[1:]
    for stop in np.flatnonzero(~np.append(close, False)) + 1:
        index = np.arange(start, stop)
        start = stop
        if index.size == 1 or kernel[index[0]]:
            continue
        values.put(index, DoubleDouble.of(np.full(index.size, np.mean(values.high[index]))))
        row = points.high[np.ix_(deleted, index)]
        if np.any(row != 0.0):
            _rotate(points, basis, index, np.linalg.svd(row, full_matrices=True)[2].T)
            points.put(
                np.ix_(deleted, index[1:]), DoubleDouble.of(np.zeros((1, index.size - 1)))
            )
