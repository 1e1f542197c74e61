"""Predictions of what deleting data does to a trained model, and the retraining truth."""

from homotopy.influence._early_stopping import EarlyStopping, early_stopping
from homotopy.influence._gaps import GAPS, LINKS, Gaps, gaps, pooled_gaps
from homotopy.influence._influence_in_time import (
    InfluenceInTime,
    InfluenceInTimeStatus,
    influence_in_time,
)
from homotopy.influence._measurement_influence import (
    MeasurementInfluence,
    measurement_influence,
)
from homotopy.influence._predict import predict
from homotopy.influence._weight_jacobian import WeightJacobian, weight_jacobian
from homotopy.influence.change import Change, ChangeStatus
from homotopy.influence.groups import adversarial_groups, clustered_groups, random_groups

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
    "measurement_influence",
    "pooled_gaps",
    "predict",
    "random_groups",
    "weight_jacobian",
]
