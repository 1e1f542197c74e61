"""Coordinates of Langevin chains in which the mass is one: θ = Az, AAᵀ = M⁻¹ (theory §10.4)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._numbers import as_numbers

Root = Float[Array, "*c d"] | Float[Array, "*c d d"] | None  # A; of a diagonal its diagonal


def checked_inverse_mass(value) -> np.ndarray | None:
    """A positive diagonal, or a positive definite matrix.

    Raises
    ------
    ValueError, TypeError
        Naming `inverse_mass`.
    """
    if value is None:
        return None
    known = as_numbers("inverse_mass", value).astype(float)
    whole = known.ndim == 2 and known.shape[0] == known.shape[1]
    if not (whole or known.ndim == 1) or known.size == 0 or not np.all(np.isfinite(known)):
        raise ValueError(
            "inverse_mass: expected finite numbers, (d,) of a diagonal or (d, d), got shape "
            f"{known.shape}."
        )
    least = np.min(np.linalg.eigvalsh(known)) if whole else np.min(known)
    rounding = 1e-8 * np.max(np.abs(known))
    if whole and np.max(np.abs(known - known.T)) > rounding:
        raise ValueError("inverse_mass: expected a symmetric matrix, got one that is not.")
    if least <= 0.0:
        raise ValueError(
            "inverse_mass: expected a positive diagonal or a positive definite matrix, got one "
            f"whose least eigenvalue is {least:.3g}."
        )
    return known


def root_of(inverse_mass: np.ndarray | None, dimension: int, dtype) -> Root:
    """A, of this many parameters.

    Raises
    ------
    ValueError
        Naming `inverse_mass`.
    """
    if inverse_mass is None:
        return None
    known = np.asarray(inverse_mass)
    if len(known) != dimension:
        raise ValueError(
            f"inverse_mass: expected that of {dimension} parameters, got shape {known.shape}."
        )
    root = np.sqrt(known) if known.ndim == 1 else np.linalg.cholesky(known)
    return jnp.asarray(root, dtype)


def stretched(root: Root, z: Float[Array, " d"]) -> Float[Array, " d"]:
    """Az."""
    if root is None:
        return z
    return root * z if root.ndim == 1 else root @ z


def shrunk(root: Root, theta: Float[Array, " d"]) -> Float[Array, " d"]:
    """A⁻¹θ."""
    if root is None:
        return theta
    if root.ndim == 1:
        return theta / root
    return jax.scipy.linalg.solve_triangular(root, theta, lower=True)


def pulled_back(root: Root, gradient: Float[Array, " d"]) -> Float[Array, " d"]:
    """Aᵀ∇."""
    if root is None:
        return gradient
    return root * gradient if root.ndim == 1 else root.T @ gradient
