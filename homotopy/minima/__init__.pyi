from .affine import is_affine
from .bfgs import stationary_point
from .chord import minimise_by_chords
from .minimise import minimise_each
from .newton import downhill, to_flow_limit, to_stationary_point
from .objective import AbstractObjective
from .result import Minimum
from .separation import Overlap, Separation, decide_separation
from .trust_region import by_trust_region

__all__ = [
    "AbstractObjective",
    "Minimum",
    "Overlap",
    "Separation",
    "by_trust_region",
    "decide_separation",
    "downhill",
    "is_affine",
    "minimise_by_chords",
    "minimise_each",
    "stationary_point",
    "to_flow_limit",
    "to_stationary_point",
]
