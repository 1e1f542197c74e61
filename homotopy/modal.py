"""Linear regression in modal coordinates: the eigenbasis of the deleted Hessian.

In the eigenbasis V of M = H₋ the gradient flow under any weight ε reads (theory §3, §4)

    ż = −Λ(z − α) − ε Bᵀ(B(z − α) − r),    θ = V z,

with M = VΛVᵀ, B = X_G V the deleted rows, α the deleted fit and r = y_G − Bα its deleted
residual. What depends on the data alone is computed once (`modal_form`), in double-double, and
rounded: Λ, B, α, r, and the modes of the response path. The entries keep their relative accuracy
also where cond(M) is large, and so does all that is built on them. Nothing here has the size of the
data.

Directions that no retained point sees (the kernel of M) are exact zeros in Λ and α, not small
numbers: there the flow moves only through a deleted point that sees them, and otherwise stays
where θ₀ put it.
"""

from __future__ import annotations

import equinox as eqx
import equinox.internal as eqxi
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from homotopy._module import Module
from homotopy.numerics.accurate_product import accurate_product
from homotopy.numerics.gram_spectrum import gram_spectrum
from homotopy.numerics.namespace import AnyArray, namespace
from homotopy.numerics.rank_one import rank_one_spectrum


class Spectrum(Module):
    """H_ε = W diag(λ) Wᵀ in modal coordinates."""

    eigenvalues: Float[AnyArray, " *k d"]
    rotation: Float[AnyArray, " *k d d"]


class ModalForm(Module):
    """The gradient flow of a linear regression in the eigenbasis of its deleted Hessian.

    Attributes
    ----------
    basis : (d, d)
        V, orthonormal columns.
    eigenvalues : (d,)
        Λ, ridge included; exactly zero in the kernel of M.
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
    data_basis : (2, d, d), data_fit : (2, d)
        The eigenbasis of H, and its fit θ(1) of least norm: what is nearest in float64, and what
        that leaves. For `seen_by`.
    """

    basis: Float[Array, "d d"]
    eigenvalues: Float[Array, " d"]
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
    data_basis: Float[Array, "2 d d"]
    data_fit: Float[Array, "2 d"]

    def coordinates(self, theta: Float[AnyArray, " d"]) -> Float[AnyArray, " d"]:
        """z = Vᵀθ."""
        return self.basis.T @ theta

    def parameters(self, coordinates: Float[AnyArray, "*m d"]) -> Float[AnyArray, "*m d"]:
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

    def displacement(self, epsilon: Float[AnyArray, "*k"]) -> Float[AnyArray, "*k d"]:
        """θ(ε) − θ*₋ along the response path: α + displacement is the equilibrium of the flow.

        Within the kernel of M it is what the flow of every ε > 0 tends to; zero at ε = 0.
        """
        xp, weight = namespace(epsilon, self.modes), epsilon[..., None]

        def each(part):
            """Of every mode, beside weights of any shape."""
            return part.reshape((1,) * (weight.ndim - 1) + part.shape)

        strength = weight * each(self.mode_residuals) / (1.0 + weight * each(self.leverages))
        return strength @ self.modes.T + xp.where(weight > 0.0, each(self.kernel_offset), 0.0)

    def equilibrium_residual(self, epsilon: Float[Array, ""]) -> Float[Array, " g"]:
        """v = B(z − α) − r at the equilibrium of ε: −Q ρ/(1 + εκ), and −r at ε = 0."""
        fitted = -self.mode_vectors @ (self.mode_residuals / (1.0 + epsilon * self.leverages))
        return jnp.where(epsilon > 0.0, fitted, -self.residual)

    def deleted_residual(self, centred: Float[AnyArray, "*m d"]) -> Float[AnyArray, "*m g"]:
        """v = X_G θ − y_G from z − α."""
        fitted = centred @ self.rows.T
        xp = namespace(fitted, self.residual)
        return fitted - xp.broadcast_to(self.residual, fitted.shape)

    def nothing_to_fit(self) -> ModalForm:
        """With all residuals zero: what the costate follows in reversed time."""
        return eqx.tree_at(
            lambda form: (form.residual, form.mode_residuals, form.kernel_offset),
            self,
            replace_fn=namespace(self.residual).zeros_like,
        )

    def seen_by(
        self, X: Float[AnyArray, "m d"], y: Float[AnyArray, " m"]
    ) -> tuple[Float[AnyArray, "m d"], Float[AnyArray, " m"]]:
        """Rows of the data in the eigenbasis of H, exactly zero in its kernel; and y − Xθ(1).

        Each number to its own relative accuracy, though a slow mode is seen as a difference.
        """
        xp, rows = namespace(X), accurate_product(X, self.data_basis)
        # Of [X, y] with (−θ, 1).
        last = xp.stack([xp.ones((), X.dtype), xp.zeros((), X.dtype)])
        column = xp.concatenate([-self.data_fit, last[:, None]], axis=1)[:, :, None]
        residuals = accurate_product(xp.concatenate([X, y[:, None]], axis=1), column)
        return xp.where(self.full.eigenvalues == 0.0, 0.0, rows), residuals[:, 0]
