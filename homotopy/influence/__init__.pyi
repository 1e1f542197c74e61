from ._early_stopping import EarlyStopping, early_stopping
from ._gaps import GAPS, LINKS, Gaps, gaps, pooled_gaps
from ._influence_in_time import (
    InfluenceInTime,
    InfluenceInTimeStatus,
    influence_in_time,
)
from ._leave_one_out_in_time import leave_one_out_in_time
from ._measurement_influence import (
    MeasurementInfluence,
    measurement_influence,
)
from ._predict import predict
from ._weight_jacobian import WeightJacobian, weight_jacobian
from .change import Change, ChangeStatus
from .groups import adversarial_groups, clustered_groups, random_groups

__all__ = [
    "GAPS",
    "LINKS",
    "Change",
    "ChangeStatus",
    "EarlyStopping",
    "Gaps",
    "InfluenceInTime",
    "InfluenceInTimeStatus",
    "MeasurementInfluence",
    "WeightJacobian",
    "adversarial_groups",
    "clustered_groups",
    "early_stopping",
    "gaps",
    "influence_in_time",
    "leave_one_out_in_time",
    "measurement_influence",
    "pooled_gaps",
    "predict",
    "random_groups",
    "weight_jacobian",
]
