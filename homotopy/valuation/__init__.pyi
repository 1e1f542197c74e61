from ._data_values import data_values
from .aumann_shapley import AumannShapley
from .enumeration import Enumeration
from .method import AbstractValuation
from .permutations import Permutations
from .semivalues import (
    AbstractSemivalue,
    Banzhaf,
    BetaShapley,
    InclusionMeasure,
    LeaveOneOutValue,
    Shapley,
)
from .values import DataValues, Sampling, ValueStatus

__all__ = [
    "AbstractSemivalue",
    "AbstractValuation",
    "AumannShapley",
    "Banzhaf",
    "BetaShapley",
    "DataValues",
    "Enumeration",
    "InclusionMeasure",
    "LeaveOneOutValue",
    "Permutations",
    "Sampling",
    "Shapley",
    "ValueStatus",
    "data_values",
]
