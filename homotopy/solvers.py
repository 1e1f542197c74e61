"""How estimators solve with a Hessian, or with a damped Gauss–Newton matrix."""

from homotopy.influence.solvers import *  # noqa: F403
from homotopy.influence.solvers import __all__ as __all__
