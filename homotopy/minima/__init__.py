"""Minima of functions: how to come to one, and whether classes allow one. Nothing of problems.

| file | question |
| --- | --- |
| `objective.py` | a function that knows how large its own rounding is |
| `newton.py` | the stationary point next to θ; the limit of the flow; a minimum downhill of θ |
| `trust_region.py` | downhill over any curvature: SciPy's trust regions |
| `minimise.py` | many functions of a kind, each downhill of its start |
| `chord.py` | many functions of a kind, by one matrix for all |
| `bfgs.py` | a stationary point from far away |
| `result.py` | where a descent ended, and what counts as zero there |
| `separation.py` | can the classes of a linear model be separated: a linear programme, proved |
| `affine.py` | is a function affine in its first argument |
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
