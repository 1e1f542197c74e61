from .bang_bang import BangBang
from .base import AbstractPiecewiseConstant, AbstractSchedule, Membership
from .constant import Constant
from .network import Network
from .piecewise_constant import PiecewiseConstant
from .polynomial import Polynomial
from .ramp import Ramp
from .spline import Spline
from .step import Step

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
