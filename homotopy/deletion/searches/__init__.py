"""Searches for the best schedule, one family a file; passed to `optimise` as `over`."""

from homotopy.deletion.searches.bang_bangs import BangBangs
from homotopy.deletion.searches.base import AbstractSearch
from homotopy.deletion.searches.cells import Cells
from homotopy.deletion.searches.everything import CertifiedOptimum, Everything
from homotopy.deletion.searches.family import AbstractFamily
from homotopy.deletion.searches.networks import Networks
from homotopy.deletion.searches.polynomials import Polynomials
from homotopy.deletion.searches.ramps import Ramps
from homotopy.deletion.searches.separately import Separately, SeparateOptimum
from homotopy.deletion.searches.splines import Splines
from homotopy.deletion.searches.steps import Steps, best_step

__all__ = [
    "AbstractFamily",
    "AbstractSearch",
    "BangBangs",
    "Cells",
    "CertifiedOptimum",
    "Everything",
    "Networks",
    "Polynomials",
    "Ramps",
    "SeparateOptimum",
    "Separately",
    "Splines",
    "Steps",
    "best_step",
]
