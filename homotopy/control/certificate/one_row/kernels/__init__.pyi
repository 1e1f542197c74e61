from .attaining import attained
from .backward import Levels, Node, carried
from .cutting import cut
from .envelope import Flow
from .ordering import farthest, wrong_sides
from .posed import Posed
from .root import closed_root
from .tube import Slack, Tube, narrowed, reached
from .weights import adjusted, arranged

__all__ = [
    "Flow",
    "Levels",
    "Node",
    "Posed",
    "Slack",
    "Tube",
    "adjusted",
    "arranged",
    "attained",
    "carried",
    "closed_root",
    "cut",
    "farthest",
    "narrowed",
    "reached",
    "wrong_sides",
]
