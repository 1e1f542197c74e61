"""Forgetting as a problem of control: the deletion problem, its cost, its costate, its optima."""

from homotopy._progress import Progress
from homotopy.unlearning.baselines import best_step, time_to_reach
from homotopy.unlearning.costate import Costate, SwitchingFunction
from homotopy.unlearning.deletion import Deletion
from homotopy.unlearning.deletions import deletions
from homotopy.unlearning.greedy import GreedyFeedback, greedy
from homotopy.unlearning.least_time import LeastTime, LeastTimeStatus, least_time
from homotopy.unlearning.optimise import optimise
from homotopy.unlearning.optimum import LocalMinimum, Optimum, OptimumStatus
from homotopy.unlearning.searches import (
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
)
from homotopy.unlearning.terminal_cost import (
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
    "time_to_reach",
]
