"""Schedules ε(t): how the weight of the deleted data changes in training time."""

from homotopy.schedules.bang_bang import BangBang
from homotopy.schedules.base import AbstractPiecewiseConstant, AbstractSchedule, Membership
from homotopy.schedules.constant import Constant
from homotopy.schedules.network import Network
from homotopy.schedules.piecewise_constant import PiecewiseConstant
from homotopy.schedules.polynomial import Polynomial
from homotopy.schedules.ramp import Ramp
from homotopy.schedules.spline import Spline
from homotopy.schedules.step import Step

__all__ = [
    "AbstractPiecewiseConstant",
    "AbstractSchedule",
    "BangBang",
    "Constant",
    "Membership",
    "Network",
    "PiecewiseConstant",
    "Polynomial",
    "Ramp",
    "Spline",
    "Step",
]
