from ._effective_ridge import effective_ridge
from ._leverage_law import leverage_law
from ._ridge import ridge
from ._schedule_gain import ScheduleGain, schedule_gain
from .marchenko_pastur import memory_kernel
from .population import Draw, Population
from .ridge_limits import LimitStatus, RidgeLimits

__all__ = [
    "Draw",
    "LimitStatus",
    "Population",
    "RidgeLimits",
    "ScheduleGain",
    "effective_ridge",
    "leverage_law",
    "memory_kernel",
    "ridge",
    "schedule_gain",
]
