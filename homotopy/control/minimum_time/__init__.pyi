from ._least_horizon import least_horizon
from .result import LeastHorizon, LeastHorizonStatus

__all__ = ["LeastHorizon", "LeastHorizonStatus", "least_horizon"]
