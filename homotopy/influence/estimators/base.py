"""What an estimator of the change on deletion must provide."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from homotopy._checks import instance, non_negative
from homotopy._display import DisplayedByFields
from homotopy._jit import jit_outermost
from homotopy._module import Module
from homotopy.influence.change import ChangeStatus, from_closed_form
from homotopy.influence.freeing import freeing
from homotopy.influence.least_squares import LeastSquares, Moved, least_squares
from homotopy.influence.solvers import AbstractSolver, Dense
from homotopy.influence.weight_changes import WeightChanges
from homotopy.problem import Problem
from homotopy.seen_directions import seen_directions

_PUSHED = 1e-8  # of the gradients' norms: above what a refit to rounding leaves of them


class AbstractEstimator(DisplayedByFields, Module):
    """A way to predict θ(0) − θ(1); passed to `predict`.

    Attributes
    ----------
    assumes_stationary : bool
        Whether the estimate means nothing where ∇R(θ) is not zero (of the class).
    """

    assumes_stationary: ClassVar[bool] = True

    def estimate(
        self,
        problem: Problem,
        theta: Float[Array, " d"],
        changes: WeightChanges,
        report: Callable[[int], None],
    ) -> tuple[Float[Array, "k d"], Float[Array, " k"], ChangeStatus]:
        """As `changes`: in closed form where there is one, and where θ is seen by the data."""
        exact = self.in_closed_form(problem, theta, changes)
        if exact is not None:
            report(changes.count)
            return exact
        basis = None if self.needs_layers else seen_directions(problem)
        if basis is None:
            return self._each(problem, theta, changes, report)
        seen, z = problem.along(basis, theta)
        along, unseen = self.along(problem, basis, theta)
        delta, residual, status = along._each(seen, z, changes, report)
        return _in_all_directions(delta, basis, unseen), residual, status

    def _each(self, problem, theta, changes, report):
        """As `changes`, each of them in the directions that its remaining points see."""
        freed = freeing(problem, changes) if self.needs_remaining else {}
        if not freed:
            return self.changes(problem, theta, changes, report)
        others = np.setdiff1d(np.arange(changes.count), list(freed))
        order, parts = np.argsort(np.concatenate([others, list(freed)])), []
        if others.size:
            parts.append(self.changes(problem, theta, changes.some(others), report))
        for done, (index, basis) in enumerate(freed.items()):
            one = changes.some([index])
            seen, z = problem.along(basis, theta, unseen_by_all=False)
            along, unseen = self.along(problem, basis, theta)
            delta, residual, status = along.changes(seen, z, one, lambda _: None)
            delta = _in_all_directions(delta, basis, unseen)
            if (push := self.push(problem, theta, one)) is not None:
                status = _unless_pushed(status, *push, basis)
            parts.append((delta, residual, status))
            report(others.size + done + 1)
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[order], *parts)

    @property
    def needs_layers(self) -> bool:
        """Whether it asks for the layers of the problem's own model."""
        return False

    @property
    def needs_remaining(self) -> bool:
        """Whether directions that only the deleted points see leave it without an answer.

        It is then asked for the change along the others, as θ stays in the flow.
        """
        return False

    def push(
        self, problem: Problem, theta: Float[Array, " d"], one: WeightChanges
    ) -> tuple[Float[Array, " d"], Float[Array, ""]] | None:
        """A gradient that drives θ to infinity along what no remaining point sees, and its scale.

        None where nothing does.
        """
        return None

    def in_closed_form(
        self, problem: Problem, theta: Float[Array, " d"], changes: WeightChanges
    ) -> tuple[Float[Array, "k d"], Float[Array, " k"], ChangeStatus] | None:
        """Of a linear regression; None where there is no closed form."""
        return None

    def along(
        self, problem: Problem, basis: Float[Array, "d r"], theta: Float[Array, " d"]
    ) -> tuple[AbstractEstimator, Float[Array, " d"]]:
        """The estimator for coordinates of what is seen, and the change of what is not."""
        return self, jnp.zeros_like(theta)

    @abc.abstractmethod
    def changes(
        self,
        problem: Problem,
        theta: Float[Array, " d"],
        changes: WeightChanges,
        report: Callable[[int], None],
    ) -> tuple[Float[Array, "k d"], Float[Array, " k"], ChangeStatus]:
        """Δ, residual and status of each change; `report` is called with how many are done."""


@jit_outermost
def _unless_pushed(status, push, scale, basis):
    freed = jnp.linalg.norm(push - basis @ (basis.T @ push)) > _PUSHED * scale
    infinite = jax.vmap(lambda one: ChangeStatus.where(freed, ChangeStatus.singular, one))
    return infinite(status)


@jit_outermost
def _in_all_directions(along, basis, unseen):
    return along @ basis.T + unseen[None, :]


class AbstractDampedEstimator(AbstractEstimator):
    """An estimator by one inverse-Hessian product for each change.

    Attributes
    ----------
    damping : float
        δ ≥ 0, added to the curvature's diagonal (sum risk: δ = nλ).
    solver : AbstractSolver
    """

    damping: float
    solver: AbstractSolver

    def __init__(self, damping: float = 0.0, solver: AbstractSolver | None = None):
        self.damping = non_negative("damping", damping)
        self.solver = Dense() if solver is None else a_solver(solver)

    def in_closed_form(self, problem, theta, changes):
        if not isinstance(self.solver, Dense):
            return None
        exact = least_squares(problem, theta, self.damping)
        moved = None if exact is None else self.moved(exact, changes)
        if moved is None:
            return None
        return from_closed_form(moved, self.solver.tolerance, theta, ChangeStatus.singular)

    @property
    def needs_layers(self):
        return self.solver.needs_layers

    @abc.abstractmethod
    def moved(self, exact: LeastSquares, changes: WeightChanges) -> Moved | None:
        """The closed form of a linear regression; None where there is none."""

    def along(self, problem, basis, theta):
        solver = self.solver.of_dimension(basis.shape[1])
        return eqx.tree_at(lambda e: e.solver, self, solver), jnp.zeros_like(theta)


def a_solver(value) -> AbstractSolver:
    """A solver, or a `TypeError` that says what there is."""
    return instance(
        "solver",
        value,
        AbstractSolver,
        "Dense(), ConjugateGradient(), BlockConjugateGradient(), EigenvalueKronecker(), Lissa(), "
        "Arnoldi(rank) or Nystrom(rank)",
    )
