from ._least_time import least_time
from .result import LeastTime, LeastTimeStatus

__all__ = ["LeastTime", "LeastTimeStatus", "least_time"]
