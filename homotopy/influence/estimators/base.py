"""What an estimator of the change on deletion must provide."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from homotopy._checks import instance
from homotopy.influence._arguments import non_negative
from homotopy.influence.change import ChangeStatus
from homotopy.influence.solvers import AbstractSolver, Dense
from homotopy.influence.weight_changes import WeightChanges
from homotopy.problem import Problem


class AbstractEstimator(eqx.Module):
    """A way to predict θ(0) − θ(1); passed to `predict`.

    Attributes
    ----------
    assumes_stationary : bool
        Whether the estimate means nothing where ∇R(θ) is not zero (of the class).
    """

    assumes_stationary: ClassVar[bool] = True

    @abc.abstractmethod
    def changes(
        self,
        problem: Problem,
        theta: Float[Array, " d"],
        changes: WeightChanges,
        report: Callable[[int], None],
    ) -> tuple[Float[Array, "k d"], Float[Array, " k"], ChangeStatus]:
        """Δ, residual and status of each change; `report` is called with how many are done."""


class AbstractDampedEstimator(AbstractEstimator):
    """An estimator by one inverse-Hessian product for each change.

    Attributes
    ----------
    damping : float
        δ ≥ 0, added to the curvature's diagonal (sum risk: δ = nλ).
    solver : AbstractSolver
    """

    damping: float = eqx.field(static=True)
    solver: AbstractSolver

    def __init__(self, damping: float = 0.0, solver: AbstractSolver | None = None):
        self.damping = non_negative("damping", damping)
        self.solver = Dense() if solver is None else a_solver(solver)


def a_solver(value) -> AbstractSolver:
    """A solver, or a `TypeError` that says what there is."""
    return instance(
        "solver",
        value,
        AbstractSolver,
        "Dense(), ConjugateGradient(), Lissa(), Arnoldi(rank) or Nystrom(rank)",
    )
