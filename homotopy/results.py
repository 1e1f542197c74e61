"""What the verbs return, and how they end: for annotations, and to compare a status."""

from homotopy._progress import Progress
from homotopy._status import Status
from homotopy.deletion import (
    CertifiedOptimum,
    Costate,
    GreedyFeedback,
    LeastTime,
    LeastTimeStatus,
    LocalMinimum,
    Optimum,
    OptimumStatus,
    SeparateOptimum,
    SwitchingFunction,
)
from homotopy.flows import (
    FlowStatus,
    HomotopySurface,
    MeasurementSensitivity,
    Sensitivity,
    Training,
    TrainingStatus,
    Trajectory,
)
from homotopy.influence import (
    Change,
    ChangeStatus,
    EarlyStopping,
    Gaps,
    InfluenceInTime,
    InfluenceInTimeStatus,
    MeasurementInfluence,
    WeightJacobian,
)
from homotopy.responses import (
    Branch,
    Event,
    EventKind,
    PathComparison,
    ResponsePath,
    ResponseStatus,
    TaylorModel,
)
from homotopy.valuation import DataValues, ValueStatus

__all__ = [
    "Branch",
    "CertifiedOptimum",
    "Change",
    "ChangeStatus",
    "Costate",
    "DataValues",
    "EarlyStopping",
    "Event",
    "EventKind",
    "FlowStatus",
    "Gaps",
    "GreedyFeedback",
    "HomotopySurface",
    "InfluenceInTime",
    "InfluenceInTimeStatus",
    "LeastTime",
    "LeastTimeStatus",
    "LocalMinimum",
    "MeasurementInfluence",
    "MeasurementSensitivity",
    "Optimum",
    "OptimumStatus",
    "PathComparison",
    "Progress",
    "ResponsePath",
    "ResponseStatus",
    "Sensitivity",
    "SeparateOptimum",
    "Status",
    "SwitchingFunction",
    "TaylorModel",
    "Training",
    "TrainingStatus",
    "Trajectory",
    "ValueStatus",
    "WeightJacobian",
]
