"""Predictions of what deleting data does to a trained model, and the retraining truth."""

from homotopy.influence._early_stopping import EarlyStopping, early_stopping
from homotopy.influence._gaps import GAPS, LINKS, Gaps, gaps, pooled_gaps
from homotopy.influence._measurement_influence import (
    MeasurementInfluence,
    measurement_influence,
)
from homotopy.influence._predict import predict
from homotopy.influence._weight_jacobian import WeightJacobian, weight_jacobian
from homotopy.influence.change import Change, ChangeStatus
from homotopy.influence.diagnostics import (
    DuplicateRows,
    JacobianLeverage,
    RegressionDiagnostics,
    RidgelessLeaveOneOut,
    cooks_distance,
    duplicate_rows,
    jacobian_leverage,
    leverage,
    regression_diagnostics,
    ridgeless_leave_one_out,
)
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
from homotopy.influence.groups import adversarial_groups, clustered_groups, random_groups
from homotopy.influence.solvers import (
    AbstractSolver,
    Arnoldi,
    ConjugateGradient,
    Dense,
    Lissa,
    Nystrom,
)
from homotopy.influence.training_time import (
    InfluenceInTime,
    InfluenceInTimeStatus,
    influence_in_time,
)
from homotopy.measurements import AbstractMeasurement, OwnLoss, Predictions, TestLoss

__all__ = [
    "GAPS",
    "LINKS",
    "AbstractEstimator",
    "AbstractMeasurement",
    "AbstractSolver",
    "Arnoldi",
    "Change",
    "ChangeStatus",
    "ConjugateGradient",
    "Dense",
    "DuplicateRows",
    "EarlyStopping",
    "Gaps",
    "GaussNewton",
    "Influence",
    "InfluenceInTime",
    "InfluenceInTimeStatus",
    "JacobianLeverage",
    "LeaveOneOut",
    "Lissa",
    "MeasurementInfluence",
    "NewtonStep",
    "Nystrom",
    "OwnLoss",
    "PathIntegration",
    "Predictions",
    "ProximalBregman",
    "RegressionDiagnostics",
    "RidgelessLeaveOneOut",
    "Taylor",
    "TestLoss",
    "WeightJacobian",
    "adversarial_groups",
    "clustered_groups",
    "cooks_distance",
    "duplicate_rows",
    "early_stopping",
    "gaps",
    "influence_in_time",
    "jacobian_leverage",
    "leverage",
    "measurement_influence",
    "pooled_gaps",
    "predict",
    "random_groups",
    "regression_diagnostics",
    "ridgeless_leave_one_out",
    "weight_jacobian",
]
