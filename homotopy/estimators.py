"""How `predict` estimates what retraining would give, and retraining itself."""

from homotopy.influence.estimators import *  # noqa: F403
from homotopy.influence.estimators import __all__ as __all__
