"""How `predict` estimates what retraining would give, and retraining itself."""

from homotopy.influence.estimators import (
    AbstractEstimator,
    GaussNewton,
    Influence,
    LeaveOneOut,
    NewtonStep,
    PathIntegration,
    ProximalBregman,
    Taylor,
)

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
