"""What an estimator of the change on deletion must provide."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from homotopy._checks import concrete
from homotopy.influence.change import ChangeStatus
from homotopy.influence.solvers import AbstractSolver
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


def non_negative(name: str, value) -> float:
    """A finite number ≥ 0, or a `ValueError` naming the argument."""
    known = concrete(value)
    if known is None or known.ndim != 0 or not 0.0 <= known < float("inf"):
        raise ValueError(f"{name}: expected a finite number >= 0, got {value!r}.")
    return float(known)


def a_solver(value) -> AbstractSolver:
    """A solver, or a `TypeError` that says what there is."""
    if not isinstance(value, AbstractSolver):
        raise TypeError(
            "solver: expected Dense(), ConjugateGradient(), Lissa(), Arnoldi() or Nystrom(), got "
            f"{type(value).__name__}."
        )
    return value
