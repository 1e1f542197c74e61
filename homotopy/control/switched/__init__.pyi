from .arcs import cost, derivatives
from .records import Searches, SwitchedFlow
from .search import best_arcs, polish

__all__ = [
    "Searches",
    "SwitchedFlow",
    "best_arcs",
    "cost",
    "derivatives",
    "polish",
]
