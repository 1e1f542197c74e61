"""The proximal Bregman response function of Bae et al. (theory §5)."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from homotopy.influence import objectives
from homotopy.influence._arguments import fraction, integer, non_negative
from homotopy.influence.descent import minima
from homotopy.influence.estimators.base import AbstractEstimator
from homotopy.influence.estimators.leave_one_out import refit_status


class ProximalBregman(AbstractEstimator):
    """Δ = argmin Σᵢ Dᵢ(f(θ; xᵢ), f(θˢ; xᵢ)) − ℓ_G(θ) + ((ρ + δ)/2)‖θ − θˢ‖², minus θˢ.

    What damped Gauss–Newton influence linearises: from an early-stopped θˢ, which minimises the
    sum of Bregman divergences by construction, the answer to "what if these losses counted less,
    and the rest of the outputs should stay?" (theory §5). For a convex loss and weights ≥ 0 the
    objective is bounded from below. Runs outside `jax.jit`.

    Parameters
    ----------
    damping : float
        δ ≥ 0, on the scale of the sum risk.
    tolerance, max_steps
        As of `LeaveOneOut`.

    References
    ----------
    Bae, Ng, Lo, Ghassemi, Grosse, "If influence functions are the answer, then what is the
    question?", NeurIPS 2022.

    Examples
    --------
    >>> import homotopy as hm
    >>> hm.enable_x64()
    >>> problem = hm.LinearRegression([[1.0], [1.0]], [0.0, 1.0], deleted=1)
    >>> hm.predict(problem, hm.ProximalBregman(damping=1.0)).delta.tolist()
    [-0.25]
    """

    assumes_stationary: ClassVar[bool] = False

    damping: float = eqx.field(static=True)
    tolerance: float = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)

    def __init__(self, damping: float = 0.0, tolerance: float = 1e-10, max_steps: int = 2000):
        self.damping = non_negative("damping", damping)
        self.tolerance = fraction("tolerance", tolerance)
        self.max_steps = integer("max_steps", max_steps)

    def changes(self, problem, theta, changes, report):
        damping = jnp.asarray(self.damping, theta.dtype)
        found = minima(
            eqx.Partial(_objective, problem, theta, problem.predict(theta), damping),
            (changes.weights(problem) - 1.0,),
            jnp.broadcast_to(theta, (changes.count, theta.size)),
            self.tolerance,
            self.max_steps,
            report,
        )
        return found.theta - theta[None], found.residual, refit_status(found)


def _objective(problem, reference, outputs, damping, changes):
    return objectives.ProximalBregman(problem, changes, reference, damping, outputs)
