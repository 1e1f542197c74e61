from .arnoldi import Arnoldi
from .base import AbstractSolver, InverseProduct, InverseStatus
from .conjugate_gradient import ConjugateGradient
from .dense import Dense
from .lissa import Lissa
from .nystrom import Nystrom

__all__ = [
    "AbstractSolver",
    "Arnoldi",
    "ConjugateGradient",
    "Dense",
    "InverseProduct",
    "InverseStatus",
    "Lissa",
    "Nystrom",
]
