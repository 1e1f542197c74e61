from .arnoldi import Arnoldi
from .base import AbstractSolver, InverseProduct, InverseStatus
from .block_conjugate_gradient import BlockConjugateGradient
from .conjugate_gradient import ConjugateGradient
from .dense import Dense
from .eigenvalue_kronecker import EigenvalueKronecker
from .lissa import Lissa
from .nystrom import Nystrom

__all__ = [
    "AbstractSolver",
    "Arnoldi",
    "BlockConjugateGradient",
    "ConjugateGradient",
    "Dense",
    "EigenvalueKronecker",
    "InverseProduct",
    "InverseStatus",
    "Lissa",
    "Nystrom",
]
