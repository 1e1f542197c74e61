"""Inverse-Hessian products, one solver a file."""

from homotopy.influence.solvers.arnoldi import Arnoldi
from homotopy.influence.solvers.base import AbstractSolver, InverseProduct, InverseStatus
from homotopy.influence.solvers.conjugate_gradient import ConjugateGradient
from homotopy.influence.solvers.dense import Dense
from homotopy.influence.solvers.lissa import Lissa
from homotopy.influence.solvers.nystrom import Nystrom

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
