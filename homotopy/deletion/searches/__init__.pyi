from .bang_bangs import BangBangs
from .base import AbstractSearch
from .cells import Cells
from .everything import CertifiedOptimum, Everything
from .family import AbstractFamily
from .networks import Networks
from .polynomials import Polynomials
from .ramps import Ramps
from .separately import Separately, SeparateOptimum
from .splines import Splines
from .steps import Steps, best_step

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
