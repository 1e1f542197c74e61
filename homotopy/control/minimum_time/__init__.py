"""The least horizon at which a cost or a state can be reached (time-optimal control)."""

from homotopy.control.minimum_time._least_horizon import least_horizon
from homotopy.control.minimum_time.result import LeastHorizon, LeastHorizonStatus

__all__ = ["LeastHorizon", "LeastHorizonStatus", "least_horizon"]
