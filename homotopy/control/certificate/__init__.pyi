from .branch_and_bound import REACHED, certified_optimum
from .one_row import closed_at_once
from .result import Certificate
from .several_rows import SeveralRowsNodes
from .system import ResidualSystem

__all__ = [
    "REACHED",
    "Certificate",
    "ResidualSystem",
    "SeveralRowsNodes",
    "certified_optimum",
    "closed_at_once",
]
