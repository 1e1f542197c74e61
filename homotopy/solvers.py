"""How estimators solve with a Hessian, or with a damped Gauss–Newton matrix."""

from homotopy.influence.solvers import (
    AbstractSolver,
    Arnoldi,
    ConjugateGradient,
    Dense,
    Lissa,
    Nystrom,
)

__all__ = [
    "AbstractSolver",
    "Arnoldi",
    "ConjugateGradient",
    "Dense",
    "Lissa",
    "Nystrom",
]
