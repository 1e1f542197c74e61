"""Forgetting as a problem of control: the deletion problem, its cost, its costate, its optima."""

from homotopy._progress import Progress
from homotopy.deletion._deletions import deletions
from homotopy.deletion._optimise import optimise
from homotopy.deletion._portrait import portrait, portrait_plane
from homotopy.deletion._time_to_reach import time_to_reach
from homotopy.deletion.deletion import Deletion
from homotopy.deletion.dynamics.costate import Costate, SwitchingFunction
from homotopy.deletion.greedy_feedback import GreedyFeedback, greedy
from homotopy.deletion.minimum_time import LeastTime, LeastTimeStatus, least_time
from homotopy.deletion.optimum import LocalMinimum, Optimum, OptimumStatus
from homotopy.deletion.searches import (
    AbstractSearch,
    BangBangs,
    Cells,
    CertifiedOptimum,
    Everything,
    Networks,
    Polynomials,
    Ramps,
    Separately,
    SeparateOptimum,
    Splines,
    Steps,
    best_step,
)
from homotopy.deletion.terminal_cost import (
    AbstractTerminalCost,
    ParameterDistance,
    PredictionDistance,
)

__all__ = [
    "AbstractSearch",
    "AbstractTerminalCost",
    "BangBangs",
    "Cells",
    "CertifiedOptimum",
    "Costate",
    "Deletion",
    "Everything",
    "GreedyFeedback",
    "LeastTime",
    "LeastTimeStatus",
    "LocalMinimum",
    "Networks",
    "Optimum",
    "OptimumStatus",
    "ParameterDistance",
    "Polynomials",
    "PredictionDistance",
    "Progress",
    "Ramps",
    "SeparateOptimum",
    "Separately",
    "Splines",
    "Steps",
    "SwitchingFunction",
    "best_step",
    "deletions",
    "greedy",
    "least_time",
    "optimise",
    "portrait",
    "portrait_plane",
    "time_to_reach",
]
