"""Classical influence diagnostics: what the fit on all data says of leaving a point out."""

from homotopy.influence.diagnostics import *  # noqa: F403
from homotopy.influence.diagnostics import __all__ as __all__
