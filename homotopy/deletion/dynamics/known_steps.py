"""ℰ of the steps 1_[0,τ] and its derivative in τ in closed form, of numbers that are known."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from homotopy.deletion.request import Request
from homotopy.flows.propagator import known_piecewise_states
from homotopy.numerics.namespace import in_numpy


def known_step_costs(
    request: Request, taus: Float[np.ndarray, " m"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]] | None:
    """ℰ and dℰ/dτ at some τ in [0, T], in NumPy; None where something is being traced.

    In the modes of the deleted Hessian, as they decay after τ,

        x(T) = e^{−Λ(T−τ)} x(τ),    dx(T)/dτ = −e^{−Λ(T−τ)} Bᵀv(τ),

    with v the residuals of the deleted points, and x of the flow of ε = 1. ℰ is a distance of θ.
    """
    numbers = request.centred_start, request.centred_goal, request.horizon
    known, modal = in_numpy(numbers), in_numpy(request.problem.modal)
    if known is None or modal is None:
        return None
    start, goal, horizon = known
    ends = np.array([0.0, max(float(horizon), float(taus.max()))], start.dtype)
    with np.errstate(all="ignore"):
        states = known_piecewise_states(modal, np.zeros_like(start), start, ends, (1.0,), taus)
        decays = np.exp(-(horizon - taus)[:, None] * modal.eigenvalues)
        apart = decays * states - goal
        moved = decays * (modal.deleted_residual(states) @ modal.rows)
    return 0.5 * np.sum(apart**2, axis=1), -np.sum(apart * moved, axis=1)
