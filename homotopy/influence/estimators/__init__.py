"""Predictions of the change on deletion, one estimator a file."""

from homotopy.influence.estimators.base import AbstractEstimator
from homotopy.influence.estimators.gauss_newton import GaussNewton
from homotopy.influence.estimators.influence import Influence
from homotopy.influence.estimators.leave_one_out import LeaveOneOut
from homotopy.influence.estimators.newton_step import NewtonStep
from homotopy.influence.estimators.path_integration import PathIntegration
from homotopy.influence.estimators.proximal_bregman import ProximalBregman
from homotopy.influence.estimators.taylor import Taylor

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
