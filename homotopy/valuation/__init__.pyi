from ._data_values import data_values
from ._given_values import game_values, group_values
from ._pooled_values import pooled_values
from .aumann_shapley import AumannShapley
from .effective_medium import EffectiveMedium
from .enumeration import Enumeration
from .finite_time import FiniteTime
from .gradient_shapley import GradientShapley
from .method import AbstractValuation
from .neighbours import knn_regression_shapley, knn_shapley
from .permutations import Permutations
from .sample_reuse import SampleReuse
from .semivalues import (
    AbstractSemivalue,
    Banzhaf,
    BetaShapley,
    InclusionMeasure,
    LeaveOneOutValue,
    Shapley,
)
from .values import DataValues, PermutationCheck, Sampling, ValueStatus

__all__ = [
    "AbstractSemivalue",
    "AbstractValuation",
    "AumannShapley",
    "Banzhaf",
    "BetaShapley",
    "DataValues",
    "EffectiveMedium",
    "Enumeration",
    "FiniteTime",
    "GradientShapley",
    "InclusionMeasure",
    "LeaveOneOutValue",
    "PermutationCheck",
    "Permutations",
    "SampleReuse",
    "Sampling",
    "Shapley",
    "ValueStatus",
    "data_values",
    "game_values",
    "group_values",
    "knn_regression_shapley",
    "knn_shapley",
    "pooled_values",
]
