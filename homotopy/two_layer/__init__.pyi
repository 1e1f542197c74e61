from ._component_influence import ComponentInfluence, component_influence
from ._learn import learn
from ._time_scales import TimeScales, time_scales
from .learning import Learning, LearningStatus
from .network import HermiteNetwork, Student, student
from .predictions import predicted_exponents
from .reductions import AbstractReduction, FiniteWidth, LargeWidth
from .targets import Target, single_index

__all__ = [
    "AbstractReduction",
    "ComponentInfluence",
    "FiniteWidth",
    "HermiteNetwork",
    "LargeWidth",
    "Learning",
    "LearningStatus",
    "Student",
    "Target",
    "TimeScales",
    "component_influence",
    "learn",
    "predicted_exponents",
    "single_index",
    "student",
    "time_scales",
]
