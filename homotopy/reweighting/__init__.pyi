from ._corrections import Corrections, corrections
from ._frontier import Frontier, frontier
from ._hard_deletion import HardDeletion, HardDeletionStatus, hard_deletion
from ._path import weight_path
from ._soft_weights import soft_weights
from .closed_form import least_norm_weights
from .constraint import Constraint, equal_total, equal_within
from .fairness import DemographicParity, EqualizedOdds, EqualOpportunity
from .objective import AbstractChange, LeastSquares, RelativeEntropy
from .result import SoftWeights, SoftWeightsStatus
from .robustness import AdversarialLoss, WorstCaseLoss

__all__ = [
    "AbstractChange",
    "AdversarialLoss",
    "Constraint",
    "Corrections",
    "DemographicParity",
    "EqualOpportunity",
    "EqualizedOdds",
    "Frontier",
    "HardDeletion",
    "HardDeletionStatus",
    "LeastSquares",
    "RelativeEntropy",
    "SoftWeights",
    "SoftWeightsStatus",
    "WorstCaseLoss",
    "corrections",
    "equal_total",
    "equal_within",
    "frontier",
    "hard_deletion",
    "least_norm_weights",
    "soft_weights",
    "weight_path",
]
