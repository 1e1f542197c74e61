"""Minima of risks: does one exist.

| file | question |
| --- | --- |
| `separation.py` | can the classes of a linear model be separated: a linear programme, proved |
| `affine.py` | is a function affine in its first argument |
| `existence.py` | does a risk have a minimum, and is one near where a descent came to rest |
"""

from homotopy.minima.existence import (
    Existence,
    affine_in_parameters,
    are_near,
    decide_existence,
    is_near,
    may_lack_minimum,
    minimum_is_near,
    require_minimum,
)
from homotopy.minima.separation import Overlap, Separation, decide_separation

__all__ = [
    "Existence",
    "Overlap",
    "Separation",
    "affine_in_parameters",
    "are_near",
    "decide_existence",
    "decide_separation",
    "is_near",
    "may_lack_minimum",
    "minimum_is_near",
    "require_minimum",
]
