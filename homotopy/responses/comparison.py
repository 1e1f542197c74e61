"""Whether two response paths are the same, and where they part."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from homotopy._checks import positive


class PathComparison(eqx.Module):
    """How far two paths θ(ε) are from each other.

    Attributes
    ----------
    epsilons, distances : (k,)
        ‖θ(ε) − θ'(ε)‖; NaN where one of them did not reach ε.
    agree : (k,)
        Whether the distance is within the tolerance.
    largest : ()
        Largest distance, where both reached ε; NaN where they did nowhere.
    parting : float, optional
        The first ε, from ε = 1 down, at which they do not agree; None where they always do.
    """

    epsilons: Float[Array, " k"]
    distances: Float[Array, " k"]
    agree: Bool[Array, " k"]
    largest: Float[Array, ""]
    parting: float | None


def compared(
    epsilons: Float[Array, " k"],
    theta: Float[Array, "k d"],
    other_epsilons: Float[Array, " m"],
    other_theta: Float[Array, "m e"],
    tolerance: float,
) -> PathComparison:
    """See `ResponsePath.compare`."""
    positive("tolerance", tolerance)
    if theta.shape != other_theta.shape or np.any(np.asarray(epsilons != other_epsilons)):
        raise ValueError(
            f"other: expected a path of shape {theta.shape} at the same epsilons, "
            f"got {other_theta.shape} at {other_epsilons}."
        )
    distances = jnp.linalg.norm(theta - other_theta, axis=1)
    known = jnp.isfinite(distances)
    size = jnp.nanmax(jnp.linalg.norm(theta, axis=1), initial=0.0)
    agree = known & (distances <= tolerance * size)
    largest = jnp.where(jnp.any(known), jnp.max(jnp.where(known, distances, 0.0)), jnp.nan)
    apart = np.asarray(epsilons)[~np.asarray(agree)]
    parting = float(apart.max()) if apart.size else None
    return PathComparison(epsilons, distances, agree, largest, parting)
