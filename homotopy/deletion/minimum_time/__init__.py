"""The least time in which a deletion can be done (time-optimal control)."""

from homotopy.deletion.minimum_time._least_time import least_time
from homotopy.deletion.minimum_time.result import LeastTime, LeastTimeStatus

__all__ = ["LeastTime", "LeastTimeStatus", "least_time"]
