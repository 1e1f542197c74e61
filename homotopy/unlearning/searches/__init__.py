"""Searches for the best schedule, one family a file; passed to `optimise` as `over`."""

from homotopy.unlearning.searches.bang_bangs import BangBangs
from homotopy.unlearning.searches.base import AbstractSearch
from homotopy.unlearning.searches.cells import Cells
from homotopy.unlearning.searches.everything import CertifiedOptimum, Everything
from homotopy.unlearning.searches.family import AbstractFamily
from homotopy.unlearning.searches.networks import Networks
from homotopy.unlearning.searches.polynomials import Polynomials
from homotopy.unlearning.searches.ramps import Ramps
from homotopy.unlearning.searches.separately import Separately, SeparateOptimum
from homotopy.unlearning.searches.splines import Splines
from homotopy.unlearning.searches.steps import Steps

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
]
