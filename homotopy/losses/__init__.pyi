from .base import AbstractLoss
from .logistic import Logistic
from .poisson import Poisson
from .softmax_cross_entropy import SoftmaxCrossEntropy
from .squared_error import SquaredError

__all__ = [
    "AbstractLoss",
    "Logistic",
    "Poisson",
    "SoftmaxCrossEntropy",
    "SquaredError",
]
