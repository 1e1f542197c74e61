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
from homotopy.influence.curvature import GaussNewtonCurvature
from homotopy.influence.estimators.base import AbstractEstimator, a_solver
from homotopy.influence.least_squares import least_squares
from homotopy.influence.refits import refit_status
from homotopy.influence.solvers import AbstractSolver, BlockConjugateGradient
from homotopy.minima.chord import minimise_by_chords
from homotopy.minima.minimise import minimise_each
from homotopy.minima.result import DENSE
from homotopy.point_gradients import gradient_norms
from homotopy.precision import in_precision, reachable

_LOST = 0.01  # of what is asked for: a residual by rounding that leaves less than two digits


class ProximalBregman(AbstractEstimator):
    """Δ = argmin Σᵢ Dᵢ(f(θ; xᵢ), f(θˢ; xᵢ)) − ℓ_G(θ) + ((ρ + δ)/2)‖θ − θˢ‖², minus θˢ.

    What damped Gauss–Newton influence linearises: from an early-stopped θˢ, which minimises the
    sum of Bregman divergences by construction, the answer to "what if these losses counted less,
    and the rest of the outputs should stay?" (theory §5). For a convex loss and weights ≥ 0 the
    objective is bounded from below. Runs outside `jax.jit`.

    Of more than 600 parameters all changes go together at first, by the Gauss–Newton matrix at θˢ,
    whose inverse `solver` takes times all their gradients at once (theory §13): the first step is
    that of `GaussNewton`, and others follow until the gradient vanishes. What that does not bring
    to the tolerance goes on one by one, by trust regions.

    What a point that fits well does is small beside the gradients that cancel: where 64-bit mode is
    on, a problem in float32 has its gradients computed in float64, and the matrix in float32. Where
    it is off, a change of which float32 does not show two digits has the status `at_rounding`.

    Parameters
    ----------
    damping : float
        δ ≥ 0, on the scale of the sum risk.
    tolerance, max_steps
        As of `LeaveOneOut`.
    solver : AbstractSolver, optional
        Of the steps of a large model; `BlockConjugateGradient(0.03)` by default. How well it solves
        decides how many steps there are, not where they lead.

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
    solver: AbstractSolver

    def __init__(
        self,
        damping: float = 0.0,
        tolerance: float = 1e-10,
        max_steps: int = 2000,
        solver: AbstractSolver | None = None,
    ):
        self.damping = non_negative("damping", damping)
        self.tolerance = fraction("tolerance", tolerance)
        self.max_steps = integer("max_steps", max_steps)
        self.solver = BlockConjugateGradient(0.03) if solver is None else a_solver(solver)

    @property
    def needs_layers(self):
        return self.solver.needs_layers

    @property
    def needs_remaining(self) -> bool:
        return self.damping == 0.0

    def push(self, problem, theta, one):
        # Its linear term, of which the remaining points balance their own part.
        scale = jnp.sum(gradient_norms(problem, theta))
        return problem.gradient(theta), scale

    def changes(self, problem, theta, changes, report):
        dtype = theta.dtype
        damping = jnp.asarray(self.damping, dtype)
        if problem.dimension > DENSE:
            ones = jnp.ones(problem.size, dtype)
            curvature = GaussNewtonCurvature(problem, theta, ones, damping)
        options = float(reachable(self.tolerance, dtype)), self.max_steps
        # Float64, where there is any.
        wide = problem, theta, damping, changes
        problem, theta, damping, changes = in_precision(wide, jax.dtypes.canonicalize_dtype(float))
        at_reference = _at_reference(problem, theta)
        objective = eqx.Partial(_objective, problem, theta, at_reference, damping)
        arguments = changes.rows, changes.amounts
        starts = np.broadcast_to(theta, (changes.count, theta.size))
        if problem.dimension > DENSE:
            steps = eqx.Partial(_solved, self.solver, curvature)
            found = minimise_by_chords(objective, arguments, starts, steps, *options, report)
            found = _one_by_one(found, objective, arguments, options, report)
        else:
            found = minimise_each(
                objective, arguments, starts, *options, report, problem.size, alike=True
            )
        # The objective is the re-weighted risk but for a linear term, −Σ ∇ℓᵢ(θˢ)·f.
        forces = _forces(problem, at_reference.outputs)
        status = refit_status(problem, found, changes, forces, self.damping)
        delta, residual, status = _told(
            at_reference, theta, changes, found.theta, found.residual, status
        )
        return delta.astype(dtype), residual.astype(dtype), status

    def in_closed_form(self, problem, theta, changes):
        exact = least_squares(problem, theta, self.damping)
        if exact is None:
            return None
        moved = exact.proximal(changes)
        return from_closed_form(moved, self.tolerance, theta, ChangeStatus.singular)


def _solved(solver, curvature, rows):
    own = rows.astype(curvature.theta.dtype)
    return solver.solve(curvature, own).solution.astype(rows.dtype)


@eqx.filter_jit
def _told(at_reference, theta, changes, found, residual, status):
    """Δ, its residual, and whether it is one: what rounding leaves may be as large."""
    slopes, floors = at_reference.norms[changes.rows], at_reference.roundings[changes.rows]
    sizes = jnp.abs(changes.amounts)
    none = jnp.sum(sizes * slopes, axis=1) <= jnp.sum(sizes * floors, axis=1)

    def one(residual, none, status):
        reached = status == ChangeStatus.successful
        lost = reached & ~none & (residual > _LOST)
        status = ChangeStatus.where(lost, ChangeStatus.at_rounding, status)
        return jnp.where(reached & none, 0.0, residual), status

    return found - theta[None], *jax.vmap(one)(residual, none, status)


def _one_by_one(found, objective, arguments, options, report):
    """What is not at a minimum yet, from where it is."""
    left = np.flatnonzero(~np.asarray(found.reached))
    if left.size == 0:
        return found
    some = jax.tree.map(lambda leaf: np.asarray(leaf)[left], arguments)
    done = len(found.steps) - left.size
    last = minimise_each(
        objective, some, np.asarray(found.theta)[left], *options, lambda more: report(done + more)
    )
    return jax.tree.map(
        lambda whole, part: jnp.asarray(_placed(np.array(whole), left, np.asarray(part))),
        found,
        last,
    )


def _placed(whole, rows, part):
    whole[rows] = part
    return whole


@jit_outermost
def _forces(problem, outputs):
    return -jax.vmap(problem.point_loss.gradient)(outputs, problem.targets)


@jit_outermost
def _at_reference(problem, reference):
    return objectives.AtReference(problem, reference)


def _objective(problem, reference, at_reference, damping, rows, amounts):
    changes = jnp.zeros(problem.size, reference.dtype).at[rows].add(amounts)
    return objectives.ProximalBregman(problem, changes, reference, damping, at_reference)
