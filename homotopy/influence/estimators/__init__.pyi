from .base import AbstractEstimator
from .gauss_newton import GaussNewton
from .influence import Influence
from .leave_one_out import LeaveOneOut
from .newton_step import NewtonStep
from .path_integration import PathIntegration
from .proximal_bregman import ProximalBregman
from .taylor import Taylor

__all__ = [
    "AbstractEstimator",
    "GaussNewton",
    "Influence",
    "LeaveOneOut",
    "NewtonStep",
    "PathIntegration",
    "ProximalBregman",
    "Taylor",
]
