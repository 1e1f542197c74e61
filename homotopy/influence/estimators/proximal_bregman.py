"""The proximal Bregman response function of Bae et al. (theory §5)."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from homotopy._checks import fraction, integer, non_negative
from homotopy._jit import jit_outermost
from homotopy.influence import objectives
from homotopy.influence.change import ChangeStatus, from_closed_form
from homotopy.influence.estimators.base import AbstractEstimator
from homotopy.influence.least_squares import least_squares
from homotopy.influence.refits import refit_status
from homotopy.minima.minimise import minimise_each
from homotopy.point_gradients import gradient_norms


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
    >>> hm.predict(problem, hm.ProximalBregman(damping=1.0)).delta.round(12).tolist()
    [-0.25]
    """

    assumes_stationary: ClassVar[bool] = False

    damping: float
    tolerance: float
    max_steps: int = eqx.field(static=True)

    def __init__(self, damping: float = 0.0, tolerance: float = 1e-10, max_steps: int = 2000):
        self.damping = non_negative("damping", damping)
        self.tolerance = fraction("tolerance", tolerance)
        self.max_steps = integer("max_steps", max_steps)

    @property
    def needs_remaining(self) -> bool:
        return self.damping == 0.0

    def push(self, problem, theta, one):
        # Its linear term, of which the remaining points balance their own part.
        scale = jnp.sum(gradient_norms(problem, theta))
        return problem.gradient(theta), scale

    def changes(self, problem, theta, changes, report):
        damping = jnp.asarray(self.damping, theta.dtype)
        outputs = problem.predict(theta)
        found = minimise_each(
            eqx.Partial(_objective, problem, theta, outputs, damping),
            (changes.rows, changes.amounts),
            np.broadcast_to(theta, (changes.count, theta.size)),
            self.tolerance,
            self.max_steps,
            report,
            problem.size,
        )
        # The objective is the re-weighted risk but for a linear term, −Σ ∇ℓᵢ(θˢ)·f.
        forces = _forces(problem, outputs)
        status = refit_status(problem, found, changes, forces, self.damping)
        delta = jnp.asarray(np.asarray(found.theta) - np.asarray(theta))
        return delta, found.residual, status

    def in_closed_form(self, problem, theta, changes):
        exact = least_squares(problem, theta, self.damping)
        if exact is None:
            return None
        moved = exact.proximal(changes)
        return from_closed_form(moved, self.tolerance, theta, ChangeStatus.singular)


@jit_outermost
def _forces(problem, outputs):
    return -jax.vmap(problem.point_loss.gradient)(outputs, problem.targets)


def _objective(problem, reference, outputs, damping, rows, amounts):
    changes = jnp.zeros(problem.size, reference.dtype).at[rows].add(amounts)
    return objectives.ProximalBregman(problem, changes, reference, damping, outputs)
