"""The least horizon of a control-affine system."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import numpy as np

from homotopy.control.arcs import Arc
from homotopy.control.pontryagin import PontryaginResidual
from homotopy.control.solution import Solution
from homotopy.control.trajectory import Trajectory


class LeastHorizonStatus(eqx.Enumeration):
    """How a search for a least horizon ended. Optimality is claimed locally only."""

    successful = "reached, by an extremal: no slightly smaller horizon is enough nearby"
    at_start = "nothing to do: the initial state is good enough"
    out_of_reach = "not reached within the horizon of the system; raise it"
    unresolved = "bracketed, but no sequence of arcs satisfied the conditions; raise cells"
    time_limit = "the time limit came first: the horizon is the least found to be enough until then"
    interrupted = "interrupted: the horizon is the least found to be enough until then"


@dataclasses.dataclass(frozen=True)
class LeastHorizon:
    """The least horizon found.

    Attributes
    ----------
    horizon : float
        Infinite where out of reach.
    arcs : tuple of Arc
    trajectory : Trajectory or None
        State and costate up to `horizon`. For a target the costate is scaled to ⟨p, ẋ⟩ = −1 at the
        horizon: p(t) is then the derivative of the least time in x(t).
    residual : PontryaginResidual or None
        Of the trajectory.
    error : float
        ‖x(T) − target‖, or |cost reached − cost asked for|.
    status : LeastHorizonStatus
    solution : Solution or None
        For a cost: the optimum at `horizon`.
    counts : dict
    """

    horizon: float
    arcs: tuple[Arc, ...]
    trajectory: Trajectory | None
    residual: PontryaginResidual | None
    error: float
    status: LeastHorizonStatus
    solution: Solution | None
    counts: dict

    @property
    def pmp_residual(self) -> float:
        """Relative; NaN where there is no trajectory."""
        return np.nan if self.residual is None else float(self.residual.relative)

    @property
    def junctions(self) -> np.ndarray:
        """The times between arcs, (k,)."""
        return np.array([arc.stop for arc in self.arcs[:-1]])


def nothing(system, status, counts) -> LeastHorizon:
    """Where there is no control to return."""
    horizon = float(system.start) if status == LeastHorizonStatus.at_start else np.inf
    return LeastHorizon(horizon, (), None, None, np.nan, status, None, counts)
