"""Which tolerances of estimators and solvers the arithmetic can reach."""

from __future__ import annotations

import jax.numpy as jnp

_ROUNDINGS = 64.0


def reachable(tolerance: float, dtype) -> float:
    """A relative tolerance, or 64 units in the last place of the dtype where that is more.

    No residual can be relied on to get below them: 8e-6 in float32, 1e-14 in float64.
    """
    return max(tolerance, _ROUNDINGS * float(jnp.finfo(dtype).eps))
