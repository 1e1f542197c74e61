"""Minima of functions: how to come to one, and whether classes allow one. Nothing of problems.

| file | question |
| --- | --- |
| `objective.py` | a function that knows how large its own rounding is |
| `newton.py` | the stationary point next to θ; the limit of the flow; a minimum downhill of θ |
| `trust_region.py` | downhill over any curvature: SciPy's trust regions |
| `minimise.py` | many functions of a kind, each downhill of its start |
| `bfgs.py` | a stationary point from far away |
| `result.py` | where a descent ended, and what counts as zero there |
| `separation.py` | can the classes of a linear model be separated: a linear programme, proved |
| `affine.py` | is a function affine in its first argument |
"""

from homotopy.minima.affine import is_affine
from homotopy.minima.bfgs import stationary_point
from homotopy.minima.minimise import minimise_each
from homotopy.minima.newton import downhill, to_flow_limit, to_stationary_point
from homotopy.minima.objective import AbstractObjective
from homotopy.minima.result import Minimum
from homotopy.minima.separation import Overlap, Separation, decide_separation
from homotopy.minima.trust_region import by_trust_region

__all__ = [
    "AbstractObjective",
    "Minimum",
    "Overlap",
    "Separation",
    "by_trust_region",
    "decide_separation",
    "downhill",
    "is_affine",
    "minimise_each",
    "stationary_point",
    "to_flow_limit",
    "to_stationary_point",
]
