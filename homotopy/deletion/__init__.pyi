from ._deletions import deletions
from ._optimise import optimise
from ._portrait import portrait, portrait_plane
from ._reachable import reachable
from ._time_to_reach import time_to_reach
from .deletion import Deletion
from .dynamics.costate import Costate, SwitchingFunction
from .greedy_feedback import GreedyFeedback, greedy
from .minimum_time import LeastTime, LeastTimeStatus, least_time
from .optimum import LocalMinimum, Optimum, OptimumStatus
from .reachable_residual import ReachableResidual
from .searches import (
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
from .terminal_cost import (
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
    "Ramps",
    "ReachableResidual",
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
    "reachable",
    "time_to_reach",
]
