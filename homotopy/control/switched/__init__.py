"""Stable linear flows whose residuals are switched on and off: ℰ, its derivatives, best arcs."""

from homotopy.control.switched.arcs import cost, derivatives
from homotopy.control.switched.records import Searches, SwitchedFlow
from homotopy.control.switched.search import best_arcs, polish

__all__ = [
    "Searches",
    "SwitchedFlow",
    "best_arcs",
    "cost",
    "derivatives",
    "polish",
]
